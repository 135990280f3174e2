//! `initlab data`: show, get and check data sets.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::cli::examples;
use crate::cli::model::trimmed;
use crate::cli::output::say;
use crate::cli::path::path;
use crate::cli::{complete, dataset};
use crate::config::error::folded;
use crate::data::files;
use crate::data::locate::{NAMES, name_of};
use crate::data::{
    Choice, Images, Known, Loaded, Origin, Places, Prepared, Request, Split, Verdict, digits, fetch, is_at, load,
    read_known,
};

/// Show, get and check data sets.
#[derive(Debug, Args)]
pub struct DataCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what a data set holds: images, classes, normalisation, sums, and where it came from.
    #[command(after_long_help = examples::of("data info"))]
    Info(Info),
    /// Download a data set as four IDX files, or write the built-in digits as such.
    #[command(after_long_help = examples::of("data fetch"))]
    Fetch(Fetch),
    /// Check a data set and print the SHA-256 of its four files, unpacked, as sha256sum does.
    #[command(after_long_help = examples::of("data verify"))]
    Verify(Which),
}

#[derive(Debug, Args)]
struct Which {
    #[arg(long, help = dataset::dataset(), value_name = "NAME|DIR", default_value = "auto", add = complete::dataset())]
    dataset: String,
    #[arg(long, help = dataset::data(), value_name = "DIR", value_parser = path())]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Info {
    #[command(flatten)]
    which: Which,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Fetch {
    /// Name of the data set to get.
    #[arg(default_value = "mnist", value_parser = PossibleValuesParser::new(Choice::names().filter(|name| *name != "auto")))]
    dataset: String,
    /// Directory to write to, new or empty [default: data/NAME].
    #[arg(long, value_name = "DIR", value_parser = path())]
    out: Option<PathBuf>,
}

/// Runs the command; results go to stdout, notices to stderr.
///
/// # Errors
/// The data is absent, broken or cannot be got.
pub fn run(command: &DataCommand) -> anyhow::Result<()> {
    match &command.action {
        Action::Info(info) => show(info),
        Action::Fetch(what) => get(what),
        Action::Verify(which) => verify(which),
    }
}

/// Loads without downloading: looking at data changes nothing on disk.
fn open(which: &Which) -> anyhow::Result<Loaded> {
    let mut request = Request::new(Choice::parse(&which.dataset));
    request.data_dir.clone_from(&which.data);
    request.allow_download = false;
    let loaded = load(&request)?;
    if let Some(notice) = &loaded.notice {
        say(&folded(notice, 2));
    }
    Ok(loaded)
}

fn get(what: &Fetch) -> anyhow::Result<()> {
    let places = Places::from_environment();
    let Some(known) = Known::from_name(&what.dataset) else {
        let directory = what.out.clone().unwrap_or_else(|| places.root.join(&what.dataset));
        let (train, test) = if Choice::parse(&what.dataset) == Choice::ColourDigits {
            digits::in_colour(0)
        } else {
            digits::generate(0)
        };
        files::write(&directory, &train, &test)?;
        return super::print(&format!("{}\n", directory.display()));
    };
    let directory = what.out.clone().unwrap_or_else(|| places.kept(known));
    if is_at(&directory, known) {
        read_known(known, &directory)?;
        say(&format!("{} is already there and whole", known.name));
    } else {
        fetch::fetch(known, &directory, fetch::time_limit()?)?;
    }
    super::print(&format!("{}\n", directory.display()))
}

fn verify(which: &Which) -> anyhow::Result<()> {
    let loaded = open(which)?;
    let dimensions = if loaded.dataset.train.channels == 1 { 3 } else { 4 };
    let four = |sums: &mut dyn Iterator<Item = &String>| -> Vec<String> {
        sums.zip(NAMES).map(|(sum, name)| format!("{sum}  {}\n", name_of(name, dimensions))).collect()
    };
    let lines = match &loaded.origin {
        Origin::Files(sources) if sources.len() == NAMES.len() => {
            four(&mut sources.iter().map(|source| &source.sha256))
        }
        Origin::Files(sources) => {
            let name = |source: &files::Source| source.path.file_name().unwrap_or_default().display().to_string();
            sources.iter().map(|source| format!("{}  {}\n", source.sha256, name(source))).collect()
        }
        Origin::Generated { .. } => four(&mut files::sums_of(&loaded.dataset.train, &loaded.dataset.test).iter()),
    };
    super::print(&lines.concat())?;
    say(&format!("{}: {}", loaded.dataset.name, judgement(&loaded)));
    Ok(())
}

fn judgement(loaded: &Loaded) -> &'static str {
    match (&loaded.origin, loaded.verdict) {
        (_, Some(Verdict::Sums)) => "the published files, by their SHA-256",
        (_, Some(Verdict::Statistics)) => "the published set, by its sizes, classes, mean and standard deviation",
        (_, Some(Verdict::Counts)) => "as the published set in sizes and classes; no more is known of it to compare",
        (Origin::Generated { .. }, None) => "generated by this program",
        (Origin::Files(_), None) => "whole; no sums are known for it",
    }
}

fn show(info: &Info) -> anyhow::Result<()> {
    let loaded = open(&info.which)?;
    let judgement = judgement(&loaded);
    let files: Vec<Value> = match &loaded.origin {
        Origin::Files(sources) => {
            sources.iter().map(|s| json!({"path": s.path, "compressed": s.compressed, "sha256": s.sha256})).collect()
        }
        Origin::Generated { .. } => Vec::new(),
    };
    let dataset = std::sync::Arc::new(loaded.dataset);
    let mut normalization = serde_json::Map::new();
    for split in [Split::Usual, Split::Lesson] {
        // A tiny set may have no lesson split; the rest is worth showing.
        if let Ok(prepared) = Prepared::new(dataset.clone(), split) {
            let channels = prepared.normalization();
            let value = if let [all] = channels { serde_json::to_value(all)? } else { serde_json::to_value(channels)? };
            normalization.insert(split.name().into(), value);
        }
    }
    let described = json!({
        "name": dataset.name,
        "judgement": judgement,
        "sha256": dataset.sha256,
        "classes": dataset.classes,
        "image": [dataset.train.rows, dataset.train.cols],
        "channels": dataset.train.channels,
        "train": per_class(&dataset.train, dataset.classes),
        "test": per_class(&dataset.test, dataset.classes),
        "normalization": normalization,
        "files": files,
    });
    let text = if info.json { serde_json::to_string_pretty(&described)? } else { trimmed(&table(&described)) };
    super::print(&format!("{text}\n"))
}

/// How many images there are, in all and of each class.
fn per_class(images: &Images, classes: usize) -> Value {
    let mut counts = vec![0usize; classes];
    images.labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    json!({"images": images.len(), "per_class": counts})
}

fn table(described: &Value) -> Table {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for key in ["name", "judgement", "sha256", "classes"] {
        table.add_row([key.to_owned(), text(&described[key])]);
    }
    let image = &described["image"];
    let values =
        if described["channels"] == 1 { String::new() } else { format!(" of {} values", described["channels"]) };
    table.add_row(["image".to_owned(), format!("{} x {} pixels{values}", image[0], image[1])]);
    for part in ["train", "test"] {
        let counts = described[part]["per_class"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
        table.add_row([
            part.to_owned(),
            format!("{} images; per class {}", described[part]["images"], counts.join(" ")),
        ]);
    }
    for (split, n) in described["normalization"].as_object().into_iter().flatten() {
        let channels: Vec<&Value> = n.as_array().map_or_else(|| vec![n], |channels| channels.iter().collect());
        let numbers = |key: &str| {
            let list = channels.iter().map(|channel| format!("{:.4}", channel[key].as_f64().unwrap_or(f64::NAN)));
            list.collect::<Vec<_>>().join(" ")
        };
        let divisor = channels.first().map_or(f64::NAN, |channel| channel["divisor"].as_f64().unwrap_or(f64::NAN));
        let row = format!("pixels/{divisor}, mean {}, std {}", numbers("mean"), numbers("std"));
        table.add_row([format!("{split} split"), row]);
    }
    for file in described["files"].as_array().into_iter().flatten() {
        table.add_row(["file".to_owned(), text(&file["path"])]);
    }
    table
}
