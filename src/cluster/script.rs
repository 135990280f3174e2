//! The scripts that Slurm runs: one for the tasks of an array, each of which makes a shard, and one for the report.

use std::path::Path;

use crate::cluster::shell;

/// A script for `sbatch`.
#[derive(Clone, Debug)]
pub struct Script<'a> {
    /// Its purpose, in a line.
    pub what: String,
    /// Name of the job.
    pub name: String,
    /// Cores of a task.
    pub cpus: usize,
    /// Time limit, as Slurm writes it.
    pub time: String,
    /// The study's directory, absolute.
    pub dir: &'a Path,
    /// Lines to run first.
    pub prelude: Option<&'a str>,
    /// The words of the command.
    pub command: Vec<String>,
    /// Its array, if it is one of many tasks.
    pub array: Option<Array>,
}

/// The array of a script's tasks.
#[derive(Clone, Debug)]
pub struct Array {
    /// The indices, as `--array` takes them.
    pub indices: String,
    /// The most tasks at a time.
    pub at_once: Option<usize>,
    /// Number of shards of the plan. Literal in the script: of a sparse array Slurm would tell the number of its tasks.
    pub shards: usize,
    /// Resources that a task asks for besides cores.
    pub gres: Option<&'static str>,
}

/// The directory of the logs, in the study's. It must be there before a task begins: Slurm makes none, and fails the task without a word.
pub const LOGS: &str = "logs";

impl Script<'_> {
    /// The text of the script.
    pub fn text(&self) -> String {
        let log = if self.array.is_some() { "%A_%a.log" } else { "%j.log" };
        let log = format!("{}/{LOGS}/{log}", self.dir.display().to_string().replace('%', "%%"));
        let mut options = vec![format!("job-name={}", self.name)];
        if let Some(Array { indices, at_once, .. }) = &self.array {
            let at_once = at_once.map_or_else(String::new, |n| format!("%{n}"));
            options.push(format!("array={indices}{at_once}"));
        }
        options.extend([
            format!("cpus-per-task={}", self.cpus),
            format!("time={}", self.time),
            format!("output={}", quoted(&log)),
            "open-mode=append".into(),
            "requeue".into(),
        ]);
        let mut command = format!("exec {}", shell::command(&self.command));
        if let Some(Array { shards, gres, .. }) = &self.array {
            options.push("signal=B:TERM@60".into());
            options.extend(gres.map(|gres| format!("gres={gres}")));
            command += &format!(" --shard \"$SLURM_ARRAY_TASK_ID/{shards}\"");
        }
        let options: String = options.iter().map(|option| format!("#SBATCH --{option}\n")).collect();
        let prelude = self.prelude.map_or_else(String::new, |lines| format!("{}\n", lines.trim_end()));
        format!("#!/bin/bash\n# {}\n{options}{prelude}{command}\n", self.what)
    }
}

/// Names a character of a path that cannot be written into a script: Slurm has no way to write it.
pub fn unwritable(path: &Path) -> Option<&'static str> {
    let text = path.display().to_string();
    [('"', "a quotation mark"), ('\\', "a backslash"), ('\n', "the end of a line")]
        .iter()
        .find_map(|(c, what)| text.contains(*c).then_some(*what))
}

fn quoted(path: &str) -> String {
    let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "-_./%=:,+@".contains(c));
    if plain { path.into() } else { format!("\"{path}\"") }
}

/// A time limit of so many seconds as Slurm writes it, in whole minutes.
pub fn time(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil().max(1.0) as u64;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let days = if days > 0 { format!("{days}-") } else { String::new() };
    format!("{days}{hours:02}:{minutes:02}:00")
}

/// True if Slurm would read this as a time limit: `minutes`, `h:m:s`, `d-h` and the like.
pub fn is_time(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let (days, rest) = text.split_once('-').map_or((None, text), |(days, rest)| (Some(days), rest));
    days.is_none_or(number) && rest.split(':').all(number) && rest.split(':').count() <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(array: Option<Array>, dir: &Path) -> String {
        let script = Script {
            what: "study.toml: 8 runs".into(),
            name: "initlab-study".into(),
            cpus: 4,
            time: time(3601.0),
            dir,
            prelude: Some("module load gcc\n"),
            command: ["/bin/initlab", "compare", "--plan", "/a b/plan.jsonl"].map(Into::into).into(),
            array,
        };
        script.text()
    }

    #[test]
    fn the_script_of_an_array_is_what_slurm_is_to_run() {
        let array = Array { indices: "1,5,9-11".into(), at_once: Some(2), shards: 12, gres: Some("gpu:1") };
        assert_eq!(
            script(Some(array), Path::new("/a b/100%")),
            r#"#!/bin/bash
# study.toml: 8 runs
#SBATCH --job-name=initlab-study
#SBATCH --array=1,5,9-11%2
#SBATCH --cpus-per-task=4
#SBATCH --time=01:01:00
#SBATCH --output="/a b/100%%/logs/%A_%a.log"
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
#SBATCH --gres=gpu:1
module load gcc
exec /bin/initlab compare --plan '/a b/plan.jsonl' --shard "$SLURM_ARRAY_TASK_ID/12"
"#
        );
        let report = script(None, Path::new("/d"));
        assert!(report.contains("--output=/d/logs/%j.log\n") && !report.contains("array"), "{report}");
    }

    #[test]
    fn times_are_written_and_read_as_slurm_does() {
        assert_eq!([1.0, 600.0, 5400.0, 90_000.0].map(time), ["00:01:00", "00:10:00", "01:30:00", "1-01:00:00"]);
        assert!(["30", "10:00", "1:30:00", "2-0", "1-12:30", "1-00:00:00"].iter().all(|text| is_time(text)));
        assert!(["", "1h", "1:2:3:4", "-5", "1-", "a-1"].iter().all(|text| !is_time(text)));
    }
}
