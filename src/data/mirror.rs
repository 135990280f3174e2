//! The published files of a set, from a server: four of them one by one, or an archive.

use std::path::Path;

use md5::{Digest, Md5};

use crate::data::Images;
use crate::data::client::Client;
use crate::data::known::{Known, Layout};
use crate::data::locate::NAMES;
use crate::data::{cifar, files};

/// More than any unpacked file of a set like MNIST has: 60,000 images.
const USUAL_BYTES: u64 = 1 << 26;

/// Gets `known` from `mirror`, the address of its directory.
///
/// # Errors
/// Which file does not come, or is none, and why.
pub fn download(known: Known, mirror: &str, client: &Client) -> Result<(Images, Images), String> {
    client.announce(known.name, mirror, known.bytes);
    let values: u64 = known.dims.iter().product::<usize>() as u64;
    let most = USUAL_BYTES.max((known.images[0] + known.images[1]) as u64 * (values + 1) + 1024);
    if let Layout::Cifar { archive, md5 } = known.layout {
        let address = format!("{mirror}/{archive}");
        return of_archive(&client.get(&address, most)?, md5).map_err(|reason| format!("{address}: {reason}"));
    }
    let addresses = NAMES.map(|name| format!("{mirror}/{name}.gz"));
    let mut bytes = Vec::new();
    for address in &addresses {
        bytes.push(client.get(address, most)?);
    }
    // The faults of a file name its address as they name a path.
    let four = [0, 1, 2, 3].map(|file| (Path::new(&addresses[file]), bytes[file].as_slice()));
    let dataset =
        files::parse(four, most, (known.name, known.classes, known.form)).map_err(|error| error.to_string())?.dataset;
    Ok((dataset.train, dataset.test))
}

/// The images of an archive with the published sum.
fn of_archive(archive: &[u8], md5: &str) -> Result<(Images, Images), String> {
    let found = files::hex(&Md5::digest(archive));
    if found != md5 {
        return Err(format!("MD5: found {found}, expected {md5}, as published"));
    }
    cifar::of_archive(archive)
}
