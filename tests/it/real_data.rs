//! Where the tests find the real MNIST.

use std::path::PathBuf;

/// The directory of the real MNIST files: `INITLAB_MNIST`, `data/mnist`, or `../shared/mnist` beside the project. A test
/// that needs them says so and passes where they are absent.
pub fn mnist() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let places = std::env::var_os("INITLAB_MNIST").map(PathBuf::from).into_iter();
    let found = places.chain([root.join("data/mnist"), root.join("../shared/mnist")]).find(|dir| {
        ["train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"].iter().any(|name| dir.join(name).is_file())
    });
    if found.is_none() {
        eprintln!("skipped: the real MNIST is not here; set INITLAB_MNIST to its directory");
    }
    found
}
