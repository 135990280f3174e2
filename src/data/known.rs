//! The sets that have a name: where they are looked for, and what shows that they are what the name says.

use std::path::{Path, PathBuf};

use crate::data::error::{DataError, Fault};
use crate::data::form::Form;
use crate::data::locate::NAMES;
use crate::data::locate::locate;
use crate::data::split::channel_moments;
use crate::data::{Dataset, Images, cifar};
use crate::spelling::any_of;

/// A published data set: a row of the table below.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownSet {
    /// The name in `--dataset` and in records, of the directory that keeps it below `data`, and before the names of its files where
    /// those have a set's name.
    pub name: &'static str,
    /// The environment variable that names a directory with the files; EMNIST's six sets may lie in one.
    pub variable: &'static str,
    /// Where people get the files.
    address: &'static str,
    /// Directories on public servers that have the four compressed files one by one, in the order in which they are asked.
    #[cfg_attr(not(feature = "fetch"), allow(dead_code, reason = "nothing is downloaded without the feature"))]
    pub mirrors: &'static [&'static str],
    /// Bytes of these four files, for a progress bar; their exact size does not matter.
    #[cfg_attr(not(feature = "fetch"), allow(dead_code, reason = "nothing is downloaded without the feature"))]
    pub bytes: u64,
    /// Where the hub has it, if it is there in a form that this program reads.
    #[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "nothing is downloaded without the feature"))]
    pub hub: Option<HubPlace>,
    /// Labels are below this.
    pub classes: usize,
    /// Images that train and that test.
    pub images: [usize; 2],
    /// Channels, rows and columns of an image.
    pub dims: [usize; 3],
    /// True if there are equally many images of each class.
    balanced: bool,
    /// The kind of files that are published.
    pub layout: Layout,
    /// How the published files differ from MNIST's.
    pub form: Form,
    /// Evidence, beyond sizes and class counts, that files are this set.
    identity: Identity,
}

/// Height and width of MNIST's images and of those of its relatives, in pixels.
pub const SIDE: usize = 28;
/// Grey images of that size.
const GREY: [usize; 3] = [1, SIDE, SIDE];

/// The kind of files that a set is published as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Four IDX files.
    Idx,
    /// CIFAR-10's binary files in an archive of this name, with its MD5 as published.
    Cifar {
        /// Name of the archive.
        archive: &'static str,
        /// MD5 of the archive, in hexadecimal.
        #[cfg_attr(not(feature = "fetch"), allow(dead_code, reason = "nothing is downloaded without the feature"))]
        md5: &'static str,
    },
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

/// Evidence that four files are a published set.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    /// SHA-256 of the four uncompressed files, in the order of [`NAMES`].
    Sums([&'static str; 4]),
    /// Mean and standard deviation of the training pixels, as [`moments`] says them. For sets of which only sums of the compressed
    /// files are published, which no re-compression keeps.
    Moments(&'static str),
    /// Nothing is published that could be compared.
    CountsAlone,
}

const EMNIST: &str = "https://www.nist.gov/itl/products-and-services/emnist-dataset (the archive in MNIST's format)";

/// A set of EMNIST (Cohen, Afshar, Tapson, van Schaik 2017): NIST's digits and letters in MNIST's form, with rows and columns swapped.
const fn emnist(name: &'static str, classes: usize, images: [usize; 2], balanced: bool, first_label: u8) -> KnownSet {
    let form = Form { swapped: true, first_label };
    let (variable, address, identity) = ("INITLAB_EMNIST", EMNIST, Identity::CountsAlone);
    let (mirrors, bytes, hub): (&[_], _, _) = (&[], 0, None);
    let (dims, layout) = (GREY, Layout::Idx);
    KnownSet { name, variable, address, mirrors, bytes, hub, classes, images, dims, balanced, layout, form, identity }
}

/// The sets. A further one is a row here.
static SETS: &[KnownSet] = &[
    // LeCun, Cortes and Burges' handwritten digits.
    KnownSet {
        name: "mnist",
        variable: "INITLAB_MNIST",
        address: "https://ossci-datasets.s3.amazonaws.com/mnist/",
        mirrors: &[
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ],
        bytes: 11_600_000,
        hub: Some(HubPlace { repository: "ylecun/mnist", folder: "mnist", bytes: 18_200_000 }),
        classes: 10,
        images: [60_000, 10_000],
        dims: GREY,
        balanced: false,
        layout: Layout::Idx,
        form: Form::MNIST,
        identity: Identity::Sums([
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ]),
    },
    // Zalando's articles of clothing (Xiao, Rasul, Vollgraf 2017), made to replace MNIST without other changes.
    KnownSet {
        name: "fashion-mnist",
        variable: "INITLAB_FASHION_MNIST",
        address: "https://github.com/zalandoresearch/fashion-mnist/tree/master/data/fashion",
        mirrors: &[
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        ],
        bytes: 30_900_000,
        hub: Some(HubPlace {
            repository: "zalando-datasets/fashion_mnist",
            folder: "fashion_mnist",
            bytes: 36_200_000,
        }),
        classes: 10,
        images: [60_000, 10_000],
        dims: GREY,
        balanced: true,
        layout: Layout::Idx,
        form: Form::MNIST,
        identity: Identity::Moments("mean 0.2860, std 0.3530"),
    },
    // Cursive Japanese characters (Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto, Ha 2018), likewise.
    KnownSet {
        name: "kmnist",
        variable: "INITLAB_KMNIST",
        address: "https://codh.rois.ac.jp/kmnist/",
        mirrors: &[],
        bytes: 0,
        hub: None,
        classes: 10,
        images: [60_000, 10_000],
        dims: GREY,
        balanced: true,
        layout: Layout::Idx,
        form: Form::MNIST,
        identity: Identity::CountsAlone,
    },
    emnist("emnist-balanced", 47, [112_800, 18_800], true, 0),
    emnist("emnist-byclass", 62, [697_932, 116_323], false, 0),
    emnist("emnist-bymerge", 47, [697_932, 116_323], false, 0),
    emnist("emnist-digits", 10, [240_000, 40_000], true, 0),
    emnist("emnist-letters", 26, [124_800, 20_800], true, 1),
    emnist("emnist-mnist", 10, [60_000, 10_000], true, 0),
    // MNIST made again from NIST's files, with all 60,000 test images (Yadav & Bottou 2019).
    KnownSet {
        name: "qmnist",
        variable: "INITLAB_QMNIST",
        address: "https://github.com/facebookresearch/qmnist",
        mirrors: &[],
        bytes: 0,
        hub: None,
        classes: 10,
        images: [60_000, 60_000],
        dims: GREY,
        balanced: false,
        layout: Layout::Idx,
        form: Form::MNIST,
        identity: Identity::CountsAlone,
    },
    // Coloured photographs of animals and vehicles (Krizhevsky 2009). The sums of its files are not published, only that of the archive.
    KnownSet {
        name: "cifar-10",
        variable: "INITLAB_CIFAR10",
        address: "https://www.cs.toronto.edu/~kriz/cifar.html",
        mirrors: &["https://www.cs.toronto.edu/~kriz"],
        bytes: 170_052_171,
        hub: None,
        classes: 10,
        images: [50_000, 10_000],
        dims: [3, 32, 32],
        balanced: true,
        layout: Layout::Cifar { archive: "cifar-10-binary.tar.gz", md5: "c32a1d4ab5d03f1284b67883e8d87530" },
        form: Form::MNIST,
        identity: Identity::Moments("mean 0.4914 0.4822 0.4465, std 0.2470 0.2435 0.2616"),
    },
];

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
    /// Sizes and class counts are the published ones, and nothing else is published.
    Counts,
}

impl Known {
    /// MNIST.
    pub const MNIST: Self = Self(&SETS[0]);
    /// Fashion-MNIST.
    pub const FASHION_MNIST: Self = Self(&SETS[1]);

    /// Every set that has a name.
    pub fn all() -> impl Iterator<Item = Self> {
        SETS.iter().map(Self)
    }

    /// The set called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|known| known.name == name)
    }

    /// The names of all, as a sentence lists them: "mnist or fashion-mnist".
    pub fn listing() -> String {
        let names: Vec<&str> = Self::all().map(|known| known.name).collect();
        any_of(&names)
    }

    /// Where the hub has it.
    #[cfg(feature = "hub")]
    pub fn hub(self) -> Option<&'static HubPlace> {
        self.0.hub.as_ref()
    }

    /// True if a public server has the set in a form that this program reads.
    pub fn is_public(self) -> bool {
        !self.mirrors.is_empty()
    }

    /// How to get the files without this program's help.
    pub fn by_hand(self) -> String {
        let KnownSet { name, variable, address, layout, .. } = self.0;
        let what = match layout {
            Layout::Idx => format!("the four files (NAME.gz or unpacked, from {address})"),
            Layout::Cifar { archive, .. } => format!("the unpacked files of {archive} (from {address})"),
        };
        format!("put {what} into data/{name} or name their directory with --data or {variable}")
    }

    /// Checks that `dataset`, whose four plain files have `sums`, is the published set.
    ///
    /// # Errors
    /// It differs: the place in [`NAMES`] of the file that does, and how.
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
        // The sum of a file says more than that it is another.
        if let Identity::Sums(known) = &self.identity
            && let Some(i) = (0..4).find(|&i| sums[i] != known[i])
        {
            return Err(unlike(i, "SHA-256", sums[i], known[i]));
        }
        let (found, expected) = (counts(dataset), self.counts());
        match &self.identity {
            Identity::Sums(_) => Ok(Verdict::Sums),
            Identity::Moments(known) => {
                let found = format!("{found}, {}", moments(dataset));
                let expected = format!("{expected}, {known}");
                if found == expected { Ok(Verdict::Statistics) } else { Err(unlike(2, "content", &found, &expected)) }
            }
            Identity::CountsAlone if found != expected => Err(unlike(2, "content", &found, &expected)),
            Identity::CountsAlone => match Self::all().find(|other| other.has_moments_of(dataset)) {
                Some(other) => Err(unlike(2, "content", &format!("{}'s images", other.name), "those")),
                None => Ok(Verdict::Counts),
            },
        }
    }

    /// True if the moments of this set are published and `dataset` has them.
    fn has_moments_of(self, dataset: &Dataset) -> bool {
        matches!(self.identity, Identity::Moments(known) if known == moments(dataset))
    }

    /// Describes the published set's sizes and class counts, in the words of [`counts`].
    fn counts(self) -> String {
        let KnownSet { images, dims, balanced, classes, .. } = self.0;
        let each = images.map(|images| if *balanced { (images / classes).to_string() } else { UNEQUAL.into() });
        let size = size_of(*dims);
        format!("{}+{} images of {size}, {} and {} of each class", images[0], images[1], each[0], each[1])
    }
}

const UNEQUAL: &str = "unequally many";

/// Sizes and class counts.
fn counts(dataset: &Dataset) -> String {
    let (train, test) = (&dataset.train, &dataset.test);
    let per_class = |images: &Images| {
        let mut counts = [0usize; 256];
        images.labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
        let (least, most) = (counts[..dataset.classes].iter().min(), counts.iter().max());
        if least == most { most.map_or(0, |n| *n).to_string() } else { UNEQUAL.into() }
    };
    let size = size_of(train.dims());
    let [of_train, of_test] = [train, test].map(per_class);
    format!("{}+{} images of {size}, {of_train} and {of_test} of each class", train.len(), test.len())
}

/// Rows and columns, and the channels of coloured images.
fn size_of([channels, rows, cols]: [usize; 3]) -> String {
    if channels == 1 { format!("{rows}x{cols}") } else { format!("{rows}x{cols}x{channels}") }
}

/// Mean and standard deviation of the training pixels, of 1, for each channel.
fn moments(dataset: &Dataset) -> String {
    let channels = channel_moments(&dataset.train);
    let list = |of: fn(&(f64, f64)) -> f64| {
        let all: Vec<String> = channels.iter().map(|channel| format!("{:.4}", of(channel) / 255.0)).collect();
        all.join(" ")
    };
    format!("mean {}, std {}", list(|channel| channel.0), list(|channel| channel.1.sqrt()))
}

/// True if some of the files of `known` are in `directory`.
pub fn is_at(directory: &Path, known: Known) -> bool {
    let cifar = matches!(known.layout, Layout::Cifar { .. }) && cifar::locate(directory).is_some();
    cifar || locate(directory, known.name).iter().any(Option::is_some)
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
        let named = Known::all().filter_map(|known| Some((known, directory(known)?.into())));
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
        let kept = || Some(self.kept(known)).filter(|kept| is_at(kept, known));
        data_dir.or_else(of_set).map(Path::to_path_buf).or_else(kept)
    }

    /// The error for a set that is in no place.
    pub fn not_found(&self, known: Known) -> DataError {
        let mut looked = vec!["--data (not given)".into(), format!("{} (not set)", known.variable)];
        looked.push(format!("{} (none of {}, …)", self.kept(known).display(), NAMES[2]));
        DataError::NotFound { name: known.name, looked, next: known.by_hand() }
    }
}
