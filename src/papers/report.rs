//! Replays with their verdicts.

use serde::{Deserialize, Serialize};

use crate::papers::figure::Figure;
use crate::papers::items::Item;
use crate::papers::outcome::{Outcome, Table};
use crate::papers::published::published;

/// One item, replayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replayed {
    /// Name of the item.
    pub name: String,
    /// Seeds that it took.
    pub seeds: usize,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// Details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
}

impl Replayed {
    /// Puts the printed numbers beside what `item` found.
    pub fn new(item: &Item, seeds: usize, outcome: Outcome) -> Self {
        let mut figures = outcome.figures;
        for number in published().into_iter().filter(|number| number.item == item.name) {
            for figure in figures.iter_mut().filter(|figure| figure.name == number.figure) {
                (figure.published, figure.place) = (Some(number.value), number.place.clone());
            }
        }
        Self { name: item.name.into(), seeds, figures, table: outcome.table }
    }

    /// True if no figure is outside.
    pub fn inside(&self) -> bool {
        self.figures.iter().all(|figure| figure.inside() != Some(false))
    }

    /// Names of the figures that are outside.
    pub fn outside(&self) -> Vec<&str> {
        let out = self.figures.iter().filter(|figure| figure.inside() == Some(false));
        out.map(|figure| figure.name.as_str()).collect()
    }
}

/// All items that were replayed, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the crate.
    pub version: String,
    /// Sum of the data.
    pub data_sha256: String,
    /// The items.
    pub items: Vec<Replayed>,
}

impl Report {
    /// Names of the items with a figure outside.
    pub fn outside(&self) -> Vec<&str> {
        self.items.iter().filter(|item| !item.inside()).map(|item| item.name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::figure::{Claim, Measured};
    use crate::papers::items::ITEMS;

    #[test]
    fn printed_numbers_come_beside_ours_and_one_outside_is_named() {
        let item = Item::of("lsuv-fitnet").unwrap();
        let accuracy = |values: [f64; 3]| {
            let values = values.map(Some).to_vec();
            Figure::claimed("accuracy after 1,500 iterations", Measured::Accuracy { values }, Claim::Agrees)
        };
        for (values, inside) in [([0.98, 0.985, 0.99], true), ([0.5, 0.5001, 0.5002], false)] {
            let outcome = Outcome { figures: vec![accuracy(values)], table: None };
            let replayed = Replayed::new(item, 3, outcome);
            assert_eq!(replayed.figures[0].published, Some(0.9871));
            assert_eq!(replayed.inside(), inside);
            let report = Report { items: vec![replayed], ..Report::default() };
            assert_eq!(report.outside().is_empty(), inside);
            let text = serde_json::to_string(&report).unwrap();
            assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        }
    }

    #[test]
    fn every_printed_number_belongs_to_an_item() {
        for number in published() {
            assert!(ITEMS.iter().any(|item| item.name == number.item), "{}", number.item);
        }
    }
}
