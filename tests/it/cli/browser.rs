//! Reports in a real browser, where there is one: no errors, no requests, nothing hidden, clipped or dead.

use std::path::Path;
use std::process::Command;

use super::compare::STUDY;
use super::{BATCH_NORM, CNN, MLP, Work, initlab};

/// A map with its predicted line, and tuned learning rates.
const MAP: &str = "
base = 'net.toml'
seeds = 2
learning_rate = { tune = { low = 0.01, high = 1.0, points = 3, seeds = 1 } }
targets = [{ test_accuracy = 0.5 }]
set.init.weight.kind = 'kaiming_normal'
[[grid]]
name = 'depth'
cases = [{ name = '1', set.model.widths = [9] }, { name = 'four', set.model.widths = [9, 9, 9, 9] }]
[[grid]]
name = '<b>σ_w²</b>'
cases = [{ name = '<i>0.5</i>', set.init.weight.gain = 0.7 }, { name = '2', set.init.weight.gain = 1.4142 }]
[[arms]]
name = 'plain'
[[arms]]
name = '<script>normed</script>'
set.model.norm = 'batch'
";

/// A browser that speaks the DevTools protocol over a pipe, and the Python that speaks to it.
fn browser() -> Option<String> {
    let named = std::env::var("INITLAB_BROWSER").ok().into_iter();
    let candidates = named.chain(["chromium", "chromium-browser", "google-chrome"].map(str::to_string));
    let works = |name: &String| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    let found = candidates.into_iter().find(works).filter(|_| works(&"python3".to_string()));
    if found.is_none() {
        eprintln!("skipped: no chromium and python3 here; name a browser with INITLAB_BROWSER");
    }
    found
}

#[test]
fn every_kind_of_report_works_in_a_browser_without_a_network() {
    let Some(browser) = browser() else { return };
    let work = Work::new();
    for (out, net, more) in [
        ("mlp", MLP, &[][..]),
        ("cnn", CNN, &[]),
        ("deep", BATCH_NORM, &["--set", "model.depth=12", "--set", "stats.histogram_every=0"]),
        ("diverged", MLP, &["--set", "optimizer.lr=1e30"]),
        ("one_step", MLP, &["--set", "train.epochs=1", "--set", "train.batch_size=300", "--set", "model.widths=[3]"]),
    ] {
        work.config(&format!("name = \"<script>alert('{out}')</script>\"\n{net}"));
        assert_eq!(work.train(out, more).code, Some(0));
    }
    let runs = ["mlp", "cnn", "deep", "diverged", "one_step"].map(|out| work.path(out));
    let both = work.path("both.html");
    let ran = initlab([Path::new("report"), &runs[0], &runs[3], Path::new("--out"), &both]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    work.study(STUDY);
    assert_eq!(work.compare("study", &[]).code, Some(0));
    work.study(MAP);
    assert_eq!(work.compare("map", &[]).code, Some(0));
    let [study, map] = ["study", "map"].map(|out| work.path(out).join("report.html"));
    work.config(MLP);
    let probe = work.path("probe");
    let config = work.path("net.toml");
    let ran = initlab([Path::new("probe"), &config, Path::new("--seeds=2"), Path::new("--out"), &probe]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/browser.py");
    let pages = runs.iter().map(|run| run.join("report.html")).chain([both, study, map, probe.join("report.html")]);
    let looked = Command::new("python3").arg(script).arg(browser).arg(work.path("screenshots")).args(pages).output();
    let looked = looked.unwrap();
    let text = String::from_utf8_lossy(&looked.stdout);
    assert!(looked.status.success(), "{text}{}", String::from_utf8_lossy(&looked.stderr));
    assert_eq!(text.matches(" 0 faults").count(), 9, "{text}");
}
