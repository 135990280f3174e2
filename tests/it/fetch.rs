//! Downloads, against servers of the test's own in place of the public ones.

use crate::cli::unfolded;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use initlab::data::idx;
use initlab::data::locate::NAMES;

use crate::server::{Answer, start};

/// `initlab data …` in `work`, with these servers as mirror and as hub.
pub fn initlab(work: &Path, mirror: &str, hub: &str, seconds: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_initlab"))
        .arg("data")
        .args(arguments)
        .current_dir(work)
        .env("INITLAB_MIRROR", mirror)
        .env("HF_ENDPOINT", hub)
        .env("NO_PROXY", "127.0.0.1")
        .env("INITLAB_FETCH_SECONDS", seconds)
        .env_remove("INITLAB_MNIST")
        .env_remove("INITLAB_FASHION_MNIST")
        .output()
        .unwrap()
}

/// A server that has nothing, in place of the hub.
pub fn empty() -> String {
    start(|_| Answer::HasNothing)
}

/// Asserts that fetching MNIST from these servers fails with `message` and the ways around it, and that it leaves nothing behind.
pub fn fails(name: &str, mirror: &str, hub: &str, seconds: &str, message: &str) {
    let root = tempfile::tempdir().unwrap();
    // Deep enough that what leads out of any directory in it is still under `root`.
    let inner = root.path().join("a/b/c/d");
    fs::create_dir_all(&inner).unwrap();
    let work = tempfile::tempdir_in(&inner).unwrap();
    let output = initlab(work.path(), mirror, hub, seconds, &["fetch", "mnist"]);
    let stderr = unfolded(&String::from_utf8_lossy(&output.stderr));
    assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{name}: {stderr}");
    for part in ["cannot download mnist: ", message, "data/mnist", "--data", "INITLAB_MNIST"] {
        assert!(stderr.contains(part), "{name}: {part}: {stderr}");
    }
    let mut place = root.path().to_owned();
    for only in ["a", "b", "c", "d", work.path().file_name().unwrap().to_str().unwrap()] {
        let kept: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(kept, [only], "{name}");
        place.push(only);
    }
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0, "{name}: something was kept");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A compressed file of images or labels, by its place in [`NAMES`]: `images` of them, with `bytes` as content.
fn file(at: usize, images: usize, bytes: &[u8]) -> Vec<u8> {
    let shape = if at.is_multiple_of(2) { vec![images, 28, 28] } else { vec![images] };
    gzip(&[idx::header(&shape), bytes.to_vec()].concat())
}

/// Four files that nothing tells from Fashion-MNIST: as many images, as many of each class, the mean and the standard deviation.
fn like_fashion_mnist() -> [Vec<u8>; 4] {
    // 184 with probability p, else 0: a mean of 184p and a variance of 184² p(1 − p).
    let pixels = |n: usize| (0..784 * n).map(|i| if i < n * 784 * 396_414 / 1_000_000 { 184 } else { 0 }).collect();
    let labels = |n: usize| (0..n).map(|i| (i % 10) as u8).collect();
    let contents: [(usize, Vec<u8>); 4] =
        [(10_000, pixels(10_000)), (10_000, labels(10_000)), (60_000, pixels(60_000)), (60_000, labels(60_000))];
    [0, 1, 2, 3].map(|at| file(at, contents[at].0, &contents[at].1))
}

/// A server that has the four files of a set in the directory of this name.
fn with_files(set: &'static str, files: [Vec<u8>; 4]) -> String {
    start(move |path| match NAMES.iter().position(|name| path == format!("/{set}/{name}.gz")) {
        Some(at) => Answer::Serves(files[at].clone()),
        None => Answer::HasNothing,
    })
}

#[test]
fn a_mirror_that_does_not_have_the_set_is_told_with_its_address_and_what_happened() {
    let serving = |bytes: &[u8]| Answer::Serves(bytes.to_vec());
    let announced = [idx::header(&[60_000, 28, 28]), vec![0; 99]].concat();
    let bomb = file(0, 200_000, &vec![0; 784 * 200_000]);
    let cases: [(&str, Answer, &str, &str); 12] = [
        ("stalling", Answer::Stalls, "4", ".gz: the server does not go on for 1 s"),
        ("slow", Answer::Drips, "1", ".gz: no end after 1 s (INITLAB_FETCH_SECONDS sets this limit)"),
        ("empty", Answer::HasNothing, "60", "/mnist/t10k-images-idx3-ubyte.gz: the server answers 404 Not Found"),
        ("cut off", Answer::BreaksOff, "60", ".gz: the connection broke off"),
        ("too large", Answer::NeverEnds, "60", ".gz: more than 67108864 bytes came"),
        ("not HTTP", Answer::Babbles, "60", "t10k-images-idx3-ubyte.gz: "),
        ("web page", serving(b"<!DOCTYPE html>"), "60", ".gz: magic number: found 0x3c21444f"),
        ("cut file", serving(&gzip(&announced)), "60", ".gz: data: found 99 bytes (truncated), expected 47040000"),
        ("damaged", serving(b"\x1f\x8b\x08\x00rest"), "60", ".gz: "),
        ("unpacking to more", Answer::Serves(bomb), "60", "in all 156800000 bytes or more, expected at most 67108864"),
        ("elsewhere", Answer::Redirects("/other".into()), "60", "too many redirects"),
        ("nowhere", Answer::Redirects("http://127.0.0.1:1/".into()), "60", "refused"),
    ];
    for (name, answer, seconds, message) in cases {
        fails(name, &start(move |_| answer.clone()), &empty(), seconds, message);
    }
    let other = with_files("mnist", like_fashion_mnist());
    fails("another set", &other, &empty(), "60", "/mnist is not mnist: t10k-images-idx3-ubyte: SHA-256: found ");
}

#[test]
fn a_whole_set_comes_through_a_redirect_and_is_kept_as_four_files() {
    let real = with_files("fashion-mnist", like_fashion_mnist());
    let mirror = start(move |path| Answer::Redirects(format!("{real}{}", path.trim_start_matches("/dir"))));
    let work = tempfile::tempdir().unwrap();
    let output = initlab(work.path(), &format!("{mirror}/dir/"), &empty(), "60", &["fetch", "fashion-mnist"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && output.stdout == b"data/fashion-mnist\n", "{stderr}");
    assert_eq!(stderr, format!("downloading {mirror}/dir/fashion-mnist (at most 60 s)\n"));
    let mut kept: Vec<_> = fs::read_dir(work.path().join("data/fashion-mnist")).unwrap().map(|e| e.unwrap()).collect();
    kept.sort_by_key(fs::DirEntry::file_name);
    assert!(kept.iter().map(fs::DirEntry::file_name).eq(NAMES), "{kept:?}");
    assert_eq!(fs::read_dir(work.path().join("data")).unwrap().count(), 1);
    let again = initlab(work.path(), "http://127.0.0.1:1", &empty(), "60", &["fetch", "fashion-mnist"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("already there and whole"), "{again:?}");
}

#[test]
fn the_real_mnist_comes_from_a_mirror() {
    let Some(directory) = crate::data::mnist() else { return };
    let files = NAMES.map(|name| fs::read(directory.join(format!("{name}.gz"))).unwrap_or_default());
    if files.iter().any(Vec::is_empty) {
        eprintln!("skipped: no compressed MNIST");
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let output = initlab(work.path(), &with_files("mnist", files), &empty(), "60", &["fetch"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_mirror_that_is_no_address_and_a_limit_that_is_no_number_are_told() {
    let work = tempfile::tempdir().unwrap();
    for (mirror, seconds, message) in [
        ("ftp://there", "60", "INITLAB_MIRROR: found `ftp://there`, expected the http:// or https:// address"),
        ("http://127.0.0.1:1", "soon", "INITLAB_FETCH_SECONDS: found `soon`, expected a whole number of seconds"),
    ] {
        let output = initlab(work.path(), mirror, &empty(), seconds, &["fetch"]);
        assert!(unfolded(&String::from_utf8_lossy(&output.stderr)).contains(message), "{output:?}");
    }
}

#[test]
fn a_directory_that_is_taken_is_refused_before_the_download() {
    let work = tempfile::tempdir().unwrap();
    fs::create_dir_all(work.path().join("data/mnist")).unwrap();
    fs::write(work.path().join("data/mnist/note"), "mine").unwrap();
    let output = initlab(work.path(), &start(|_| Answer::Stalls), &empty(), "60", &["fetch"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("data/mnist is not empty"));
}

#[test]
fn a_set_without_public_mirrors_comes_from_one_that_is_named_and_lies_as_it_was_published() {
    let letters = |n: usize| (0..n).map(|i| (i % 26) as u8 + 1).collect::<Vec<u8>>();
    // A bright line that is a column when the image is upright.
    let pixels = |n: usize| (0..784 * n).map(|i| if i % 784 < 28 { 200 } else { 0 }).collect::<Vec<u8>>();
    let contents =
        [(20_800, pixels(20_800)), (20_800, letters(20_800)), (124_800, pixels(124_800)), (124_800, letters(124_800))];
    let files = [0, 1, 2, 3].map(|at| file(at, contents[at].0, &contents[at].1));
    let work = tempfile::tempdir().unwrap();
    let refused = initlab(work.path(), "", &empty(), "60", &["fetch", "emnist-letters"]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && stderr.contains("INITLAB_MIRROR may name one that has"), "{stderr}");
    let mirror = with_files("emnist-letters", files);
    let output = initlab(work.path(), &mirror, &empty(), "60", &["fetch", "emnist-letters"]);
    assert!(output.status.success(), "{output:?}");
    for (name, (_, bytes)) in NAMES.iter().zip(&contents) {
        let kept = fs::read(work.path().join("data/emnist-letters").join(name)).unwrap();
        assert!(kept.ends_with(bytes), "{name}");
    }
    let verified = initlab(work.path(), "", &empty(), "60", &["verify", "--dataset", "emnist-letters"]);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn a_download_that_failed_is_told_once_and_not_tried_again_on_the_same_day() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let mirror = start(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Answer::HasNothing
    });
    let work = tempfile::tempdir().unwrap();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/smoke.toml");
    let told = |mirror: &str| {
        let run = Command::new(env!("CARGO_BIN_EXE_initlab"))
            .args(["lr-find", config.to_str().unwrap(), "--steps", "50", "--high", "0.01"])
            .current_dir(work.path())
            .env("INITLAB_MIRROR", mirror)
            .env("NO_PROXY", "127.0.0.1")
            .env("XDG_CACHE_HOME", work.path().join("cache"))
            .env("HF_ENDPOINT", empty())
            .env_remove("INITLAB_MNIST")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(text.lines().all(|line| line.chars().count() <= 80 || line.contains("http://")), "{text}");
        text.replace("\n  ", " ")
    };
    let first = told(&mirror);
    assert!(first.contains("using the built-in digits, not MNIST: cannot download mnist: "), "{first}");
    let once = asked.load(Ordering::Relaxed);
    let second = told(&mirror);
    assert!(
        second.contains("not MNIST, whose download failed less than a day ago; `initlab data fetch mnist`"),
        "{second}"
    );
    assert!(once > 0 && asked.load(Ordering::Relaxed) == once, "{once}");
    // Another server may have it.
    assert!(told(&format!("{mirror}/other")).contains("cannot download mnist"));
    assert!(asked.load(Ordering::Relaxed) > once);
}
