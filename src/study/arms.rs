//! The arms of a study file: those that are listed, each at every point of the `[[axis]]` tables.

use crate::config::reader::TABLES;
use crate::config::{ConfigError, Document, Section};
use crate::study::axes::{ReadAxis, count, points, read_axes};
use crate::study::change::Change;

/// More arms than this are most likely a misplaced number.
const MOST: usize = 1000;

/// The arms of a study, and the changes that they make to its config.
pub(crate) struct Arms<'a> {
    listed: Vec<(String, Change<'a>)>,
    axes: Vec<ReadAxis<'a>>,
    /// Index of the listed arm, if there is a list, and a point of the axes, for each arm.
    each: Vec<(Option<usize>, Vec<usize>)>,
}

impl<'a> Arms<'a> {
    /// Reads `arms` and `axis`, of which one must be there.
    pub(crate) fn read(root: &Section<'a>) -> Result<Self, ConfigError> {
        let axes = read_axes(root, "axis")?;
        let listed = read_listed(root, axes.is_empty())?;
        let all = listed.len().max(1).saturating_mul(count(&axes));
        if all > MOST {
            return Err(root.error("axis", format!("makes {all} arms; at most {MOST} are possible")));
        }
        let of_list: Vec<_> = if listed.is_empty() { vec![None] } else { (0..listed.len()).map(Some).collect() };
        let points = points(&axes);
        let at_all_points = |arm: Option<usize>| points.iter().map(move |point| (arm, point.clone()));
        let each = of_list.into_iter().flat_map(at_all_points).collect();
        let arms = Self { listed, axes, each };
        let names = arms.names();
        match (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
            Some(twice) => {
                Err(root.error("axis", format!("makes two arms called \"{}\"; names must differ", names[twice])))
            }
            None => Ok(arms),
        }
    }

    /// Their names: that of the list and those of the points, with commas between them.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |(arm, point): &(Option<usize>, Vec<usize>)| {
            let listed = arm.map(|arm| self.listed[arm].0.clone());
            let labels = self.axes.iter().zip(point).map(|(axis, &at)| axis.axis.labels[at].clone());
            listed.into_iter().chain(labels).collect::<Vec<_>>().join(", ")
        };
        self.each.iter().map(name).collect()
    }

    /// Makes the changes of the arm at `index`: those of the list, then those of the axes in their order.
    pub(crate) fn apply(&self, index: usize, document: &mut Document) -> Result<(), ConfigError> {
        let (arm, point) = &self.each[index];
        if let Some(arm) = arm {
            self.listed[*arm].1.apply(document)?;
        }
        self.axes.iter().zip(point).try_for_each(|(axis, &at)| axis.apply(at, document))
    }
}

fn read_listed<'a>(root: &Section<'a>, is_required: bool) -> Result<Vec<(String, Change<'a>)>, ConfigError> {
    let mut arms: Vec<(String, Change<'_>)> = Vec::new();
    let kaiming = "[{ name = \"kaiming\", set = { init.preset = \"kaiming\" } }]";
    let sections = match root.sections("arms")? {
        Some(sections) if sections.is_empty() => {
            return Err(root.error("arms", "is empty; expected at least one arm"));
        }
        Some(sections) => sections,
        None if is_required => return Err(root.missing("arms", &format!("{TABLES} (or `axis`)"), kaiming)),
        None => Vec::new(),
    };
    for section in sections {
        let name = section.required_string("name")?;
        if name.trim().is_empty() {
            return Err(section.error("name", "must not be empty"));
        }
        if arms.iter().any(|(other, _)| *other == name) {
            return Err(section.error("name", format!("is \"{name}\", as another arm is called; names must differ")));
        }
        let change = Change::read(&section)?;
        section.finish()?;
        arms.push((name, change));
    }
    Ok(arms)
}

#[cfg(test)]
mod tests {
    use crate::study::Study;

    const STUDY: &str = "seeds = 1
targets = [{ test_accuracy = 0.5 }]
base = { model = { kind = 'mlp', widths = [5] }, optimizer.lr = 0.1, train.epochs = 1 }
";

    fn read(rest: &str) -> Result<Study, String> {
        let load = |_: &std::path::Path| unreachable!("the base is here");
        Study::parse("x.toml", &format!("{STUDY}{rest}"), &[], &load).map_err(|error| error.message().to_owned())
    }

    const AXES: &str = "[[axis]]
path = 'model.activation'
values = ['relu', 'relu - 0.5']
[[axis]]
name = 'start'
cases = [{ name = 'kaiming' }, { name = 'xavier', set = { init.preset = 'xavier' } }, { name = 'lsuv', set = { init.lsuv = true } }]
";

    #[test]
    fn arms_are_the_product_of_their_axes() {
        let study = read(&format!("baseline = 'relu, xavier'\n{AXES}")).unwrap();
        let names = [
            "relu, kaiming",
            "relu, xavier",
            "relu, lsuv",
            "relu - 0.5, kaiming",
            "relu - 0.5, xavier",
            "relu - 0.5, lsuv",
        ];
        assert_eq!((study.arms.iter().map(String::as_str).collect::<Vec<_>>(), study.baseline), (names.to_vec(), 1));
        let starts: Vec<String> = study.cells.iter().map(|cell| cell.experiment.model.activation.to_string()).collect();
        assert_eq!(
            starts,
            ["relu", "relu", "relu", "shifted_relu:shift=0.5", "shifted_relu:shift=0.5", "shifted_relu:shift=0.5"]
        );
        let lsuv: Vec<bool> = study.cells.iter().map(|cell| cell.experiment.init.lsuv.is_some()).collect();
        assert_eq!(lsuv, [false, false, true, false, false, true]);
        assert!(study.axes.is_empty(), "the axes of arms are no grid");
    }

    #[test]
    fn arms_that_are_listed_are_at_every_point_of_the_axes() {
        let study =
            read("[[axis]]\npath = 'train.batch_size'\nvalues = [10, 20]\n[[arms]]\nname = 'a'\n[[arms]]\nname = 'b'")
                .unwrap();
        assert_eq!(study.arms, ["a, 10", "a, 20", "b, 10", "b, 20"]);
        let sizes: Vec<usize> = study.cells.iter().map(|cell| cell.experiment.train.batch_size).collect();
        assert_eq!(sizes, [10, 20, 10, 20]);
    }

    #[test]
    fn wrong_axes_are_refused() {
        let long = format!("[[axis]]\npath = 'seed'\nvalues = {:?}\n", (0..200).collect::<Vec<_>>());
        for (rest, expected) in [
            (String::new(), "missing key `arms` at the top level; expected an array of tables (or `axis`)"),
            ("[[axis]]\npath = 'seed'\nvalues = []".into(), "`values` in [axis.0] is empty"),
            ("[[axis]]\npath = 'seed'\nvalues = [1, 1]".into(), "has 1 twice"),
            (format!("{long}{}", long.replace("seed", "train.epochs")), "makes 40000 arms; at most 1000 are possible"),
            (
                "arms = [{ name = 'a, 1' }, { name = 'a' }]\n[[axis]]\npath = 'seed'\nvalues = ['1', '1, 1']".into(),
                "makes two arms called \"a, 1, 1\"",
            ),
        ] {
            let message = read(&rest).unwrap_err();
            assert!(message.contains(expected), "{rest}\n{message}");
        }
    }
}
