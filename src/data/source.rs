//! Whom to ask for a known set: its mirrors one after the other, then the hub.

use crate::data::client::Client;
use crate::data::error::{DataError, Fault};
use crate::data::known::Known;
use crate::data::locate::NAMES;
use crate::data::{Images, files, mirror};
#[cfg(feature = "hub")]
use crate::data::{hub, known::HubPlace};

/// Someone who has a set.
pub enum Source {
    /// A server's directory with the four files.
    Mirror(String),
    /// The Hugging Face hub.
    #[cfg(feature = "hub")]
    Hub(&'static HubPlace),
}

/// Who has `known`, in the order in which they are asked. A mirror that `INITLAB_MIRROR` names takes the place of the public ones.
///
/// # Errors
/// The variable is set to something else than an address.
pub fn of(known: Known) -> Result<Vec<Source>, DataError> {
    let mirrors = match named_mirror() {
        None => known.mirrors.iter().map(ToString::to_string).collect(),
        Some(address) if address.starts_with("http://") || address.starts_with("https://") => {
            vec![format!("{}/{}", address.trim_end_matches('/'), known.name)]
        }
        Some(other) => {
            let message = format!(
                "INITLAB_MIRROR: found `{other}`, expected the http:// or https:// address of a directory with {}/{}.gz \
                 and the other three",
                known.name, NAMES[0]
            );
            return Err(DataError::Contradiction(message));
        }
    };
    let sources = mirrors.into_iter().map(Source::Mirror);
    #[cfg(feature = "hub")]
    let sources = sources.chain(known.hub().map(Source::Hub));
    Ok(sources.collect())
}

/// The server that `INITLAB_MIRROR` names in place of the public ones.
pub fn named_mirror() -> Option<String> {
    std::env::var("INITLAB_MIRROR").ok().filter(|address| !address.is_empty())
}

impl Source {
    /// The training and the test images of `known`, found to be that set.
    ///
    /// # Errors
    /// Why they do not come, or what came instead, with the address.
    pub fn images(&self, known: Known, client: &Client) -> Result<(Images, Images), String> {
        let (from, (train, test)) = match self {
            Self::Mirror(address) => (address.as_str(), mirror::download(known, address, client)?),
            #[cfg(feature = "hub")]
            Self::Hub(place) => (place.repository, hub::download(known, place, client)?),
        };
        let files::ReadSet { dataset, sums, .. } = files::of_images(known.name, known.classes, train, test, Vec::new());
        known.check(&dataset, sums.each_ref().map(String::as_str)).map_err(
            |(file, Fault { field, found, expected, .. })| {
                format!(
                    "what came from {from} is not {}: {}: {field}: found {found}, expected {expected}",
                    known.name, NAMES[file]
                )
            },
        )?;
        Ok((dataset.train, dataset.test))
    }
}
