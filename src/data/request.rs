//! From a request to a checked data set: which place is read, and what happens when nothing is there.

use std::path::{Path, PathBuf};

use crate::data::error::DataError;
use crate::data::files::{self, Classes, Source};
use crate::data::known::{Known, Places, Verdict};
use crate::data::{Choice, Dataset, digits, fetch};

/// What to load and from where.
#[derive(Clone, Debug)]
pub struct Request {
    /// The data set.
    pub choice: Choice,
    /// `--data`: the directory that holds the files of MNIST or Fashion-MNIST, and the only place looked at.
    pub data_dir: Option<PathBuf>,
    /// Where known sets are looked for and kept.
    pub places: Places,
    /// Whether an absent known set may be downloaded.
    pub allow_download: bool,
    /// The seed of the built-in digits.
    pub digits_seed: u64,
}

impl Request {
    /// A request with the places that the environment names, downloads allowed, digits from seed 0.
    pub fn new(choice: Choice) -> Self {
        Self { choice, data_dir: None, places: Places::from_environment(), allow_download: true, digits_seed: 0 }
    }
}

/// Where loaded data came from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Four files, in the order of [`files::NAMES`].
    Files(Box<[Source; 4]>),
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
    /// What shows that a known set is what its name says; `None` for a directory and for the digits.
    pub verdict: Option<Verdict>,
    /// One line for the user when the data is not what the default would be.
    pub notice: Option<String>,
}

/// Finds, reads and checks the data set that `request` asks for.
///
/// # Errors
/// The set is absent, broken, or not what its name says; an explicitly named place is never passed over.
pub fn load(request: &Request) -> Result<Loaded, DataError> {
    match &request.choice {
        Choice::Auto => load_auto(request),
        Choice::Mnist => load_known(Known::Mnist, request),
        Choice::FashionMnist => load_known(Known::FashionMnist, request),
        Choice::Digits => {
            refuse_data_dir(request, "digits")?;
            Ok(load_digits(request.digits_seed, None))
        }
        Choice::Directory(directory) => {
            refuse_data_dir(request, "a directory")?;
            load_directory(directory)
        }
    }
}

fn load_auto(request: &Request) -> Result<Loaded, DataError> {
    match load_known(Known::Mnist, request) {
        Err(absent @ (DataError::NotFound { .. } | DataError::Download { .. })) => {
            let notice = format!("using the built-in digits, not MNIST: {absent}");
            Ok(load_digits(request.digits_seed, Some(notice)))
        }
        other => other,
    }
}

fn load_known(known: Known, request: &Request) -> Result<Loaded, DataError> {
    let directory = match request.places.find(known, request.data_dir.as_deref()) {
        Some(directory) => directory,
        None if request.allow_download && fetch::AVAILABLE => {
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
    let read = files::read(directory, known.name(), Classes::Exactly(10))?;
    let verdict = known
        .check(&read.dataset, read.sums())
        .map_err(|(file, fault)| DataError::fault(&read.sources[file].path, fault))?;
    Ok(Loaded {
        dataset: read.dataset,
        origin: Origin::Files(Box::new(read.sources)),
        verdict: Some(verdict),
        notice: None,
    })
}

fn load_directory(directory: &Path) -> Result<Loaded, DataError> {
    let name = directory.file_name().map_or_else(|| ".".into(), |name| name.to_string_lossy().into_owned());
    let read = files::read(directory, &name, Classes::FromLabels).map_err(|error| suggest(error, directory))?;
    Ok(Loaded { dataset: read.dataset, origin: Origin::Files(Box::new(read.sources)), verdict: None, notice: None })
}

fn load_digits(seed: u64, notice: Option<String>) -> Loaded {
    let (train, test) = digits::generate(seed);
    let sums = files::sums_of(&train, &test);
    let sha256 = files::combined_sha256(sums.each_ref().map(String::as_str));
    let dataset = Dataset { name: "digits".into(), sha256, classes: 10, train, test };
    Loaded { dataset, origin: Origin::Generated { seed }, verdict: None, notice }
}

fn refuse_data_dir(request: &Request, what: &str) -> Result<(), DataError> {
    match &request.data_dir {
        None => Ok(()),
        Some(directory) => Err(DataError::Contradiction(format!(
            "--data {} names the files of mnist or fashion-mnist, but the data set is {what}: \
             leave --data out, or pass --dataset {}",
            directory.display(),
            directory.display()
        ))),
    }
}

/// A misspelt name looks like a directory that does not exist.
fn suggest(error: DataError, directory: &Path) -> DataError {
    let DataError::Missing { directory: path, found, missing, mut next } = error else { return error };
    let text = directory.to_string_lossy();
    let nearest = Choice::NAMES
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&text, name), name))
        .min()
        .filter(|(distance, _)| *distance <= 3 && !directory.exists());
    if let Some((_, name)) = nearest {
        next = format!("did you mean `{name}`?");
    }
    DataError::Missing { directory: path, found, missing, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_gets_a_suggestion() {
        let error = load(&Request::new(Choice::parse("fasion-mnist"))).unwrap_err().to_string();
        assert!(error.contains("no such directory") && error.ends_with("did you mean `fashion-mnist`?"), "{error}");
    }
}
