//! Reads Slurm's replies. Everything that depends on its words is here.

use serde::{Deserialize, Serialize};

/// A job, or the array of jobs, that was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// The cluster, where a site has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}

/// A task of an array that is in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The array's job.
    pub array: u64,
    /// The index in it.
    pub index: usize,
    /// Its state: `RUNNING`, `PENDING`, …
    pub state: String,
}

impl Queued {
    /// True if its program may still write: what completes has ended.
    pub fn is_running(&self) -> bool {
        ["RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"].contains(&self.state.as_str())
    }

    /// True if it runs, or will.
    pub fn is_to_come(&self) -> bool {
        let over =
            ["COMPLETED", "COMPLETING", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"];
        let more = ["BOOT_FAIL", "DEADLINE", "REVOKED"];
        !over.contains(&self.state.as_str()) && !more.contains(&self.state.as_str())
    }
}

/// The largest number of tasks of an array, from `scontrol show config`: it is the largest index that counts.
pub fn max_array_size(config: &str) -> Option<usize> {
    let value = config
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("MaxArraySize")?.trim_start().strip_prefix('='))?;
    value.trim().parse().ok()
}

/// The job that `sbatch --parsable` submitted: `17`, or `17;cluster`.
pub fn submitted(reply: &str) -> Option<Job> {
    // What else a site prints comes before.
    let line = reply.lines().rev().find(|line| !line.trim().is_empty())?.trim();
    let (id, cluster) = line.split_once(';').map_or((line, None), |(id, cluster)| (id, Some(cluster.to_owned())));
    Some(Job { id: id.parse().ok()?, cluster })
}

/// The form of [`queued`], for `squeue --format`: array, index, state.
pub const QUEUE: &str = "%F %K %T";

/// The tasks that `squeue --noheader --array` lists in the form of [`QUEUE`].
pub fn queued(reply: &str) -> Vec<Queued> {
    let task = |line: &str| {
        let mut words = line.split_whitespace();
        let (array, index, state) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.into());
        Some(Queued { array, index, state })
    };
    reply.lines().filter_map(task).collect()
}

/// True if `squeue` complains that it knows none of the jobs, which are over long since.
pub fn knows_none(complaint: &str) -> bool {
    complaint.contains("Invalid job id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_arrays_is_read_from_the_configuration() {
        let config =
            "Configuration data as of 2024-05-01T10:00:00\nMaxArraySize            = 1001\nMaxDBDMsgs = 20008\n";
        assert_eq!(max_array_size(config), Some(1001));
        assert_eq!(max_array_size("MaxArraySize=4000001"), Some(4_000_001));
        assert_eq!(max_array_size("Slurmctld(primary) at vm is DOWN\n"), None);
    }

    #[test]
    fn a_submitted_job_has_a_number_and_perhaps_a_cluster() {
        let job = |id, cluster: Option<&str>| Some(Job { id, cluster: cluster.map(Into::into) });
        for (reply, want) in [
            ("17\n", job(17, None)),
            ("17;west\n", job(17, Some("west"))),
            ("welcome to the cluster\n17\n", job(17, None)),
            ("Submitted batch job 17\n", None),
            ("", None),
        ] {
            assert_eq!(submitted(reply), want, "{reply}");
        }
    }

    #[test]
    fn the_queue_lists_tasks_with_their_states() {
        let reply = "9 0 RUNNING\n9 1 COMPLETING\n9 12 PENDING\n10 N/A PENDING\n";
        let tasks = queued(reply);
        assert_eq!(tasks.iter().map(|task| (task.array, task.index)).collect::<Vec<_>>(), [(9, 0), (9, 1), (9, 12)]);
        assert_eq!(
            tasks.iter().map(|task| (task.is_running(), task.is_to_come())).collect::<Vec<_>>(),
            [(true, true), (false, false), (false, true)]
        );
        assert!(knows_none("slurm_load_jobs error: Invalid job id specified\n"));
    }
}
