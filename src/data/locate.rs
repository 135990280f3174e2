//! Where the four files of a data set are in a directory, under any of the names that MNIST and its relatives have.
//!
//! A name is `[SET-]PART-KIND-idxN-TYPE[.gz]`: MNIST's, Fashion-MNIST's and KMNIST's without a set, EMNIST's with
//! `emnist-digits-` and the like, QMNIST's with `qmnist-` and labels of type `int`. Upper case and a dot before
//! `idx` serve too, and torchvision keeps the files in `raw/`.

use std::path::{Path, PathBuf};

use crate::data::error::DataError;

/// The four files in the order of their names, which is also the order of sums everywhere.
pub const NAMES: [&str; 4] =
    ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-images-idx3-ubyte", "train-labels-idx1-ubyte"];

/// One of [`NAMES`], for an array of so many dimensions: images with channels have four, which their files' names say.
pub fn name_of(name: &str, dimensions: usize) -> String {
    name.replacen("idx3", &format!("idx{}", dimensions.max(3)), 1)
}

/// The four files, in the order of [`NAMES`].
type Four = [Option<PathBuf>; 4];

/// The files of one set in one directory.
struct Found {
    /// `emnist-digits`, or nothing.
    set: String,
    files: Four,
    /// How far each file's name is from what was looked for; the smallest is taken.
    ranks: [u8; 4],
}

/// Directories below the named one in which torchvision keeps the files.
const BELOW: [&str; 3] = ["raw", "MNIST/raw", "FashionMNIST/raw"];

/// Where each of [`NAMES`] is in `directory`, which is looked at for the set `name`; `None` for a file that is not there.
///
/// A set of that name comes first, one without a name of its own next; a plain file before a compressed one. If nothing is in
/// `directory` itself, `raw` below it and the `raw` of MNIST and Fashion-MNIST are looked into. Of several sets with other names
/// in one directory none is taken; `directory/emnist-digits` means the one of this name.
pub fn locate(directory: &Path, name: &str) -> Four {
    found_at(directory, name).map(|found| found.files).unwrap_or_default()
}

/// The name in front of the files that [`locate`] finds; empty where they have none, or where there are none.
pub fn set_at(directory: &Path, name: &str) -> String {
    found_at(directory, name).map(|found| found.set).unwrap_or_default()
}

fn found_at(directory: &Path, name: &str) -> Option<Found> {
    let mut sets = sets_at(directory);
    let at = |name: &str| sets.iter().position(|found| found.set == name);
    let place = at(name).or_else(|| at("")).or((sets.len() == 1).then_some(0))?;
    Some(sets.swap_remove(place))
}

/// The four files of `directory`, as [`locate`] finds them for the set `name`.
///
/// # Errors
/// Some are absent; says which, what is there, and what to do.
pub fn required(directory: &Path, name: &str) -> Result<[PathBuf; 4], DataError> {
    let found = locate(directory, name);
    let missing: Vec<_> = NAMES.iter().zip(&found).filter(|(_, path)| path.is_none()).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(found.map(|path| path.expect("none is missing")));
    }
    Err(DataError::Missing {
        directory: directory.into(),
        found: match (directory.is_dir(), missing.len()) {
            (false, _) if directory.exists() => "a file",
            (false, _) => "no such directory",
            (true, 4) => "none of the four files",
            (true, _) => "only some of the four files",
        },
        missing,
        next: hint(directory),
    })
}

/// The sets in `directory`, or below it, or that its last part is the name of.
fn sets_at(directory: &Path) -> Vec<Found> {
    if directory.is_dir() {
        let places = std::iter::once(directory.to_owned()).chain(BELOW.iter().map(|below| directory.join(below)));
        return places.map(|place| sets_in(&place)).find(|sets| !sets.is_empty()).unwrap_or_default();
    }
    let (Some(parent), Some(name)) = (directory.parent(), directory.file_name()) else { return Vec::new() };
    let name = name.to_string_lossy().to_lowercase();
    let mut sets = sets_in(parent);
    sets.retain(|found| found.set == name);
    sets
}

fn sets_in(directory: &Path) -> Vec<Found> {
    let mut sets: Vec<Found> = Vec::new();
    for entry in entries(directory) {
        let Some((set, place, rank)) = meaning(&entry) else { continue };
        let path = directory.join(&entry);
        // Some programs unpack a file into a directory of its name.
        let Some(path) = [path.clone(), path.join(&entry)].into_iter().find(|path| path.is_file()) else { continue };
        let at = sets.iter().position(|found| found.set == set).unwrap_or_else(|| {
            sets.push(Found { set, files: Four::default(), ranks: [u8::MAX; 4] });
            sets.len() - 1
        });
        if rank < sets[at].ranks[place] {
            (sets[at].files[place], sets[at].ranks[place]) = (Some(path), rank);
        }
    }
    sets
}

/// The names in a directory, in their order, so that what is taken does not depend on the file system.
fn entries(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}

/// Set, place in [`NAMES`] and rank of a file called `name`.
fn meaning(name: &str) -> Option<(String, usize, u8)> {
    let lower = name.to_lowercase();
    let plain = lower.strip_suffix(".gz").unwrap_or(&lower);
    let dashed = plain.replacen(".idx", "-idx", 1);
    let (place, ending, other) = NAMES.iter().enumerate().find_map(|(place, name)| {
        let [test, int] = [name.replacen("t10k", "test", 1), name.replacen("idx1-ubyte", "idx2-int", 1)];
        let both = int.replacen("t10k", "test", 1);
        let [coloured, test_coloured] = [name_of(name, 4), name_of(&test, 4)];
        // In the order of preference, because t10k is what the first of these sets has.
        let endings = [(*name).to_owned(), coloured, test, test_coloured, int, both];
        let at = endings.iter().position(|ending| dashed.ends_with(ending.as_str()))?;
        Some((place, endings[at].len(), at))
    })?;
    let set = &dashed[..dashed.len() - ending];
    let set = if set.is_empty() { "" } else { set.strip_suffix('-')? };
    let marks = [plain.len() < lower.len(), other > 0, dashed != plain, lower != name];
    let rank = marks.iter().fold(0, |rank, &mark| 2 * rank + u8::from(mark));
    Some((set.into(), place, rank))
}

/// Looks at what lies in the place of the four files, and says what to do.
fn hint(directory: &Path) -> String {
    let usual = || "name a directory that holds the four files".to_owned();
    if directory.is_file() {
        let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return if is_archive(&directory.to_string_lossy()) {
            format!("unpack {} and name the directory that it gives", directory.display())
        } else {
            format!("name the directory that the file is in: {}", parent.display())
        };
    }
    if !directory.is_dir() {
        return usual();
    }
    let sets: Vec<_> = sets_at(directory).into_iter().map(|found| found.set).filter(|set| !set.is_empty()).collect();
    if sets.len() > 1 {
        return format!(
            "it holds several sets ({}): name one of them, as {}",
            few(&sets),
            directory.join(&sets[0]).display()
        );
    }
    let entries = entries(directory);
    let archives: Vec<_> = entries.iter().filter(|name| is_archive(name)).cloned().collect();
    if let Some(first) = archives.first() {
        return format!("found {}: unpack it there (`unzip {first}`, `tar xf {first}`)", few(&archives));
    }
    let below = entries.iter().map(|name| directory.join(name)).filter(|path| path.is_dir());
    match below.flat_map(|path| [path.join("raw"), path]).find(|path| !sets_in(path).is_empty()) {
        Some(path) => format!("files of such names are in {}: name that", path.display()),
        None if entries.is_empty() => format!("it is empty; {}", usual()),
        None => format!("it holds {}; {}", few(&entries), usual()),
    }
}

fn is_archive(name: &str) -> bool {
    let lower = name.to_lowercase();
    [".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar"].iter().any(|ending| lower.ends_with(ending))
}

/// The first of many names.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    names[..names.len().min(SHOWN)].join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_mnist_and_its_relatives_are_understood() {
        for (name, set, place, rank) in [
            ("train-images-idx3-ubyte", "", 2, 0),
            ("t10k-labels-idx1-ubyte.gz", "", 1, 8),
            ("train-images.idx3-ubyte", "", 2, 2),
            ("train-images-idx4-ubyte", "", 2, 4),
            ("set-test-images-idx4-ubyte.gz", "set", 0, 12),
            ("TRAIN-LABELS-IDX1-UBYTE.GZ", "", 3, 9),
            ("test-images-idx3-ubyte", "", 0, 4),
            ("emnist-digits-train-images-idx3-ubyte.gz", "emnist-digits", 2, 8),
            ("emnist-letters-test-labels-idx1-ubyte", "emnist-letters", 1, 4),
            ("qmnist-train-labels-idx2-int", "qmnist", 3, 4),
            ("qmnist-test-labels-idx2-int.gz", "qmnist", 1, 12),
        ] {
            assert_eq!(meaning(name), Some((set.into(), place, rank)), "{name}");
        }
        for name in ["train-images-idx3-ubyte.zip", "mytrain-images-idx3-ubyte", "train-images", "", ".gz", "README"] {
            assert_eq!(meaning(name), None, "{name}");
        }
    }
}
