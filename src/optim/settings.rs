//! The settings of an optimiser as rows, from which a config is read.

/// A key of `[optimizer]`.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// The value where the key is absent; a value that is there has the same form.
    pub default: Value,
    /// Where numbers must lie.
    pub range: Range,
    /// Meaning of the key: a sentence, of which the subject may be the key.
    pub help: &'static str,
}

/// The value of a setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// Two numbers.
    Pair([f64; 2]),
    /// Yes or no.
    Flag(bool),
}

/// Where the numbers of a setting must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Above 0.
    Positive,
    /// At least 0.
    NonNegative,
    /// From 0 up to but not including 1.
    Fraction,
    /// Anywhere; also of a flag.
    Any,
}

impl Range {
    /// True if the range holds `x`.
    pub fn contains(self, x: f64) -> bool {
        match self {
            Self::Positive => x > 0.0,
            Self::NonNegative => x >= 0.0,
            Self::Fraction => (0.0..1.0).contains(&x),
            Self::Any => true,
        }
    }

    /// The range in words, to stand after "two numbers".
    pub fn words(self) -> &'static str {
        match self {
            Self::Positive => "above 0",
            Self::NonNegative => "of at least 0",
            Self::Fraction => "from 0 up to but not including 1",
            Self::Any => "of any size",
        }
    }
}

/// The decay of many optimisers.
pub const fn weight_decay(default: f64, help: &'static str) -> Key {
    Key { name: "weight_decay", default: Value::Number(default), range: Range::NonNegative, help }
}

/// The momentum of many optimisers.
pub const MOMENTUM: Key = Key {
    name: "momentum",
    default: Value::Number(0.0),
    range: Range::Fraction,
    help: "Share of the last step that is kept.",
};

/// Number that adaptive optimisers add to the root by which they divide, so that they never divide by 0.
pub const EPS: Key =
    Key { name: "eps", default: Value::Number(1e-8), range: Range::Positive, help: "Added to the root." };

/// A value for each key of an optimiser.
#[derive(Clone, Debug, Default)]
pub struct Settings(Vec<(&'static str, Value)>);

/// Settings that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The key to blame.
    pub key: &'static str,
    /// Description of the mistake, which follows the key's name.
    pub message: &'static str,
}

impl Settings {
    /// Adds a value.
    pub fn push(&mut self, key: &'static str, value: Value) {
        self.0.push((key, value));
    }

    fn get(&self, key: &str) -> Option<Value> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// The number of a key that is one of the optimiser's.
    ///
    /// # Panics
    /// If it is none of them, or no number; so for the others.
    pub fn number(&self, key: &str) -> f64 {
        match self.get(key) {
            Some(Value::Number(x)) => x,
            Some(Value::Pair(_) | Value::Flag(_)) | None => panic!("{key} is no number of this optimiser"),
        }
    }

    /// The two numbers of a key.
    ///
    /// # Panics
    /// As [`Settings::number`].
    pub fn pair(&self, key: &str) -> [f64; 2] {
        match self.get(key) {
            Some(Value::Pair(pair)) => pair,
            Some(Value::Number(_) | Value::Flag(_)) | None => panic!("{key} is no pair of this optimiser"),
        }
    }

    /// The flag of a key.
    ///
    /// # Panics
    /// As [`Settings::number`].
    pub fn flag(&self, key: &str) -> bool {
        match self.get(key) {
            Some(Value::Flag(flag)) => flag,
            Some(Value::Number(_) | Value::Pair(_)) | None => panic!("{key} is no flag of this optimiser"),
        }
    }
}
