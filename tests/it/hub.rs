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
    /// Serves the file of two images under names that lead out of any cache.
    Escapes,
    /// Serves zeros without an end.
    NeverEnds,
    /// Sends half of what it announces.
    BreaksOff,
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
        Hub::NeverEnds => return pour(stream),
        Hub::BreaksOff => ("200 OK", b"half"),
        Hub::ServesTwoImages | Hub::Escapes => ("200 OK", include_bytes!("../fixtures/hub_two_images.parquet")),
        Hub::ServesGarbage => ("200 OK", b"not a file of the hub"),
    };
    let length = body.len() * if matches!(hub, Hub::BreaksOff) { 2 } else { 1 };
    // The hub's own client makes names of files from these.
    let (etag, commit) = match hub {
        Hub::Escapes => ("../../../../escaped", "../../../../../escaped"),
        _ => ("0123456789abcdef", "0123456789abcdef0123456789abcdef01234567"),
    };
    let header = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\netag: \"{etag}\"\r\nx-linked-etag: \"{etag}\"\r\n\
         x-repo-commit: {commit}\r\ncontent-disposition: attachment; filename=\"{etag}\"\r\nconnection: close\r\n\r\n"
    );
    let body = if method.starts_with("HEAD") { b"" } else { body };
    // The client may leave early; that is its affair.
    let _ = stream.write_all(&[header.as_bytes(), body].concat());
}

/// Zeros for as long as someone takes them.
fn pour(mut stream: TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    while stream.write_all(&[0; 1 << 16]).is_ok() {}
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
    let cases: [(&str, Hub, &str); 7] = [
        ("stalling", Hub::Stalls, "no end after 1 s (INITLAB_FETCH_SECONDS sets this limit)"),
        ("empty", Hub::HasNothing, "cannot download mnist"),
        ("another set", Hub::ServesTwoImages, "what came is not mnist: t10k-images-idx3-ubyte: SHA-256: found"),
        ("garbage", Hub::ServesGarbage, "0000.parquet is not to be used"),
        ("escaping", Hub::Escapes, "what came is not mnist"),
        ("endless", Hub::NeverEnds, "0000.parquet: more than 67108864 bytes came"),
        ("breaking off", Hub::BreaksOff, "cannot download mnist"),
    ];
    for (name, hub, message) in cases {
        let root = tempfile::tempdir().unwrap();
        // Deep enough that what leads out of any directory in it is still under `root`.
        let inner = root.path().join("a/b/c/d");
        fs::create_dir_all(&inner).unwrap();
        let work = tempfile::tempdir_in(&inner).unwrap();
        let output = initlab(work.path(), hub, &["data", "fetch", "mnist"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{name}: {stderr}");
        assert!(stderr.contains(message) && stderr.contains("INITLAB_MNIST"), "{name}: {stderr}");
        let mut place = root.path().to_owned();
        for only in ["a", "b", "c", "d", work.path().file_name().unwrap().to_str().unwrap()] {
            let kept: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(kept, [only], "{name}");
            place.push(only);
        }
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0, "{name}: something was kept");
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
