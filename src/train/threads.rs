//! How many threads the system gives: those that fit into the address space, and of these as many as it starts.

use super::machine;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{Builder, scope};

/// Address space of a thread, in bytes: its stack, and what the C library reserves for its heap.
const ADDRESS_SPACE: u64 = (2 + 64) << 20;

/// Threads, up to `wanted`, that can run beside this one at the same time. The limits on processes, of the user and of control groups,
/// are found by starting threads. That of the address space is computed: whoever tries it out leaves no room for the first allocation
/// behind it, which then ends the process, or hangs it where the panic that says so allocates.
pub fn startable(wanted: usize) -> usize {
    let wanted = machine::address_space().map_or(wanted, |left| fitting(left, wanted));
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

/// Threads, up to `wanted`, that take no more than half of `left` bytes.
fn fitting(left: u64, wanted: usize) -> usize {
    usize::try_from(left / 2 / ADDRESS_SPACE).map_or(wanted, |fit| fit.min(wanted))
}

/// Where Slurm tells a job how many cores it has, the first that is there counts. Not all clusters bind their jobs to cores, and then
/// the system would name those of the whole machine.
const SLURM: [&str; 2] = ["SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"];

/// Cores that this process may use, as Slurm or the system says; 1 where neither does.
pub fn cores() -> usize {
    given(|name| std::env::var(name).ok()).unwrap_or_else(of_the_system)
}

fn given(variable: impl Fn(&str) -> Option<String>) -> Option<usize> {
    let number = |name: &str| variable(name)?.trim().parse().ok().filter(|cores| (1..=1024).contains(cores));
    SLURM.iter().find_map(|name| number(name))
}

fn of_the_system() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Makes work that is spread over all cores possible where the system gives fewer threads than cores, otherwise the first such
/// work would panic; and keeps it to the cores that Slurm gives.
pub fn ready() {
    let cores = cores();
    let started = startable(cores);
    if started < cores {
        let pool = rayon::ThreadPoolBuilder::new().num_threads((started / 2).max(1));
        let pool = if started < 2 { pool.use_current_thread() } else { pool };
        // It fails only if there is a pool already.
        let _ = pool.build_global();
    } else if cores < of_the_system() {
        let _ = rayon::ThreadPoolBuilder::new().num_threads(cores).build_global();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_threads_can_be_had() {
        assert_eq!([0, 1, 3].map(startable), [0, 1, 3]);
    }

    #[test]
    fn slurm_says_how_many_cores_there_are() {
        for (set, want) in [
            (&[][..], None),
            (&[("SLURM_CPUS_ON_NODE", "8")], Some(8)),
            (&[("SLURM_CPUS_ON_NODE", "8"), ("SLURM_CPUS_PER_TASK", "2")], Some(2)),
            (&[("SLURM_CPUS_ON_NODE", "8"), ("SLURM_CPUS_PER_TASK", "many")], Some(8)),
            (&[("SLURM_CPUS_PER_TASK", "0")], None),
        ] {
            let variable = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).into());
            assert_eq!(given(variable), want, "{set:?}");
        }
    }

    #[test]
    fn threads_leave_half_of_the_address_space() {
        for (mebibytes, want) in [(0, 0), (131, 0), (132, 1), (700, 5), (1 << 40, 1000)] {
            assert_eq!(fitting(mebibytes << 20, 1000), want, "{mebibytes} MiB");
        }
    }
}
