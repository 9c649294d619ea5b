//! Figures as files: SVG that carries its colours, and PNG.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::chart::{LIGHT, STYLE};
use super::{Figure, ReportError, ReportInput};
use crate::files::{FileKind, replace};

/// Pixels of a PNG per unit of a drawing: 3 gives 288 dpi at the size of the page.
const SCALE: f32 = 3.0;

/// The drawing of a figure as a file of its own: light, on white.
pub(super) fn standalone(svg: &str) -> String {
    let style =
        LIGHT.iter().fold(STYLE.to_owned(), |style, (name, value)| style.replace(&format!("var(--{name})"), value));
    let head = format!(r##"<style>{style}</style><rect width="100%" height="100%" fill="#ffffff"/>"##);
    svg.replacen("<title>", &format!("{head}<title>"), 1)
}

/// A drawing as PNG, with a font that is part of the program.
///
/// # Errors
/// [`ReportError::Image`].
pub fn png(name: &str, svg: &str) -> Result<Vec<u8>, ReportError> {
    render(name, svg, &options())
}

fn options() -> Options<'static> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    Options { font_family: "DejaVu Sans".to_owned(), fontdb: Arc::new(fonts), ..Options::default() }
}

fn render(name: &str, svg: &str, options: &Options<'_>) -> Result<Vec<u8>, ReportError> {
    let trouble = |reason: String| ReportError::Image { name: name.to_owned(), reason };
    let tree = Tree::from_str(&standalone(svg), options).map_err(|e| trouble(e.to_string()))?;
    let size = tree.size().to_int_size();
    let pixels = |n: u32| (n as f32 * SCALE).ceil() as u32;
    let mut map =
        Pixmap::new(pixels(size.width()), pixels(size.height())).ok_or_else(|| trouble("it is too large".into()))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut map.as_mut());
    map.encode_png().map_err(|e| trouble(e.to_string()))
}

/// Writes every figure as SVG and PNG, and every table as CSV, into a folder: figures over all recordings into it, those
/// of one recording into a folder of its name, the tables into `data`.
///
/// # Errors
/// [`ReportError`] with the file or figure.
pub fn write_figures(input: &ReportInput<'_>, folder: &Path) -> Result<usize, ReportError> {
    let figures = input.figures();
    let mut jobs: Vec<(std::path::PathBuf, &Figure)> =
        figures.overview.iter().map(|f| (folder.to_owned(), f)).collect();
    for (recording, own) in &figures.recordings {
        let place = folder.join(file_name(recording));
        jobs.extend(own.iter().map(|f| (place.clone(), f)));
    }
    for (task, own) in &figures.learned {
        let place = folder.join("learned").join(file_name(task));
        jobs.extend(own.iter().map(|f| (place.clone(), f)));
    }
    let data = folder.join("data");
    for place in jobs.iter().map(|(place, _)| place).chain([&data]) {
        std::fs::create_dir_all(place)
            .map_err(|e| ReportError::Folder { folder: place.clone(), reason: e.to_string() })?;
    }
    for table in input.tables() {
        let file = data.join(format!("{}.csv", table.name));
        replace(&file, FileKind::Csv, &table.to_csv(input.program, input.settings)?)?;
    }
    let options = options();
    jobs.par_iter().try_for_each(|(place, figure)| {
        let file = |ending: &str| place.join(format!("{}.{ending}", figure.name));
        replace(&file("svg"), FileKind::Svg, standalone(&figure.drawing.svg).as_bytes())?;
        let image = render(figure.name, &figure.drawing.svg, &options)?;
        Ok::<(), ReportError>(replace(&file("png"), FileKind::Png, &image)?)
    })?;
    Ok(jobs.len())
}

/// The name of a recording as the name of a folder.
fn file_name(recording: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = recording.chars().map(plain).collect();
    name.trim_matches(|c| c == '.' || c == '_').to_owned()
}
