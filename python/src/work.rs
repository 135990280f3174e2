//! Long work: in a thread of its own without Python's lock, while the caller's thread shows progress and hears Ctrl-C.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;

use crate::errors::Failure;

/// How long the caller's thread waits for news before it looks whether somebody pressed Ctrl-C.
const WAIT: Duration = Duration::from_millis(30);

/// News that work tells of itself.
#[derive(Clone, Debug)]
pub enum News {
    /// A remark, as the command says on stderr.
    Notice(String),
    /// So many units of work begin, of which some are done.
    Begin {
        /// All of them.
        total: u64,
        /// Done already.
        done: u64,
    },
    /// So many are done; a few words about the last.
    Done(u64, String),
    /// A line to keep.
    Line(String),
}

/// The end of a channel that news goes into; what comes too often is left out.
pub struct Teller {
    sender: Sender<News>,
    last: Mutex<Instant>,
}

impl Teller {
    /// Tells always.
    pub fn tell(&self, news: News) {
        // Nobody listens any more once an exception is on its way.
        let _ = self.sender.send(news);
    }

    /// Says that `done` units are done, if nothing was said for a while.
    pub fn progress(&self, done: u64, words: impl FnOnce() -> String) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.elapsed() > Duration::from_millis(80) {
            *last = Instant::now();
            drop(last);
            self.tell(News::Done(done, words()));
        }
    }
}

/// Runs `job` and returns what it gives. An exception that `show` or a signal raises sets the job's flag; the job then ends in its own
/// time, with its records whole, and the exception is raised.
///
/// # Errors
/// The job's, or the exception.
pub fn work<T: Send>(
    py: Python<'_>,
    show: Option<&Bound<'_, PyAny>>,
    job: impl FnOnce(&AtomicBool, &Teller) -> Result<T, Failure> + Send,
) -> PyResult<T> {
    let stop = AtomicBool::new(false);
    let (sender, receiver) = channel();
    let receiver = Mutex::new(receiver);
    let teller = Teller { sender, last: Mutex::new(Instant::now()) };
    let mut raised: Option<PyErr> = None;
    let result = std::thread::scope(|scope| {
        let stop = &stop;
        let worker = scope.spawn(move || catch_unwind(AssertUnwindSafe(|| job(stop, &teller))));
        loop {
            let news = py.detach(|| receiver.lock().expect("one thread listens").recv_timeout(WAIT));
            let heard = match news {
                Ok(news) if raised.is_none() => tell(py, show, news),
                Ok(_) | Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Err(error) = heard.and_then(|()| py.check_signals()) {
                stop.store(true, Ordering::Relaxed);
                raised.get_or_insert(error);
            }
        }
        py.detach(|| worker.join())
    });
    let result = result.and_then(|result| result).unwrap_or_else(|cause| Err(Failure::panic(&*cause)));
    match raised {
        Some(error) => Err(error),
        None => Ok(result?),
    }
}

/// Hands news to Python: remarks as warnings, the rest to `show`.
fn tell(py: Python<'_>, show: Option<&Bound<'_, PyAny>>, news: News) -> PyResult<()> {
    if let News::Notice(text) = &news {
        let text = std::ffi::CString::new(text.replace('\0', "")).unwrap_or_default();
        return PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 2);
    }
    let Some(show) = show else { return Ok(()) };
    match news {
        News::Notice(_) => {}
        News::Begin { total, done } => show.call1(("begin", total, done)).map(|_| ())?,
        News::Done(done, words) => show.call1(("done", done, words)).map(|_| ())?,
        News::Line(line) => show.call1(("line", line)).map(|_| ())?,
    }
    Ok(())
}
