//! A study on a real Slurm, whose nodes are all this machine: whatever happens to its tasks, `submit` again leads to the bytes of one
//! machine. Skipped where Slurm is not installed (`scripts/slurm.sh install`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

use initlab::data::files;

use crate::cli::cluster::whole;
use crate::cli::{assert_same, images};

/// Twenty-four runs, each of about a second.
const STUDY: &str = "
seeds = 6
targets = [{ test_accuracy = 0.9 }]
[base]
model = { kind = 'mlp', widths = [64, 64] }
optimizer = { lr = 0.05, momentum = 0.9 }
train = { steps = 3000, batch_size = 64, evaluate_every = 1000 }
stats = { every = 100, histogram_every = 0 }
record = { checkpoint_every = 200 }
[[arms]]
name = 'kaiming'
[[arms]]
name = 'xavier'
set.init.preset = 'xavier'
[[arms]]
name = 'torch'
set.init.preset = 'torch'
[[arms]]
name = 'too fast'
set.optimizer.lr = 1e30
";

/// The cluster, which goes with this, and a study.
struct Cluster {
    root: tempfile::TempDir,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for log in fs::read_dir(self.path("slurm/log")).into_iter().flatten().flatten() {
                let text = fs::read_to_string(log.path()).unwrap_or_default();
                let last: Vec<&str> = text.lines().rev().take(15).collect();
                eprintln!("{}:\n{}", log.path().display(), last.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
        }
        self.script("down", &[]);
    }
}

impl Cluster {
    /// None where Slurm is not installed.
    fn up() -> Option<Self> {
        let dirs = std::env::split_paths(&path()).collect::<Vec<_>>();
        let absent = ["sbatch", "slurmctld", "slurmd", "munged"]
            .iter()
            .find(|name| !dirs.iter().any(|dir| dir.join(name).exists()));
        if let Some(absent) = absent {
            eprintln!("skipped: there is no {absent}; scripts/slurm.sh install gets Slurm");
            return None;
        }
        // The sockets' paths are bounded in length.
        let cluster = Self { root: tempfile::Builder::new().prefix("sl").tempdir_in("/tmp").unwrap() };
        files::write(&cluster.path("blobs"), &images(300, 1), &images(100, 2)).unwrap();
        let data = cluster.path("blobs");
        fs::write(cluster.path("study.toml"), STUDY.replace("[base]", &format!("[base]\ndata.dataset = {data:?}")))
            .unwrap();
        let output = cluster.script("up", &["2"]);
        assert!(output.status.success(), "{output:?}");
        Some(cluster)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn script(&self, what: &str, more: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/slurm.sh");
        Command::new(script).arg(what).arg(self.path("slurm")).args(more).output().unwrap()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.path("slurm/slurm.conf")).env("PATH", path()).current_dir(self.root.path());
        command
    }

    /// Output of a command, which must end with 0.
    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert!(output.status.success(), "{program} {arguments:?}: {out}{err}");
        out
    }

    fn initlab(&self, arguments: &[&str]) -> String {
        self.ask(env!("CARGO_BIN_EXE_initlab"), arguments)
    }

    /// Submits the study into `out`; gives the array, if there was something to submit.
    fn submit(&self, out: &str, more: &[&str]) -> Option<String> {
        let own = ["submit", "study.toml", "--out", out, "--cpus", "1"];
        let said = self.initlab(&[&own, more].concat());
        let array = said.lines().find_map(|line| line.strip_prefix("array "))?;
        Some(array.split(':').next().unwrap().to_owned())
    }

    fn begin(&self, out: &str) -> String {
        self.submit(out, &["--shards", "4", "--time", "30"]).expect("there is something to submit")
    }

    /// States of an array's tasks, by index.
    fn states(&self, array: &str) -> BTreeMap<usize, String> {
        let text = self.ask("squeue", &["--noheader", "--array", "--states=all", "--format=%K %T", "--jobs", array]);
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(at, state)| (at.parse().unwrap(), state.into()))
            .collect()
    }

    fn wait_until_over(&self, array: &str) {
        let over = ["COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL"];
        wait_for(array, || self.states(array).values().all(|state| over.contains(&state.as_str())));
    }

    /// Runs that are whole.
    fn ended(&self, out: &str) -> usize {
        let runs = fs::read_dir(self.path(out).join("runs")).into_iter().flatten().flatten();
        runs.filter(|run| !run.file_name().to_string_lossy().starts_with('.')).count()
    }

    fn wait_for_runs(&self, out: &str, ended: usize) {
        wait_for(out, || self.ended(out) >= ended);
    }

    /// A shard that a task is at, and the number of its process.
    fn at_work(&self, out: &str) -> (usize, String) {
        let mut found = None;
        wait_for("a task at work", || {
            let records = fs::read_dir(self.path(out).join("shards")).into_iter().flatten().flatten();
            let records = records.filter_map(|entry| fs::read_to_string(entry.path()).ok());
            let records = records.filter_map(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
            found = records.filter(|record| record["stage"] == "at_work").find_map(|record| {
                let process = record["process"].as_str()?.rsplit('-').next()?.to_owned();
                Path::new("/proc").join(&process).exists().then_some((record["shard"].as_u64()? as usize, process))
            });
            found.is_some()
        });
        found.unwrap()
    }

    /// Submits what is missing until nothing is, and compares all files with those of one machine.
    fn finish(&self, out: &str, want: &BTreeMap<String, Vec<u8>>) {
        for _ in 0..10 {
            match self.submit(out, &[]) {
                Some(array) => self.wait_until_over(&array),
                None if self.ended(out) >= 24 => break,
                // What earlier arrays have in the queue is left to them.
                None => sleep(Duration::from_secs(2)),
            }
        }
        wait_for("all runs", || self.initlab(&["status", out]).contains("done        24 (6 diverged"));
        let plan = format!("{out}/plan.jsonl");
        self.initlab(&["compare", "--plan", &plan, "--report-only"]);
        assert_same(&whole(&self.path(out)), want, out);
    }
}

fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Waits until something is so; a machine may be slow, and Slurm looks at some things twice a minute.
fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if so() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("waited in vain: {what}");
}

fn signal(signal: &str, process: &str) {
    assert!(Command::new("kill").args([signal, process]).status().unwrap().success(), "{signal} {process}");
}

/// Processes of a node: its tasks, and the daemons that started them.
fn processes_of(node: &str, conf: &Path) -> Vec<String> {
    let [node, conf] = [format!("SLURMD_NODENAME={node}"), format!("SLURM_CONF={}", conf.display())];
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let set = |what: &str| environment.split(|byte| *byte == 0).any(|variable| variable == what.as_bytes());
        if set(&node) && set(&conf) {
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap_or("0").trim().to_owned();
            let name = fs::read_to_string(Path::new("/proc").join(&parent).join("comm")).unwrap_or_default();
            found.extend(name.starts_with("slurmstepd").then_some(parent));
            found.push(entry.file_name().into_string().unwrap());
        }
    }
    found
}

#[test]
fn whatever_happens_to_the_tasks_of_a_study_its_bytes_are_those_of_one_machine() {
    let Some(cluster) = Cluster::up() else { return };
    cluster.initlab(&["compare", "study.toml", "--out", "one"]);
    let want = whole(&cluster.path("one"));

    // A task that hangs, until its time is over; meanwhile the others.
    let hanging = cluster.submit("hanging", &["--shards", "4", "--time", "1"]).unwrap();
    signal("-STOP", &cluster.at_work("hanging").1);

    let array = cluster.begin("undisturbed");
    cluster.wait_until_over(&array);
    assert!(cluster.states(&array).values().all(|state| state == "COMPLETED"), "{:?}", cluster.states(&array));
    wait_for("the report's job", || cluster.path("undisturbed/study.json").exists());
    cluster.finish("undisturbed", &want);

    let array = cluster.begin("killed");
    cluster.wait_for_runs("killed", 1);
    signal("-KILL", &cluster.at_work("killed").1);
    cluster.wait_until_over(&array);
    cluster.finish("killed", &want);

    let array = cluster.begin("requeued");
    cluster.wait_for_runs("requeued", 2);
    let (shard, _) = cluster.at_work("requeued");
    // It may have ended by now, which is no reason not to do it again.
    let _ = cluster.command("scontrol").args(["requeue", &format!("{array}_{shard}")]).output().unwrap();
    cluster.wait_until_over(&array);
    cluster.finish("requeued", &want);

    for ended in [0, 5] {
        let out = format!("cancelled{ended}");
        let array = cluster.begin(&out);
        cluster.wait_for_runs(&out, ended);
        cluster.ask("scancel", &[&array]);
        cluster.wait_until_over(&array);
        cluster.finish(&out, &want);
    }

    cluster.begin("dead");
    cluster.wait_for_runs("dead", 2);
    let daemon = fs::read_to_string(cluster.path("slurm/slurmd-n2.pid")).unwrap();
    signal("-KILL", daemon.trim());
    for process in processes_of("n2", &cluster.path("slurm/slurm.conf")) {
        // Some of them end with others.
        let _ = Command::new("kill").args(["-KILL", &process]).output();
    }
    wait_for("the node to be missed", || {
        cluster.ask("sinfo", &["--noheader", "--nodes=n2", "--format=%T"]).starts_with("down")
    });
    assert!(cluster.script("node", &["n2"]).status.success());
    cluster.finish("dead", &want);

    cluster.wait_until_over(&hanging);
    cluster.finish("hanging", &want);

    // A directory that the tasks cannot see.
    let array = cluster.submit("unseen", &["--shards", "4", "--time", "30", "--", "--hold"]).unwrap();
    fs::rename(cluster.path("unseen"), cluster.path("elsewhere")).unwrap();
    cluster.ask("scontrol", &["release", &array]);
    cluster.wait_until_over(&array);
    fs::rename(cluster.path("elsewhere"), cluster.path("unseen")).unwrap();
    let said = cluster.initlab(&["status", "unseen"]);
    assert!(
        said.contains("its shards 0-3 left no sign in") && said.contains("do the nodes see that directory?"),
        "{said}"
    );
    cluster.finish("unseen", &want);
}
