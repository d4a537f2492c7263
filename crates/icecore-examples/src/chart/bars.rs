//! Bars, each value written at its end.

use super::{LEGEND, MARGIN, legend};
use crate::svg::{Anchor, Canvas, WIDTH, decimals, fixed, widest};

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
    Chart::new(bars, unit, &[], false).svg()
}

/// Bars of several series, one below the other; their names stand above them.
pub(crate) fn paired(bars: &[Bar], unit: &str, names: &[&str]) -> String {
    Chart::new(bars, unit, names, false).svg()
}

/// Bars whose values, none of them negative, are parts of one whole.
pub(crate) fn stacked(bars: &[Bar], unit: &str, names: &[&str]) -> String {
    Chart::new(bars, unit, names, true).svg()
}

struct Chart<'a> {
    bars: &'a [Bar],
    unit: &'a str,
    names: &'a [&'a str],
    stacked: bool,
    decimals: usize,
    scale: Scale,
}

/// The class of a series.
fn class(series: usize) -> String {
    format!("f{}", series % 4 + 1)
}

impl<'a> Chart<'a> {
    fn new(bars: &'a [Bar], unit: &'a str, names: &'a [&'a str], stacked: bool) -> Self {
        let all = || bars.iter().flat_map(|bar| bar.values.iter().copied());
        let decimals = all().map(decimals).max().unwrap_or(0);
        let scale = Scale { zero: 0.0, per_unit: 0.0 };
        let mut chart = Self { bars, unit, names, stacked, decimals, scale };
        chart.scale = chart.scaled();
        chart
    }

    fn scaled(&self) -> Scale {
        let ends = |bar: &Bar| match self.stacked {
            true => vec![bar.values.iter().sum()],
            false => bar.values.clone(),
        };
        let ends: Vec<f64> = self.bars.iter().flat_map(ends).collect();
        let low = ends.iter().copied().fold(0.0, f64::min);
        let high = ends.iter().copied().fold(0.0, f64::max);
        let shown: Vec<String> = self.bars.iter().flat_map(|bar| self.texts(bar)).collect();
        let beside = widest(shown.iter().map(String::as_str)) + 6.0;
        let below = if low < 0.0 { beside } else { 0.0 };
        let labels = widest(self.bars.iter().map(|bar| bar.label.as_str()));
        let left = labels + 2.0 * MARGIN + below;
        let width = WIDTH - left - beside - MARGIN;
        let per_unit = if high > low { width / (high - low) } else { 0.0 };
        Scale { zero: left - low * per_unit, per_unit }
    }

    /// What is written at the ends of the bars of one label.
    fn texts(&self, bar: &Bar) -> Vec<String> {
        let text = |value: &f64| fixed(*value, self.decimals);
        if !self.stacked {
            return bar.values.iter().map(|value| text(value) + self.unit).collect();
        }
        let parts = bar.values.iter().filter(|value| **value > 0.0).map(text);
        vec![parts.collect::<Vec<_>>().join(" + ") + self.unit]
    }

    fn svg(&self) -> String {
        let series = self.bars.iter().map(|bar| bar.values.len()).max().unwrap_or(1).max(1);
        let group = BAR * if self.stacked { 1.0 } else { series as f64 } + GAP;
        let above = if self.names.is_empty() { MARGIN } else { MARGIN + LEGEND };
        let height = (above + group * self.bars.len() as f64 + MARGIN - GAP).max(2.0 * MARGIN);
        let mut canvas = Canvas::new(height);
        let classes: Vec<String> = (0..self.names.len()).map(class).collect();
        let classes = classes.iter().map(String::as_str);
        let named: Vec<(&str, &str)> = self.names.iter().copied().zip(classes).collect();
        legend(&mut canvas, &named, (MARGIN, MARGIN + 8.0));
        for (i, bar) in self.bars.iter().enumerate() {
            let top = above + i as f64 * group;
            let middle = top + (group - GAP) / 2.0 + 4.5;
            canvas.text((MARGIN, middle), Anchor::Start, "ink", &bar.label);
            match self.stacked {
                true => self.stack(&mut canvas, bar, top),
                false => self.group(&mut canvas, bar, top),
            }
        }
        let zero = self.scale.x(0.0);
        canvas.line((zero, above - 4.0), (zero, height - MARGIN + 4.0), "base");
        let described = |bar: &Bar| format!("{}: {}", bar.label, self.texts(bar).join(" and "));
        let label: Vec<String> = self.bars.iter().map(described).collect();
        canvas.finish(&label.join("; "))
    }

    fn group(&self, canvas: &mut Canvas, bar: &Bar, top: f64) {
        for (series, (value, shown)) in bar.values.iter().zip(self.texts(bar)).enumerate() {
            let top = top + series as f64 * BAR;
            let (from, to) = (self.scale.x(0.0), self.scale.x(*value));
            let size = ((to - from).abs(), BAR - 4.0);
            canvas.rect((from.min(to), top + 2.0), size, &class(series), &shown);
            let (anchor, x) =
                if *value < 0.0 { (Anchor::End, to - 6.0) } else { (Anchor::Start, to + 6.0) };
            canvas.text((x, top + BAR / 2.0 + 4.5), anchor, "ink", &shown);
        }
    }

    fn stack(&self, canvas: &mut Canvas, bar: &Bar, top: f64) {
        let mut sum = 0.0;
        for (series, value) in bar.values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            let (from, to) = (self.scale.x(sum), self.scale.x(sum + value));
            let name = self.names.get(series).copied().unwrap_or_default();
            let hint = format!("{name}: {}{}", fixed(*value, self.decimals), self.unit);
            canvas.rect((from, top + 2.0), (to - from, BAR - 4.0), &class(series), &hint);
            sum += value;
        }
        let at = (self.scale.x(sum) + 6.0, top + BAR / 2.0 + 4.5);
        canvas.text(at, Anchor::Start, "ink", &self.texts(bar).concat());
    }
}

/// Where values are on the picture.
struct Scale {
    zero: f64,
    per_unit: f64,
}

impl Scale {
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
        assert!(svg.contains("-1.0 min") && svg.contains("two &amp; more"), "{svg}");
        assert!(svg.contains(">2.5 min</text>") && svg.contains(">4.0 min</text>"), "{svg}");
        let named = paired(&drawn, " min", &["then", "now"]);
        assert!(named.contains(">then</text>") && named.contains(">now</text>"), "{named}");
    }

    #[test]
    fn parts_stand_behind_each_other() {
        let svg =
            stacked(&[Bar::new("a", [29.0, 2.0]), Bar::new("b", [0.0, 5.0])], " rows", &["x", "y"]);
        assert!(svg.contains(">29 + 2 rows</text>") && svg.contains(">5 rows</text>"), "{svg}");
        assert_eq!(svg.matches("class=\"f1\"").count(), 2, "one in the legend");
    }

    #[test]
    fn nothing_is_a_picture_too() {
        assert!(bars(&[], "").starts_with("<svg"));
        assert!(!bars(&[Bar::new("zero", [0.0])], "").contains("NaN"));
    }
}
