//! All that a replay is given.

use crate::data::Prepared;

/// Data, seeds and a listener, as a replay is given them.
pub struct Setting<'a> {
    /// MNIST on the usual split, for items that look at images.
    pub data: Option<&'a Prepared>,
    /// Seeds: 0, 1, … of each figure.
    pub seeds: usize,
    /// Called after every part of the work, of which [`Item::parts`](super::items::Item::parts) says how many there are.
    pub done: &'a (dyn Fn() + Sync),
}

impl Setting<'_> {
    /// The images.
    ///
    /// # Panics
    /// If the item does not say that it looks at them.
    pub fn images(&self) -> &Prepared {
        self.data.expect("an item that looks at images says so in its row")
    }
}
