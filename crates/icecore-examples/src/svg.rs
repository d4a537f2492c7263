//! A picture as SVG, which takes its colours and letters from the page.

use crate::page::escaped;

/// How wide every picture is; a page scales it down.
pub(crate) const WIDTH: f64 = 860.0;
/// How wide letters are in a wide font, on average over a label.
const LETTER_WIDTH: f64 = 7.9;
const CAPITAL_WIDTH: f64 = 9.4;

/// Where a text is anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// A picture as it is drawn. Classes are those of the page's style sheet.
#[derive(Debug)]
pub(crate) struct Canvas {
    height: f64,
    body: String,
}

impl Canvas {
    pub(crate) fn new(height: f64) -> Self {
        Self { height, body: String::new() }
    }

    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        self.body.push_str(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{}\" class=\"{class}\">{}</text>\n",
            anchor.as_str(),
            escaped(text)
        ));
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        self.body.push_str(&format!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" class=\"{class}\"/>\n",
            from.0, from.1, to.0, to.1
        ));
    }

    /// A filled rectangle; `hint` is shown to whoever points at it.
    pub(crate) fn rect(
        &mut self,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        class: &str,
        hint: &str,
    ) {
        self.body.push_str(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             rx=\"2\" class=\"{class}\">{}</rect>\n",
            title(hint)
        ));
    }

    pub(crate) fn circle(&mut self, (x, y): (f64, f64), radius: f64, class: &str, hint: &str) {
        self.body.push_str(&format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" class=\"{class}\">{}</circle>\n",
            title(hint)
        ));
    }

    /// What `path` says in the language of SVG.
    pub(crate) fn path(&mut self, path: &str, class: &str) {
        self.body.push_str(&format!("<path d=\"{path}\" class=\"{class}\"/>\n"));
    }

    /// A line through these points.
    pub(crate) fn through(&mut self, points: &[(f64, f64)], class: &str) {
        let mut path = String::new();
        for (i, (x, y)) in points.iter().enumerate() {
            path.push_str(&format!("{}{x:.1} {y:.1}", if i == 0 { "M" } else { " L" }));
        }
        self.path(&path, class);
    }

    /// The whole picture; `label` says what it shows to whoever does not see
    /// it.
    pub(crate) fn finish(self, label: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
             width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
            escaped(label),
            self.body,
            height = self.height,
        )
    }
}

fn title(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!("<title>{}</title>", escaped(hint)) }
}

/// How wide a label may be.
pub(crate) fn text_width(text: &str) -> f64 {
    let width = |letter: char| if letter.is_uppercase() { CAPITAL_WIDTH } else { LETTER_WIDTH };
    text.chars().map(width).sum()
}

/// The widest of some labels.
pub(crate) fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> f64 {
    texts.map(text_width).fold(0.0, f64::max)
}

/// A number as people write it: `336,776`, `76.51`.
pub(crate) fn number(value: f64) -> String {
    fixed(value, decimals(value))
}

/// How many digits after the point a number needs, two at most.
pub(crate) fn decimals(value: f64) -> usize {
    let hundredths = (value.abs() * 100.0).round() as u64;
    match (hundredths.is_multiple_of(10), hundredths.is_multiple_of(100)) {
        (_, true) => 0,
        (true, false) => 1,
        (false, false) => 2,
    }
}

/// A number with so many digits after the point.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let whole = text.split('.').next().map_or(0, str::len);
    let mut grouped = String::new();
    if value < 0.0 && text.contains(|digit| ('1'..='9').contains(&digit)) {
        grouped.push('-');
    }
    for (i, digit) in text.chars().enumerate() {
        if i > 0 && i < whole && (whole - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [
            (336_776.0, "336,776"),
            (0.0, "0"),
            (-1_234.5, "-1,234.5"),
            (76.51, "76.51"),
            (999.999, "1,000"),
            (-0.001, "0"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(fixed(-1_072.0, 2), "-1,072.00");
    }

    #[test]
    fn texts_and_hints_are_no_markup() {
        let mut canvas = Canvas::new(10.0);
        canvas.text((0.0, 0.0), Anchor::End, "ink", "a < b");
        canvas.circle((1.0, 1.0), 2.0, "s1", "<script>");
        let svg = canvas.finish("\"quoted\"");
        assert!(svg.contains(">a &lt; b</text>") && svg.contains("<title>&lt;script&gt;</title>"));
        assert!(svg.contains("aria-label=\"&quot;quoted&quot;\""), "{svg}");
    }
}
