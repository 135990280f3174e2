//! The sets that have a name: where they are looked for, and what shows that they are what the name says.

use std::path::{Path, PathBuf};

use crate::data::error::{DataError, Fault};
use crate::data::files::NAMES;
use crate::data::locate::locate;
use crate::data::split::pixel_moments;
use crate::data::{Dataset, Images};

/// A published data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// LeCun, Cortes and Burges' handwritten digits.
    Mnist,
    /// Zalando's articles of clothing (Xiao, Rasul, Vollgraf 2017), made to replace MNIST without other changes.
    FashionMnist,
}

/// SHA-256 of MNIST's four uncompressed files, in the order of [`NAMES`].
const MNIST_SHA256: [&str; 4] = [
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
];

/// How sure it is that a set is what its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The four sums are the known ones.
    Sums,
    /// Sizes, class counts and the mean and standard deviation of the pixels are the published ones.
    Statistics,
}

impl Known {
    /// The name in `--dataset` and in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
        }
    }

    /// The environment variable that names a directory with the files.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Mnist => "INITLAB_MNIST",
            Self::FashionMnist => "INITLAB_FASHION_MNIST",
        }
    }

    /// How to get the files without this program's help.
    pub fn by_hand(self) -> String {
        let address = match self {
            Self::Mnist => "https://ossci-datasets.s3.amazonaws.com/mnist/",
            Self::FashionMnist => "https://github.com/zalandoresearch/fashion-mnist/tree/master/data/fashion",
        };
        format!(
            "put the four files (NAME.gz or unpacked, from {address}) into data/{} or name their directory with \
             --data or {}",
            self.name(),
            self.variable()
        )
    }

    /// Whether `dataset`, whose four plain files have `sums`, is the published set.
    ///
    /// MNIST is compared by the sums of its four files. Of Fashion-MNIST only sums of the compressed files are
    /// published, which no re-compression keeps; it is known by its sizes, by its 6,000 and 1,000 images of each
    /// class, and by the published mean 0.2860 and standard deviation 0.3530 of its training pixels.
    ///
    /// # Errors
    /// What differs, and in which of [`NAMES`].
    pub fn check(self, dataset: &Dataset, sums: [&str; 4]) -> Result<Verdict, (usize, Fault)> {
        let unlike = |file: usize, field, found: &str, expected: &str| {
            let next = format!(
                "if this is another data set, pass its directory as --dataset; if it should be {0}, remove the four \
                 files and run `initlab data fetch {0}`",
                self.name()
            );
            let expected = format!("{expected} of {}", self.name());
            (file, Fault { field, found: found.into(), expected, next })
        };
        match self {
            Self::Mnist => match (0..4).find(|&i| sums[i] != MNIST_SHA256[i]) {
                Some(i) => Err(unlike(i, "SHA-256", sums[i], MNIST_SHA256[i])),
                None => Ok(Verdict::Sums),
            },
            Self::FashionMnist => {
                let found = describe(dataset);
                let expected = "60000+10000 images of 28x28, 6000 and 1000 of each class, mean 0.2860, std 0.3530";
                if found == expected { Ok(Verdict::Statistics) } else { Err(unlike(2, "content", &found, expected)) }
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
    /// The value of `INITLAB_MNIST`.
    pub mnist: Option<PathBuf>,
    /// The value of `INITLAB_FASHION_MNIST`.
    pub fashion_mnist: Option<PathBuf>,
    /// The directory that keeps known sets, each in a directory of its name: `data`.
    pub root: PathBuf,
}

impl Places {
    /// The places that the environment names; an empty variable names none.
    pub fn from_environment() -> Self {
        let directory = |known: Known| std::env::var_os(known.variable()).filter(|v| !v.is_empty()).map(PathBuf::from);
        Self { mnist: directory(Known::Mnist), fashion_mnist: directory(Known::FashionMnist), root: "data".into() }
    }

    /// Where `known` is kept after a download.
    pub fn kept(&self, known: Known) -> PathBuf {
        self.root.join(known.name())
    }

    /// The directory to read `known` from: `data_dir`, else the environment's, else the kept one if any of the
    /// four files is in it. The first two were named by the user and are returned even if they do not exist.
    pub fn find(&self, known: Known, data_dir: Option<&Path>) -> Option<PathBuf> {
        let named = data_dir.or(self.named(known));
        let kept = || Some(self.kept(known)).filter(|kept| locate(kept).iter().any(Option::is_some));
        named.map(Path::to_path_buf).or_else(kept)
    }

    /// The error for a set that is in no place.
    pub fn not_found(&self, known: Known) -> DataError {
        let mut looked = vec!["--data (not given)".into(), format!("{} (not set)", known.variable())];
        looked.push(format!("{} (none of {}, …)", self.kept(known).display(), NAMES[2]));
        DataError::NotFound { name: known.name(), looked, next: known.by_hand() }
    }

    fn named(&self, known: Known) -> Option<&Path> {
        match known {
            Known::Mnist => self.mnist.as_deref(),
            Known::FashionMnist => self.fashion_mnist.as_deref(),
        }
    }
}
