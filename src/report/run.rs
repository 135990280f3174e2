//! The page of one run, and the page that lays several runs side by side.

use crate::findings::said_of;
use crate::numerals::{number, percent};
use crate::record::finding::{Finding, Severity};
use crate::record::read::{Columns, RunRecords};
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::layers::{self, Detail, Scales};
use crate::report::names::{by_difference, differences, directory};
use crate::report::noise;
use crate::report::overlay::{self, Net};
use crate::report::page::{Block, Page, Section, Table};
use crate::report::palette::Style;
use crate::report::sharpness;
use crate::report::thin::{Point, thin};

/// The page of one run.
pub fn page(run: &RunRecords) -> Page {
    let mut sections = vec![outcome(run), curves(run)];
    sections.extend(layers::sections(run, Detail::WHOLE, &Scales::default()));
    sections.extend(
        [noise::section(run), sharpness::section(run)].into_iter().filter(|section| !section.blocks.is_empty()),
    );
    sections.push(origin(run));
    Page { title: label(run), lead: lead(run), findings: said_of(run), sections }
}

/// A page for several runs: their curves over one another, their layers over one another, then each run's own.
pub fn comparison(runs: &[RunRecords]) -> Page {
    let names = by_difference(runs);
    let net = |(place, run): (usize, &'_ RunRecords)| (place, names[place].clone(), run.layers.clone());
    let all: Vec<_> = runs.iter().enumerate().map(net).collect();
    let nets: Vec<Net<'_>> =
        all.iter().map(|(place, name, layers)| Net { name: name.clone(), place: *place, layers }).collect();
    let mut sections = vec![
        outcomes(runs, &names),
        all_curves(runs, &names),
        overlay::at_first_step(&nets, "Over the first training batch of each run, before anything was learnt."),
        overlay::first_steps(&nets),
        overlay::by_choice(&nets),
    ];
    sections.retain(|section| !section.blocks.is_empty());
    let scales = Scales::of(runs);
    for (run, name) in runs.iter().zip(&names) {
        let parts = layers::sections(run, Detail::AMONG_OTHERS, &scales);
        let blocks: Vec<Block> = parts.into_iter().flat_map(|part| part.blocks).chain(origin(run).blocks).collect();
        sections.push(Section { heading: name.clone(), of: Some(name.clone()), blocks });
    }
    let findings = runs.iter().zip(&names).flat_map(|(run, name)| {
        let ails = said_of(run).into_iter().filter(|finding| finding.severity != Severity::Note);
        ails.map(move |finding| Finding { text: format!("{name}: {}", finding.text), ..finding })
    });
    let findings = findings.collect();
    let lead = [
        differences(runs) + ".",
        ends(runs, &names),
        "Every run alone has more detail in the report of its own directory.".into(),
    ];
    let lead = lead.into_iter().filter(|sentence| !sentence.is_empty()).collect::<Vec<_>>().join(" ");
    Page { title: format!("{} runs", runs.len()), lead, findings, sections }
}

/// The runs with the highest and the lowest test accuracy at the end; nothing where fewer than two were measured.
fn ends(runs: &[RunRecords], names: &[String]) -> String {
    let accuracy = |run: &RunRecords| run.summary.as_ref().and_then(|summary| summary.test_accuracy);
    let mut found: Vec<(f64, &String)> =
        runs.iter().zip(names).filter_map(|(run, name)| Some((accuracy(run)?, name))).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    match &found[..] {
        [(high, best), .., (low, worst)] if high > low => {
            format!("Test accuracy at the end is {} with {best} and {} with {worst}.", percent(*high), percent(*low))
        }
        _ => String::new(),
    }
}

fn label(run: &RunRecords) -> String {
    run.summary.as_ref().map_or_else(|| run.name(), |s| format!("{}, seed {}, on {}", s.name, s.seed, s.dataset))
}

fn lead(run: &RunRecords) -> String {
    let Some(summary) = &run.summary else {
        let last = run.steps.get("step").last();
        let place =
            last.map_or_else(|| "no step was taken yet".into(), |step| format!("its last recorded step is {step}"));
        return format!("This run has no run.json: it goes on, or was killed; {place}.");
    };
    let accuracy = match summary.test_accuracy {
        Some(accuracy) => format!(" Test accuracy {}.", percent(accuracy)),
        None => " It was never evaluated on the test images.".into(),
    };
    let ended = summary.how_it_ended();
    let mut sentence: String = ended.chars().take(1).flat_map(char::to_uppercase).collect();
    sentence.extend(ended.chars().skip(1));
    format!("{sentence}.{accuracy}")
}

fn outcome(run: &RunRecords) -> Section {
    let mut section = Section::new("Result");
    let facts = match &run.summary {
        Some(s) => {
            let share = |x: Option<f64>| x.map_or_else(|| "not measured".into(), percent);
            let loss = |x: Option<f64>| x.map_or_else(|| "not measured".into(), number);
            vec![
                ("test accuracy".into(), share(s.test_accuracy)),
                ("best test accuracy".into(), share(s.best_test_accuracy)),
                ("training loss".into(), loss(s.train_loss)),
                ("test loss".into(), loss(s.test_loss)),
                ("steps".into(), format!("{} of {}", s.steps, s.planned_steps)),
                ("parameters".into(), s.parameters.to_string()),
            ]
        }
        None => vec![
            ("recorded steps".into(), run.steps.len().to_string()),
            ("evaluations".into(), run.epochs.len().to_string()),
        ],
    };
    section.blocks.push(Block::Facts(facts));
    section
}

fn outcomes(runs: &[RunRecords], names: &[String]) -> Section {
    let mut section = Section::new("Results");
    let row = |(run, name): (&RunRecords, &String)| {
        let share = |x: Option<f64>| x.map_or_else(|| "–".into(), percent);
        let s = run.summary.as_ref();
        vec![
            name.clone(),
            s.map_or_else(|| "has not ended".into(), |s| s.how_it_ended()),
            share(s.and_then(|s| s.test_accuracy)),
            share(s.and_then(|s| s.best_test_accuracy)),
            s.and_then(|s| s.train_loss).map_or_else(|| "–".into(), number),
            directory(run),
        ]
    };
    let head = ["run", "outcome", "test accuracy", "best", "training loss", "directory"].map(str::to_string).to_vec();
    section.blocks.push(Block::Table(Table {
        caption: String::new(),
        head,
        rows: runs.iter().zip(names).map(row).collect(),
    }));
    section
}

/// Loss, accuracy, learning rate and gradient norm of one run.
fn curves(run: &RunRecords) -> Section {
    let mut section = Section::new("Loss and accuracy");
    if run.steps.is_empty() {
        section.text("No step was recorded.");
        return section;
    }
    let batches = |name: &str| training(run, name, "training batches", 0, Detail::WHOLE);
    let tests = |name: &str| evaluations(run, name, "test images", 1, Detail::WHOLE);
    let about = "Of training batches (a band holds the extremes) and, at each evaluation, of the test images.";
    section.chart(over_steps("Loss", about, Axis::log("loss"), vec![batches("loss"), tests("test_loss")]));
    let both = vec![batches("accuracy"), tests("test_accuracy")];
    section.chart(over_steps("Accuracy", "The share that is right.", Axis::share("accuracy"), both));
    let about = "What the schedule made of it.";
    section.chart(over_steps("Learning rate", about, Axis::linear("learning rate"), vec![batches("lr")]));
    let about = "Of all parameters together, before clipping.";
    section.chart(over_steps("Gradient norm", about, Axis::log("norm"), vec![batches("gradient_norm")]));
    section
}

/// Loss, accuracy, learning rate and gradient norm of several runs over one another.
fn all_curves(runs: &[RunRecords], names: &[String]) -> Section {
    let mut section = Section::new("Loss and accuracy");
    if runs.iter().all(|run| run.steps.is_empty()) {
        section.text("No step was recorded.");
        return section;
    }
    type Curve = fn(&RunRecords, &str, &str, usize, Detail) -> Series;
    for (title, about, y, column, curve) in [
        (
            "Training loss",
            "A band holds the extremes; a cross marks where a run diverged.",
            Axis::log("loss"),
            "loss",
            training as Curve,
        ),
        ("Test loss", "At each evaluation.", Axis::log("loss"), "test_loss", evaluations),
        ("Training accuracy", "The share of each batch that is right.", Axis::share("accuracy"), "accuracy", training),
        ("Test accuracy", "At each evaluation.", Axis::share("accuracy"), "test_accuracy", evaluations),
        ("Learning rate", "What the schedule made of it.", Axis::linear("learning rate"), "lr", training),
        ("Gradient norm", "Of all parameters together, before clipping.", Axis::log("norm"), "gradient_norm", training),
    ] {
        let series = runs.iter().enumerate().map(|(i, run)| curve(run, column, &names[i], i, Detail::AMONG_OTHERS));
        section.chart(over_steps(title, about, y, series.collect()));
    }
    section
}

fn over_steps(title: &str, about: &str, y: Axis, mut series: Vec<Series>) -> Chart {
    series.retain(|series| !series.points.is_empty());
    Chart { title: title.into(), about: about.into(), x: Axis::counts("step"), y, series, rules: Vec::new() }
}

/// A column of `steps.csv`, with a cross where the run diverged.
fn training(run: &RunRecords, column: &str, name: &str, style: usize, detail: Detail) -> Series {
    let points = points(&run.steps, column, detail.points);
    let crosses = divergence(run, &points).into_iter().collect();
    Series { crosses, ..Series::new(name, Style::Category(style), Shape::Line, points) }
}

/// A column of `epochs.csv`.
fn evaluations(run: &RunRecords, column: &str, name: &str, style: usize, detail: Detail) -> Series {
    Series::new(name, Style::Category(style), Shape::Marked, points(&run.epochs, column, detail.points))
}

/// A column over steps in few points.
fn points(columns: &Columns, name: &str, limit: usize) -> Vec<Point> {
    thin(columns.get("step").iter().copied(), columns.get(name).iter().copied(), limit)
}

/// Where a diverged run's curve ends: at the last value that has a place.
fn divergence(run: &RunRecords, points: &[Point]) -> Option<(f64, f64)> {
    let at = run.summary.as_ref()?.diverged.as_ref()?.step;
    let last = points.iter().rev().find(|p| p.y.is_finite())?;
    Some((at as f64, last.y))
}

fn origin(run: &RunRecords) -> Section {
    let mut section = Section::new("How it was made");
    if let Some(s) = &run.summary {
        section.blocks.push(Block::Facts(vec![
            ("data".into(), format!("{}, {} split", s.dataset, s.split)),
            ("SHA-256 of the data".into(), s.data_sha256.clone()),
            ("seed".into(), s.seed.to_string()),
            ("device".into(), s.device.clone()),
            ("initlab".into(), s.version.clone()),
        ]));
    }
    if !run.config.is_empty() {
        section.text("The complete config. Saved as config.toml it repeats the run, number for number: initlab train config.toml");
        section.blocks.push(Block::Code(run.config.clone()));
    }
    section
}
