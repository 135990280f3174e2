//! A directory belongs to one process and to one run or study: what is there is not mixed, not replaced unasked, and not believed if
//! it is damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use initlab::record::run_dir::Existing;

use super::compare::STUDY;
use super::{MLP, Ran, Work, assert_same, files_of, initlab, json, records};

/// Starts `initlab` in the temporary directory.
fn begin(work: &Work, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_initlab"));
    command.current_dir(work.path("")).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn runs_that_begin_at_the_same_time_each_get_a_directory_of_their_own() {
    let work = Work::new();
    work.config(MLP);
    let rates: Vec<String> = (11..=22).map(|i| format!("optimizer.lr=0.0{i}")).collect();
    let all: Vec<Child> =
        rates.iter().map(|rate| begin(&work, &["train", "net.toml", "--no-report", "--set", rate])).collect();
    for child in all {
        let ran = end(child);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let mut found = Vec::new();
    for name in names(&work.path("runs")) {
        let run = work.path("runs").join(&name);
        let config = fs::read_to_string(run.join("config.toml")).unwrap();
        let rate = config.lines().find(|line| line.starts_with("lr = ")).unwrap().to_owned();
        // The steps beside the config are its own.
        let steps = fs::read_to_string(run.join("steps.csv")).unwrap();
        assert_eq!(steps.lines().nth(1).unwrap().split(',').nth(3).unwrap(), &rate[5..], "{name}");
        found.push(rate);
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 12);
}

/// A net that trains for seconds.
fn long() -> String {
    MLP.replace("epochs = 2", "steps = 100000\nevaluate_every = 50000")
}

/// Waits until the run in `dir` has written something.
fn wait_for_steps(dir: &Path) {
    while fs::metadata(dir.join("steps.csv")).map_or(0, |file| file.len()) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn a_directory_in_which_a_run_is_at_work_is_left_alone() {
    let work = Work::new();
    work.config(&long());
    let mut first = begin(&work, &["train", "net.toml", "--out", "run"]);
    wait_for_steps(&work.path("run"));
    for more in [&["--seed", "1"][..], &["--resume"], &["--overwrite", "--seed", "2"]] {
        let ran = work.train("run", more);
        let refused =
            ran.message().contains("another process is at work there") || ran.message().contains("already holds");
        assert!(ran.code == Some(1) && refused, "{more:?}: {ran:?}");
    }
    assert!(first.try_wait().unwrap().is_none(), "the first goes on");
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(fs::read_to_string(work.path("run/config.toml")).unwrap().contains("seed = 0"));
}

#[test]
fn a_call_that_fails_before_its_run_leaves_no_directory() {
    let work = Work::new();
    work.config(MLP);
    for wrong in [
        &["--dataset", "mnits"][..],
        &["--dataset", "mnist", "--data", "/no/such/place"],
        &["--set", "model.widths=[0]"],
        &["--set", "init.weight='delta_orthogonal'"],
    ] {
        let ran = end(begin(&work, &[&["train", "net.toml"], wrong].concat()));
        assert!(ran.code != Some(0) && !work.path("runs").exists(), "{wrong:?}: {ran:?}");
    }
}

#[test]
fn an_empty_directory_is_no_run_to_go_on_with_and_a_run_that_begins_anew_says_so() {
    let work = Work::new();
    work.config(MLP);
    fs::create_dir(work.path("run")).unwrap();
    let ran = work.train("run", &["--resume"]);
    assert!(ran.code == Some(2) && ran.message().contains("there is no run in"), "{ran:?}");
    assert_eq!(work.train("run", &[]).code, Some(0));
    fs::remove_file(work.path("run/run.json")).unwrap();
    let ran = work.train("run", &["--resume"]);
    assert!(ran.code == Some(0) && ran.message().contains("it begins anew"), "{ran:?}");
}

#[test]
fn a_config_is_not_lost_to_the_run_that_takes_its_directory() {
    let work = Work::new();
    work.config(MLP);
    assert_eq!(work.train("run", &[]).code, Some(0));
    let config = work.path("run/config.toml");
    let again = |out: &str| {
        let out = work.path(out);
        initlab([Path::new("train"), &config, Path::new("--out"), &out, Path::new("--overwrite")])
    };
    assert_eq!(again("run").code, Some(0), "the same text comes back");
    fs::write(&config, format!("# mine\n{}", fs::read_to_string(&config).unwrap())).unwrap();
    let ran = again("run");
    assert!(ran.code == Some(2) && ran.message().contains("copy it elsewhere"), "{ran:?}");
    assert!(fs::read_to_string(&config).unwrap().starts_with("# mine"));
    assert_eq!(again("other").code, Some(0));
}

#[test]
fn a_run_that_was_killed_after_its_last_record_gets_what_it_lacks() {
    let work = Work::new();
    work.config(MLP);
    let checkpoint = work.path("run/checkpoint.safetensors");
    work.run("run", Existing::Keep, 4, || true).unwrap();
    let kept = fs::read(&checkpoint).unwrap();
    assert_eq!(work.train("run", &["--resume"]).code, Some(0));
    let whole = files_of(&work.path("run"));
    fs::write(&checkpoint, kept).unwrap();
    fs::write(work.path("run/.lock"), "").unwrap();
    fs::write(work.path("run/.initlab-7-0"), "half").unwrap();
    for report in [None, Some("interrupted")] {
        match report {
            None => fs::remove_file(work.path("run/report.html")).unwrap(),
            Some(text) => fs::write(work.path("run/report.html"), text).unwrap(),
        }
        let ran = work.train("run", &["--resume"]);
        assert!(ran.code == Some(0) && ran.message().contains("nothing to do"), "{ran:?}");
        assert_same(&files_of(&work.path("run")), &whole, "again");
    }
}

#[cfg(unix)]
#[test]
fn links_under_the_names_of_records_are_not_followed() {
    let work = Work::new();
    work.config(MLP);
    fs::create_dir(work.path("run")).unwrap();
    for name in ["steps.csv", "layers.csv", "epochs.csv", "config.toml", "run.json"] {
        fs::write(work.path(name), "precious").unwrap();
        std::os::unix::fs::symlink(work.path(name), work.path("run").join(name)).unwrap();
    }
    let ran = work.train("run", &[]);
    assert!(ran.code == Some(1) && ran.message().contains("already holds"), "{ran:?}");
    assert_eq!(work.train("run", &["--overwrite"]).code, Some(0));
    for name in ["steps.csv", "layers.csv", "epochs.csv", "config.toml", "run.json"] {
        assert_eq!(fs::read_to_string(work.path(name)).unwrap(), "precious");
    }
}

#[cfg(unix)]
#[test]
fn records_have_the_permissions_that_the_user_gives_to_files() {
    use std::os::unix::fs::PermissionsExt;
    let work = Work::new();
    work.config(MLP);
    for (mask, mode) in [("077", 0o600), ("022", 0o644), ("002", 0o664)] {
        let script = format!("umask {mask}; exec \"$0\" train net.toml --out {mask} --tensorboard");
        let mut shell = Command::new("sh");
        shell.current_dir(work.path("")).args(["-c", &script, env!("CARGO_BIN_EXE_initlab")]);
        assert!(shell.output().unwrap().status.success());
        for name in names(&work.path(mask)) {
            let found = fs::metadata(work.path(mask).join(&name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "umask {mask}: {name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn progress_that_nobody_reads_does_not_end_the_work() {
    let work = Work::new();
    work.config(MLP);
    work.study(&STUDY.replace("seeds = 3", "seeds = 1"));
    for (i, sink) in ["2>&1 >/dev/null | head -c 1 >/dev/null", "2>/dev/full", "2>&-"].iter().enumerate() {
        for (command, file, done) in [("train", "net.toml", "run.json"), ("compare", "study.toml", "study.json")] {
            let out = format!("{command}{i}");
            let script = format!("\"$0\" {command} {file} --out {out} {sink}");
            let mut shell = Command::new("sh");
            shell.current_dir(work.path("")).args(["-c", &script, env!("CARGO_BIN_EXE_initlab")]);
            let status = shell.stdout(Stdio::null()).status().unwrap();
            assert!(status.success() && work.path(&out).join(done).exists(), "{script}: {status}");
        }
    }
}

/// A finished run with something done to one of its files.
fn harmed(work: &Work, name: &str, harm: impl Fn(Vec<u8>) -> Vec<u8>) -> PathBuf {
    let (from, to) = (work.path("run"), work.path("harmed"));
    let _ = fs::remove_dir_all(&to);
    fs::create_dir(&to).unwrap();
    for (file, bytes) in files_of(&from) {
        fs::write(to.join(&file), if file == name { harm(bytes) } else { bytes }).unwrap();
    }
    to
}

#[test]
fn every_changed_file_of_a_finished_run_is_an_error_that_names_it() {
    let work = Work::new();
    work.config(MLP);
    assert_eq!(work.train("run", &[]).code, Some(0));
    let all = names(&work.path("run"));
    let derived = |name: &str| name == "report.html" || name == "index.md";
    for name in all.iter().filter(|name| !derived(name)) {
        type Harm = fn(Vec<u8>) -> Vec<u8>;
        let harms: [(&str, Harm); 3] = [
            ("a bit", |mut bytes| {
                // Not within the times, which no sum covers.
                let at = bytes.len() / 7;
                bytes[at] ^= 4;
                bytes
            }),
            ("the end", |mut bytes| {
                bytes.truncate(bytes.len() - 2);
                bytes
            }),
            ("more", |mut bytes| {
                bytes.extend_from_slice(b"0,0\n");
                bytes
            }),
        ];
        for (what, harm) in harms {
            let dir = harmed(&work, name, harm);
            for command in ["report", "resume"] {
                let ran = match command {
                    "report" => initlab([Path::new("report"), &dir]),
                    _ => work.train("harmed", &["--resume"]),
                };
                assert!(ran.code == Some(1) && ran.message().contains(&**name), "{command}: {what} of {name}: {ran:?}");
            }
        }
        fs::remove_file(harmed(&work, "", |bytes| bytes).join(name)).unwrap();
        if name != "run.json" {
            let ran = initlab([Path::new("report"), &work.path("harmed")]);
            assert!(ran.code == Some(1) && ran.message().contains("is missing"), "without {name}: {ran:?}");
        }
    }
}

#[test]
fn a_run_goes_on_from_nothing_that_has_changed_since_its_checkpoint() {
    let work = Work::new();
    work.config(MLP);
    work.run("run", Existing::Keep, 4, || true).unwrap();
    for name in ["steps.csv", "layers.csv", "epochs.csv", "checkpoint.safetensors", "init.safetensors"] {
        for share in [0.3, 0.6, 0.95] {
            harmed(&work, name, |mut bytes| {
                let at = (bytes.len() as f64 * share) as usize;
                bytes[at] ^= 1;
                bytes
            });
            let before = files_of(&work.path("harmed"));
            let ran = work.train("harmed", &["--resume"]);
            assert!(ran.code == Some(1) && ran.message().contains(name), "{name} at {share}: {ran:?}");
            assert_same(&files_of(&work.path("harmed")), &before, name);
            fs::remove_file(work.path("harmed/run.json")).unwrap();
            let ran = initlab([Path::new("report"), &work.path("harmed")]);
            assert!(ran.code == Some(1) && ran.message().contains(name), "report, {name} at {share}: {ran:?}");
        }
    }
}

#[test]
fn records_without_sums_are_read_and_said_to_be_unchecked() {
    let work = Work::new();
    work.config(MLP);
    assert_eq!(work.train("run", &[]).code, Some(0));
    let mut run = json(&work.path("run/run.json"));
    for key in ["files", "sum"] {
        run.as_object_mut().unwrap().remove(key).unwrap();
    }
    fs::write(work.path("run/run.json"), serde_json::to_string_pretty(&run).unwrap() + "\n").unwrap();
    let ran = initlab([Path::new("report"), &work.path("run")]);
    assert!(ran.code == Some(0) && ran.message().contains("without sums"), "{ran:?}");
    let ran = work.train("run", &["--resume"]);
    assert!(ran.code == Some(0) && ran.message().contains("without sums"), "{ran:?}");
}

#[test]
fn another_study_does_not_take_the_directory_unasked_and_a_wider_one_goes_on() {
    let work = Work::new();
    work.study(&STUDY.replace("seeds = 3", "seeds = 2"));
    assert_eq!(work.compare("out", &[]).code, Some(0));
    let before = files_of_study(&work.path("out"));
    for (set, what) in
        [("learning_rate=0.03", "has another config"), ("seeds=1", "seed 1"), ("targets=[{test_accuracy=0.8}]", "")]
    {
        let ran = work.compare("out", &["--set", set, "--report-only"]);
        if what.is_empty() {
            assert_eq!(ran.code, Some(0), "the same runs are judged anew: {ran:?}");
            assert_eq!(work.compare("out", &[]).code, Some(0));
        } else {
            assert!(
                ran.code == Some(1) && ran.message().contains(what) && ran.message().contains("--overwrite"),
                "{ran:?}"
            );
        }
        assert_same(&files_of_study(&work.path("out")), &before, set);
    }
    assert_eq!(work.compare("out", &["--set", "seeds=3"]).code, Some(0));
    work.study(STUDY);
    assert_eq!(work.compare("three", &[]).code, Some(0));
    let ran = work.compare("out", &["--set", "seeds=1", "--overwrite"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(json(&work.path("out/study.json"))["runs"].as_array().unwrap().len(), 6);
}

/// The study's own files but the command that is told in them.
fn files_of_study(dir: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    for name in names(dir).into_iter().filter(|name| dir.join(name).is_file()) {
        files.insert(name.clone(), fs::read(dir.join(name)).unwrap());
    }
    files
}

#[test]
fn a_study_and_a_run_do_not_share_a_directory() {
    let work = Work::new();
    work.study(&STUDY.replace("seeds = 3", "seeds = 1"));
    assert_eq!(work.train("run", &[]).code, Some(0));
    assert_eq!(work.compare("study", &[]).code, Some(0));
    let ran = work.compare("run", &[]);
    assert!(ran.code == Some(1) && ran.message().contains("holds a run"), "{ran:?}");
    for more in [&[][..], &["--overwrite"]] {
        let ran = work.train("study", more);
        assert!(ran.code == Some(1) && ran.message().contains("holds a study"), "{ran:?}");
    }
}

#[test]
fn what_does_not_change_is_not_written_again() {
    let work = Work::new();
    work.config(&format!("{MLP}\n[record]\ntensorboard = true"));
    fs::write(work.path("study.toml"), STUDY.replace("seeds = 3", "seeds = 1")).unwrap();
    assert_eq!(work.compare("out", &[]).code, Some(0));
    let times = || {
        let of = |name: String| (fs::metadata(work.path("out").join(&name)).unwrap().modified().unwrap(), name);
        names(&work.path("out")).into_iter().filter(|name| name != "runs").map(of).collect::<Vec<_>>()
    };
    let before = times();
    assert!(before.len() == 7, "{before:?}");
    for more in [&["--report-only"][..], &[]] {
        assert_eq!(work.compare("out", more).code, Some(0));
        assert_eq!(times(), before);
    }
}

#[test]
fn calls_of_one_study_at_the_same_time_make_no_run_twice_and_miss_none() {
    let work = Work::new();
    work.study(STUDY);
    assert_eq!(work.compare("whole", &[]).code, Some(0));
    let whole = json(&work.path("whole/study.json"))["runs"].clone();
    for round in 0..6 {
        let out = format!("both{round}");
        let calls: Vec<Child> = ["1", "2", "3"]
            .map(|threads| begin(&work, &["compare", "study.toml", "--out", &out, "--json", "--threads", threads]))
            .into();
        let mut finished = Vec::new();
        for ran in calls.into_iter().map(end) {
            assert_eq!(ran.code, Some(0), "{ran:?}");
            finished.extend(ran.stderr.lines().filter(|line| line.contains(" s, ")).map(str::to_owned));
            if !ran.stdout.is_empty() {
                let study: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
                assert_eq!(study["runs"], whole, "round {round}");
            }
        }
        assert_eq!(work.compare(&out, &["--report-only"]).code, Some(0));
        for name in names(&work.path(&out).join("runs")) {
            assert_same(
                &records(&work.path(&out).join("runs").join(&name)),
                &records(&work.path("whole/runs").join(&name)),
                &name,
            );
        }
        let left: Vec<String> = names(&work.path(&out)).into_iter().filter(|name| name.starts_with('.')).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_result_that_cannot_be_read_is_not_made_again() {
    let work = Work::new();
    work.study(&STUDY.replace("seeds = 3", "seeds = 1"));
    assert_eq!(work.compare("out", &[]).code, Some(0));
    let run = json(&work.path("out/study.json"))["runs"][0]["dir"].as_str().unwrap().to_owned();
    let result = work.path("out").join(run).join("run.json");
    let text = fs::read(&result).unwrap();
    // A directory of that name cannot be read as a file, whoever asks.
    fs::remove_file(&result).unwrap();
    fs::create_dir(&result).unwrap();
    let ran = work.compare("out", &[]);
    assert!(ran.code == Some(1) && ran.message().contains("run.json: reading the file failed"), "{ran:?}");
    fs::remove_dir(&result).unwrap();
    fs::write(&result, text).unwrap();
    assert_eq!(work.compare("out", &["--report-only"]).code, Some(0));
}

#[test]
fn long_names_and_many_seeds_have_directories_of_their_own() {
    let work = Work::new();
    let arm = "ünïcödé-".repeat(30);
    work.study(
        &STUDY.replace("name = 'kaiming'\n", &format!("name = '{arm}'\n")).replace("'kaiming'", &format!("'{arm}'")),
    );
    let ran = work.compare("out", &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let all = names(&work.path("out/runs"));
    assert!(all.len() == 18 && all.iter().all(|name| name.len() <= 255), "{all:?}");
}
