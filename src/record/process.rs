//! A name for this process that no other has, on this machine or on another that shares the disk.

use std::sync::OnceLock;

/// Job, machine and number of this process, as a part of a file's name: machines give processes the same numbers, and jobs may share
/// a machine.
pub fn process() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| name(std::env::var("SLURM_JOB_ID").ok(), &host(), std::process::id()))
}

/// Name of this machine; empty where the system does not tell.
pub fn host() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = told.or_else(|| ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok()));
    told.unwrap_or_default().trim().into()
}

fn name(job: Option<String>, host: &str, number: u32) -> String {
    let job = job.map(|job| format!("job{job}"));
    // What follows the first point is the same for all machines of a cluster.
    let host = host.split('.').next().filter(|host| !host.is_empty()).map(str::to_owned);
    let short = |part: String| part.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
    let mut parts: Vec<String> = job.into_iter().chain(host).map(short).collect();
    parts.push(number.to_string());
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_job_machine_and_process_as_a_file_may_be_called() {
        for (job, host, want) in [
            (Some("17_3"), "node07.cluster.edu", "job173-node07-5"),
            (None, "lab", "lab-5"),
            (None, "", "5"),
            (Some("1"), "a/b", "job1-ab-5"),
        ] {
            assert_eq!(name(job.map(Into::into), host, 5), want, "{job:?} {host}");
        }
    }
}
