//! Lineage as a picture.

use std::fmt::Write;

use super::layout::{HEAD, LINE, Layout, Placed};
use super::query::Lineage;

/// Colours for light and for dark, so that text stands out from both.
const STYLE: &str = "
.page{fill:#ffffff}.box{fill:#ffffff;stroke:#8b95a3;stroke-width:1}
.head{stroke:none}.table{fill:#dbe7f6}.view{fill:#e3dff5}.dynamic{fill:#d8efe3}
.semantic{fill:#fbe3cf}.stage{fill:#eceef1}.masked{fill:#e4e4e4}
.title{font:600 13px ui-monospace,monospace;fill:#14181f}
.kind{font:11px ui-monospace,monospace;fill:#46505e}
.line{font:12px ui-monospace,monospace;fill:#252c36}
.way{fill:none;stroke:#5b6b80;stroke-width:1.4}.end{fill:#5b6b80}
@media (prefers-color-scheme:dark){
.page{fill:#14181f}.box{fill:#1d232c;stroke:#5f6b7b}
.table{fill:#24405f}.view{fill:#3b3566}.dynamic{fill:#1f4d38}
.semantic{fill:#5e3b1b}.stage{fill:#343c47}.masked{fill:#3a3a3a}
.title{fill:#f2f5f8}.kind{fill:#c3ccd8}.line{fill:#dde3ea}
.way{stroke:#93a4ba}.end{fill:#93a4ba}}
";

impl Lineage {
    /// The picture: from left to right as values flow, a box for each object
    /// with its columns that are on a way, or the files of a stage. It needs
    /// nothing from elsewhere, and is readable in light and dark.
    pub fn to_svg(&self) -> String {
        let layout = Layout::of(self);
        let (width, height) = layout.size;
        let (width, height) = (width.max(320.0), height.max(80.0));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" \
             aria-label=\"where values come from and where they go\">\n\
             <style>{STYLE}</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n"
        );
        if layout.boxes.is_empty() {
            text(
                &mut svg,
                (24.0, 44.0),
                "line",
                "nothing is known of where it comes from or goes to",
            );
        }
        for (from, to, hint) in &layout.ways {
            way(&mut svg, *from, *to, hint);
        }
        for placed in &layout.boxes {
            draw(&mut svg, placed);
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// A page with the picture and its edges as a table.
    pub fn to_html(&self, title: &str) -> String {
        let title = escaped(title);
        let mut rows = String::new();
        for edge in &self.edges {
            let by = edge.process.map_or_else(|| "definition".to_owned(), |id| id.to_string());
            let cells = [
                edge.distance.to_string(),
                edge.source.to_string(),
                edge.target.to_string(),
                by,
                edge.files.join(", "),
            ];
            let cells = cells.map(|cell| format!("<td>{}</td>", escaped(&cell)));
            let _ = writeln!(rows, "<tr>{}</tr>", cells.concat());
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
             <meta name=\"color-scheme\" content=\"light dark\"/><title>{title}</title>\n\
             <style>body{{font:15px/1.5 system-ui,sans-serif;margin:2rem}}\
             .wide{{overflow-x:auto}}table{{border-collapse:collapse;font-size:13px}}\
             td,th{{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #8884}}\
             td{{font-family:ui-monospace,monospace}}</style></head>\n\
             <body><h1>{title}</h1>\n<div class=\"wide\">{}</div>\n<div class=\"wide\"><table>\
             <thead><tr><th>steps</th><th>from</th><th>to</th><th>by</th><th>files</th></tr></thead>\n\
             <tbody>\n{rows}</tbody></table></div></body></html>\n",
            self.to_svg()
        )
    }
}

fn draw(svg: &mut String, placed: &Placed) {
    let ((x, y), width, height) = (placed.place, placed.width, placed.height());
    let class = match placed.kind.as_str() {
        "VIEW" => "view",
        "DYNAMIC TABLE" => "dynamic",
        "SEMANTIC VIEW" => "semantic",
        "STAGE" => "stage",
        "MASKED" => "masked",
        _ => "table",
    };
    let _ = writeln!(
        svg,
        "<rect class=\"box\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"4\"/>\n<rect class=\"head {class}\" x=\"{:.1}\" y=\"{:.1}\" \
         width=\"{:.1}\" height=\"{:.1}\" rx=\"3\"/>",
        x + 1.0,
        y + 1.0,
        width - 2.0,
        HEAD - 2.0
    );
    text(svg, (x + 14.0, y + 19.0), "title", &placed.title);
    let below = format!("{}  {}", placed.kind.to_lowercase(), placed.below_title);
    text(svg, (x + 14.0, y + 36.0), "kind", &below);
    for (at, line) in placed.lines.iter().enumerate() {
        text(svg, (x + 14.0, y + HEAD + LINE * (at as f64 + 0.5) + 4.0), "line", line);
    }
}

/// A curve that leaves and arrives level, with a head.
fn way(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), hint: &str) {
    let bend = ((x2 - x1).abs() / 2.0).max(40.0);
    let towards = if x2 >= x1 { 1.0 } else { -1.0 };
    let (leave, arrive) = (x1 + bend * towards, x2 - bend * towards);
    let end = x2 - 7.0 * towards;
    let _ = writeln!(
        svg,
        "<path class=\"way\" d=\"M{x1:.1} {y1:.1} C{leave:.1} {y1:.1} {arrive:.1} {y2:.1} \
         {end:.1} {y2:.1}\"><title>{}</title></path>\n<path class=\"end\" d=\"M{x2:.1} {y2:.1} \
         L{end:.1} {:.1} L{end:.1} {:.1}Z\"/>",
        escaped(hint),
        y2 - 4.0,
        y2 + 4.0
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), class: &str, text: &str) {
    let _ =
        writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(text));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
