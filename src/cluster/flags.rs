//! Flags that a user hands through to `sbatch`, and those among them that belong to the command.

/// An option of `sbatch` that is set here, and what to give instead.
struct Owned {
    long: &'static str,
    short: Option<char>,
    instead: &'static str,
}

const fn owned(long: &'static str, short: Option<char>, instead: &'static str) -> Owned {
    Owned { long, short, instead }
}

const OWNED: [Owned; 19] = [
    owned("array", Some('a'), "the plan says which shards there are; --at-once N bounds how many run at a time"),
    owned("output", Some('o'), "logs go to DIR/logs"),
    owned("error", Some('e'), "logs go to DIR/logs"),
    owned("open-mode", None, "logs grow"),
    owned("requeue", None, "tasks are always requeued"),
    owned("no-requeue", None, "a requeued task makes nothing twice"),
    owned("signal", None, "tasks are told a minute before their time is over"),
    owned("cpus-per-task", Some('c'), "use --cpus"),
    owned("time", Some('t'), "use --time"),
    owned("ntasks", Some('n'), "a shard is one task; use --cpus"),
    owned("nodes", Some('N'), "a shard is one task"),
    owned("chdir", Some('D'), "tasks work where `initlab submit` is called"),
    owned("parsable", None, "the ids are printed"),
    owned("dependency", Some('d'), "the report waits for the shards"),
    owned("kill-on-invalid-dep", None, "the report waits for the shards"),
    owned("wrap", None, "the script is written here"),
    owned("wait", Some('W'), "`initlab status` says how it stands"),
    owned("test-only", None, "use --dry-run"),
    owned("help", Some('h'), "see `sbatch --help`"),
];

/// Options that ask for GPUs.
const GPU: [&str; 4] = ["--gres", "--gpus", "--gpus-per-task", "--gpus-per-node"];

/// Says of the first flag that belongs to the command what to give instead; abbreviations count, because `sbatch` takes them.
pub fn refused(flags: &[String]) -> Option<String> {
    flags.iter().find_map(|flag| {
        let owned = match flag.strip_prefix("--") {
            Some(long) => {
                let name = long.split('=').next().unwrap_or_default();
                OWNED.iter().find(|owned| !name.is_empty() && owned.long.starts_with(name))
            }
            None => {
                let short = flag.strip_prefix('-')?.chars().next()?;
                OWNED.iter().find(|owned| owned.short == Some(short))
            }
        }?;
        Some(format!("{flag}: --{} of sbatch is set by this command; {}", owned.long, owned.instead))
    })
}

/// True if a flag asks for GPUs.
pub fn ask_for_gpus(flags: &[String]) -> bool {
    flags.iter().any(|flag| is_gpu(flag))
}

/// The flags without those that ask for GPUs, for work that needs none.
pub fn without_gpus(flags: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        if !is_gpu(flag) {
            kept.push(flag.clone());
        } else if !flag.contains('=') && (flag.starts_with("--") || flag.len() == 2) {
            flags.next();
        }
    }
    kept
}

fn is_gpu(flag: &str) -> bool {
    GPU.contains(&flag.split('=').next().unwrap_or_default()) || (flag.starts_with("-G") && !flag.starts_with("--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(words: &str) -> Vec<String> {
        words.split_whitespace().map(Into::into).collect()
    }

    #[test]
    fn what_the_command_owns_is_refused_by_name_however_it_is_written() {
        for (words, want) in [
            ("--account=lab -p gpu --mem=4G --mail-type=END --time-min=5 --exclusive", None),
            ("--account lab --array=0-3", Some("--array")),
            ("-a0-3", Some("--array")),
            ("--arr 5", Some("--array")),
            ("-o x", Some("--output")),
            ("--ti=5", Some("--time")),
            ("--dep=afterok:1", Some("--dependency")),
            ("--no-req", Some("--no-requeue")),
            ("-n4", Some("--ntasks")),
        ] {
            match (refused(&flags(words)), want) {
                (None, None) => {}
                (Some(found), Some(part)) => assert!(found.contains(&format!("{part} of sbatch")), "{words}: {found}"),
                (found, want) => panic!("{words}: {found:?} for {want:?}"),
            }
        }
    }

    #[test]
    fn gpus_are_for_the_shards_alone() {
        for (words, rest) in [
            ("--gres=gpu:a100:2 -p gpu", "-p gpu"),
            ("--gres gpu:2 -p gpu", "-p gpu"),
            ("-p gpu -G 2", "-p gpu"),
            ("-G2 --gpus-per-task=1 --mem=1G", "--mem=1G"),
        ] {
            assert!(ask_for_gpus(&flags(words)), "{words}");
            assert_eq!(without_gpus(&flags(words)), flags(rest), "{words}");
        }
        assert!(!ask_for_gpus(&flags("-p gpu --gid=5")));
    }
}
