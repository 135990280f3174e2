//! How a network runs on cores: which weights are read transposed, and into how many shards a batch is cut.
//!
//! It follows from the batch and the network alone, never from the number of threads, so that results do not depend on that.

use crate::model::network::Network;
use crate::model::param::{Param, Role};

/// Weights of this many values are multiplied by the whole batch at once.
const WIDE_WEIGHT: usize = 512 * 512;

/// Rows of a shard: enough for the matrix product to run at full speed, few enough to stay in a core's cache.
const SHARD_ROWS: usize = 64;

/// True if the products of `param` are so large that the whole batch takes part in one.
fn is_wide(param: &Param) -> bool {
    param.role == Role::Weight && param.len() >= WIDE_WEIGHT
}

/// True if the forward pass reads `param` transposed. Large linear weights stay as they are, and their samples are transposed.
pub fn is_transposed(param: &Param) -> bool {
    param.role == Role::Weight && (param.shape.len() == 4 || !is_wide(param))
}

/// Batch norm needs the whole batch at once; very wide layers would pack the same large weights for every shard, and
/// run faster with threads inside the product.
pub fn takes_whole_batch(network: &Network) -> bool {
    !network.running.is_empty() || network.params.iter().any(is_wide)
}

/// Into how many shards a batch of `rows` is cut.
pub fn shards(network: &Network, rows: usize) -> usize {
    if takes_whole_batch(network) { 1 } else { rows.div_ceil(SHARD_ROWS).max(1) }
}
