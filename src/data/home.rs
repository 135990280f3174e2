//! `~` at the beginning of a path, which no shell has seen: in a config, a variable, or after `--data=`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// `path` with the home directory in the place of a leading `~` alone; `~name` stays as it is.
///
/// # Errors
/// There is a `~` and the variable `HOME` names no directory; one sentence.
pub fn expand(path: &Path) -> Result<PathBuf, String> {
    expand_with(path, std::env::var_os("HOME"))
}

fn expand_with(path: &Path, home: Option<OsString>) -> Result<PathBuf, String> {
    let Ok(rest) = path.strip_prefix("~") else { return Ok(path.into()) };
    match home.filter(|home| !home.is_empty()).map(PathBuf::from) {
        // Joined with nothing, a path would end with a slash.
        Some(home) if rest.as_os_str().is_empty() => Ok(home),
        Some(home) => Ok(home.join(rest)),
        None => Err(format!(
            "{}: `~` stands for the home directory, but the variable HOME is not set; write the whole path",
            path.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_alone_is_the_home_directory() {
        for (path, want) in [
            ("~", "/home/me"),
            ("~/", "/home/me"),
            ("~/mnist/raw", "/home/me/mnist/raw"),
            ("~you/mnist", "~you/mnist"),
            ("data/~", "data/~"),
            ("/data", "/data"),
            ("", ""),
        ] {
            assert_eq!(expand_with(path.as_ref(), Some("/home/me".into())), Ok(want.into()), "{path}");
        }
        for home in [None, Some(OsString::new())] {
            assert!(expand_with("~/x".as_ref(), home.clone()).unwrap_err().contains("HOME is not set"));
            assert_eq!(expand_with("x".as_ref(), home), Ok("x".into()));
        }
    }
}
