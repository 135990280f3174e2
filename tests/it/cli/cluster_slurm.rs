//! Calls of Slurm and the reading of its answers, with commands that stand in for it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::compare_parts::STUDY;
use super::{Ran, Work};

/// Commands that answer as Slurm's do, from files, and keep what they were called with.
struct Slurm<'a> {
    work: &'a Work,
}

impl<'a> Slurm<'a> {
    fn new(work: &'a Work) -> Self {
        let slurm = Self { work };
        fs::create_dir(work.path("bin")).unwrap();
        slurm.answers("sbatch", "n=$(($(cat jobs) + 1)); echo $n >jobs; echo $n");
        slurm.answers("scontrol", "echo 'MaxArraySize            = 101'");
        slurm.answers("squeue", "cat queue");
        fs::write(work.path("jobs"), "16\n").unwrap();
        fs::write(work.path("queue"), "").unwrap();
        slurm
    }

    fn answers(&self, name: &str, lines: &str) {
        let path = self.work.path("bin").join(name);
        let script = format!("#!/bin/sh\ncd '{}'\necho {name} \"$@\" >>calls\n{lines}\n", self.work.path("").display());
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn path(&self) -> String {
        format!("{}:{}", self.work.path("bin").display(), std::env::var("PATH").unwrap())
    }

    fn submit(&self, more: &[&str]) -> Ran {
        Ran::from(self.work.submission("out", more).env("PATH", self.path()).output().unwrap())
    }

    fn status(&self) -> String {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_initlab"));
        Ran::from(command.arg("status").arg(self.work.path("out")).env("PATH", self.path()).output().unwrap()).stdout
    }

    /// The calls of sbatch since the last look.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.work.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.work.path("calls"));
        let out = format!("{}/", self.work.path("out").display());
        calls.lines().filter(|line| line.starts_with("sbatch")).map(|line| line.replace(&out, "")).collect()
    }
}

#[test]
fn an_array_and_its_report_are_submitted_and_again_what_is_missing_and_not_in_the_queue() {
    let work = Work::new();
    work.parts(STUDY);
    let slurm = Slurm::new(&work);
    fs::write(work.path("prelude"), "module load x\n").unwrap();
    let prelude = work.path("prelude");
    let more = ["--shards", "6", "--prelude", prelude.to_str().unwrap()];
    let ran = slurm.submit(&[&more[..], &["--", "--account=lab", "--gres=gpu:2"]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in ["array 17: shards 0-5", "report 18", "squeue --jobs 17,18\n", "scancel 17 18\n", "initlab status"] {
        assert!(ran.stdout.contains(part), "{part}: {ran:?}");
    }
    assert_eq!(
        slurm.calls(),
        [
            "sbatch --parsable --account=lab --gres=gpu:2 slurm/1.sbatch",
            "sbatch --parsable --dependency=afterok:17 --kill-on-invalid-dep=yes --account=lab slurm/1-report.sbatch",
        ]
    );
    let script = fs::read_to_string(work.path("out/slurm/1.sbatch")).unwrap();
    assert!(script.contains("\nmodule load x\nexec "), "{script}");
    assert!(work.path("out/logs").is_dir());

    // Shard 1 is done, 2 and 3 are still to come.
    assert_eq!(work.shard("out", "1/6").code, Some(0));
    fs::write(work.path("queue"), "17 0 COMPLETING\n17 2 RUNNING\n17 3 PENDING\n").unwrap();
    let said = slurm.status();
    assert!(
        said.contains("array 17 of 6 shards: 1 pending, 1 running") && said.contains("some of it is on its way"),
        "{said}"
    );
    assert!(said.contains("its shards 0,4,5 left no sign in"), "{said}");
    let ran = slurm.submit(&[]);
    let told = "array 17 of this plan is still in the queue: shards 2,3 are left to it";
    assert!(ran.code == Some(0) && ran.message().contains(told) && ran.stdout.contains("shards 0,4,5"), "{ran:?}");
    assert_eq!(
        slurm.calls()[1],
        "sbatch --parsable --dependency=afterany:17,afterok:19 --kill-on-invalid-dep=yes slurm/2-report.sbatch"
    );
    assert!(fs::read_to_string(work.path("out/slurm/2.sbatch")).unwrap().contains("--array=0,4,5\n"));
    fs::write(work.path("queue"), "17 2 RUNNING\n17 3 PENDING\n19 0 PENDING\n19 4 PENDING\n19 5 PENDING\n").unwrap();
    let ran = slurm.submit(&[]);
    assert!(ran.code == Some(0) && ran.stdout.starts_with("nothing to submit") && slurm.calls().is_empty(), "{ran:?}");
}

#[test]
fn what_slurm_refuses_or_does_not_say_is_told() {
    let work = Work::new();
    work.parts(STUDY);
    let slurm = Slurm::new(&work);
    let ran = slurm.submit(&["--shards", "102"]);
    assert!(ran.code == Some(2) && ran.message().contains("the cluster's MaxArraySize takes at most 101"), "{ran:?}");
    slurm.answers("scontrol", "echo 'Unable to contact slurm controller' >&2; exit 1");
    let ran = slurm.submit(&["--shards", "2"]);
    assert!(ran.code == Some(1) && ran.message().contains("Unable to contact slurm controller"), "{ran:?}");
    assert!(!work.path("out").exists() && slurm.calls().is_empty());
    slurm.answers("scontrol", "echo 'MaxArraySize = 1001'");
    slurm.answers("sbatch", "echo 'sbatch: error: invalid account' >&2; exit 1");
    let ran = slurm.submit(&["--shards", "2"]);
    assert!(ran.code == Some(1) && ran.message().contains("sbatch refused: sbatch: error: invalid account"), "{ran:?}");
    slurm.answers("sbatch", "case $* in *report*) echo no report >&2; exit 1;; esac; echo '21;west'");
    let ran = slurm.submit(&["--shards", "2"]);
    let told =
        ran.message().contains("array 21 was submitted, but not the report") && ran.message().contains("--report-only");
    assert!(ran.code == Some(1) && told, "{ran:?}");
    slurm.answers("squeue", "echo 'Invalid job id specified' >&2; exit 1");
    assert!(slurm.status().contains("array 21 of 2 shards: over"));
    slurm.answers("squeue", "echo 'no controller' >&2; exit 1");
    let said = slurm.status();
    assert!(said.contains("state not known") && said.contains("squeue refused: no controller"), "{said}");
    let ran = slurm.submit(&[]);
    assert!(ran.message().contains("whether earlier arrays are still in the queue is not known"), "{ran:?}");
}
