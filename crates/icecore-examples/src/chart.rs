//! Pictures of numbers, and of where they come from.

mod axis;
mod bars;
mod flow;
mod lines;

pub(crate) use axis::Axis;
pub(crate) use bars::{Bar, bars, paired, stacked};
pub(crate) use flow::{Edge, Flow, Node};
pub(crate) use lines::{Line, Mark, Plot};

use crate::svg::{Anchor, Canvas, text_width};

/// Space around a picture.
const MARGIN: f64 = 12.0;
/// How high a line of a legend is.
const LEGEND: f64 = 24.0;

/// The names of series beside their colours, from left to right.
fn legend(canvas: &mut Canvas, names: &[(&str, &str)], (mut x, y): (f64, f64)) {
    for (name, class) in names {
        canvas.rect((x, y - 9.0), (10.0, 10.0), class, "");
        canvas.text((x + 16.0, y), Anchor::Start, "soft", name);
        x += 16.0 + text_width(name) + 22.0;
    }
}
