//! Patterns over the names of parameters.

use glob::Pattern as Glob;

use crate::spelling::nearest;
use crate::start::error::StartError;

/// A full name, or a glob whose `*` also crosses the dots between modules.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The pattern as it was given.
    pub text: String,
    glob: Result<Glob, String>,
}

impl Pattern {
    /// Reads `text`; what is wrong with it is said by [`Pattern::check`].
    pub fn new(text: &str) -> Self {
        Self { text: text.into(), glob: Glob::new(text).map_err(|error| error.to_string()) }
    }

    /// Refuses what is no glob.
    ///
    /// # Errors
    /// The pattern and the place where it goes wrong.
    pub fn check(&self) -> Result<(), StartError> {
        let refused = |reason: &String| StartError::Pattern { pattern: self.text.clone(), reason: reason.clone() };
        self.glob.as_ref().map(|_| ()).map_err(refused)
    }

    /// True if it covers the parameter `name`.
    pub fn matches(&self, name: &str) -> bool {
        self.glob.as_ref().is_ok_and(|glob| glob.matches(name))
    }

    /// True if it is a name in full and so speaks of one parameter.
    pub fn is_name(&self) -> bool {
        !self.text.contains(['*', '?', '['])
    }

    /// Refuses a pattern that covers none of `names`; `place` is the method that took it.
    ///
    /// # Errors
    /// The pattern, with the name that may be meant.
    pub fn check_used<'n>(
        &self,
        place: &'static str,
        names: impl ExactSizeIterator<Item = &'n str> + Clone,
    ) -> Result<(), StartError> {
        self.check()?;
        if names.clone().any(|name| self.matches(name)) {
            return Ok(());
        }
        // `fc9.*` is compared with `fc3`, without what every name ends in.
        let layer = |name: &'n str| name.rsplit_once('.').map_or(name, |(layer, _)| layer);
        let wanted = self.text.trim_end_matches(['*', '.']);
        let parameters = names.len();
        let near = nearest(&self.text, names.clone()).or_else(|| nearest(wanted, names.clone().map(layer)));
        let hint = match (near, names.clone().next()) {
            (Some(near), _) => format!("; did you mean {near}?"),
            (None, Some(first)) => format!("; they are called like `{first}`"),
            (None, None) => "; build the model first".into(),
        };
        Err(StartError::Unmatched { place, pattern: self.text.clone(), parameters, hint })
    }
}
