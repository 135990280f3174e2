//! Work on many runs or points, spread over the cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, scope};

use crate::train::threads::cores;

/// Items below which the work is done before threads have begun.
const FEW: usize = 64;

/// Applies `of` to each item, and keeps their order.
pub(super) fn on_all_cores<T: Sync, R: Send>(items: &[T], of: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if items.len() < FEW {
        return items.iter().map(of).collect();
    }
    let next = AtomicUsize::new(0);
    let made: Mutex<Vec<Option<R>>> = Mutex::new(items.iter().map(|_| None).collect());
    let work = || {
        while let Some((at, item)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            items.get(at).map(|item| (at, item))
        } {
            let result = of(item);
            made.lock().expect("no thread panics while it holds the list")[at] = Some(result);
        }
    };
    scope(|scope| {
        for _ in 1..cores() {
            // Where the system gives no more threads, those that are there do the work.
            if Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    let made = made.into_inner().expect("no thread panics while it holds the list");
    made.into_iter().map(|result| result.expect("every item was worked at")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items_however_many_they_are() {
        for n in [0, 1, FEW - 1, FEW, 1000] {
            let items: Vec<usize> = (0..n).collect();
            assert!(on_all_cores(&items, |item| 2 * item).into_iter().eq((0..n).map(|item| 2 * item)), "{n}");
        }
    }
}
