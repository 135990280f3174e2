//! placeholder
use crate::data::Images;
/// x
pub fn generate(_seed: u64) -> (Images, Images) {
    todo!()
}
