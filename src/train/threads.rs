//! How many threads the system gives, found by asking for them.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{Builder, scope};

/// Threads, up to `wanted`, that can run beside this one at the same time. Limits on processes, on address space and of
/// control groups show here alike.
pub fn startable(wanted: usize) -> usize {
    let (all_asked, asked) = (Mutex::new(false), Condvar::new());
    let lock = || all_asked.lock().unwrap_or_else(PoisonError::into_inner);
    let wait = || {
        let _all = asked.wait_while(lock(), |all| !*all).unwrap_or_else(PoisonError::into_inner);
    };
    scope(|scope| {
        let started = (0..wanted).take_while(|_| Builder::new().spawn_scoped(scope, wait).is_ok()).count();
        *lock() = true;
        asked.notify_all();
        started
    })
}

/// Cores that this process may use; 1 where the system does not say.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Makes work that is spread over all cores possible where the system gives fewer threads than cores; otherwise the first such
/// work would panic.
pub fn ready() {
    let cores = cores();
    let started = startable(cores);
    if started < cores {
        let pool = rayon::ThreadPoolBuilder::new().num_threads((started / 2).max(1));
        let pool = if started < 2 { pool.use_current_thread() } else { pool };
        // It fails only if there is a pool already.
        let _ = pool.build_global();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_threads_can_be_had() {
        assert_eq!([0, 1, 3].map(startable), [0, 1, 3]);
    }
}
