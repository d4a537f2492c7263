//! Boxes and arrows: where rows come from, and where they go.

use crate::svg::{Anchor, Canvas, WIDTH, text_width};

const COLUMNS: f64 = 5.0;
const NODE: f64 = 122.0;
const ROW: f64 = 112.0;
const NODE_HEIGHT: f64 = 76.0;
const TOP: f64 = 34.0;
const LINE_HEIGHT: f64 = 16.0;

/// A box: where it is, its name, and what is written below that.
pub(crate) struct Node {
    pub(crate) column: usize,
    pub(crate) row: usize,
    pub(crate) name: String,
    pub(crate) lines: Vec<String>,
    /// Whether rows end there that are not wanted.
    pub(crate) aside: bool,
}

/// An arrow from one box to another, and how much goes along it.
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) text: String,
}

/// A drawing of at most five columns.
pub(crate) struct Flow {
    /// Names above columns: the first and the last of each, and the name.
    pub(crate) layers: Vec<(usize, usize, String)>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
}

fn left(column: usize) -> f64 {
    (WIDTH - 2.0 - NODE) / (COLUMNS - 1.0) * column as f64 + 1.0
}

impl Node {
    fn left(&self) -> f64 {
        left(self.column)
    }

    fn top(&self) -> f64 {
        TOP + self.row as f64 * ROW
    }

    fn middle(&self) -> (f64, f64) {
        (self.left() + NODE / 2.0, self.top() + NODE_HEIGHT / 2.0)
    }
}

impl Flow {
    pub(crate) fn svg(&self) -> String {
        let rows = self.nodes.iter().map(|node| node.row + 1).max().unwrap_or(1);
        let mut canvas = Canvas::new(TOP + rows as f64 * ROW - (ROW - NODE_HEIGHT) + 4.0);
        for (first, last, name) in &self.layers {
            let (from, to) = (left(*first), left(*last) + NODE);
            canvas.text((from, 12.0), Anchor::Start, "layer", name);
            canvas.line((from, 20.0), (to, 20.0), "base");
        }
        for edge in &self.edges {
            self.draw_edge(&mut canvas, edge);
        }
        for node in &self.nodes {
            draw_node(&mut canvas, node);
        }
        let names: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
        canvas.finish(&format!("the flow of rows: {}", names.join(", ")))
    }

    fn draw_edge(&self, canvas: &mut Canvas, edge: &Edge) {
        let (Some(from), Some(to)) = (self.nodes.get(edge.from), self.nodes.get(edge.to)) else {
            return;
        };
        if from.column == to.column {
            upright(canvas, from, to, &edge.text);
        } else {
            across(canvas, from, to, &edge.text);
        }
    }
}

/// From the bottom of one to the top of the other, or back up.
fn upright(canvas: &mut Canvas, from: &Node, to: &Node, text: &str) {
    let x = from.middle().0;
    let (start, end, head) = if to.row > from.row {
        (from.top() + NODE_HEIGHT, to.top(), -1.0)
    } else {
        (from.top(), to.top() + NODE_HEIGHT, 1.0)
    };
    canvas.line((x, start), (x, end + head * 5.0), "arrow");
    let tip = format!("M{x:.1} {end:.1} l-4.5 {0:.1} l9 0 z", head * 8.0);
    canvas.path(&tip, "tip");
    canvas.text((x + 8.0, (start + end) / 2.0 + 4.0), Anchor::Start, "count", text);
}

/// From the right side of one to the left side of the other.
fn across(canvas: &mut Canvas, from: &Node, to: &Node, text: &str) {
    let (start, end) = ((from.left() + NODE, from.middle().1), (to.left(), to.middle().1));
    let middle = (start.0 + end.0) / 2.0;
    canvas.path(
        &format!(
            "M{:.1} {:.1} C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}",
            start.0,
            start.1,
            start.1,
            end.1,
            end.0 - 5.0,
            end.1
        ),
        "arrow",
    );
    canvas.path(&format!("M{:.1} {:.1} l-8 -4.5 l0 9 z", end.0, end.1), "tip");
    // Above a straight arrow; below the end of one that comes from above.
    let level = (start.1 - end.1).abs() < 1.0;
    let at = if level { (middle - 3.0, end.1 - 6.0) } else { (end.0 - 9.0, end.1 + 17.0) };
    canvas.text(at, if level { Anchor::Middle } else { Anchor::End }, "count", text);
}

fn draw_node(canvas: &mut Canvas, node: &Node) {
    let (x, y) = (node.left(), node.top());
    let class = if node.aside { "box aside" } else { "box" };
    canvas.rect((x, y), (NODE, NODE_HEIGHT), class, &node.name);
    let written = 1.0 + node.lines.len() as f64;
    let mut baseline = y + (NODE_HEIGHT - written * LINE_HEIGHT) / 2.0 + 12.0;
    let middle = node.middle().0;
    let name = if text_width(&node.name) > NODE { "name narrow" } else { "name" };
    canvas.text((middle, baseline), Anchor::Middle, name, &node.name);
    for line in &node.lines {
        baseline += LINE_HEIGHT;
        canvas.text((middle, baseline), Anchor::Middle, "count", line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(column: usize, row: usize, name: &str) -> Node {
        Node { column, row, name: name.to_owned(), lines: vec!["1 row".to_owned()], aside: false }
    }

    #[test]
    fn every_box_and_every_arrow_is_drawn() {
        let edge = |from, to| Edge { from, to, text: "7 rows".to_owned() };
        let flow = Flow {
            layers: vec![(0, 1, "raw".to_owned())],
            nodes: vec![node(0, 0, "a"), node(1, 0, "b"), node(1, 1, "c")],
            edges: vec![edge(0, 1), edge(1, 2), edge(2, 1), edge(0, 9)],
        };
        let svg = flow.svg();
        assert_eq!(svg.matches("class=\"box\"").count(), 3);
        assert_eq!(svg.matches("class=\"tip\"").count(), 3);
        assert_eq!(svg.matches(">7 rows</text>").count(), 3);
    }
}
