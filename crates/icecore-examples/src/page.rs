//! The page that an example leaves: one file, nothing loaded from elsewhere.

use std::fmt::Write;

use icecore::TextRow;

/// A part of a page.
pub(crate) enum Block {
    Heading(String),
    Text(String),
    Sql(String),
    Table(PageTable),
    Chart {
        caption: String,
        svg: String,
    },
    Check(String),
    /// What happened, one line each.
    Log(Vec<String>),
    /// Another page in the same folder.
    Link {
        text: String,
        page: String,
    },
}

/// Some rows of a result.
pub(crate) struct PageTable {
    /// Names, and whether they are numbers.
    pub(crate) columns: Vec<(String, bool)>,
    pub(crate) rows: Vec<TextRow>,
    /// How many more there are.
    pub(crate) hidden: usize,
}

/// The parts so far.
#[derive(Default)]
pub(crate) struct Page {
    title: String,
    about: String,
    blocks: Vec<Block>,
}

const STYLE: &str = include_str!("page/style.css");

impl Page {
    pub(crate) fn begin(&mut self, title: &str, about: &str) {
        self.title = title.to_owned();
        self.about = about.to_owned();
    }

    /// A part at the end; statements without anything between them are one.
    pub(crate) fn add(&mut self, block: Block) {
        match (self.blocks.last_mut(), &block) {
            (Some(Block::Sql(before)), Block::Sql(sql)) => {
                before.push_str(";\n");
                before.push_str(sql);
            }
            _ => self.blocks.push(block),
        }
    }

    /// The whole page.
    pub(crate) fn html(&self) -> String {
        let mut html = String::new();
        let title = escaped(&self.title);
        html.push_str("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
        html.push_str(
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n",
        );
        html.push_str("<meta name=\"color-scheme\" content=\"light dark\"/>\n");
        html.push_str(&format!("<title>{title} · Icecore</title>\n<style>\n{STYLE}</style>\n"));
        html.push_str(&format!(
            "</head>\n<body>\n<main>\n<header>\n<p class=\"mark\">Icecore</p>\n<h1>{title}</h1>\n"
        ));
        html.push_str(&format!("<p class=\"about\">{}</p>\n</header>\n", prose(&self.about)));
        for block in &self.blocks {
            html.push_str(&block.html());
        }
        html.push_str("</main>\n</body>\n</html>\n");
        html
    }
}

impl Block {
    fn html(&self) -> String {
        match self {
            Self::Heading(text) => format!("<h2>{}</h2>\n", escaped(text)),
            Self::Text(text) => format!("<p>{}</p>\n", prose(text)),
            Self::Sql(text) => format!("<pre><code>{}</code></pre>\n", escaped(text)),
            Self::Table(table) => table.html(),
            Self::Chart { caption, svg } => {
                format!("<figure>{svg}<figcaption>{}</figcaption></figure>\n", prose(caption))
            }
            Self::Check(text) => format!("<p class=\"check\">{}</p>\n", escaped(text)),
            Self::Log(lines) => {
                let lines = lines.iter().map(|line| format!("<li>{}</li>\n", prose(line)));
                format!("<ol class=\"log\">\n{}</ol>\n", lines.collect::<String>())
            }
            Self::Link { text, page } => {
                format!("<p><a href=\"{}\">{}</a></p>\n", escaped(page), escaped(text))
            }
        }
    }
}

impl PageTable {
    fn html(&self) -> String {
        let class = |numeric: bool| if numeric { " class=\"n\"" } else { "" };
        let mut html = String::from("<div class=\"scroll\"><table>\n<thead><tr>");
        for (name, numeric) in &self.columns {
            html.push_str(&format!("<th{}>{}</th>", class(*numeric), escaped(name)));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            html.push_str("<tr>");
            for (value, (_, numeric)) in row.iter().zip(&self.columns) {
                html.push_str(&match value {
                    Some(text) => format!("<td{}>{}</td>", class(*numeric), escaped(text)),
                    None => "<td class=\"null\">NULL</td>".to_owned(),
                });
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table></div>\n");
        if self.hidden > 0 {
            // Writing to a string cannot fail.
            let _ = writeln!(html, "<p class=\"more\">and {} more rows</p>", self.hidden);
        }
        html
    }
}

/// Text as it may stand between tags and in attributes.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Text whose `code` stands between backquotes.
fn prose(text: &str) -> String {
    let mut html = String::new();
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 0 {
            html.push_str(&escaped(part));
        } else {
            html.push_str(&format!("<code>{}</code>", escaped(part)));
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_data_becomes_markup() {
        let mut page = Page::default();
        page.begin("a < b", "see `x > y`");
        page.add(Block::Table(PageTable {
            columns: vec![("<N>".to_owned(), true)],
            rows: vec![vec![Some("<script>".to_owned())], vec![None]],
            hidden: 3,
        }));
        for sql in ["SELECT 1", "SELECT 2"] {
            page.add(Block::Sql(sql.to_owned()));
        }
        let html = page.html();
        assert!(html.contains("<pre><code>SELECT 1;\nSELECT 2</code></pre>"), "{html}");
        assert!(html.contains("<h1>a &lt; b</h1>") && html.contains("<code>x &gt; y</code>"));
        assert!(html.contains("<td class=\"n\">&lt;script&gt;</td>"));
        assert!(html.contains("<td class=\"null\">NULL</td>") && html.contains("and 3 more rows"));
        assert!(!html.contains("<script"));
    }
}
