//! Randomness by name: a `(seed, stream name)` pair always gives the same draws, on every machine.
//!
//! Nothing else in the crate makes randomness. A stream is named for its purpose (`"init/conv2.weight"`,
//! `"order/epoch3"`), so adding a layer changes the draws of no other layer, and two initialisations
//! of one study start from the same standard-normal draws.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use sha2::{Digest, Sha256};

/// The generator behind every stream.
pub type Rng = ChaCha8Rng;

/// Opens the stream `name` of `seed` at its beginning.
pub fn rng(seed: u64, name: &str) -> Rng {
    let mut hash = Sha256::new();
    hash.update(b"initlab stream 1\0");
    hash.update(seed.to_le_bytes());
    hash.update(name.as_bytes());
    Rng::from_seed(hash.finalize().into())
}

/// `n` standard-normal draws.
pub fn standard_normals(rng: &mut Rng, n: usize) -> Vec<f64> {
    StandardNormal.sample_iter(rng).take(n).collect()
}

/// A uniform draw in `[0, 1)` with 53 random bits.
pub fn uniform(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A uniform draw in `0..n`, without bias (Lemire 2019, "Fast random integer generation in an interval").
pub fn below(rng: &mut Rng, n: u32) -> u32 {
    assert!(n > 0, "the interval of a draw must not be empty");
    let threshold = n.wrapping_neg() % n;
    loop {
        let product = u64::from(rng.next_u32()) * u64::from(n);
        if product as u32 >= threshold {
            return (product >> 32) as u32;
        }
    }
}

/// A uniform random permutation of `0..n` (Fisher–Yates).
pub fn permutation(rng: &mut Rng, n: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    for i in (1..n).rev() {
        order.swap(i, below(rng, i as u32 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The draws are part of the file format: a change of them changes every recorded run.
    #[test]
    fn golden_draws_stay_as_they_are() {
        let mut stream = rng(0, "init/1.weight");
        let normals = standard_normals(&mut stream, 3);
        let rest = (below(&mut stream, 10), uniform(&mut stream));
        assert_eq!(format!("{normals:?} {rest:?}"), GOLDEN);
    }
    const GOLDEN: &str = "[1.390875095863495, -1.21611623481765, -0.21460192432248482] (6, 0.6925013047706107)";

    #[test]
    fn streams_differ_by_seed_and_by_name() {
        let first = |seed, name| rng(seed, name).next_u64();
        assert_ne!(first(0, "a"), first(1, "a"));
        assert_ne!(first(0, "a"), first(0, "b"));
        assert_eq!(first(7, "a"), first(7, "a"));
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = permutation(&mut rng(3, "order"), 1000);
        assert_ne!(order[..5], [0, 1, 2, 3, 4]);
        order.sort_unstable();
        assert!(order.iter().copied().eq(0..1000));
    }
}
