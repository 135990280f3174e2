//! A chart as a file of its own, named by its ending, and its path on stdout.

use std::path::Path;

use anyhow::Result;

use crate::cli::UsageError;
use crate::record::whole::write_whole;
use crate::report::chart::Chart;
use crate::report::draw::{self, Frame};
use crate::report::raster;

/// Writes it as SVG, or as PNG where the file's name says so.
///
/// # Errors
/// The ending is another, this build draws no PNG, or the file cannot be written.
pub(crate) fn write(chart: &Chart, file: &Path) -> Result<()> {
    let svg = draw::chart(chart, Frame::Alone);
    let ending = file.extension().map_or_else(String::new, |ending| ending.to_string_lossy().to_lowercase());
    let bytes = match &*ending {
        "svg" => svg.into_bytes(),
        "png" => (raster::encoder()?)(&svg)?,
        _ => {
            return Err(
                UsageError(format!("--chart {}: give a name that ends with .svg or .png", file.display())).into()
            );
        }
    };
    write_whole(file, &bytes)?;
    super::print(&format!("{}\n", file.display()))
}
