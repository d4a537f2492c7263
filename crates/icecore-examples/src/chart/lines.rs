//! Lines over time, named at their ends, with marks where something happened.

use super::{Axis, MARGIN, legend};
use crate::svg::{Anchor, Canvas, WIDTH, text_width, widest};

const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;
/// Half of the last label of a clock, which stands below the end of the axis.
const END: f64 = 24.0;
/// Between the baselines of two names.
const LINE_HEIGHT: f64 = 15.0;

/// Values in the order of time.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    /// Whether a value holds until the next one.
    pub(crate) steps: bool,
}

/// Something that happened at a point, and what is written beside it.
pub(crate) struct Mark {
    pub(crate) at: (f64, f64),
    pub(crate) text: String,
    pub(crate) hint: String,
    /// Whether it went wrong.
    pub(crate) bad: bool,
}

/// A picture of lines.
pub(crate) struct Plot {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) height: f64,
    /// Whether the names stand above instead of at the ends of the lines.
    pub(crate) legend: bool,
    pub(crate) lines: Vec<Line>,
    pub(crate) marks: Vec<Mark>,
}

/// The corners of where values are.
struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Plot {
    pub(crate) fn svg(&self) -> String {
        let ticks = self.y.ticks();
        let left = MARGIN + widest(ticks.iter().map(|(_, text)| text.as_str())) + 6.0;
        let names = widest(self.lines.iter().map(|line| line.name.as_str()));
        let beside = if self.legend { 0.0 } else { names };
        let right = WIDTH - (beside + 12.0).max(END);
        let area = Area { left, right, top: TOP, bottom: self.height - BOTTOM };
        let mut canvas = Canvas::new(self.height);
        self.draw_axes(&mut canvas, &area);
        for (i, line) in self.lines.iter().enumerate() {
            canvas.through(&self.path(line, &area), &class(i, 'l'));
        }
        if self.legend {
            self.draw_legend(&mut canvas);
        } else {
            self.draw_names(&mut canvas, &area);
        }
        self.draw_marks(&mut canvas, &area);
        canvas.finish(&format!("{} over {}", self.y.label, self.x.label))
    }

    fn place(&self, (x, y): (f64, f64), area: &Area) -> (f64, f64) {
        (self.x.at(x, area.left, area.right), self.y.at(y, area.bottom, area.top))
    }

    fn draw_axes(&self, canvas: &mut Canvas, area: &Area) {
        for (value, text) in self.y.ticks() {
            let y = self.y.at(value, area.bottom, area.top);
            canvas.line((area.left, y), (area.right, y), "grid");
            canvas.text((area.left - 8.0, y + 4.5), Anchor::End, "soft", &text);
        }
        let mut written = f64::MIN;
        for (value, text) in self.x.ticks() {
            let x = self.x.at(value, area.left, area.right);
            canvas.line((x, area.bottom), (x, area.bottom + 4.0), "base");
            if x - written > text_width(&text) + 6.0 {
                canvas.text((x, area.bottom + 18.0), Anchor::Middle, "soft", &text);
                written = x;
            }
        }
        canvas.line((area.left, area.bottom), (area.right, area.bottom), "base");
        canvas.text((MARGIN, 15.0), Anchor::Start, "soft", &self.y.label);
        let middle = (area.left + area.right) / 2.0;
        canvas.text((middle, area.bottom + 38.0), Anchor::Middle, "soft", &self.x.label);
    }

    fn path(&self, line: &Line, area: &Area) -> Vec<(f64, f64)> {
        let mut path: Vec<(f64, f64)> = Vec::new();
        for point in &line.points {
            let (x, y) = self.place(*point, area);
            if let (true, Some((_, before))) = (line.steps, path.last().copied()) {
                path.push((x, before));
            }
            path.push((x, y));
        }
        path
    }

    /// In the line of the label of the y axis, behind it.
    fn draw_legend(&self, canvas: &mut Canvas) {
        let classes: Vec<String> = (0..self.lines.len()).map(|i| class(i, 'f')).collect();
        let names = self.lines.iter().map(|line| line.name.as_str());
        let named: Vec<(&str, &str)> = names.zip(classes.iter().map(String::as_str)).collect();
        legend(canvas, &named, (MARGIN + text_width(&self.y.label) + 24.0, 15.0));
    }

    /// At the ends of their lines, moved apart where they would touch.
    fn draw_names(&self, canvas: &mut Canvas, area: &Area) {
        let mut names: Vec<(f64, usize)> = Vec::new();
        for (i, line) in self.lines.iter().enumerate() {
            if let Some(last) = line.points.last() {
                names.push((self.place(*last, area).1 + 4.5, i));
            }
        }
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        for i in 1..names.len() {
            names[i].0 = names[i].0.max(names[i - 1].0 + LINE_HEIGHT);
        }
        for (y, i) in names {
            let at = (area.right + 6.0, y);
            canvas.text(at, Anchor::Start, &class(i, 't'), &self.lines[i].name);
        }
    }

    fn draw_marks(&self, canvas: &mut Canvas, area: &Area) {
        for mark in &self.marks {
            let (x, y) = self.place(mark.at, area);
            canvas.circle((x, y), 4.5, if mark.bad { "bad" } else { "dot" }, &mark.hint);
            let class = if mark.bad { "tbad" } else { "ink" };
            let fits = x + 8.0 + text_width(&mark.text) <= WIDTH;
            let (anchor, dx) = if fits { (Anchor::Start, 8.0) } else { (Anchor::End, -8.0) };
            canvas.text((x + dx, y + 14.0), anchor, class, &mark.text);
        }
    }
}

/// `l1` and so on for strokes, `t1` for texts, `f1` for areas.
fn class(series: usize, kind: char) -> String {
    format!("{kind}{}", series % 4 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, points: &[(f64, f64)]) -> Line {
        Line { name: name.to_owned(), points: points.to_vec(), steps: true }
    }

    #[test]
    fn names_at_one_height_are_moved_apart() {
        let plot = Plot {
            x: Axis::clock("time", 0, 2),
            y: Axis::new("rows", 0.0, 10.0),
            height: 200.0,
            legend: false,
            lines: vec![line("a", &[(0.0, 0.0), (60.0, 5.0)]), line("b", &[(60.0, 5.0)])],
            marks: Vec::new(),
        };
        let svg = plot.svg();
        let heights: Vec<f64> = svg
            .lines()
            .filter(|line| line.contains(">a</text>") || line.contains(">b</text>"))
            .filter_map(|line| line.split("y=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(heights.len(), 2);
        assert!((heights[0] - heights[1]).abs() >= LINE_HEIGHT, "{heights:?}");
        assert!(svg.contains("class=\"l1\"") && svg.contains("class=\"t2\""), "{svg}");
    }
}
