//! From a request to a checked data set: which place is read, and what happens when nothing is there.

use std::path::{Path, PathBuf};

use crate::data::error::DataError;
use crate::data::files::{self, Classes, Source};
use crate::data::form::Form;
use crate::data::known::{Known, Layout, Places, Verdict};
use crate::data::locate::set_at;
#[cfg(feature = "fetch")]
use crate::data::offline;
use crate::data::split::{Prepared, Split};
use crate::data::{Choice, Dataset, Images, cifar, digits, fetch, home};
use crate::spelling::nearest;

/// Data set to load, and where to load it from.
#[derive(Clone, Debug)]
pub struct Request {
    /// The data set.
    pub choice: Choice,
    /// `--data`: the directory that holds the files of a known set, and the only place looked at.
    pub data_dir: Option<PathBuf>,
    /// Where known sets are looked for and kept.
    pub places: Places,
    /// True if an absent known set may be downloaded.
    pub allow_download: bool,
    /// The seed of the built-in digits.
    pub digits_seed: u64,
}

impl Request {
    /// A request with the places that the environment names, downloads allowed, digits from seed 0.
    pub fn new(choice: Choice) -> Self {
        Self { choice, data_dir: None, places: Places::from_environment(), allow_download: true, digits_seed: 0 }
    }

    /// Returns a copy whose paths have the home directory in the place of `~`.
    fn at_home(&self) -> Result<Self, DataError> {
        let expand = |path: &PathBuf| home::expand(path).map_err(DataError::Contradiction);
        let mut request = self.clone();
        if let Choice::Directory(directory) = &mut request.choice {
            *directory = expand(directory)?;
        }
        let named = request.places.named.iter_mut().map(|(_, place)| place);
        for place in request.data_dir.iter_mut().chain(named) {
            *place = expand(place)?;
        }
        Ok(request)
    }
}

/// Where loaded data came from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Files; four of IDX in the order of [`NAMES`](crate::data::locate::NAMES).
    Files(Vec<Source>),
    /// The built-in digits.
    Generated {
        /// Their seed.
        seed: u64,
    },
}

/// A loaded data set.
#[derive(Debug)]
pub struct Loaded {
    /// The images and labels.
    pub dataset: Dataset,
    /// Where they came from.
    pub origin: Origin,
    /// Evidence that a known set is what its name says; `None` for a directory and for the digits.
    pub verdict: Option<Verdict>,
    /// One line for the user when the data is not what the default would be.
    pub notice: Option<String>,
}

impl Prepared {
    /// Loads a data set with its usual split into training and test images.
    ///
    /// ```
    /// use initlab::data::{Choice, Part, Prepared};
    ///
    /// let digits = Prepared::load(Choice::Digits)?;
    /// assert_eq!(digits.values_per_image(), 784);
    /// assert!(digits.len(Part::Train) > 1000);
    /// # Ok::<(), initlab::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`load`].
    pub fn load(choice: Choice) -> Result<Self, DataError> {
        Self::new(load(&Request::new(choice))?.dataset, Split::Usual)
    }
}

/// Finds, reads and checks the data set that `request` asks for.
///
/// # Errors
/// The set is absent, broken, or not what its name says; an explicitly named place is never passed over.
pub fn load(request: &Request) -> Result<Loaded, DataError> {
    let request = &request.at_home()?;
    match &request.choice {
        Choice::Auto => load_auto(request),
        Choice::Known(known) => load_known(*known, request),
        Choice::Digits => {
            refuse_data_dir(request, "digits")?;
            Ok(load_digits(request.digits_seed, None))
        }
        Choice::ColourDigits => {
            refuse_data_dir(request, "colour-digits")?;
            Ok(generated("colour-digits", digits::in_colour(request.digits_seed), request.digits_seed, None))
        }
        Choice::Directory(directory) => {
            refuse_data_dir(request, "a directory")?;
            load_directory(directory)
        }
    }
}

fn load_auto(request: &Request) -> Result<Loaded, DataError> {
    #[cfg(feature = "fetch")]
    if would_download(Known::MNIST, request) && offline::failed_lately(Known::MNIST) {
        let notice = "using the built-in digits, not MNIST, whose download failed less than a day ago; `initlab data fetch \
                      mnist` tries again";
        return Ok(load_digits(request.digits_seed, Some(notice.into())));
    }
    let loaded = load_known(Known::MNIST, request);
    #[cfg(feature = "fetch")]
    if matches!(loaded, Err(DataError::Download { .. })) {
        offline::remember(Known::MNIST);
    }
    match loaded {
        Err(absent @ (DataError::NotFound { .. } | DataError::Download { .. })) => {
            let notice = format!("using the built-in digits, not MNIST: {absent}");
            Ok(load_digits(request.digits_seed, Some(notice)))
        }
        other => other,
    }
}

/// True if `known` lies nowhere and may be downloaded.
fn would_download(known: Known, request: &Request) -> bool {
    let is_there = request.places.find(known, request.data_dir.as_deref()).is_some();
    !is_there && request.allow_download && fetch::AVAILABLE && fetch::is_served(known)
}

fn load_known(known: Known, request: &Request) -> Result<Loaded, DataError> {
    let directory = match request.places.find(known, request.data_dir.as_deref()) {
        Some(directory) => directory,
        None if would_download(known, request) => {
            let kept = request.places.kept(known);
            fetch::fetch(known, &kept, fetch::time_limit()?)?;
            kept
        }
        None => return Err(request.places.not_found(known)),
    };
    read_known(known, &directory)
}

/// Reads `known` from `directory` and checks that it is that set.
///
/// # Errors
/// The files are absent, broken, or another set's.
pub fn read_known(known: Known, directory: &Path) -> Result<Loaded, DataError> {
    let read = match (known.layout, cifar::locate(directory)) {
        (Layout::Cifar { .. }, Some(place)) => cifar::read(&place, known.name)?,
        (Layout::Idx | Layout::Cifar { .. }, _) => {
            files::read(directory, known.name, Classes::Exactly(known.classes), known.form)?
        }
    };
    let verdict = known
        .check(&read.dataset, read.sums.each_ref().map(String::as_str))
        .map_err(|(file, fault)| DataError::fault(&read.sources[file.min(read.sources.len() - 1)].path, fault))?;
    Ok(Loaded { dataset: read.dataset, origin: Origin::Files(read.sources), verdict: Some(verdict), notice: None })
}

fn load_directory(directory: &Path) -> Result<Loaded, DataError> {
    let name = directory.file_name().map_or_else(|| ".".into(), |name| name.to_string_lossy().into_owned());
    // Files that are called as a published set's lie as that set's do.
    let form = Known::from_name(&set_at(directory, &name)).map_or(Form::MNIST, |known| known.form);
    let read = match cifar::locate(directory) {
        Some(place) => cifar::read(&place, &name)?,
        None => files::read(directory, &name, Classes::FromLabels, form).map_err(|error| suggest(error, directory))?,
    };
    Ok(Loaded { dataset: read.dataset, origin: Origin::Files(read.sources), verdict: None, notice: None })
}

fn load_digits(seed: u64, notice: Option<String>) -> Loaded {
    generated("digits", digits::generate(seed), seed, notice)
}

fn generated(name: &str, (train, test): (Images, Images), seed: u64, notice: Option<String>) -> Loaded {
    let dataset = files::of_images(name, 10, train, test, Vec::new()).dataset;
    Loaded { dataset, origin: Origin::Generated { seed }, verdict: None, notice }
}

fn refuse_data_dir(request: &Request, what: &str) -> Result<(), DataError> {
    match &request.data_dir {
        None => Ok(()),
        Some(directory) => Err(DataError::Contradiction(format!(
            "--data {0} names the files of {1}, but the data set is {what}: leave --data out, or pass --dataset {0}",
            directory.display(),
            Known::listing()
        ))),
    }
}

/// A misspelt name looks like a directory that does not exist.
fn suggest(error: DataError, directory: &Path) -> DataError {
    let DataError::Missing { directory: path, found, missing, mut next } = error else { return error };
    if !directory.exists()
        && let Some(advice) = advice(&directory.to_string_lossy())
    {
        next = advice;
    }
    DataError::Missing { directory: path, found, missing, next }
}

/// A set that has files of MNIST's form and no name here.
const RELATIVE: &str = "notmnist";

/// Guesses what `text` was meant to be, if it looks like a name and not like a path.
fn advice(text: &str) -> Option<String> {
    if text.contains(char::is_control) {
        let advice = "the name has a line break, a tab or the like in it: in double quotes a backslash begins an escape, so write \
                      a path with forward slashes or in single quotes";
        return Some(advice.into());
    }
    let name = text.to_lowercase();
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || "-_ ".contains(c)) {
        return None;
    }
    let parts: Vec<&str> = Choice::names().filter(|known| known.starts_with(&format!("{name}-"))).collect();
    if parts.len() > 1 {
        return Some(format!("`{name}` is several sets: name one of {}", parts.join(", ")));
    }
    if name == RELATIVE {
        return Some(format!("`{name}` is no name of this program: get its files and name their directory"));
    }
    nearest(&name, Choice::names()).map(|known| format!("did you mean `{known}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_misspelt_name_gets_a_suggestion_and_a_path_none() {
        for (text, want) in [
            ("fasion-mnist", Some("did you mean `fashion-mnist`?")),
            ("MNIST", Some("did you mean `mnist`?")),
            ("mnits", Some("did you mean `mnist`?")),
            ("fashion_mnist", Some("did you mean `fashion-mnist`?")),
            ("digit", Some("did you mean `digits`?")),
            ("notmnist", Some("get its files and name their directory")),
            ("emnist", Some("several sets: name one of emnist-balanced, emnist-byclass, ")),
            ("kmnits", Some("did you mean `kmnist`?")),
            ("emnist_letters", Some("did you mean `emnist-letters`?")),
            ("data", None),
            ("./mnits", None),
            ("mnist/raw", None),
            ("~mnist", None),
            ("letters", None),
            ("C:\new\tmnist", Some("forward slashes or in single quotes")),
            ("", None),
        ] {
            let found = advice(text);
            assert!(
                found.as_deref().map(|found| found.contains(want.unwrap_or("nothing"))) == want.map(|_| true),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn a_misspelt_name_is_an_error_with_that_suggestion() {
        let error = load(&Request::new(Choice::parse("fasion-mnist"))).unwrap_err().to_string();
        assert!(error.contains("no such directory") && error.ends_with("did you mean `fashion-mnist`?"), "{error}");
    }
}
