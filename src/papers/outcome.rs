//! Findings of a replay: figures, and details as a table.

use serde::{Deserialize, Serialize};

use crate::papers::figure::Figure;

/// Numbers of one replay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Its figures, in the order of the report.
    pub figures: Vec<Figure>,
    /// Details that are shown as they are.
    pub table: Option<Table>,
}

/// Details of a replay, as cells of text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// A sentence that says what the cells are.
    pub caption: String,
    /// Heads of the columns.
    pub header: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}
