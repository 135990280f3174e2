//! Ctrl-C, and what schedulers send: the work in progress is brought to an end that can be gone on from.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Set by a signal that asks for an end; runs then end after the step in progress.
pub static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The signal that was the last to set [`STOP`].
static SIGNAL: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// The signals that ask for an end: Ctrl-C, a scheduler's or `kill`'s, and that of a terminal that closes.
#[cfg(unix)]
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, signal_hook::consts::SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// From now on a signal that asks for an end sets [`STOP`]. A second Ctrl-C ends the process at once; others may come twice by
/// themselves, as from a scheduler that tells a job and its steps.
///
/// # Errors
/// The system refuses the handler.
pub fn catch_interrupt() -> Result<()> {
    let catch = || -> std::io::Result<()> {
        // Before STOP is set by the same signal: the first finds it unset.
        flag::register_conditional_shutdown(SIGINT, code(SIGINT as usize).into(), Arc::clone(&STOP))?;
        for signal in SIGNALS {
            flag::register_usize(signal, Arc::clone(&SIGNAL), signal as usize)?;
            flag::register(signal, Arc::clone(&STOP))?;
        }
        Ok(())
    };
    catch().context("cannot catch Ctrl-C")
}

/// True once a signal has asked for an end.
pub fn is_stopped() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// The exit code of work that a signal has stopped, as shells have it: 130 after Ctrl-C, 143 after TERM.
pub fn stopped() -> ExitCode {
    code(SIGNAL.load(Ordering::Relaxed)).into()
}

fn code(signal: usize) -> u8 {
    (128 + signal) as u8
}
