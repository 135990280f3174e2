//! The study file: a base config, named changes to it (the arms), seeds, grids and targets.
//!
//! ```toml
//! base = "lesson_cnn.toml"                # or the config itself as [base]
//! seeds = 5                               # 0 to 4, or a list
//! baseline = "torch"                      # what the other arms are compared with; else the first arm
//! learning_rate = 0.4                     # or a list, or { tune = { low = 0.01, high = 1.0, points = 5, seeds = 2 } };
//!                                         # without it the config's
//! targets = [{ test_accuracy = 0.95 }]    # the first decides the verdict
//! set = { train.epochs = 1 }              # changes to the base for all arms
//!
//! [[arms]]
//! name = "kaiming"
//! set = { init.preset = "kaiming" }
//!
//! [[axis]]                                # each arm at each of these points; without arms the points alone
//! path = "model.activation"
//! values = ["relu", "relu - 0.5"]
//!
//! [[grid]]
//! path = "model.depth"
//! values = [10, 20, 30]
//! ```

use std::path::Path;

use crate::config::reader::TABLES;
use crate::config::{ConfigError, Document, Experiment, Section, Value, with_all_that_is_missing};
use crate::data::{Split, home};
use crate::study::arms::Arms;
pub use crate::study::axes::Axis;
use crate::study::axes::{Points, ReadAxis, check_labels, count, points, read_axes};
use crate::study::change::Change;
use crate::study::grid::Grid;
use crate::study::keys;
use crate::study::target::{Measure, Target};

/// More runs than this are most likely a misplaced number.
const MAX_RUNS: usize = 100_000;

/// A study as its file describes it, with every arm's config read.
#[derive(Debug)]
pub struct Study {
    /// Name of the study: `name`, or the file's name.
    pub name: String,
    /// Names of the arms, in order.
    pub arms: Vec<String>,
    /// Index of the arm that the others are compared with.
    pub baseline: usize,
    /// Seeds of every arm.
    pub seeds: Vec<u64>,
    /// The grid's axes; a list of learning rates is the last of them.
    pub axes: Vec<Axis>,
    /// Targets that the runs should reach; the first decides the verdict.
    pub targets: Vec<Target>,
    /// The grid on which each cell looks for its learning rate, if it does.
    pub tune: Option<Grid>,
    /// A config for each grid point and arm, the arms of a point side by side.
    pub cells: Vec<Cell>,
}

/// The config of one arm at one point of the grid.
#[derive(Debug)]
pub struct Cell {
    /// Index of the arm.
    pub arm: usize,
    /// Index on each axis.
    pub point: Vec<usize>,
    /// The config as a tree, for errors that show up later.
    pub document: Document,
    /// The config; the seed is that of the first run.
    pub experiment: Experiment,
}

/// Reads the text of a file that the study file names.
pub type Load<'a> = &'a dyn Fn(&Path) -> std::io::Result<String>;

impl Study {
    /// Reads a study. `label` names its file in errors, relative paths in it begin there; `sets` are `path=value`
    /// overrides of the study file.
    ///
    /// # Errors
    /// Whatever is not understood, at its line of the study file or of the base config.
    pub fn parse(label: &str, text: &str, sets: &[String], load: Load<'_>) -> Result<Self, ConfigError> {
        let document = Document::parse(label, text, sets)?;
        with_all_that_is_missing(&document.root(), |root| Self::read(root, label, load))
    }

    /// True if a document with this root is a study, whole or not: it has keys that no run's config has.
    pub fn is_one(root: &Section<'_>) -> bool {
        ["arms", "base", "targets"].into_iter().any(|key| root.value(key).is_some())
    }

    fn read(root: Section<'_>, label: &str, load: Load<'_>) -> Result<Self, ConfigError> {
        let stem = Path::new(label).file_stem().map_or_else(|| "study".into(), |stem| stem.to_string_lossy());
        let name = root.string("name")?.unwrap_or_else(|| stem.into_owned());
        if !name.chars().any(char::is_alphanumeric) {
            return Err(root.error("name", format!("is \"{name}\"; expected one with a letter or a digit")));
        }
        let arms = Arms::read(&root)?;
        let names = arms.names();
        let baseline = read_baseline(&root, &names)?;
        let seeds = read_seeds(&root)?;
        let targets = read_targets(&root)?;
        let mut axes = read_axes(&root, "grid")?;
        let mut base = read_base(&root, label, load)?;
        Change::read(&root)?.apply(&mut base)?;
        let mut tune = None;
        match rates(&root)? {
            Rates::Config => {}
            Rates::One(value) => base.put(LEARNING_RATE, &value)?,
            Rates::List(list) => axes.push(list),
            Rates::Tune(grid, low) => tune = Some((grid, low)),
        }
        let again = Section::new(root.node(), String::new());
        root.finish()?;
        // Before they are made: the points of a few long axes are more than any memory holds.
        let of_cells = names.len().saturating_mul(count(&axes));
        let searched = tune.as_ref().map_or(0, |(grid, _)| grid.points.saturating_mul(grid.seeds));
        for (key, each) in [("seeds", seeds.len()), ("learning_rate", searched)] {
            let runs = of_cells.saturating_mul(each);
            if runs > MAX_RUNS {
                let message = format!("makes {runs} runs of this study; at most {MAX_RUNS} are possible");
                return Err(again.error(key, message));
            }
        }
        let cells = cells(&base, (&names, &arms), &axes, tune.as_ref().map(|(_, low)| low))?;
        let tune = tune.map(|(grid, _)| grid);
        if tune.is_some() && cells.iter().any(|cell| cell.experiment.data.split != Split::Usual) {
            let message = "can only be tuned with data.split = \"usual\", whose training images it divides again";
            return Err(again.error("learning_rate", message));
        }
        let axes = axes.into_iter().map(|axis| axis.axis).collect();
        Ok(Self { name, arms: names, baseline, seeds, axes, targets, tune, cells })
    }

    /// Labels of a point of the grid, one for each axis.
    pub fn labels(&self, point: &[usize]) -> Vec<String> {
        self.axes.iter().zip(point).map(|(axis, &at)| axis.labels[at].clone()).collect()
    }
}

/// Where the learning rate stands in a config.
pub const LEARNING_RATE: &str = "optimizer.lr";

fn read_base(root: &Section<'_>, label: &str, load: Load<'_>) -> Result<Document, ConfigError> {
    let expected = "the path of a config, or the config itself as a table";
    let value = root.value("base").ok_or_else(|| root.missing("base", expected, "\"net.toml\""))?;
    if let Some(document) = Document::of_table(&value) {
        return Ok(document);
    }
    let name = value.as_str().ok_or_else(|| value.wrong(expected))?;
    let name = home::expand(Path::new(name)).map_err(|error| value.error(format!("cannot be found: {error}")))?;
    let path = Path::new(label).parent().unwrap_or(Path::new("")).join(name);
    let text = load(&path).map_err(|error| {
        value.error(format!("names {}, which cannot be read: {error}; paths begin at the study file", path.display()))
    })?;
    Document::parse(&path.display().to_string(), &text, &[])
}

fn read_baseline(root: &Section<'_>, arms: &[String]) -> Result<usize, ConfigError> {
    let names: Vec<(&str, usize)> = arms.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    Ok(root.choice("baseline", &names)?.unwrap_or(0))
}

fn read_seeds(root: &Section<'_>) -> Result<Vec<u64>, ConfigError> {
    let expected = "a number of seeds, such as 5, or an array of seeds";
    let value = root.value("seeds").ok_or_else(|| root.missing("seeds", expected, "5"))?;
    let seeds: Vec<u64> = match (value.as_usize(), value.as_array()) {
        (Some(n), _) if n <= MAX_RUNS => (0..n as u64).collect(),
        (Some(n), _) => return Err(value.error(format!("must be at most {MAX_RUNS}, found {n}"))),
        (None, Some(items)) => items.iter().map(Value::u64).collect::<Result<_, _>>()?,
        (None, None) => return Err(value.wrong(expected)),
    };
    if seeds.is_empty() {
        return Err(value.error("gives no seed; expected at least one"));
    }
    if let Some(twice) = (1..seeds.len()).find(|&i| seeds[..i].contains(&seeds[i])) {
        return Err(value.error(format!("has the seed {} twice", seeds[twice])));
    }
    Ok(seeds)
}

fn read_targets(root: &Section<'_>) -> Result<Vec<Target>, ConfigError> {
    let mut targets = Vec::new();
    let accuracy = "[{ test_accuracy = 0.9 }]";
    for section in root.sections("targets")?.ok_or_else(|| root.missing("targets", TABLES, accuracy))? {
        let (accuracy, loss) = (section.find(&keys::TEST_ACCURACY)?, section.find(&keys::TRAIN_LOSS)?);
        let target = match (accuracy, loss) {
            (Some(value), None) if value <= 1.0 => Target { measure: Measure::TestAccuracy, value },
            (Some(value), None) => {
                return Err(section.error("test_accuracy", format!("must be at most 1, found {value}")));
            }
            (None, Some(value)) => Target { measure: Measure::TrainLoss, value },
            (Some(_), Some(_)) => {
                let message = "stands beside `test_accuracy`: give one";
                return Err(section.conflict("train_loss", "test_accuracy", message));
            }
            (None, None) => {
                return Err(section.missing("test_accuracy", "a test accuracy (or `train_loss`) to reach", "0.9"));
            }
        };
        if targets.contains(&target) {
            return Err(section.error(target.measure.name(), format!("is {}, as in another target", target.value)));
        }
        section.finish()?;
        targets.push(target);
    }
    if targets.is_empty() {
        return Err(root.error("targets", "is empty; expected at least one, such as { test_accuracy = 0.9 }"));
    }
    Ok(targets)
}

enum Rates<'a> {
    Config,
    One(Value<'a>),
    List(ReadAxis<'a>),
    /// The grid, and its lowest rate as it is written.
    Tune(Grid, Value<'a>),
}

fn rates<'a>(root: &Section<'a>) -> Result<Rates<'a>, ConfigError> {
    let Some(value) = root.value("learning_rate") else { return Ok(Rates::Config) };
    if value.as_f64().is_some() {
        return Ok(Rates::One(value));
    }
    if let Some(section) = value.as_section() {
        let rates = read_tune(section.required_section("tune")?)?;
        section.finish()?;
        return Ok(rates);
    }
    let expected = "a number, an array of numbers, or { tune = { low, high, points } }";
    let values = value.as_array().ok_or_else(|| value.wrong(expected))?;
    let labels = values.iter().map(|v| v.f64().map(|rate| rate.to_string())).collect::<Result<Vec<_>, _>>()?;
    check_labels(root, "learning_rate", &labels)?;
    let axis = Axis { name: "learning_rate".into(), labels };
    Ok(Rates::List(ReadAxis { axis, points: Points::Values(LEARNING_RATE.into(), values) }))
}

fn read_tune(section: Section<'_>) -> Result<Rates<'_>, ConfigError> {
    let (low, high) = (section.get(&keys::LOW)?, section.get(&keys::HIGH)?);
    if low >= high {
        return Err(section.conflict("high", "low", format!("must be above `low`, which is {low}")));
    }
    let (points, seeds) = (section.get(&keys::POINTS)?, section.get(&keys::TUNE_SEEDS)?);
    let grid = Grid { low, high, points, seeds };
    let rates = grid.rates(0, 0);
    if rates.windows(2).any(|pair| pair[0] == pair[1]) {
        let message = format!("makes rates that are the same in three digits between {low:?} and {high:?}");
        return Err(section.error("points", message));
    }
    let lowest = section.value("low").expect("it was read");
    section.finish()?;
    Ok(Rates::Tune(grid, lowest))
}

/// Reads the config of every arm at every point. `rate` stands in for one that is looked for: no config need give it.
fn cells(
    base: &Document,
    (names, arms): (&[String], &Arms<'_>),
    axes: &[ReadAxis<'_>],
    rate: Option<&Value<'_>>,
) -> Result<Vec<Cell>, ConfigError> {
    let mut cells = Vec::new();
    for point in points(axes) {
        for (arm, name) in names.iter().enumerate() {
            let mut document = base.clone();
            arms.apply(arm, &mut document)?;
            axes.iter().zip(&point).try_for_each(|(axis, &at)| axis.apply(at, &mut document))?;
            rate.map_or(Ok(()), |rate| document.put(LEARNING_RATE, rate))?;
            let mut experiment = Experiment::read(document.root(), name)?;
            experiment.name.clone_from(name);
            cells.push(Cell { arm, point: point.clone(), document, experiment });
        }
    }
    Ok(cells)
}
