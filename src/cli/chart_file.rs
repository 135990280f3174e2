//! A chart as a file of its own, named by its ending, and its path on stdout.

use std::path::Path;

use anyhow::Result;

use crate::cli::UsageError;
use crate::record::whole::{directory_of, write_whole};
use crate::report::chart::Chart;
use crate::report::draw::{self, Frame};
use crate::report::raster;

/// Form of the picture, by the ending of the file's name.
enum Form {
    Svg,
    Png,
}

fn form(file: &Path) -> Result<Form> {
    let ending = file.extension().map_or_else(String::new, |ending| ending.to_string_lossy().to_lowercase());
    match &*ending {
        "svg" => Ok(Form::Svg),
        "png" => Ok(Form::Png),
        _ => Err(UsageError(format!("--chart {}: give a name that ends with .svg or .png", file.display())).into()),
    }
}

/// Refuses a file that [`write()`] could not write, before anything is computed for it.
///
/// # Errors
/// The ending is another than .svg and .png, this build draws no PNG, or the directory is not there.
pub(crate) fn check(file: Option<&Path>) -> Result<()> {
    let Some(file) = file else { return Ok(()) };
    if matches!(form(file)?, Form::Png) {
        drop(raster::encoder()?);
    }
    let directory = directory_of(file);
    if directory.is_dir() {
        return Ok(());
    }
    let message = format!("--chart {}: there is no directory {}; make it first", file.display(), directory.display());
    Err(UsageError(message).into())
}

/// Writes it as SVG, or as PNG where the file's name says so.
///
/// # Errors
/// The ending is another, this build draws no PNG, or the file cannot be written.
pub(crate) fn write(chart: &Chart, file: &Path) -> Result<()> {
    let svg = draw::chart(chart, Frame::Alone);
    let bytes = match form(file)? {
        Form::Svg => svg.into_bytes(),
        Form::Png => (raster::encoder()?)(&svg)?,
    };
    write_whole(file, &bytes)?;
    super::print(&format!("{}\n", file.display()))
}
