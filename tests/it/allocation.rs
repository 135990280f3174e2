//! A training step asks for no memory once the steps before have.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::AtomicBool;

use initlab::config::Experiment;
use initlab::data::{Choice, Prepared, Request, Split, load};
use initlab::record::run_dir::Existing;
use initlab::train::engine::Compute;
use initlab::train::{Event, Plan, train};

/// The system's allocator, which counts what each thread asks for.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ASKED.set(ASKED.get() + 1);
}

// SAFETY, here and below: everything goes to the system's allocator as it came.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all, just above")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(old, layout, size) }
    }
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const MLP: &str = "kind = \"mlp\", widths = [40, 30]";
const CNN: &str = "kind = \"cnn\", stages = [{ channels = 8, kernel = 5, stride = 2 }, { channels = 12, kernel = 3, \
                   stride = 2 }], head = \"global_average\"";

/// One thread; an epoch's last batch is smaller than the others. What a step adds to histograms is kept to the end, so there are none.
#[test]
fn a_step_asks_for_no_memory_after_the_first_epoch() {
    for (model, optimizer, stats) in [
        (format!("{MLP}, activation = \"relu\""), "sgd", 1),
        (format!("{MLP}, activation = \"relu\""), "sgd", 0),
        (format!("{MLP}, activation = \"tanh\""), "adam", 3),
        (format!("{MLP}, activation = \"gelu\", norm = \"layer\""), "rmsprop", 1),
        (format!("{MLP}, activation = \"relu\", dropout = 0.5"), "sgd", 1),
        (format!("{CNN}, activation = \"relu\""), "sgd", 1),
        (format!("{CNN}, activation = {{ kind = \"shifted_relu\", shift = 0.4 }}"), "adamw", 1),
        (format!("{CNN}, activation = \"leaky_relu\", norm = \"batch\""), "sgd", 1),
        (format!("{CNN}, activation = \"relu\""), "muon", 1),
    ] {
        let config = format!(
            "model = {{ {model} }}\ninit = {{ preset = \"kaiming\" }}\noptimizer = {{ kind = \"{optimizer}\", lr = 0.001 }}\n\
             seed = 0\nstats = {{ every = {stats}, histogram_every = 0 }}\nrecord = {{ checkpoint_every = 1_000_000 }}\n\
             train = {{ epochs = 2, batch_size = 150, clip_norm = 1.0 }}\n"
        );
        let experiment = Experiment::parse("allocation", &config, &[]).unwrap();
        let data = Prepared::new(load(&Request::new(Choice::Digits)).unwrap().dataset, Split::Usual).unwrap();
        let plan = Plan::new(experiment, data).unwrap();
        let (dir, per_epoch) = (tempfile::tempdir().unwrap(), plan.steps_per_epoch());
        let (mut before, mut asked) = (0, Vec::new());
        let compute = Compute::Cpu { threads: 1 };
        train(&plan, &compute, dir.path(), Existing::Overwrite, &AtomicBool::new(false), |event| {
            if let Event::Step { row, .. } = event {
                asked.push((row.step, ASKED.get() - before));
            }
            asked.reserve(1);
            before = ASKED.get();
        })
        .unwrap();
        // An epoch's first step draws its order.
        let greedy: Vec<_> = asked.iter().filter(|(step, asked)| *step > per_epoch && *asked > 0).collect();
        assert!(asked.len() as u64 == 2 * per_epoch && greedy.is_empty(), "{model} by {optimizer}: {greedy:?}");
    }
}
