//! Memory that this process may still take, from what the system says of itself.

use std::fs::read_to_string;
use std::path::Path;

/// The environment variable that stands for what the system says, in MiB.
pub const VARIABLE: &str = "INITLAB_MEMORY_MIB";

/// Bytes that can be had, and what bounds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Available {
    /// Bytes.
    pub bytes: u64,
    /// The bound, for a sentence.
    pub bound: &'static str,
}

/// The least of what [`VARIABLE`] names or of the machine's free memory, the control group's limit and the limit of the
/// address space; `None` where nothing is known.
pub fn available() -> Option<Available> {
    if let Some(mebibytes) = std::env::var(VARIABLE).ok().and_then(|text| text.trim().parse::<u64>().ok()) {
        return Some(Available { bytes: mebibytes.saturating_mul(1 << 20), bound: VARIABLE });
    }
    let found = [
        (free(&text("/proc/meminfo")), "the machine's free memory"),
        (control_group(), "the limit of the control group"),
        (address_space(), "the limit of the address space"),
    ];
    let known = found.into_iter().filter_map(|(bytes, bound)| Some(Available { bytes: bytes?, bound }));
    known.min_by_key(|available| available.bytes)
}

fn text(path: impl AsRef<Path>) -> String {
    read_to_string(path).unwrap_or_default()
}

/// The number of bytes after `name` in a file such as /proc/meminfo.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Without swap: training in it would not end.
fn free(meminfo: &str) -> Option<u64> {
    kibibytes(meminfo, "MemAvailable")
}

/// Bytes that `ulimit -v` leaves for use; `None` without such a limit.
pub fn address_space() -> Option<u64> {
    address_space_of(&text("/proc/self/limits"), &text("/proc/self/status"))
}

fn address_space_of(limits: &str, status: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    // The C library's heaps reserve 64 MiB a thread, which count though they are empty.
    Some(limit.saturating_sub(kibibytes(status, "VmSize").unwrap_or(0)) / 4 * 3)
}

/// The least that is left in this process's control group and those above it, of version 2 or 1.
fn control_group() -> Option<u64> {
    let groups = text("/proc/self/cgroup");
    let mut least = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let (root, names) = match controllers {
            "" => ("/sys/fs/cgroup", ["memory.max", "memory.current", "inactive_file"]),
            _ if controllers.split(',').any(|name| name == "memory") => {
                let names = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"];
                ("/sys/fs/cgroup/memory", names)
            }
            _ => continue,
        };
        // In a container the root may be the group itself.
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            let left = left_in(&Path::new(root).join(group), names);
            least = [least, left].into_iter().flatten().min();
        }
    }
    least
}

/// Reads off a group's files how much is left: its limit without what is used, but for files that can be read again.
fn left_in(group: &Path, [limit, used, inactive]: [&str; 3]) -> Option<u64> {
    let number = |name: &str| text(group.join(name)).trim().parse::<u64>().ok();
    let limit = number(limit)?;
    let stat = text(group.join("memory.stat"));
    let files = stat.lines().find_map(|line| line.strip_prefix(inactive)?.trim().parse::<u64>().ok()).unwrap_or(0);
    Some(limit.saturating_sub(number(used).unwrap_or(0).saturating_sub(files)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_understood() {
        let meminfo = "MemTotal:       24676308 kB\nMemFree:  1 kB\nMemAvailable:   22000000 kB\n";
        assert_eq!(free(meminfo), Some(22_000_000 * 1024));
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max address space         4096000000           unlimited            bytes\n";
        assert_eq!(
            address_space_of(limits, "VmPeak:\t 9 kB\nVmSize:\t    1000 kB\n"),
            Some((4_096_000_000 - 1_024_000) / 4 * 3)
        );
        assert_eq!(address_space_of("Max address space  unlimited  unlimited  bytes\n", ""), None);
        for broken in ["", "MemAvailable", "MemAvailable: x kB", "MemAvailable: 99999999999999999999 kB"] {
            assert_eq!(free(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_control_group_leaves_its_limit_without_what_is_used() {
        let group = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(group.path().join(name), text).unwrap();
        let names = ["memory.max", "memory.current", "inactive_file"];
        assert_eq!(left_in(group.path(), names), None);
        write("memory.max", "max\n");
        assert_eq!(left_in(group.path(), names), None);
        write("memory.max", "1000\n");
        write("memory.current", "700\n");
        assert_eq!(left_in(group.path(), names), Some(300));
        write("memory.stat", "anon 600\ninactive_file 100\n");
        assert_eq!(left_in(group.path(), names), Some(400));
    }
}
