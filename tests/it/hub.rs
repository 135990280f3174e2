//! Downloads, against a server of the test's own in place of the hub.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

/// What the server does with each request.
#[derive(Clone, Copy)]
enum Hub {
    /// Accepts and never answers.
    Stalls,
    /// Answers 404.
    HasNothing,
    /// Serves a file of two images, which is a sound file and not MNIST.
    ServesTwoImages,
    /// Serves bytes that are no Parquet file.
    ServesGarbage,
}

fn serve(hub: Hub) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(hub, stream));
        }
    });
    address
}

fn answer(hub: Hub, mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let method = lines.next().unwrap_or_default();
    lines.find(String::is_empty);
    let (status, body): (_, &[u8]) = match hub {
        Hub::Stalls => loop {
            std::thread::park();
        },
        Hub::HasNothing => ("404 Not Found", b""),
        Hub::ServesTwoImages => ("200 OK", include_bytes!("../fixtures/hub_two_images.parquet")),
        Hub::ServesGarbage => ("200 OK", b"not a file of the hub"),
    };
    let length = body.len();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let header = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\netag: \"{length}\"\r\nx-repo-commit: {commit}\r\n\
         connection: close\r\n\r\n"
    );
    let body = if method.starts_with("HEAD") { b"" } else { body };
    // The client may leave early; that is its affair.
    let _ = stream.write_all(&[header.as_bytes(), body].concat());
}

/// `initlab data …` in an empty directory, with `hub` as the hub.
fn initlab(work: &std::path::Path, hub: Hub, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_initlab"))
        .args(arguments)
        .current_dir(work)
        .env("HF_ENDPOINT", serve(hub))
        .env("HF_HOME", work.join("cache"))
        .env("NO_PROXY", "127.0.0.1")
        .env("INITLAB_FETCH_SECONDS", if matches!(hub, Hub::Stalls) { "1" } else { "60" })
        .env_remove("INITLAB_MNIST")
        .env_remove("HF_HUB_CACHE")
        .env_remove("HUGGINGFACE_HUB_CACHE")
        .output()
        .unwrap()
}

#[test]
fn a_download_that_fails_says_why_and_how_else_and_keeps_nothing() {
    let cases: [(&str, Hub, &str); 4] = [
        ("stalling", Hub::Stalls, "no end after 1 s (INITLAB_FETCH_SECONDS sets this limit)"),
        ("empty", Hub::HasNothing, "cannot download mnist"),
        ("another set", Hub::ServesTwoImages, "what came is not mnist: t10k-images-idx3-ubyte: SHA-256: found"),
        ("garbage", Hub::ServesGarbage, "cannot download mnist"),
    ];
    for (name, hub, message) in cases {
        let work = tempfile::tempdir().unwrap();
        let output = initlab(work.path(), hub, &["data", "fetch", "mnist"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{name}: {stderr}");
        assert!(stderr.contains(message) && stderr.contains("INITLAB_MNIST"), "{name}: {stderr}");
        let kept: Vec<_> = fs::read_dir(work.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(kept.iter().all(|entry| entry == "cache"), "{name}: {kept:?}");
    }
}

#[test]
fn a_directory_that_is_taken_is_refused_before_the_download() {
    let work = tempfile::tempdir().unwrap();
    fs::create_dir_all(work.path().join("data/mnist")).unwrap();
    fs::write(work.path().join("data/mnist/note"), "mine").unwrap();
    let output = initlab(work.path(), Hub::Stalls, &["data", "fetch", "mnist"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("data/mnist is not empty"));
}
