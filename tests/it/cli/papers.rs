//! `initlab papers` from outside.

use std::fs;

use super::{Work, initlab};

#[test]
fn a_wrong_call_is_refused_and_says_what_is_right() {
    let work = Work::new();
    let other = work.path("other.json");
    fs::write(&other, "{\"version\": \"0.0.1\", \"data_sha256\": \"\", \"items\": []}").unwrap();
    let broken = work.path("broken.json");
    fs::write(&broken, "[]").unwrap();
    let (other, broken) = (other.to_str().unwrap(), broken.to_str().unwrap());
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--only", "no-such-paper"], 2, "dying-relu"),
        (&["--seeds", "0"], 2, "1..=1000000"),
        (&["--json", "--markdown"], 2, "cannot be used with"),
        (&["--train", "--data", "no/such/place"], 1, "no/such/place"),
        (&["--from", other], 2, "is from version 0.0.1"),
        (&["--from", broken], 2, "is not understood"),
    ];
    for (arguments, code, part) in cases {
        let ran = initlab([&["papers"], arguments].concat());
        let message = ran.stderr.replace("\n  ", " ");
        assert!(ran.code == Some(code) && ran.stdout.is_empty() && message.contains(part), "{part}\n{ran:?}");
    }
}

#[test]
fn one_item_is_replayed_kept_and_shown_again() {
    let work = Work::new();
    let kept = work.path("kept.json");
    let ran = initlab(["papers", "--only", "dying-relu", "--seeds", "3000", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    fs::write(&kept, &ran.stdout).unwrap();
    let anew = initlab(["papers", "--only", "dying-relu", "--seeds", "3000"]);
    let table = initlab(["papers", "--only", "dying-relu", "--from", kept.to_str().unwrap()]);
    assert_eq!((anew.code, &anew.stdout), (Some(0), &table.stdout));
    assert!(table.stdout.contains("dying-relu: inside") && table.stdout.contains("born dead, width 3"), "{table:?}");
    assert!(table.stdout.lines().all(|line| line.chars().count() <= 80), "{}", table.stdout);
    let page = initlab(["papers", "--only", "dying-relu", "--from", kept.to_str().unwrap(), "--markdown"]);
    assert!(
        page.stdout.contains("## dying-relu: inside\n") && page.stdout.contains("| born dead, width 2 | 0.924"),
        "{page:?}"
    );
}
