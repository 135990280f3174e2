//! Calls of Slurm's commands, each bounded in time: a controller that is down keeps them waiting.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::cluster::replies::{self, Job, Queued};

/// Why Slurm gave no answer.
#[derive(Debug, Error)]
pub enum SlurmError {
    /// The command is not there.
    #[error("{program} is not on the path")]
    Absent {
        /// The command.
        program: &'static str,
    },
    /// It cannot be started, or its answer not read.
    #[error("{program} cannot be called: {source}")]
    Io {
        /// The command.
        program: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// It gave no answer in time.
    #[error("{program} gave no answer within {seconds} s: is the controller up (`scontrol ping`)?")]
    Silent {
        /// The command.
        program: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It refused.
    #[error("{program} refused: {said}")]
    Refused {
        /// The command.
        program: &'static str,
        /// Its words.
        said: String,
    },
}

/// Variables that `sbatch` obeys before a script's own lines, where these are the command's.
const OVERRIDES: [&str; 8] = [
    "SBATCH_ARRAY_INX",
    "SBATCH_OPEN_MODE",
    "SBATCH_REQUEUE",
    "SBATCH_NO_REQUEUE",
    "SBATCH_SIGNAL",
    "SBATCH_WAIT",
    "SBATCH_OUTPUT",
    "SBATCH_ERROR",
];

/// Checks that jobs can be submitted from here.
///
/// # Errors
/// There is no `sbatch`.
pub fn check() -> Result<(), SlurmError> {
    let there = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|dir| dir.join(SBATCH).metadata().is_ok_and(|file| file.is_file()))
    });
    if there { Ok(()) } else { Err(SlurmError::Absent { program: SBATCH }) }
}

/// The largest number of tasks of an array that the cluster takes, if it says.
///
/// # Errors
/// There is no answer.
pub fn max_array_size() -> Result<Option<usize>, SlurmError> {
    let mut command = Command::new(SCONTROL);
    command.args(["show", "config"]);
    Ok(replies::max_array_size(&ask(SCONTROL, &mut command, Duration::from_secs(20))?))
}

/// Submits a script with these flags. A limit that the user gave in words counts more than one from the environment.
///
/// # Errors
/// Slurm takes it not, or gives no answer.
pub fn submit(script: &Path, flags: &[String], is_time_given: bool) -> Result<Job, SlurmError> {
    let mut command = Command::new(SBATCH);
    command.arg("--parsable").args(flags).arg(script);
    OVERRIDES.iter().chain(is_time_given.then_some(&"SBATCH_TIMELIMIT")).for_each(|name| {
        command.env_remove(name);
    });
    let reply = ask(SBATCH, &mut command, Duration::from_secs(120))?;
    replies::submitted(&reply).ok_or_else(|| SlurmError::Refused {
        program: SBATCH,
        said: format!("expected a job's number, found \"{}\"", reply.trim()),
    })
}

/// The tasks of these arrays that are in the queue.
///
/// # Errors
/// There is no answer.
pub fn queue(arrays: &[Job]) -> Result<Vec<Queued>, SlurmError> {
    let mut tasks = Vec::new();
    let mut clusters: Vec<_> = arrays.iter().map(|job| &job.cluster).collect();
    clusters.sort();
    clusters.dedup();
    for cluster in clusters {
        let ids: Vec<String> =
            arrays.iter().filter(|job| job.cluster == *cluster).map(|job| job.id.to_string()).collect();
        let mut command = Command::new(SQUEUE);
        command.args(["--noheader", "--array", "--format", replies::QUEUE, "--jobs", &ids.join(",")]);
        command.args(cluster.iter().flat_map(|name| ["--clusters", name]));
        match ask(SQUEUE, &mut command, Duration::from_secs(20)) {
            Ok(reply) => tasks.extend(replies::queued(&reply)),
            Err(SlurmError::Refused { said, .. }) if replies::knows_none(&said) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(tasks)
}

const SBATCH: &str = "sbatch";
const SCONTROL: &str = "scontrol";
const SQUEUE: &str = "squeue";

fn ask(program: &'static str, command: &mut Command, patience: Duration) -> Result<String, SlurmError> {
    let io = |source| SlurmError::Io { program, source };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|source| {
        if source.kind() == std::io::ErrorKind::NotFound { SlurmError::Absent { program } } else { io(source) }
    })?;
    // An answer longer than a pipe must be read while it is written.
    let [said, complained] = {
        let (out, err) = (child.stdout.take(), child.stderr.take());
        [std::thread::spawn(move || all(out)), std::thread::spawn(move || all(err))]
    };
    let asked = Instant::now();
    let status = loop {
        match child.try_wait().map_err(io)? {
            Some(status) => break status,
            None if asked.elapsed() > patience => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(SlurmError::Silent { program, seconds: patience.as_secs() });
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let text = |reader: std::thread::JoinHandle<String>| reader.join().expect("no thread panics while it reads");
    let (said, complained) = (text(said), text(complained));
    if status.success() {
        return Ok(said);
    }
    let said = if complained.trim().is_empty() { status.to_string() } else { complained.trim().replace('\n', "; ") };
    Err(SlurmError::Refused { program, said })
}

fn all(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    let _ = from.map(|mut from| from.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}
