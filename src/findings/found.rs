//! The words of a rule that found something.

/// A finding before it has its rule's name: the observation and its remedy.
pub struct Found {
    /// The observation, with its numbers.
    pub text: String,
    /// The remedy; empty where nothing is to be done.
    pub advice: String,
}

impl Found {
    /// A finding; without advice if nothing is to be done.
    pub fn new(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { text: text.into(), advice: advice.into() }
    }
}
