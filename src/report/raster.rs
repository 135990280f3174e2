//! Charts as PNG files, for slides: the same SVG, drawn with a font of this system.

use crate::report::ReportError;

/// True if this build can draw pictures: it was built with the feature `png`.
pub const AVAILABLE: bool = cfg!(feature = "png");

/// Pixels for a unit of a chart.
pub const SCALE: u32 = 2;

/// Draws a chart's SVG as a PNG file.
pub type Encode = Box<dyn Fn(&str) -> Result<Vec<u8>, ReportError>>;

/// Reads this system's fonts, where fontconfig or the system keeps them, and gives what draws with them. Of those
/// installed the first of DejaVu Sans, Verdana, Arial and fontconfig's `sans-serif` writes the text, else any other.
///
/// # Errors
/// There is no font; a picture would have no text. Without the feature `png` always.
pub fn encoder() -> Result<Encode, ReportError> {
    encoder_with_system_fonts()
}

#[cfg(not(feature = "png"))]
fn encoder_with_system_fonts() -> Result<Encode, ReportError> {
    Err(ReportError::NoPng)
}

#[cfg(feature = "png")]
fn encoder_with_system_fonts() -> Result<Encode, ReportError> {
    let fonts = std::sync::Arc::new(drawing::system_fonts().ok_or(ReportError::NoFonts)?);
    Ok(Box::new(move |svg| drawing::png(svg, &fonts).map_err(ReportError::Picture)))
}

#[cfg(feature = "png")]
mod drawing {
    use std::sync::Arc;

    use resvg::tiny_skia::{Pixmap, Transform};
    use resvg::usvg::fontdb::{Database, Family, Query};
    use resvg::usvg::{Options, Tree};

    use super::SCALE;

    /// The system's fonts, with one for a chart's text; none if there is no font at all.
    pub fn system_fonts() -> Option<Database> {
        let mut fonts = Database::new();
        fonts.load_system_fonts();
        let named = ["DejaVu Sans", "Verdana", "Arial"].map(Family::Name);
        let families = [&named[..], &[Family::SansSerif]].concat();
        if fonts.query(&Query { families: &families, ..Query::default() }).is_none() {
            // Text in a family that is not there would be left out without a word.
            let (any, _) = fonts.faces().next()?.families.first()?.clone();
            fonts.set_sans_serif_family(any);
        }
        Some(fonts)
    }

    pub fn png(svg: &str, fonts: &Arc<Database>) -> Result<Vec<u8>, String> {
        let options = Options { fontdb: Arc::clone(fonts), ..Options::default() };
        let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
        let size = tree.size().to_int_size().scale_by(SCALE as f32).ok_or("it has no size")?;
        let mut picture = Pixmap::new(size.width(), size.height()).ok_or("it has no size")?;
        resvg::render(&tree, Transform::from_scale(SCALE as f32, SCALE as f32), &mut picture.as_mut());
        picture.encode_png().map_err(|error| error.to_string())
    }
}
