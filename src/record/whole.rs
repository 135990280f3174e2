//! Files that are there whole or not at all, also after a loss of power; and the directories that hold them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::record::RecordError;
use crate::record::process::process;

/// How the names of temporary files and directories begin.
pub const TEMPORARY: &str = ".initlab-";

/// Writes `bytes` to `path` by way of a temporary file beside it. The bytes are on the disk before they get the name;
/// [`sync_directory`] puts the name there, too.
///
/// # Errors
/// The file cannot be written; the old one, if there was one, is then still there.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let write = || -> io::Result<()> {
        let scratch = Scratch::beside(path);
        let mut file = scratch.file()?;
        file.write_all(bytes)?;
        file.sync_all()?;
        scratch.rename(path)
    };
    write().map_err(RecordError::io(path, "writing the file"))
}

/// Writes `bytes` to `path` unless it holds them already, so that looking again changes nothing.
///
/// # Errors
/// As [`write_whole`].
pub fn write_changed(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    match fs::read(path) {
        Ok(found) if found == bytes => Ok(()),
        _ => write_whole(path, bytes),
    }
}

/// Begins a file that grows, in place of whatever has its name: a link is replaced, not followed.
///
/// # Errors
/// The file cannot be made.
pub fn begin_file(path: &Path) -> io::Result<File> {
    absent(fs::remove_file(path))?;
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Opens a file that has begun, to write on; a link is refused, because what it points at is not ours.
///
/// # Errors
/// The file is absent, no plain file, or cannot be opened.
pub fn go_on_with_file(path: &Path) -> io::Result<File> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is a link or no plain file"));
    }
    OpenOptions::new().read(true).write(true).open(path)
}

/// Removes the file, if it is there.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove_if_there(path: &Path) -> Result<(), RecordError> {
    absent(fs::remove_file(path)).map_err(RecordError::io(path, "removing the file"))
}

/// Puts the names in a directory on the disk, as far as the system can.
///
/// # Errors
/// The disk failed.
pub fn sync_directory(dir: &Path) -> Result<(), RecordError> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(dir).and_then(|dir| dir.sync_all()) {
        // Some network file systems have no such call for directories.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => other.map_err(RecordError::io(dir, "putting the directory on the disk")),
    }
}

/// Makes a directory with those above it; whether this call made it, which only one of several can.
///
/// # Errors
/// It cannot be made.
pub fn make_directory(dir: &Path) -> Result<bool, RecordError> {
    let mut missing: Vec<&Path> =
        dir.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.is_dir()).collect();
    let mut made = false;
    while let Some(path) = missing.pop() {
        made = match fs::create_dir(path) {
            Ok(()) => sync_directory(directory_of(path)).map(|()| true)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => false,
            Err(error) => return Err(RecordError::io(dir, "creating the directory")(error)),
        };
    }
    Ok(made)
}

/// Removes what a killed process left unfinished in `dir`. Only its owner may: others' work in progress looks the same.
///
/// # Errors
/// The directory cannot be read, or something cannot be removed.
pub fn remove_unfinished(dir: &Path) -> Result<(), RecordError> {
    for name in names(dir)?.into_iter().filter(|name| name.starts_with(TEMPORARY)) {
        let path = dir.join(name);
        let remove =
            || if fs::symlink_metadata(&path)?.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        absent(remove()).map_err(RecordError::io(&path, "removing what was left unfinished"))?;
    }
    Ok(())
}

/// The names in a directory, but for those that are no text, of which none is ours.
///
/// # Errors
/// The directory cannot be read to its end.
pub fn names(dir: &Path) -> Result<Vec<String>, RecordError> {
    let names = || fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().into_string())).collect::<io::Result<Vec<_>>>();
    let names = names().map_err(RecordError::io(dir, "listing the directory"))?;
    Ok(names.into_iter().filter_map(Result::ok).collect())
}

/// The text of the file, if there is one.
///
/// # Errors
/// It is there and cannot be read, or is no text.
pub fn text_if_there(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if is_absence(&error) => Ok(None),
        other => other.map(Some),
    }
}

/// True if there is something of this name, be it a link to nothing.
///
/// # Errors
/// The system cannot tell, which must not pass for a no.
pub fn is_there(path: &Path) -> Result<bool, RecordError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(RecordError::io(path, "looking for the file")(error)),
    }
}

/// The directory of a file, also of one that is named without any.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// True if there is nothing of a name: below a file there is nothing either.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A name beside a file, for what is to become that file; what has not become it goes away again.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A name that no other process uses, on this machine or another.
    pub fn beside(path: &Path) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { path: directory_of(path).join(format!("{TEMPORARY}{}-{number}", process())) }
    }

    /// The file of this name, new and open for writing, with the permissions that this process gives its files.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn file(&self) -> io::Result<File> {
        begin_file(&self.path)
    }

    /// A directory of this name, for a library that writes files of its own.
    ///
    /// # Errors
    /// The directory above cannot be written.
    pub fn directory(&self) -> io::Result<&Path> {
        fs::create_dir(&self.path).map(|()| self.path.as_path())
    }

    /// Gives this name to what has another, which goes away with it.
    ///
    /// # Errors
    /// There is nothing of the other name, or the directory cannot be written.
    pub fn take(&self, path: &Path) -> io::Result<()> {
        fs::rename(path, &self.path)
    }

    /// Gives the finished file its name.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn rename(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Gone after the renaming; what cannot be removed is removed by whoever owns the directory next.
        let _ = fs::remove_file(&self.path).or_else(|_| fs::remove_dir_all(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        for text in ["first", "second"] {
            write_whole(&path, text.as_bytes()).unwrap();
            assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(dir.path())), (text, vec!["a.txt".into()]));
        }
    }

    #[test]
    fn a_file_that_holds_the_bytes_already_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write_whole(&path, b"same").unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        write_changed(&path, b"same").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
        write_changed(&path, b"other").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"other");
    }

    #[test]
    fn an_error_names_the_file_that_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_whole(&dir.path().join("nowhere/a.txt"), b"").unwrap_err().to_string();
        assert!(error.contains("nowhere/a.txt") && !error.contains(TEMPORARY), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_or_refused_and_never_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        let link_again = || {
            let _ = fs::remove_file(&link);
            fs::write(&target, "precious").unwrap();
            std::os::unix::fs::symlink(&target, &link).unwrap();
        };
        link_again();
        assert!(go_on_with_file(&link).unwrap_err().to_string().contains("link"));
        begin_file(&link).unwrap();
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        link_again();
        write_whole(&link, b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"precious");
    }

    #[test]
    fn only_one_call_makes_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c");
        assert!(make_directory(&path).unwrap());
        assert!(!make_directory(&path).unwrap());
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(make_directory(&dir.path().join("file")).is_err());
        assert!(make_directory(&dir.path().join("file/below")).is_err());
    }

    #[test]
    fn what_was_left_unfinished_goes_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".initlab-1-0"), "half").unwrap();
        fs::create_dir(dir.path().join(".initlab-1-1")).unwrap();
        fs::write(dir.path().join(".initlab-1-1/tensors"), "half").unwrap();
        fs::write(dir.path().join("run.json"), "{}").unwrap();
        remove_unfinished(dir.path()).unwrap();
        assert_eq!(names(dir.path()), ["run.json"]);
    }
}
