//! The four published files of a set, from a server that has them one by one.

use std::path::Path;

use crate::data::Images;
use crate::data::client::Client;
use crate::data::files;
use crate::data::known::{Known, SIDE};
use crate::data::locate::NAMES;

/// More than any unpacked file of a set like MNIST has: 60,000 images.
const USUAL_BYTES: u64 = 1 << 26;

/// Gets `known` from `mirror`, the address of its directory.
///
/// # Errors
/// Which file does not come, or is none, and why.
pub fn download(known: Known, mirror: &str, client: &Client) -> Result<(Images, Images), String> {
    client.announce(known.name, mirror, known.bytes);
    let images = known.images[0].max(known.images[1]) as u64;
    let most = USUAL_BYTES.max(images * (SIDE * SIDE) as u64 + 1024);
    let addresses = NAMES.map(|name| format!("{mirror}/{name}.gz"));
    let mut bytes = Vec::new();
    for address in &addresses {
        bytes.push(client.get(address, most)?);
    }
    // The faults of a file name its address as they name a path.
    let four = [0, 1, 2, 3].map(|file| (Path::new(&addresses[file]), bytes[file].as_slice()));
    let dataset = files::parse(four, most, known).map_err(|error| error.to_string())?.dataset;
    Ok((dataset.train, dataset.test))
}
