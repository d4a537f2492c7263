//! Where the objects of a lineage stand in its picture: from left to right as
//! values flow, each box with the columns that are on a way.

use std::collections::{BTreeMap, BTreeSet};

use super::query::{Lineage, LineageEdge, LineagePoint};

/// Letters of a label before it is cut.
const MOST_LETTERS: usize = 36;
/// Files of a stage that are named.
const MOST_FILES: usize = 6;
/// How wide a letter is, and what else a box has.
const LETTER: f64 = 7.4;
const BOLD_LETTER: f64 = 8.2;
const PADDING: f64 = 14.0;
pub(super) const HEAD: f64 = 46.0;
pub(super) const LINE: f64 = 22.0;
const FOOT: f64 = 8.0;
const BETWEEN_BOXES: f64 = 26.0;
const BETWEEN_LAYERS: f64 = 96.0;
pub(super) const MARGIN: f64 = 24.0;

/// An object with what is shown of it.
pub(super) struct Placed {
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) below_title: String,
    /// What is below the head: columns, then the names of files.
    pub(super) lines: Vec<String>,
    /// The columns that edges end at, as they are called in full.
    columns: Vec<String>,
    pub(super) place: (f64, f64),
    pub(super) width: f64,
    layer: usize,
}

/// Where a way begins and where it ends, and what is said of it.
pub(super) type Way = ((f64, f64), (f64, f64), String);

/// A picture without colours.
pub(super) struct Layout {
    pub(super) boxes: Vec<Placed>,
    /// From and to, each a point on the side of a box, and what moved values.
    pub(super) ways: Vec<Way>,
    pub(super) size: (f64, f64),
}

/// What an object is called in the picture; those that are not seen are many.
type Key = (String, usize);

impl Placed {
    pub(super) fn height(&self) -> f64 {
        HEAD + LINE * self.lines.len() as f64 + if self.lines.is_empty() { 0.0 } else { FOOT }
    }

    /// Where a way ends: at the column, or at the middle of the head.
    fn port(&self, column: Option<&str>, right: bool) -> (f64, f64) {
        let (x, y) = self.place;
        let line = column.and_then(|name| self.columns.iter().position(|known| known == name));
        let down = line.map_or(HEAD / 2.0, |at| HEAD + LINE * (at as f64 + 0.5));
        (if right { x + self.width } else { x }, y + down)
    }
}

impl Layout {
    pub(super) fn of(lineage: &Lineage) -> Self {
        let keys = keys(lineage);
        let layers = layers(lineage, &keys);
        let mut boxes = BTreeMap::new();
        for (edge, (source, target)) in lineage.edges.iter().zip(&keys) {
            for (key, point) in [(source, &edge.source), (target, &edge.target)] {
                let placed = boxes
                    .entry(key.clone())
                    .or_insert_with(|| placed(point, layers.get(key).copied().unwrap_or(0)));
                if let Some(column) = point.column.as_ref().filter(|_| !point.is_masked())
                    && !placed.columns.contains(column)
                {
                    placed.columns.push(column.clone());
                }
            }
            if let Some(stage) = boxes.get_mut(source) {
                add_files(&mut stage.lines, &edge.files);
            }
        }
        let order = order(lineage, &keys, &layers);
        let size = place(&mut boxes, &order);
        let ways = ways(lineage, &keys, &boxes);
        Self { boxes: boxes.into_values().collect(), ways, size }
    }
}

fn placed(point: &LineagePoint, layer: usize) -> Placed {
    let (title, below_title) = match &point.object {
        None => ("hidden".to_owned(), "not for this role".to_owned()),
        Some(object) => {
            let within = [&object.database, &object.schema].into_iter().flatten();
            let within: Vec<String> = within.map(ToString::to_string).collect();
            (object.name.as_str().to_owned(), within.join("."))
        }
    };
    let kind = if point.is_masked() { "MASKED" } else { &point.kind }.to_owned();
    let (lines, columns) = (Vec::new(), Vec::new());
    Placed { kind, title, below_title, lines, columns, place: (0.0, 0.0), width: 0.0, layer }
}

fn add_files(lines: &mut Vec<String>, files: &[String]) {
    for file in files {
        if !lines.contains(file) {
            lines.push(file.clone());
        }
    }
}

/// The boxes of source and target of each edge.
fn keys(lineage: &Lineage) -> Vec<(Key, Key)> {
    let mut hidden = 0;
    let mut key = |point: &LineagePoint| match &point.object {
        Some(object) => (object.to_string(), 0),
        None => {
            hidden += 1;
            (String::new(), hidden)
        }
    };
    lineage.edges.iter().map(|edge| (key(&edge.source), key(&edge.target))).collect()
}

/// How many steps the longest way to a box has; a cycle has an end.
fn layers(lineage: &Lineage, keys: &[(Key, Key)]) -> BTreeMap<Key, usize> {
    let mut layers: BTreeMap<Key, usize> = BTreeMap::new();
    for (source, target) in keys {
        layers.insert(source.clone(), 0);
        layers.insert(target.clone(), 0);
    }
    let most = layers.len();
    for _ in 0..most {
        let mut moved = false;
        for (source, target) in keys.iter().take(lineage.edges.len()) {
            let after = layers.get(source).copied().unwrap_or(0) + 1;
            if let Some(layer) = layers.get_mut(target)
                && *layer < after
                && after < most
                && source != target
            {
                (*layer, moved) = (after, true);
            }
        }
        if !moved {
            break;
        }
    }
    // What nothing flows into stands next to what it flows into.
    let sources: BTreeSet<&Key> = keys.iter().map(|(_, target)| target).collect();
    let first: Vec<Key> = layers.keys().filter(|key| !sources.contains(key)).cloned().collect();
    for key in first {
        let next = keys.iter().filter(|(source, _)| *source == key);
        let nearest = next.filter_map(|(_, target)| layers.get(target)).min().copied();
        layers.insert(key, nearest.unwrap_or(1).saturating_sub(1));
    }
    layers
}

/// The boxes of each layer from top to bottom: near to what flows into them.
fn order(lineage: &Lineage, keys: &[(Key, Key)], layers: &BTreeMap<Key, usize>) -> Vec<Vec<Key>> {
    let count = layers.values().max().map_or(0, |most| most + 1);
    let mut order: Vec<Vec<Key>> = vec![Vec::new(); count];
    for (key, layer) in layers {
        if let Some(boxes) = order.get_mut(*layer) {
            boxes.push(key.clone());
        }
    }
    let mut heights: BTreeMap<Key, f64> = BTreeMap::new();
    for round in 0..4 {
        for boxes in &mut order {
            let wish = |key: &Key| {
                let near = keys.iter().take(lineage.edges.len()).filter_map(|(source, target)| {
                    if target == key {
                        heights.get(source)
                    } else if source == key && round > 0 {
                        heights.get(target)
                    } else {
                        None
                    }
                });
                let near: Vec<f64> = near.copied().collect();
                let sum: f64 = near.iter().sum();
                if near.is_empty() { f64::MAX } else { sum / near.len() as f64 }
            };
            let mut wished: Vec<(f64, Key)> =
                boxes.iter().map(|key| (wish(key), key.clone())).collect();
            wished.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
            *boxes = wished.into_iter().map(|(_, key)| key).collect();
            for (at, key) in boxes.iter().enumerate() {
                heights.insert(key.clone(), at as f64 - boxes.len() as f64 / 2.0);
            }
        }
    }
    order
}

/// Gives every box its place and its width; returns the size of all.
fn place(boxes: &mut BTreeMap<Key, Placed>, order: &[Vec<Key>]) -> (f64, f64) {
    let mut height_of_all = 0.0_f64;
    for placed in boxes.values_mut() {
        finish_lines(placed);
    }
    let height = |keys: &[Key], boxes: &BTreeMap<Key, Placed>| -> f64 {
        let heights = keys.iter().filter_map(|key| boxes.get(key)).map(Placed::height);
        heights.sum::<f64>() + BETWEEN_BOXES * keys.len().saturating_sub(1) as f64
    };
    for keys in order {
        height_of_all = height_of_all.max(height(keys, boxes));
    }
    let mut x = MARGIN;
    for keys in order {
        let mut y = MARGIN + (height_of_all - height(keys, boxes)) / 2.0;
        let widths = keys.iter().filter_map(|key| boxes.get(key)).map(|placed| placed.width);
        let width = widths.fold(0.0, f64::max);
        for key in keys {
            let Some(placed) = boxes.get_mut(key) else { continue };
            (placed.place, placed.width) = ((x, y), width);
            y += placed.height() + BETWEEN_BOXES;
        }
        x += width + BETWEEN_LAYERS;
    }
    (x - BETWEEN_LAYERS + MARGIN, height_of_all + 2.0 * MARGIN)
}

/// Its lines as they are shown, and how wide that is.
fn finish_lines(placed: &mut Placed) {
    placed.lines.sort();
    placed.columns.sort();
    let more = placed.lines.len().saturating_sub(MOST_FILES);
    placed.lines.truncate(MOST_FILES);
    if more > 0 {
        placed.lines.push(format!("and {more} more"));
    }
    placed.lines.splice(..0, placed.columns.iter().cloned());
    placed.lines.iter_mut().for_each(|line| *line = cut(line));
    placed.title = cut(&placed.title);
    placed.below_title = cut(&placed.below_title);
    let kind_and_place = format!("{}  {}", placed.kind, placed.below_title);
    let letters = |text: &String| text.chars().count() as f64;
    let below = placed.lines.iter().chain([&kind_and_place]).map(letters).fold(0.0, f64::max);
    let width = (below * LETTER).max(letters(&placed.title) * BOLD_LETTER);
    placed.width = width + 2.0 * PADDING;
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MOST_LETTERS {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(MOST_LETTERS - 1).collect();
    cut.push('…');
    cut
}

fn ways(lineage: &Lineage, keys: &[(Key, Key)], boxes: &BTreeMap<Key, Placed>) -> Vec<Way> {
    let way = |(edge, (source, target)): (&LineageEdge, &(Key, Key))| {
        let (from, to) = (boxes.get(source)?, boxes.get(target)?);
        // A way back leaves and arrives on the sides that face each other.
        let forwards = from.layer <= to.layer;
        let out = from.port(edge.source.column.as_deref(), forwards);
        let into = to.port(edge.target.column.as_deref(), !forwards);
        let by = edge.process.map_or_else(|| "by definition".to_owned(), |id| format!("by {id}"));
        Some((out, into, format!("{} → {}, {by}", edge.source, edge.target)))
    };
    lineage.edges.iter().zip(keys).filter_map(way).collect()
}
