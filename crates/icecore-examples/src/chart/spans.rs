//! What took how long: a line for each thing, with its parts over time.

use super::{Axis, LEGEND, MARGIN, legend};
use crate::svg::{Anchor, Canvas, WIDTH, widest};

const ROW: f64 = 24.0;
const BAR: f64 = 10.0;

/// One thing: its name, its parts, and the moments at which it failed.
pub(crate) struct Span {
    pub(crate) label: String,
    /// From, until, and which of the names.
    pub(crate) parts: Vec<(f64, f64, usize)>,
    pub(crate) failures: Vec<f64>,
    /// Written behind the last part.
    pub(crate) note: String,
}

/// A picture of them in the order given; `names` are those of the parts.
pub(crate) fn spans(spans: &[Span], axis: &Axis, names: &[&str]) -> String {
    let left = MARGIN + widest(spans.iter().map(|span| span.label.as_str())) + 12.0;
    let right = WIDTH - MARGIN - 4.0;
    let top = MARGIN + LEGEND;
    let bottom = top + ROW * spans.len() as f64 + 4.0;
    let mut canvas = Canvas::new(bottom + 46.0);
    let classes: Vec<String> = (1..=names.len()).map(|i| format!("f{i}")).collect();
    let mut named: Vec<(&str, &str)> =
        names.iter().copied().zip(classes.iter().map(String::as_str)).collect();
    named.push(("failed", "bad"));
    legend(&mut canvas, &named, MARGIN + 8.0);
    for (value, text) in axis.ticks() {
        let x = axis.at(value, left, right);
        canvas.line((x, top), (x, bottom), "grid");
        canvas.text((x, bottom + 18.0), Anchor::Middle, "soft", &text);
    }
    canvas.text(((left + right) / 2.0, bottom + 38.0), Anchor::Middle, "soft", &axis.label);
    for (i, span) in spans.iter().enumerate() {
        draw(&mut canvas, span, axis, (left, right, top + i as f64 * ROW));
    }
    let label: Vec<&str> = spans.iter().map(|span| span.label.as_str()).collect();
    canvas.finish(&label.join(", "))
}

fn draw(canvas: &mut Canvas, span: &Span, axis: &Axis, (left, right, top): (f64, f64, f64)) {
    let middle = top + ROW / 2.0;
    canvas.text((left - 10.0, middle + 4.5), Anchor::End, "ink", &span.label);
    let mut end = left;
    for (from, until, part) in &span.parts {
        let (from_x, until_x) = (axis.at(*from, left, right), axis.at(*until, left, right));
        let hint = format!("{} to {}", axis.text(*from), axis.text(*until));
        // What took no time is there too.
        let size = ((until_x - from_x).max(2.0), BAR);
        canvas.rect((from_x, middle - BAR / 2.0), size, &format!("f{}", part + 1), &hint);
        end = end.max(from_x + size.0);
    }
    for at in &span.failures {
        canvas.circle((axis.at(*at, left, right), middle), 5.0, "bad", &axis.text(*at));
    }
    let noted = crate::svg::text_width(&span.note) + 8.0;
    let (anchor, x) =
        if end + noted > right { (Anchor::End, end - 14.0) } else { (Anchor::Start, end + 8.0) };
    canvas.text((x, middle + 4.5), anchor, "soft", &span.note);
}
