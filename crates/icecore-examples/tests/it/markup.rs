//! Pages, read as XML: every tag is closed where it must be, and nothing is
//! loaded from elsewhere.

/// What must not be in a page that stands for itself.
const FOREIGN: [&str; 7] = ["<script", "<link", "<img", "<iframe", "src=", "@import", "url("];

/// Says what is wrong with a page.
pub(crate) fn check(page: &str) -> Result<(), String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").ok_or("no document type")?;
    let mut open: Vec<&str> = Vec::new();
    while let Some((text, tail)) = rest.split_once('<') {
        check_text(text)?;
        let (tag, tail) = tail.split_once('>').ok_or("a tag that does not end")?;
        rest = tail;
        let name = tag.split([' ', '/', '\n']).find(|name| !name.is_empty()).unwrap_or_default();
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes another tag"));
            }
            continue;
        }
        check_attributes(tag)?;
        if !tag.ends_with('/') {
            open.push(name);
        }
        if name == "style" {
            // Not text of the page.
            rest = rest.split_once("</style>").ok_or("a style that does not end")?.1;
            open.pop();
        }
    }
    if !open.is_empty() || rest.trim() != "" {
        return Err(format!("not closed: {open:?}, left: {rest}"));
    }
    let foreign = FOREIGN.iter().find(|word| page.contains(*word));
    foreign.map_or(Ok(()), |word| Err(format!("it loads something: {word}")))
}

fn check_text(text: &str) -> Result<(), String> {
    for after in text.split('&').skip(1) {
        let entity = after.split_once(';').map(|(entity, _)| entity);
        if !matches!(entity, Some("amp" | "lt" | "gt" | "quot")) {
            return Err(format!("an & that is no entity: &{after:.20}"));
        }
    }
    match text.contains('>') {
        true => Err(format!("a > outside of a tag: {text}")),
        false => Ok(()),
    }
}

/// Each attribute has a value in quotes; no number is none.
fn check_attributes(tag: &str) -> Result<(), String> {
    let quotes = tag.matches('"').count();
    let values = tag.matches("=\"").count();
    if quotes != 2 * values {
        return Err(format!("quotes in <{tag}>"));
    }
    match tag.contains("NaN") || tag.contains("\"inf") {
        true => Err(format!("no number in <{tag}>")),
        false => check_text(tag),
    }
}

/// Where the links of a page lead.
pub(crate) fn references(page: &str) -> Vec<&str> {
    page.split("href=\"").skip(1).filter_map(|after| after.split('"').next()).collect()
}

/// The rows of the only table of a page, without its head.
pub(crate) fn table(page: &str) -> Vec<Vec<&str>> {
    let body = page.split("<tbody>").nth(1).and_then(|after| after.split("</tbody>").next());
    let rows = body.unwrap_or_default().split("<tr>").skip(1);
    let cell = |cell: &'_ str| -> Option<usize> { cell.find('>') };
    rows.map(|row| {
        row.split("<td")
            .skip(1)
            .filter_map(|text| {
                let from = cell(text)? + 1;
                text.get(from..)?.split("</td>").next()
            })
            .collect()
    })
    .collect()
}

#[test]
fn what_is_wrong_with_a_page_is_seen() {
    let page = |body: &str| format!("<!DOCTYPE html>\n<html><body>{body}</body></html>\n");
    check(&page("<p class=\"a\">1 &lt; 2<br/></p>")).unwrap();
    for wrong in [
        "<p>",
        "<p></b>",
        "a & b",
        "<p class=a\">x</p>",
        "<img/>",
        "<rect x=\"NaN\"/>",
        "a > b",
        "<p a=\"b",
    ] {
        assert!(check(&page(wrong)).is_err(), "{wrong}");
    }
    assert_eq!(references("<a href=\"x.html\">x</a>"), ["x.html"]);
    assert_eq!(table("<tbody><tr><td class=\"n\">1</td><td>b</td></tr></tbody>"), [["1", "b"]]);
}
