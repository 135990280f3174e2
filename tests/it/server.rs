//! A server of the test's own on this machine, in place of the public ones.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How a server treats a request.
#[derive(Clone)]
pub enum Answer {
    /// Accepts and never answers.
    Stalls,
    /// Answers 404.
    HasNothing,
    /// Serves this.
    Serves(Vec<u8>),
    /// Serves this under names that lead out of any directory.
    #[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "only the hub's answers have such headers"))]
    Escapes(Vec<u8>),
    /// Serves zeros without an end.
    NeverEnds,
    /// Sends a byte now and then, and never comes to an end.
    Drips,
    /// Sends half of what it announces.
    BreaksOff,
    /// Sends the client to this place.
    Redirects(String),
    /// Speaks another protocol.
    Babbles,
}

/// Starts a server that answers each path by `answer`; its address, without a slash at the end.
pub fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || serve(&*answer, stream));
        }
    });
    address
}

/// Answers one request. The client may leave early; that is its affair.
fn serve(answer: &dyn Fn(&str) -> Answer, mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    lines.find(String::is_empty);
    let path = request.split(' ').nth(1).unwrap_or("/");
    let _ = match answer(path) {
        Answer::Stalls => loop {
            thread::park();
        },
        Answer::HasNothing => whole(&mut stream, "404 Not Found", "", b""),
        Answer::Serves(body) => whole(&mut stream, "200 OK", "", &body),
        Answer::Escapes(body) => {
            let name = "../../../../escaped";
            let headers = format!(
                "etag: \"{name}\"\r\nx-linked-etag: \"{name}\"\r\nx-repo-commit: ../{name}\r\n\
                 content-disposition: attachment; filename=\"{name}\"\r\n"
            );
            whole(&mut stream, "200 OK", &headers, &body)
        }
        Answer::NeverEnds => pour(&mut stream, &[0; 1 << 16], Duration::ZERO),
        Answer::Drips => pour(&mut stream, &[0], Duration::from_millis(50)),
        Answer::BreaksOff => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\nhalf"),
        Answer::Redirects(to) => whole(&mut stream, "302 Found", &format!("location: {to}\r\n"), b""),
        Answer::Babbles => stream.write_all(b"220 files.example.com FTP server ready\r\n"),
    };
}

fn whole(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    let header = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n");
    stream.write_all(&[header.as_bytes(), body].concat())
}

/// `bytes` again and again, for as long as someone takes them.
fn pour(stream: &mut TcpStream, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
    loop {
        stream.write_all(bytes)?;
        thread::sleep(pause);
    }
}
