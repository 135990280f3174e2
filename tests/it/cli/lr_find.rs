//! The range test from outside.

use super::{MLP, Work, initlab};

#[test]
fn the_range_test_draws_a_curve_and_suggests_a_rate_for_any_number_of_threads() {
    let work = Work::new();
    let config = work.config(MLP);
    let found = |threads: &str| {
        let ran = initlab(["lr-find", config.to_str().unwrap(), "--steps", "200", "--threads", threads]);
        assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{ran:?}");
        ran.stdout
    };
    let text = found("1");
    assert_eq!(text, found("2"));
    assert!(text.lines().all(|line| line.chars().count() <= 80) && text.matches('•').count() > 30, "{text}");
    let rate = text.split("suggested learning rate ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
    let rate: f64 = rate.parse().unwrap();
    assert!((0.003..1.0).contains(&rate), "{text}");
    // The suggestion trains.
    let lr = format!("optimizer.lr={rate}");
    let ran = work.train("run", &["--set", &lr, "--set", "train.epochs=20"]);
    let accuracy = super::json(&work.path("run/run.json"))["test_accuracy"].as_f64();
    assert!(ran.code == Some(0) && accuracy > Some(0.8), "{accuracy:?} at {rate}");
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
        assert!(ran.code == Some(2) && ran.stderr.contains(part), "{ran:?}");
    }
}
