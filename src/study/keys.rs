//! The keys of a study file.

use crate::config::Value;
use crate::config::key::{Key, Keys, Optional, count, form, number, text};
use crate::config::range::{ABOVE_0, AT_LEAST_1, Range};
use crate::config::reader::TABLES;

const NAME: Optional<String> = text("name", "What the study is called.").or("it is the file's name");
const BASE: Key<()> = own("base", "a path from the study file, or a table", "The config that all runs begin with.");
const ARMS: Optional<()> =
    own("arms", TABLES, "The starts that are compared, an [[arms]] for each.").or("`axis` is required");
const AXES: Optional<()> =
    own("axis", TABLES, "What the arms are made of, an [[axis]] for each: every arm at every point.")
        .example("[{ path = \"model.activation\", values = [\"relu\", \"tanh\"] }]")
        .or("the arms are those that are listed");
const BASELINE: Optional<()> = own("baseline", "the name of an arm", "What the other arms are compared with.")
    .example("torch")
    .or("it is the first arm");
const SEEDS: Key<()> =
    own("seeds", "a number of seeds, or an array of seeds", "Runs of each arm at each point; 5 is seeds 0 to 4.");
const TARGETS: Key<()> = own("targets", TABLES, "What the runs are to reach; the first decides the verdict.");
const GRID: Optional<()> =
    own("grid", TABLES, "Axes of a grid, a [[grid]] for each; all arms run at each of its points.")
        .example("[{ path = \"model.depth\", values = [5, 10, 20] }]")
        .or("there is one point");
const LEARNING_RATE: Optional<()> = own(
    "learning_rate",
    "a number, an array of numbers, or a table",
    "In place of optimizer.lr; an array is an axis of the grid.",
)
.example("[0.01, 0.1]")
.or("it is the config's");

const SET: Optional<()> = own("set", "a table of changes", "Keys of the config, laid on it.")
    .example("{ train.epochs = 2 }")
    .or("nothing is set");
const UNSET: Optional<()> =
    own("unset", "an array of paths", "Keys that are taken away first, such as \"train.epochs\".")
        .example("[\"train.target_accuracy\"]")
        .or("nothing is taken away");
const LABEL: Key<String> = text("name", "What it is called in tables.");

/// The accuracy that a target asks for.
pub(crate) const TEST_ACCURACY: Optional<f64> =
    number("test_accuracy", "A test accuracy to reach, at most 1.").within(&[ABOVE_0]).or("`train_loss` is required");
/// The loss that a target asks for.
pub(crate) const TRAIN_LOSS: Optional<f64> =
    number("train_loss", "A smoothed training loss to get below.").within(&[ABOVE_0]).or("`test_accuracy` is required");

const CASES: Optional<()> =
    own("cases", TABLES, "Points that change several keys.").or("`path` and `values` are required");
const AXIS: Optional<String> =
    text("name", "What the axis is called in tables.").or("it is the path; with cases required");
const PATH: Optional<String> = text("path", "The key that differs along the axis.").or("`cases` are required");
const VALUES: Optional<()> =
    own("values", "an array of values", "Its values, a point each.").or("`cases` are required");

const TUNE: Key<()> =
    own("tune", "a table", "Each arm looks for its best rate at each point, on other images and other seeds.");
/// The lowest rate of a search.
pub(crate) const LOW: Key<f64> = number("low", "The lowest rate.").within(&[ABOVE_0]).expects("a learning rate");
/// The highest rate of a search.
pub(crate) const HIGH: Key<f64> = number("high", "The highest rate.").within(&[ABOVE_0]).expects("a learning rate");
/// Rates of a search.
pub(crate) const POINTS: Key<usize> = count("points", "Rates from low to high, in equal ratios.")
    .within(&[Range { words: "from 2 to 100", holds: |points| (2..=100).contains(points) }])
    .default("5");
/// Seeds of a search.
pub(crate) const TUNE_SEEDS: Key<usize> = count("seeds", "Seeds of each rate.").within(&[AT_LEAST_1]).default("1");

/// The keys of a study file.
pub const KEYS: &[Keys] = &[
    Keys {
        path: "",
        when: "",
        keys: &[&NAME, &BASE, &SET, &UNSET, &ARMS, &AXES, &BASELINE, &SEEDS, &TARGETS, &GRID, &LEARNING_RATE],
    },
    Keys { path: "arms", when: "", keys: &[&LABEL, &SET, &UNSET] },
    Keys { path: "axis", when: "", keys: &[&CASES, &PATH, &AXIS, &VALUES] },
    Keys { path: "axis.cases", when: "", keys: &[&LABEL, &SET, &UNSET] },
    Keys { path: "targets", when: "", keys: &[&TEST_ACCURACY, &TRAIN_LOSS] },
    Keys { path: "grid", when: "", keys: &[&CASES, &PATH, &AXIS, &VALUES] },
    Keys { path: "grid.cases", when: "", keys: &[&LABEL, &SET, &UNSET] },
    Keys { path: "learning_rate", when: "", keys: &[&TUNE] },
    Keys { path: "learning_rate.tune", when: "", keys: &[&LOW, &HIGH, &POINTS, &TUNE_SEEDS] },
];

/// A key whose value is kept as it is written.
const fn own(name: &'static str, words: &'static str, help: &'static str) -> Key<()> {
    form(name, words, |_: &Value<'_>| Ok(()), help)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::study::Study;

    const STUDY: &str = "seeds = 1
base = { model = { kind = 'mlp', widths = [5] }, optimizer.lr = 0.1, train.epochs = 1 }
arms = [{ name = 'a' }]
targets = [{ test_accuracy = 0.5 }]
axis = [{ name = 'd', cases = [{ name = 'e' }] }, { path = 'train.epochs', values = [1] }]
grid = [{ name = 'b', cases = [{ name = 'c' }] }, { path = 'seed', values = [1] }]
learning_rate.tune = { low = 0.1, high = 1 }
";

    #[test]
    fn the_reference_lists_the_keys_that_the_reader_takes() {
        for (path, places) in [
            ("", &[""][..]),
            ("arms", &["arms.0."]),
            ("axis", &["axis.0.", "axis.1."]),
            ("axis.cases", &["axis.0.cases.0."]),
            ("targets", &["targets.0."]),
            ("grid", &["grid.0.", "grid.1."]),
            ("grid.cases", &["grid.0.cases.0."]),
            ("learning_rate", &["learning_rate."]),
            ("learning_rate.tune", &["learning_rate.tune."]),
        ] {
            let mut valid = BTreeSet::new();
            for place in places {
                let load = |_: &std::path::Path| unreachable!("the base is here");
                let error = Study::parse("x.toml", STUDY, &[format!("{place}zzz=1")], &load).unwrap_err().to_string();
                let unfolded = error.replace("\n   ", "");
                let names = unfolded.split("valid keys here: ").nth(1).unwrap_or_else(|| panic!("{place}: {error}"));
                valid.extend(names.split(", ").map(|name| name.trim().to_owned()));
            }
            let listed = KEYS.iter().filter(|keys| keys.path == path).flat_map(|keys| keys.keys);
            assert_eq!(listed.map(|key| key.row().name.to_owned()).collect::<BTreeSet<_>>(), valid, "{path}");
        }
    }
}
