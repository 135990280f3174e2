//! What a rule found.

/// What a rule found.
pub struct Found {
    /// What was seen, with the numbers.
    pub text: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

impl Found {
    /// A finding; without advice if nothing is to be done.
    pub fn new(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { text: text.into(), advice: advice.into() }
    }
}
