//! Bars, as SVG that takes its colours from the page.

use icecore::{Error, Result};
use plotters::backend::SVGBackend;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

/// Stand for the colours of the page until the picture is finished.
const INK: RGBColor = RGBColor(1, 2, 3);
const LINE: RGBColor = RGBColor(1, 2, 4);
const ACCENT: RGBColor = RGBColor(1, 2, 5);
const ACCENT2: RGBColor = RGBColor(1, 2, 6);
const COLOURS: [(&str, &str); 4] = [
    ("#010203", "currentColor"),
    ("#010204", "var(--line)"),
    ("#010205", "var(--accent)"),
    ("#010206", "var(--accent2)"),
];

const WIDTH: i32 = 860;
const BAR: i32 = 18;
const GAP: i32 = 10;
const MARGIN: i32 = 12;
const VALUE_WIDTH: i32 = 90;
const LETTER_WIDTH: i32 = 7;
/// The back end writes 13 pixels for it.
const FONT: i32 = 16;

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
///
/// # Errors
/// If the picture cannot be drawn.
pub(crate) fn bars(bars: &[Bar], unit: &str) -> Result<String> {
    let series = bars.iter().map(|bar| bar.values.len()).max().unwrap_or(1).max(1) as i32;
    let group = BAR * series + GAP;
    let height = group * bars.len() as i32 + 2 * MARGIN;
    let mut svg = String::new();
    draw(&mut svg, bars, unit, (height, group))
        .map_err(|error| Error::internal(format_args!("a chart cannot be drawn: {error}")))?;
    for (mark, colour) in COLOURS {
        svg = svg.replace(mark, colour);
    }
    Ok(svg)
}

/// Where values are on the picture.
struct Scale {
    zero: f64,
    per_unit: f64,
}

impl Scale {
    fn of(bars: &[Bar]) -> Self {
        let labels = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0) as i32;
        let all = || bars.iter().flat_map(|bar| bar.values.iter().copied());
        let (low, high) = (all().fold(0.0, f64::min), all().fold(0.0, f64::max));
        let below = if low < 0.0 { VALUE_WIDTH } else { 0 };
        let left = labels * LETTER_WIDTH + 2 * MARGIN + below;
        let width = f64::from(WIDTH - left - VALUE_WIDTH);
        let per_unit = if high > low { width / (high - low) } else { 0.0 };
        Self { zero: f64::from(left) - low * per_unit, per_unit }
    }

    fn x(&self, value: f64) -> i32 {
        (self.zero + value * self.per_unit).round() as i32
    }
}

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

fn draw(svg: &mut String, bars: &[Bar], unit: &str, (height, group): (i32, i32)) -> Drawn {
    let scale = Scale::of(bars);
    let root = SVGBackend::with_string(svg, (WIDTH as u32, height as u32)).into_drawing_area();
    let label = text(Pos::new(HPos::Left, VPos::Center));
    for (i, bar) in bars.iter().enumerate() {
        let top = MARGIN + i as i32 * group;
        let middle = top + (group - GAP) / 2;
        root.draw(&Text::new(bar.label.clone(), (MARGIN, middle), label.clone()))?;
        for (series, value) in bar.values.iter().enumerate() {
            let top = top + series as i32 * BAR;
            let colour = if series == 0 { ACCENT } else { ACCENT2 };
            let (from, to) = (scale.x(0.0), scale.x(*value));
            let corners = [(from.min(to), top + 2), (from.max(to), top + BAR - 2)];
            root.draw(&Rectangle::new(corners, colour.filled()))?;
            let (side, x) = if *value < 0.0 { (HPos::Right, to - 6) } else { (HPos::Left, to + 6) };
            let shown = format!("{value}{unit}");
            root.draw(&Text::new(shown, (x, top + BAR / 2), text(Pos::new(side, VPos::Center))))?;
        }
    }
    let zero = vec![(scale.x(0.0), MARGIN / 2), (scale.x(0.0), height - MARGIN / 2)];
    root.draw(&PathElement::new(zero, ShapeStyle::from(&LINE).stroke_width(1)))?;
    root.present()?;
    Ok(())
}

fn text(pos: Pos) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", FONT).into_font()).color(&INK).pos(pos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_take_their_colours_from_the_page() {
        let drawn = [Bar::new("one", [2.5]), Bar::new("two & more", [-1.0, 4.0])];
        let svg = bars(&drawn, " min").unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("var(--accent)") && svg.contains("var(--accent2)"));
        assert!(svg.contains("-1 min") && svg.contains("two &amp; more"), "{svg}");
        assert!(!svg.contains("#0102"));
    }

    #[test]
    fn nothing_is_a_picture_too() {
        assert!(bars(&[], "").unwrap().starts_with("<svg"));
        assert!(bars(&[Bar::new("zero", [0.0])], "").is_ok());
    }
}
