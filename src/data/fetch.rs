//! Downloads of known sets through candle-datasets, bounded in time and checked before they are kept.
//!
//! candle-datasets downloads from the Hugging Face hub without a time limit and without a checksum. Here the
//! download runs in a thread of its own that is left behind when its time is over; the pixels that come are turned
//! back into IDX files, compared with what is known of the set, and only then put in place by one rename.
//! The hub's own variables hold: `HF_ENDPOINT` for a mirror, `HF_HOME` for its cache.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::data::error::DataError;
use crate::data::known::Known;

/// Whether this build can download: it was built with the feature `hub`.
pub const AVAILABLE: bool = cfg!(feature = "hub");

/// The longest that a download may take unless `INITLAB_FETCH_SECONDS` says otherwise.
pub const TIME_LIMIT: Duration = Duration::from_secs(120);

/// [`TIME_LIMIT`], or the whole number of seconds in the environment variable `INITLAB_FETCH_SECONDS`.
///
/// # Errors
/// The variable is set to something else.
pub fn time_limit() -> Result<Duration, DataError> {
    match std::env::var("INITLAB_FETCH_SECONDS") {
        Err(_) => Ok(TIME_LIMIT),
        Ok(text) => text.parse().map(Duration::from_secs).map_err(|_| {
            let message = format!("INITLAB_FETCH_SECONDS: found `{text}`, expected a whole number of seconds");
            DataError::Contradiction(message)
        }),
    }
}

/// Downloads `known` into `directory`, which must be new or empty, within `limit`; progress goes to stderr.
///
/// # Errors
/// The directory is taken, the download fails or takes too long, or what comes is not the known set; nothing is
/// left in `directory` then. Without the feature `hub` always.
pub fn fetch(known: Known, directory: &Path, limit: Duration) -> Result<(), DataError> {
    // Better said before the download than after it.
    if fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
        let next = "name a new or empty directory, or check what is there with `initlab data verify`";
        return Err(failed(known, format!("{} is not empty", directory.display()), next.into()));
    }
    into_empty(known, directory, limit)
}

fn failed(known: Known, reason: String, next: String) -> DataError {
    DataError::Download { name: known.name(), reason, next }
}

#[cfg(not(feature = "hub"))]
fn into_empty(known: Known, _directory: &Path, _limit: Duration) -> Result<(), DataError> {
    let reason = "this build was made without the feature `hub`".into();
    Err(failed(known, reason, known.by_hand()))
}

#[cfg(feature = "hub")]
fn into_empty(known: Known, directory: &Path, limit: Duration) -> Result<(), DataError> {
    use crate::data::{Dataset, files};

    let give_up = |reason| failed(known, reason, known.by_hand());
    let (train, test) = hub::download(known, limit).map_err(give_up)?;
    let sums = files::sums_of(&train, &test);
    let sums = sums.each_ref().map(String::as_str);
    let sha256 = files::combined_sha256(sums);
    let dataset = Dataset { name: known.name().into(), sha256, classes: 10, train, test };
    if let Err((file, fault)) = known.check(&dataset, sums) {
        let (name, found, expected) = (files::NAMES[file], fault.found, fault.expected);
        let reason =
            format!("what came is not {}: {name}: {}: found {found}, expected {expected}", known.name(), fault.field);
        return Err(give_up(reason));
    }
    files::write(directory, &dataset.train, &dataset.test)
}

#[cfg(feature = "hub")]
mod hub {
    use std::path::{Path, PathBuf};
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::{Duration, Instant};

    use candle_core::{Storage, Tensor};
    use candle_datasets::vision;
    use indicatif::{ProgressBar, ProgressStyle};

    use crate::data::Images;
    use crate::data::known::Known;

    /// The training and the test images, or the reason why they did not come.
    type Outcome = Result<(Images, Images), String>;

    pub fn download(known: Known, limit: Duration) -> Outcome {
        let (sender, receiver) = channel();
        // The thread cannot be stopped: after the limit nobody listens, and it ends with its download or the process.
        std::thread::spawn(move || {
            let _ = sender.send(load(known));
        });
        let cache = cache(known);
        let start = Instant::now();
        let bar = progress(known, limit);
        loop {
            let left = limit.saturating_sub(start.elapsed());
            match receiver.recv_timeout(left.min(Duration::from_millis(200))) {
                Ok(outcome) => return outcome,
                Err(RecvTimeoutError::Disconnected) => return Err("the files that came could not be decoded".into()),
                Err(RecvTimeoutError::Timeout) if start.elapsed() >= limit => {
                    let seconds = limit.as_secs();
                    return Err(format!("no end after {seconds} s (INITLAB_FETCH_SECONDS sets this limit)"));
                }
                Err(RecvTimeoutError::Timeout) => bar.set_position(size_of(&cache)),
            }
        }
    }

    /// Bytes of the two files on the hub, for the bar; their exact size does not matter.
    fn expected_bytes(known: Known) -> u64 {
        match known {
            Known::Mnist => 18_200_000,
            Known::FashionMnist => 36_200_000,
        }
    }

    fn progress(known: Known, limit: Duration) -> ProgressBar {
        let bar = ProgressBar::new(expected_bytes(known));
        if bar.is_hidden() {
            // No terminal, no bar: one plain line.
            // A line that cannot be written must not end the download.
            let line = format!("downloading {} (at most {} s)\n", known.name(), limit.as_secs());
            let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), line.as_bytes());
        }
        let style = ProgressStyle::with_template("downloading {msg} {bar:30} {bytes} {elapsed}");
        bar.set_style(style.expect("the template is valid"));
        bar.set_message(known.name());
        bar
    }

    /// Where the hub's client keeps what it downloads of `known`.
    fn cache(known: Known) -> PathBuf {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let hub = variable("HF_HUB_CACHE").or_else(|| variable("HUGGINGFACE_HUB_CACHE"));
        let home = || {
            variable("HF_HOME")
                .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("huggingface")))
                .unwrap_or_else(|| variable("HOME").unwrap_or_default().join(".cache/huggingface"))
        };
        hub.unwrap_or_else(|| home().join("hub")).join(match known {
            Known::Mnist => "datasets--ylecun--mnist/blobs",
            Known::FashionMnist => "datasets--zalando-datasets--fashion_mnist/blobs",
        })
    }

    fn size_of(directory: &Path) -> u64 {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).sum()
    }

    fn load(known: Known) -> Outcome {
        let loaded = match known {
            Known::Mnist => vision::mnist::load(),
            Known::FashionMnist => vision::fashion_mnist::load(),
        };
        let set = loaded.map_err(|error| without_echo(&error.to_string()))?;
        Ok((images(&set.train_images, &set.train_labels)?, images(&set.test_images, &set.test_labels)?))
    }

    /// The hub's client names the address at the end twice.
    fn without_echo(text: &str) -> String {
        match text.rsplit_once(" (") {
            Some((said, last)) if said.ends_with(&format!("({last}")) => said.into(),
            _ => text.into(),
        }
    }

    /// `pixels` is [n, 784] in f32 as pixel/255, `labels` [n] in u8.
    fn images(pixels: &Tensor, labels: &Tensor) -> Result<Images, String> {
        let message = |error: candle_core::Error| error.to_string();
        let labels = labels.to_vec1::<u8>().map_err(message)?;
        let (storage, _) = pixels.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else { return Err("the images came on a device".into()) };
        let pixels = storage.as_slice::<f32>().map_err(message)?.iter().map(|x| (x * 255.0).round() as u8).collect();
        Ok(Images { pixels, labels, rows: 28, cols: 28 })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_address_that_stands_twice_is_said_once() {
            assert_eq!(without_echo("no answer (http://hub/a) (http://hub/a)"), "no answer (http://hub/a)");
            for text in ["no answer (a) (b)", "no answer (a)", "no answer"] {
                assert_eq!(without_echo(text), text);
            }
        }
    }
}
