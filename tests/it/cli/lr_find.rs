//! The range test from outside.

use std::fs;

use super::{MLP, Ran, Work, initlab};

/// Thirty layers, of which the first steps show nothing but noise.
const DEEP: &str = "
[model]
kind = 'mlp'
width = 100
depth = 30
[optimizer]
lr = 0.005
momentum = 0.9
[train]
epochs = 1
batch_size = 128
";

/// Forty layers in residual blocks with Adam, whose losses end in NaN.
const REZERO: &str = "
[model]
kind = 'mlp'
width = 32
depth = 40
residual = 'rezero'
[optimizer]
kind = 'adam'
lr = 1.0
[train]
epochs = 1
batch_size = 64
";

const SHALLOW: &str = "
[model]
kind = 'mlp'
widths = [16, 16]
[optimizer]
lr = 0.05
[train]
epochs = 1
batch_size = 128
";

/// The range test of a config on the built-in digits.
fn on_digits(work: &Work, net: &str, more: &[&str]) -> Ran {
    let config = work.path("digits.toml");
    fs::write(&config, format!("{net}\n[data]\ndataset = 'digits'\n")).unwrap();
    initlab([&["lr-find", config.to_str().unwrap()], more].concat())
}

fn suggested(ran: &Ran) -> f64 {
    let rate = ran.stdout.split("suggested learning rate ").nth(1).and_then(|rest| rest.split(',').next());
    rate.and_then(|rate| rate.parse().ok()).unwrap_or_else(|| panic!("no suggestion: {ran:?}"))
}

#[test]
fn the_range_test_draws_a_curve_and_suggests_a_rate_for_any_number_of_threads() {
    let work = Work::new();
    let config = work.config(MLP);
    let found = |threads: &str| {
        let ran = initlab(["lr-find", config.to_str().unwrap(), "--steps", "200", "--threads", threads]);
        assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{ran:?}");
        ran
    };
    let ran = found("1");
    let text = &ran.stdout;
    assert_eq!(*text, found("2").stdout);
    assert!(text.lines().all(|line| line.chars().count() <= 80) && text.matches('•').count() > 30, "{text}");
    let rate = suggested(&ran);
    assert!((0.003..1.0).contains(&rate), "{text}");
    // The suggestion trains.
    let lr = format!("optimizer.lr={rate}");
    let ran = work.train("run", &["--set", &lr, "--set", "train.epochs=20"]);
    let accuracy = super::json(&work.path("run/run.json"))["test_accuracy"].as_f64();
    assert!(ran.code == Some(0) && accuracy > Some(0.8), "{accuracy:?} at {rate}");
}

#[test]
fn the_suggestion_does_not_depend_on_where_the_range_begins_nor_on_the_number_of_steps() {
    let work = Work::new();
    for (net, near) in [(DEEP, 1e-2), (REZERO, 6e-3), (SHALLOW, 0.15)] {
        let rates: Vec<f64> = [("100", "1e-6"), ("300", "1e-4")]
            .into_iter()
            .flat_map(|range| ["0", "1"].map(|seed| (range, seed)))
            .map(|((steps, low), seed)| {
                suggested(&on_digits(&work, net, &["--steps", steps, "--low", low, "--seed", seed]))
            })
            .collect();
        let [least, most] = rates.iter().fold([f64::INFINITY, 0.0], |[a, b], &x| [x.min(a), x.max(b)]);
        assert!(most <= 3.0 * least, "{rates:?} of{net}");
        assert!(least > near / 3.0 && most < near * 3.0, "{rates:?} of{net}");
    }
}

#[test]
fn losses_that_end_in_nan_leave_what_was_learnt_before() {
    let work = Work::new();
    let rate = suggested(&on_digits(&work, REZERO, &["--high", "1000", "--steps", "100", "--seed", "0"]));
    assert!((10f64.powf(-2.5)..10f64.powf(-1.5)).contains(&rate), "{rate}");
}

#[test]
fn what_the_range_did_not_show_is_said() {
    let work = Work::new();
    for (net, more, parts) in [
        (SHALLOW, &["--high", "0.05"][..], ["still falls at", "raise it, as with --high 5.0e-1"]),
        (SHALLOW, &["--low", "1e-9", "--high", "1e-7"], ["never falls: from 1.0e-9 to", "another range"]),
        (DEEP, &["--low", "10", "--high", "20"], ["never falls, it rises from 1.0e1", "lower rates with --low"]),
        (DEEP, &["--set", "init.weight={kind=\"normal\",std=1e30}"], ["the first loss is not finite", "initlab probe"]),
    ] {
        let ran = on_digits(&work, net, &[more, &["--steps", "100"]].concat());
        let text = ran.stdout.replace('\n', " ");
        assert!(ran.code == Some(0) && text.contains("no suggestion"), "{ran:?}");
        assert!(parts.iter().all(|part| text.contains(part)), "{ran:?}");
    }
}

#[test]
fn a_range_that_is_none_is_refused() {
    let work = Work::new();
    let config = work.config(MLP);
    for (more, part) in [
        (["--low", "1", "--high", "0.1"], "expected 0 < low < high"),
        (["--low", "0", "--high", "0.1"], "expected 0 < low < high"),
        (["--low", "0.1", "--high", "inf"], "expected 0 < low < high"),
        (["--low", "0.1", "--steps", "3"], "--steps"),
    ] {
        let ran = initlab([&["lr-find", config.to_str().unwrap()], &more[..]].concat());
        assert!(ran.code == Some(2) && ran.message().contains(part), "{ran:?}");
    }
}
