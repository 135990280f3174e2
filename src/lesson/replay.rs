//! The replays side by side: which function draws which results, over how many seeds.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::draws::Numbers;
use super::images::LessonImages;
use super::training::{TRAININGS, Training};
use super::{convolutions, first_layer, hooks, lesson_net, products};
use crate::cpu::subnormal::Flushing;
use crate::train::TrainError;

/// The draws of every number, by its full name, in the order of the seeds.
pub type Samples = BTreeMap<String, Vec<f64>>;

/// How many of the seeds a replay takes: an expensive one takes a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// One: nothing is random.
    One,
    /// All divided by this, but at least [`FEWEST`].
    Part(usize),
}

/// Fewer seeds say nothing about a range.
pub const FEWEST: usize = 5;
/// With so many seeds order statistics give a 99.9 % range.
pub const DEFAULT_SEEDS: usize = 1999;

impl Seeds {
    /// Their number, of `all`.
    pub fn count(self, all: usize) -> usize {
        match self {
            Self::One => 1,
            Self::Part(divisor) => (all / divisor).max(FEWEST.min(all)),
        }
    }
}

/// A function that draws the numbers of one or more results.
#[derive(Clone, Copy)]
pub struct Replay {
    /// How many seeds it takes.
    pub seeds: Seeds,
    draw: fn(&LessonImages, u64) -> Result<Numbers, TrainError>,
}

/// Every replay that does not train.
pub const REPLAYS: [Replay; 13] = [
    Replay { seeds: Seeds::One, draw: |images, seed| Ok(first_layer::input(images, seed)) },
    Replay { seeds: Seeds::Part(4), draw: |images, seed| Ok(first_layer::first_layer(images, seed)) },
    Replay { seeds: Seeds::Part(40), draw: |images, seed| Ok(lesson_net::untrained_loss(images, seed)) },
    Replay { seeds: Seeds::One, draw: |images, seed| Ok(lesson_net::backward_by_hand(images, seed)) },
    Replay { seeds: Seeds::Part(4), draw: |images, seed| Ok(products::repeated_products(images, seed)) },
    Replay { seeds: Seeds::Part(1), draw: |images, seed| Ok(products::single_products(images, seed)) },
    Replay { seeds: Seeds::Part(1), draw: |images, seed| Ok(products::scalar_products(images, seed)) },
    Replay { seeds: Seeds::Part(1), draw: |images, seed| Ok(products::deep_relu(images, seed)) },
    Replay { seeds: Seeds::One, draw: |images, seed| Ok(convolutions::gains(images, seed)) },
    Replay { seeds: Seeds::Part(20), draw: |images, seed| Ok(convolutions::one_convolution(images, seed)) },
    Replay { seeds: Seeds::Part(10), draw: |images, seed| Ok(convolutions::small_net(images, seed)) },
    Replay { seeds: Seeds::Part(20), draw: hooks::first_convolution },
    Replay { seeds: Seeds::Part(40), draw: hooks::around_lsuv },
];

/// Draws of all replays of `replays` over `seeds` seeds, on the threads of the current rayon pool; the result does not
/// depend on their number. `drawn` is called after every draw.
///
/// # Errors
/// A network that cannot be started on this data.
pub fn replay(
    replays: &[Replay],
    images: &LessonImages,
    seeds: usize,
    drawn: impl Fn() + Sync,
) -> Result<Samples, TrainError> {
    let mut samples = Samples::new();
    for replay in replays {
        let draws: Result<Vec<Numbers>, TrainError> = (0..replay.seeds.count(seeds) as u64)
            .into_par_iter()
            .map(|seed| {
                let _flushing = Flushing::begin();
                let numbers = (replay.draw)(images, seed);
                drawn();
                numbers
            })
            .collect();
        gather(&mut samples, draws?);
    }
    Ok(samples)
}

/// Draws of all `replays` together.
pub fn draws(replays: &[Replay], seeds: usize) -> usize {
    replays.iter().map(|replay| replay.seeds.count(seeds)).sum()
}

/// Trains every training result with seeds 0 to `runs` − 1, each run on one thread. `progress` hears of every epoch.
///
/// # Errors
/// A network that cannot be started on this data.
pub fn train_all(images: &LessonImages, runs: usize, progress: impl Fn() + Sync) -> Result<Samples, TrainError> {
    // All seeds of a result before the next result would leave a core idle at the end of each: one list instead.
    let jobs: Vec<(&Training, u64)> =
        TRAININGS.iter().flat_map(|training| (0..runs as u64).map(move |seed| (training, seed))).collect();
    let draws: Result<Vec<Numbers>, TrainError> =
        jobs.into_par_iter().with_max_len(1).map(|(training, seed)| training.run(images, seed, &progress)).collect();
    let mut samples = Samples::new();
    gather(&mut samples, draws?);
    Ok(samples)
}

fn gather(samples: &mut Samples, draws: Vec<Numbers>) {
    for (name, value) in draws.into_iter().flatten() {
        samples.entry(name).or_default().push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expensive_replays_take_a_part_of_the_seeds_but_never_too_few() {
        assert_eq!(Seeds::One.count(1999), 1);
        assert_eq!(Seeds::Part(1).count(1999), 1999);
        assert_eq!(Seeds::Part(4).count(1999), 499);
        assert_eq!(Seeds::Part(20).count(30), FEWEST);
        assert_eq!(Seeds::Part(20).count(3), 3);
    }
}
