//! The sets that have a name: where they are looked for, and what shows that they are what the name says.

use std::path::{Path, PathBuf};

use crate::data::error::{DataError, Fault};
use crate::data::locate::NAMES;
use crate::data::locate::locate;
use crate::data::split::pixel_moments;
use crate::data::{Dataset, Images};

/// A published data set: a row of [`Known::ALL`].
#[derive(Debug, PartialEq, Eq)]
pub struct KnownSet {
    /// The name in `--dataset` and in records, and of the directory that keeps it below `data`.
    pub name: &'static str,
    /// The environment variable that names a directory with the files.
    pub variable: &'static str,
    /// Where people get the files.
    address: &'static str,
    /// Where the hub has it.
    pub hub: HubPlace,
    /// What it must be.
    identity: Identity,
}

/// A set on the Hugging Face hub.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "nothing is downloaded without the feature"))]
pub struct HubPlace {
    /// The repository.
    pub repository: &'static str,
    /// The folder of its two Parquet files.
    pub folder: &'static str,
    /// Bytes of the two files, for a progress bar; their exact size does not matter.
    pub bytes: u64,
}

/// What shows that four files are a published set.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    /// SHA-256 of the four uncompressed files, in the order of [`NAMES`].
    Sums([&'static str; 4]),
    /// What [`describe`] says: sizes, class counts, and mean and standard deviation of the training pixels. For sets of which
    /// only sums of the compressed files are published, which no re-compression keeps.
    Statistics(&'static str),
}

/// LeCun, Cortes and Burges' handwritten digits.
const MNIST: KnownSet = KnownSet {
    name: "mnist",
    variable: "INITLAB_MNIST",
    address: "https://ossci-datasets.s3.amazonaws.com/mnist/",
    hub: HubPlace { repository: "ylecun/mnist", folder: "mnist", bytes: 18_200_000 },
    identity: Identity::Sums([
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ]),
};

/// Zalando's articles of clothing (Xiao, Rasul, Vollgraf 2017), made to replace MNIST without other changes.
const FASHION_MNIST: KnownSet = KnownSet {
    name: "fashion-mnist",
    variable: "INITLAB_FASHION_MNIST",
    address: "https://github.com/zalandoresearch/fashion-mnist/tree/master/data/fashion",
    hub: HubPlace { repository: "zalando-datasets/fashion_mnist", folder: "fashion_mnist", bytes: 36_200_000 },
    identity: Identity::Statistics("60000+10000 images of 28x28, 6000 and 1000 of each class, mean 0.2860, std 0.3530"),
};

/// One of the published data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known(&'static KnownSet);

impl std::ops::Deref for Known {
    type Target = KnownSet;

    fn deref(&self) -> &KnownSet {
        self.0
    }
}

/// How sure it is that a set is what its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The four sums are the known ones.
    Sums,
    /// Sizes, class counts and the mean and standard deviation of the pixels are the published ones.
    Statistics,
}

impl Known {
    /// MNIST.
    pub const MNIST: Self = Self(&MNIST);
    /// Fashion-MNIST.
    pub const FASHION_MNIST: Self = Self(&FASHION_MNIST);
    /// Every set that has a name.
    pub const ALL: [Self; 2] = [Self::MNIST, Self::FASHION_MNIST];

    /// The set called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name == name)
    }

    /// The names of all, as a sentence lists them: "mnist or fashion-mnist".
    pub fn listing() -> String {
        let names = Self::ALL.map(|known| known.name);
        let (last, others) = names.split_last().expect("there are known sets");
        format!("{} or {last}", others.join(", "))
    }

    /// How to get the files without this program's help.
    pub fn by_hand(self) -> String {
        let KnownSet { name, variable, address, .. } = self.0;
        format!(
            "put the four files (NAME.gz or unpacked, from {address}) into data/{name} or name their directory with \
             --data or {variable}"
        )
    }

    /// Whether `dataset`, whose four plain files have `sums`, is the published set.
    ///
    /// # Errors
    /// What differs, and in which of [`NAMES`].
    pub fn check(self, dataset: &Dataset, sums: [&str; 4]) -> Result<Verdict, (usize, Fault)> {
        let unlike = |file: usize, field, found: &str, expected: &str| {
            let next = format!(
                "if this is another data set, pass its directory as --dataset; if it should be {0}, remove the four \
                 files and run `initlab data fetch {0}`",
                self.name
            );
            let expected = format!("{expected} of {}", self.name);
            (file, Fault { field, found: found.into(), expected, next })
        };
        match &self.identity {
            Identity::Sums(known) => match (0..4).find(|&i| sums[i] != known[i]) {
                Some(i) => Err(unlike(i, "SHA-256", sums[i], known[i])),
                None => Ok(Verdict::Sums),
            },
            Identity::Statistics(known) => {
                let found = describe(dataset);
                if found == *known { Ok(Verdict::Statistics) } else { Err(unlike(2, "content", &found, known)) }
            }
        }
    }
}

fn describe(dataset: &Dataset) -> String {
    let (train, test) = (&dataset.train, &dataset.test);
    let per_class = |images: &Images| {
        let mut counts = [0usize; 256];
        images.labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
        let (least, most) = (counts[..dataset.classes].iter().min(), counts.iter().max());
        if least == most { most.map_or(0, |n| *n).to_string() } else { "unequally many".into() }
    };
    let (mean, variance) = pixel_moments(&train.pixels);
    format!(
        "{}+{} images of {}x{}, {} and {} of each class, mean {:.4}, std {:.4}",
        train.len(),
        test.len(),
        train.rows,
        train.cols,
        per_class(train),
        per_class(test),
        mean / 255.0,
        variance.sqrt() / 255.0
    )
}

/// Where known sets are looked for.
#[derive(Clone, Debug)]
pub struct Places {
    /// Directories that the user names for sets, as by their environment variables.
    pub named: Vec<(Known, PathBuf)>,
    /// The directory that keeps known sets, each in a directory of its name: `data`.
    pub root: PathBuf,
}

impl Places {
    /// The places that the environment names; an empty variable names none.
    pub fn from_environment() -> Self {
        let directory = |known: Known| std::env::var_os(known.variable).filter(|value| !value.is_empty());
        let named = Known::ALL.into_iter().filter_map(|known| Some((known, directory(known)?.into())));
        Self { named: named.collect(), root: "data".into() }
    }

    /// Where `known` is kept after a download.
    pub fn kept(&self, known: Known) -> PathBuf {
        self.root.join(known.name)
    }

    /// The directory to read `known` from: `data_dir`, else the environment's, else the kept one if any of the
    /// four files is in it. The first two were named by the user and are returned even if they do not exist.
    pub fn find(&self, known: Known, data_dir: Option<&Path>) -> Option<PathBuf> {
        let of_set = || self.named.iter().find(|(of, _)| *of == known).map(|(_, place)| place.as_path());
        let kept = || Some(self.kept(known)).filter(|kept| locate(kept).iter().any(Option::is_some));
        data_dir.or_else(of_set).map(Path::to_path_buf).or_else(kept)
    }

    /// The error for a set that is in no place.
    pub fn not_found(&self, known: Known) -> DataError {
        let mut looked = vec!["--data (not given)".into(), format!("{} (not set)", known.variable)];
        looked.push(format!("{} (none of {}, …)", self.kept(known).display(), NAMES[2]));
        DataError::NotFound { name: known.name, looked, next: known.by_hand() }
    }
}
