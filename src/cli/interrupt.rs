//! Ctrl-C: the work in progress is brought to an end that can be gone on from.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// Set by Ctrl-C; runs then end after the step in progress.
pub static STOP: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C sets [`STOP`]; a second one ends the process at once.
///
/// # Errors
/// The system refuses the handler.
pub fn catch_interrupt() -> Result<()> {
    let caught = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    match caught {
        Ok(()) => Ok(()),
        // Its own message leaves out what the system says.
        Err(ctrlc::Error::System(error)) => Err(error).context("cannot catch Ctrl-C: no thread waits for it"),
        Err(error) => Err(error).context("cannot catch Ctrl-C"),
    }
}
