//! Bars, each value written at its end.

use super::{LEGEND, MARGIN, legend};
use crate::svg::{Anchor, Canvas, WIDTH, number, widest};

const BAR: f64 = 18.0;
const GAP: f64 = 10.0;

/// A bar: its label, and one value for each series.
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) values: Vec<f64>,
}

impl Bar {
    pub(crate) fn new(label: impl Into<String>, values: impl Into<Vec<f64>>) -> Self {
        Self { label: label.into(), values: values.into() }
    }
}

/// Horizontal bars in the order given, each value written at its end with
/// `unit` behind it. Negative values reach to the left of the zero line.
pub(crate) fn bars(bars: &[Bar], unit: &str) -> String {
    draw(bars, unit, &[])
}

/// Bars of several series, whose names stand above them.
pub(crate) fn paired(bars: &[Bar], unit: &str, names: &[&str]) -> String {
    draw(bars, unit, names)
}

/// The class of a series.
fn class(series: usize) -> String {
    format!("f{}", series % 4 + 1)
}

fn draw(bars: &[Bar], unit: &str, names: &[&str]) -> String {
    let series = bars.iter().map(|bar| bar.values.len()).max().unwrap_or(1).max(1) as f64;
    let group = BAR * series + GAP;
    let above = if names.is_empty() { MARGIN } else { MARGIN + LEGEND };
    let height = above + group * bars.len() as f64 + MARGIN - GAP;
    let scale = Scale::of(bars, unit);
    let mut canvas = Canvas::new(height.max(2.0 * MARGIN));
    let classes: Vec<String> = (0..names.len()).map(class).collect();
    let named: Vec<(&str, &str)> =
        names.iter().copied().zip(classes.iter().map(String::as_str)).collect();
    legend(&mut canvas, &named, MARGIN + 8.0);
    for (i, bar) in bars.iter().enumerate() {
        let top = above + i as f64 * group;
        let middle = top + (group - GAP) / 2.0 + 4.5;
        canvas.text((MARGIN, middle), Anchor::Start, "ink", &bar.label);
        for (series, value) in bar.values.iter().enumerate() {
            one(&mut canvas, &scale, top + series as f64 * BAR, (series, *value, unit));
        }
    }
    let zero = scale.x(0.0);
    canvas.line((zero, above - 4.0), (zero, height - MARGIN + 4.0), "base");
    let label: Vec<String> = bars.iter().map(|bar| described(bar, unit)).collect();
    canvas.finish(&label.join("; "))
}

fn one(canvas: &mut Canvas, scale: &Scale, top: f64, (series, value, unit): (usize, f64, &str)) {
    let (from, to) = (scale.x(0.0), scale.x(value));
    let shown = format!("{}{unit}", number(value));
    let size = ((to - from).abs(), BAR - 4.0);
    canvas.rect((from.min(to), top + 2.0), size, &class(series), &shown);
    let (anchor, x) = if value < 0.0 { (Anchor::End, to - 6.0) } else { (Anchor::Start, to + 6.0) };
    canvas.text((x, top + BAR / 2.0 + 4.5), anchor, "ink", &shown);
}

fn described(bar: &Bar, unit: &str) -> String {
    let values: Vec<String> =
        bar.values.iter().map(|value| format!("{}{unit}", number(*value))).collect();
    format!("{}: {}", bar.label, values.join(" and "))
}

/// Where values are on the picture.
struct Scale {
    zero: f64,
    per_unit: f64,
}

impl Scale {
    fn of(bars: &[Bar], unit: &str) -> Self {
        let all = || bars.iter().flat_map(|bar| bar.values.iter().copied());
        let (low, high) = (all().fold(0.0, f64::min), all().fold(0.0, f64::max));
        let shown: Vec<String> = all().map(|value| format!("{}{unit}", number(value))).collect();
        let beside = widest(shown.iter().map(String::as_str)) + 6.0;
        let below = if low < 0.0 { beside } else { 0.0 };
        let left = widest(bars.iter().map(|bar| bar.label.as_str())) + 2.0 * MARGIN + below;
        let width = WIDTH - left - beside - MARGIN;
        let per_unit = if high > low { width / (high - low) } else { 0.0 };
        Self { zero: left - low * per_unit, per_unit }
    }

    fn x(&self, value: f64) -> f64 {
        self.zero + value * self.per_unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_say_their_values() {
        let drawn = [Bar::new("one", [2.5]), Bar::new("two & more", [-1.0, 4.0])];
        let svg = bars(&drawn, " min");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("class=\"f1\"") && svg.contains("class=\"f2\""));
        assert!(svg.contains("-1 min") && svg.contains("two &amp; more"), "{svg}");
        let named = paired(&drawn, " min", &["then", "now"]);
        assert!(named.contains(">then</text>") && named.contains(">now</text>"), "{named}");
    }

    #[test]
    fn nothing_is_a_picture_too() {
        assert!(bars(&[], "").starts_with("<svg"));
        assert!(!bars(&[Bar::new("zero", [0.0])], "").contains("NaN"));
    }
}
