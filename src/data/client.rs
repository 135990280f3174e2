//! Files from servers that are not trusted: read into memory, bounded in time and size.
//!
//! No header of an answer names a file, and nothing is kept of what came but what its reader then makes of it.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error, ResponseExt, Timeout};

/// The longest wait for a server to answer or to go on, so that there is time for the next one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Redirects that are followed; the public mirrors need one.
const MOST_REDIRECTS: u32 = 5;

/// Gets files until its time is over; progress goes to stderr.
pub struct Client {
    agent: Agent,
    limit: Duration,
    patience: Duration,
    end: Instant,
    bar: ProgressBar,
}

impl Client {
    /// A client for `limit` from now on. Its proxy is the environment's, and it trusts the certificates that this system trusts.
    pub fn new(limit: Duration) -> Self {
        // A short limit has room for several servers too.
        let patience = PATIENCE.min(limit / 4);
        let agent = Agent::config_builder()
            .user_agent(concat!("initlab/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .http_status_as_error(false)
            .max_redirects(MOST_REDIRECTS)
            .timeout_resolve(Some(patience))
            .timeout_connect(Some(patience))
            .timeout_per_read(Some(patience))
            .build()
            .into();
        let style = ProgressStyle::with_template("downloading {msg} {bar:30} {bytes} {elapsed}");
        let bar = ProgressBar::new(0).with_style(style.expect("the template is valid"));
        Self { agent, limit, patience, end: Instant::now() + limit, bar }
    }

    /// Says that `bytes` of the set `name` are to come from `place`; their exact number does not matter.
    pub fn announce(&self, name: &'static str, place: &str, bytes: u64) {
        if self.bar.is_hidden() {
            // No terminal, no bar: one plain line. If it cannot be written, the download goes on.
            let line = format!("downloading {place} (at most {} s)\n", self.limit.as_secs());
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
        self.bar.set_message(name);
        self.bar.set_length(bytes);
        self.bar.set_position(0);
    }

    /// True if there is no time left to ask anyone.
    pub fn is_late(&self) -> bool {
        Instant::now() >= self.end
    }

    /// The file at `address`, of at most `most` bytes: an answer that goes on beyond them is left.
    ///
    /// # Errors
    /// Why there is none, with the address.
    pub fn get(&self, address: &str, most: u64) -> Result<Vec<u8>, String> {
        if self.is_late() {
            return Err(format!("{address}: {}", self.too_late()));
        }
        let asked = self.agent.get(address).config();
        let left = self.end.saturating_duration_since(Instant::now());
        // A server that is asked over TLS sends nobody elsewhere in the clear.
        let asked = asked.https_only(address.starts_with("https:")).timeout_global(Some(left)).build();
        let answer = asked.call().map_err(|error| format!("{address}: {}", self.reason(error)))?;
        let from = answer.get_uri().to_string();
        let place = if from == address { from } else { format!("{address}, sent on to {from}") };
        if !answer.status().is_success() {
            return Err(format!("{place}: the server answers {}", answer.status()));
        }
        self.body(answer.into_body().into_reader(), most).map_err(|reason| format!("{place}: {reason}"))
    }

    fn body(&self, body: impl Read, most: u64) -> Result<Vec<u8>, String> {
        let (mut body, mut bytes, mut part) = (body.take(most + 1), Vec::new(), vec![0; 1 << 16]);
        loop {
            let count = body.read(&mut part).map_err(|error| self.reason(error.into()))?;
            if count == 0 {
                return Ok(bytes);
            }
            bytes.extend(&part[..count]);
            self.bar.inc(count as u64);
            if bytes.len() as u64 > most {
                return Err(format!("more than {most} bytes came"));
            }
        }
    }

    fn reason(&self, error: Error) -> String {
        if let Error::Timeout(over) = error {
            let waited = self.patience.as_secs_f64();
            let idle = format!("the server does not go on for {waited} s");
            return if over == Timeout::Global { self.too_late() } else { idle };
        }
        match error.into_io() {
            error if error.kind() == ErrorKind::UnexpectedEof => "the connection broke off".into(),
            error => error.to_string(),
        }
    }

    fn too_late(&self) -> String {
        format!("no end after {} s (INITLAB_FETCH_SECONDS sets this limit)", self.limit.as_secs())
    }
}
