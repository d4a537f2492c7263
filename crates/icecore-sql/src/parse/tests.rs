use icecore_types::Code;
use proptest::prelude::*;

use crate::*;

#[test]
fn a_script_has_its_statements_texts_and_places() {
    let script = "\n-- a\nselect 1;;\n select ';' /* ; */ ; ;\nshow tables -- end";
    let parsed = parse(script, &Limits::default()).unwrap();
    let texts: Vec<&str> = parsed.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(texts, ["select 1", "select ';'", "show tables"]);
    let pieces = split(script).unwrap();
    let places: Vec<(usize, usize)> = pieces.iter().map(|p| (p.offset, p.line)).collect();
    assert_eq!(places, [(6, 3), (18, 4), (41, 5)]);
    for (piece, parsed) in pieces.iter().zip(&parsed) {
        assert_eq!(piece.text, parsed.text);
        assert!(script[piece.offset..].starts_with(&piece.text));
    }
    assert_eq!(parse("  -- nothing\n;", &Limits::default()).unwrap(), []);
}

#[test]
fn the_place_of_an_error_is_in_the_whole_script() {
    let error = parse("select 1;\n\nselect 2 2", &Limits::default()).unwrap_err();
    assert_eq!(error.message(), "syntax error line 3 at position 9 unexpected '2'.");
}

#[test]
fn a_nul_is_written_and_never_meant() {
    for text in ["SELECT 'a\0b'", "SELECT \"\0POSITION\"", "SELECT 1 -- \0"] {
        assert_eq!(parse(text, &Limits::default()).unwrap_err().code(), Code::SYNTAX, "{text:?}");
    }
    assert!(parse(r"SELECT 'a\0b'", &Limits::default()).is_ok());
}

#[test]
fn expressions_and_queries_end_where_they_end() {
    assert!(parse_expression("1 2").is_err());
    assert!(parse_expression("").is_err());
    assert!(parse_query("SELECT 1; SELECT 2").is_err());
    assert!(parse_query("DROP TABLE t").is_err());
}

/// On a stack of 2 MiB, which is what a thread of the runtime has.
fn on_a_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap()
}

const SHAPES: [&str; 13] = [
    "chain",
    "and",
    "between",
    "except",
    "cast",
    "not",
    "parentheses",
    "union",
    "in",
    "case",
    "from",
    "function",
    "spine",
];

/// As deep as the limits let it be, divided by `part`.
fn nested(shape: &str, part: usize) -> String {
    let Limits { terms, depth, .. } = Limits::default();
    let around = |open: &str, inner: &str, close: &str, levels: usize| {
        let levels = (levels / part).max(1);
        format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
    };
    let few = terms / 12 - 1;
    match shape {
        "chain" => "SELECT 1".to_owned() + &around(" + 1", "", "", terms - 12),
        "and" => "SELECT 1 WHERE ".to_owned() + &around("a = 1 AND b OR ", "true", "", 2_000),
        "between" => "SELECT 1".to_owned() + &around(" BETWEEN 1 AND 2", "", "", few * 2),
        "except" => around("SELECT 1 EXCEPT ", "SELECT 1", "", terms / 4 - 4),
        "cast" => "SELECT 1".to_owned() + &around("::INT", "", "", terms - 12),
        "not" => "SELECT ".to_owned() + &around("NOT ", "true", "", depth * 2),
        "parentheses" => "SELECT ".to_owned() + &around("(", "1", ")", depth),
        "union" => around("SELECT 1 UNION ALL ", "SELECT 1", "", 990),
        "in" => "SELECT ".to_owned() + &around("a IN (SELECT ", "1", ")", few),
        "case" => "SELECT ".to_owned() + &around("CASE WHEN ", "1", " THEN 1 END", depth - 1),
        "from" => "SELECT * FROM ".to_owned() + &around("(SELECT * FROM ", "t", ")", few),
        "function" => "SELECT ".to_owned() + &around("f(", "1", ")", depth),
        "spine" => {
            let chain = "1 + ".repeat(terms / depth - 2);
            "SELECT ".to_owned() + &around(&format!("{chain}("), "1", ")", depth)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn the_deepest_that_is_read_fits_a_small_stack() {
    for shape in SHAPES {
        let text = nested(shape, 1);
        let copies = on_a_small_stack(move || {
            let parsed =
                parse(&text, &Limits::default()).unwrap_or_else(|e| panic!("{shape}: {e}"));
            let copy = parsed.clone();
            let found = relations(&copy[0].statement).unwrap().len();
            (copy == parsed, found < 1000, format!("{:?}", copy[0].statement).len())
        });
        assert!(copies.0 && copies.1 && copies.2 > 0, "{shape}");
    }
}

/// The estimate is enough: on a stack of just that size nothing grows, and what
/// took more would end the process.
#[test]
fn a_short_statement_is_read_on_the_stack_that_it_is_said_to_need() {
    for (shape, part) in SHAPES.into_iter().flat_map(|shape| [(shape, 200), (shape, 20)]) {
        let text = nested(shape, part);
        let needed = super::stack_needed(super::lex(&text).unwrap().len());
        let slack = 64 << 10;
        let read = move || parse(&text, &Limits::default()).map(|parsed| parsed.len());
        let thread = std::thread::Builder::new().stack_size(needed + slack).spawn(read).unwrap();
        assert_eq!(thread.join().unwrap().unwrap(), 1, "{shape} {part}");
    }
}

#[test]
fn what_is_deeper_is_refused_before_it_is_read() {
    let many = 10_000;
    for text in [
        format!("SELECT {}1", "1+".repeat(many)),
        format!("SELECT {}1", "- ".repeat(many)),
        format!("SELECT {}true", "NOT ".repeat(many)),
        format!("SELECT 1 WHERE {}true", "a OR ".repeat(many)),
        format!("SELECT 1{}", "::INT".repeat(many)),
        format!("SELECT a{}", " BETWEEN 1 AND 2".repeat(many)),
        format!("SELECT a {}a", "XOR b AND c ".repeat(many)),
        format!("{}SELECT 1", "SELECT 1 UNION SELECT 2 UNION ALL ".repeat(many / 40)),
        format!("SELECT a{}", " IS NULL".repeat(many)),
        format!("SELECT {}1{}", "(".repeat(many), ")".repeat(many)),
        "(".repeat(many),
        format!("SELECT {}1", "CASE ".repeat(many)),
        format!("{}SELECT 1", "SELECT 1 UNION ".repeat(many)),
        format!("SELECT 1 {}1", "+ FROM + ".repeat(many)),
        format!("SELECT {}", "(1 + END + ".repeat(many)),
        format!("SELECT * FROM {}t", "((SELECT * FROM ".repeat(20)),
    ] {
        let start = text.chars().take(30).collect::<String>();
        let code = on_a_small_stack(move || parse(&text, &Limits::default()).unwrap_err().code());
        assert_eq!(code, Code::TOO_COMPLEX, "{start}");
    }
    let wide = format!("SELECT 1 IN ({}1)", "1, ".repeat(many));
    assert!(parse(&wide, &Limits::default()).is_ok());
    let rows = format!("INSERT INTO t VALUES {}(1, -1 + 2)", "(1, -1 + 2), ".repeat(many));
    assert!(parse(&rows, &Limits::default()).is_ok());
    let long = format!("SELECT '{}'", "x".repeat(1 << 20));
    assert_eq!(parse(&long, &Limits::default()).unwrap_err().code(), Code::TOO_COMPLEX);
}

#[test]
fn nested_mistakes_do_not_take_for_ever() {
    for text in [
        format!("SELECT {}1 1", "CAST(".repeat(60)),
        format!("SELECT {}1 1", "CASE WHEN ".repeat(60)),
        format!("SELECT {}1 1", "TRIM(".repeat(60)),
        format!("SELECT {}1 1", "EXTRACT(YEAR FROM ".repeat(60)),
        format!("SELECT {}1 1", "EXISTS(SELECT ".repeat(30)),
        format!("SELECT {}1 1", "f(x, SELECT ".repeat(30)),
        format!("SELECT {}1 1", "a IN (".repeat(60)),
        format!("SELECT {}1 1", "POSITION(a IN ".repeat(60)),
        format!("SELECT * FROM {}t t t", "(".repeat(60)),
        format!("SELECT * FROM {}t t t", "(a JOIN (".repeat(30)),
        format!("SELECT {}1 1", "a.f(".repeat(60)),
        format!("SELECT {}1 1", "INTERVAL (".repeat(60)),
        format!("SELECT {}1 1", "{a: ".repeat(60)),
        format!("SELECT {}1 1", "[".repeat(60)),
        format!("SELECT {}1 1", "DATE(".repeat(60)),
        format!("SELECT {}", "FLOOR(a TO ".repeat(60)),
        format!("SELECT {}", "CONVERT(a, ".repeat(60)),
    ] {
        assert!(parse(&text, &Limits::default()).is_err(), "{text}");
    }
}

#[test]
fn a_shell_knows_when_to_wait() {
    for (text, complete) in [
        ("", true),
        ("-- only this", true),
        ("select 1;", true),
        ("select 1; select 2", false),
        ("select '", false),
        ("/* select 1;", false),
        ("select $$ ; ", false),
        ("put file:///tmp/x @s;", true),
        ("select #", true),
    ] {
        assert_eq!(is_complete(text), complete, "{text}");
    }
}

/// Tokens that meet each other in all orders.
const SOUP: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "UNION ALL",
    "WITH",
    "AS",
    "(",
    ")",
    ",",
    ";",
    ".",
    "*",
    "+",
    "-",
    "=",
    "::",
    ":",
    "[",
    "]",
    "{",
    "}",
    "=>",
    "->",
    "a",
    "\"b\"",
    "'c'",
    "1",
    ".5",
    "1e",
    "$1",
    "$$x$$",
    "@s/p",
    "file:///x",
    "NOT",
    "NULL",
    "AND",
    "OR",
    "IN",
    "BETWEEN",
    "LIKE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "JOIN",
    "ON",
    "USING",
    "AT",
    "BEFORE",
    "VERSION",
    "CREATE",
    "TABLE",
    "INSERT",
    "INTO",
    "VALUES",
    "DEFAULT",
    "DELETE",
    "UPDATE",
    "SET",
    "COPY",
    "FILE_FORMAT",
    "CLONE",
    "ALTER",
    "DROP",
    "COLUMN",
    "SHOW",
    "TABLES",
    "EXISTS",
    "INTERVAL",
    "OVER",
    "PARTITION",
    "LATERAL",
    "TOP",
    "FETCH",
    "LIMIT",
    "QUALIFY",
    "DATE",
    "TRIM",
    "EXTRACT",
    "\n",
    "--",
    "/*",
    "'",
    "\"",
    "\\",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_soup_of_tokens_panics(soup in proptest::collection::vec(0..SOUP.len(), 0..60)) {
        let text: Vec<&str> = soup.into_iter().map(|at| SOUP[at]).collect();
        let text = text.join(" ");
        let _complete = is_complete(&text);
        let read = parse(&text, &Limits::default());
        if let (Ok(parsed), Ok(pieces)) = (read, split(&text)) {
            prop_assert_eq!(parsed.len(), pieces.len());
        }
    }

    #[test]
    fn no_statement_with_a_wound_panics(which in 0..FORMS.len(), at in 0usize..200, with in ".{0,3}") {
        let mut text = FORMS[which].to_owned();
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.insert_str(at, &with);
        if let Err(error) = parse(&text, &Limits::default()) {
            prop_assert!(!error.message().is_empty());
        }
        let _shorter = parse(&text[..at], &Limits::default());
    }

    #[test]
    fn any_text_is_one_string(value in "[^\\\\\\x00]*") {
        let text = format!("SELECT '{}'", value.replace('\'', "''"));
        let parsed = parse(&text, &Limits::default()).unwrap();
        let Statement::Query(query) = &parsed[0].statement else { panic!() };
        let Some(select) = query.body.as_select() else { panic!() };
        let ast::SelectItem::ExprWithAlias { expr: ast::Expr::Value(found), .. } =
            &select.projection[0]
        else {
            panic!()
        };
        prop_assert_eq!(&found.value, &ast::Value::SingleQuotedString(value));
    }
}

const FORMS: &[&str] = &[
    "CREATE OR REPLACE TABLE t (a INT NOT NULL DEFAULT 1 + 2 COMMENT 'x', b NUMBER(3,1)) COMMENT = 'y'",
    "CREATE TABLE t CLONE db.s.t AT (TIMESTAMP => '2013-01-01'::TIMESTAMP)",
    "CREATE STAGE s URL = 's3://b/p' FILE_FORMAT = (TYPE = CSV NULL_IF = ('NA'))",
    "COPY INTO t (a, b) FROM (SELECT x.$1, upper($2) || 'y' FROM @s/p x) SIZE_LIMIT = 5 PURGE = TRUE",
    "COPY INTO @s/p FROM (SELECT a FROM t) PARTITION BY (a || 'x') HEADER = TRUE MAX_FILE_SIZE = 9",
    "COPY INTO t (a) FROM @s/p FILES = ('x') PATTERN = '.*' ON_ERROR = 'SKIP_FILE_3%' FORCE = TRUE",
    "SELECT TOP 3 a, count(*) FROM t AT (VERSION => 3) x JOIN (VALUES (1)) y ON x.a = y.column1 \
     WHERE b IN (SELECT 1) GROUP BY ALL QUALIFY row_number() OVER (ORDER BY a) = 1",
    "ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT DEFAULT 3, b TEXT",
    "UPDATE t x SET a = DEFAULT, b = (SELECT max(c) FROM u) FROM s WHERE x.k = s.k",
    "SHOW TABLES HISTORY LIKE 'x' IN SCHEMA s STARTS WITH 'y' LIMIT 3 FROM 'z'",
];

#[test]
fn what_is_nested_and_right_is_read_within_the_budget() {
    for (open, close) in [
        ("CAST(", " AS INT)"),
        ("TRY_CAST(", " AS INT)"),
        ("TRIM(", ")"),
        ("TRIM('x' FROM ", ")"),
        ("SUBSTRING(", ", 1, 2)"),
        ("SUBSTRING(", " FROM 1 FOR 2)"),
        ("EXTRACT(YEAR FROM ", ")"),
        ("POSITION('x' IN ", ")"),
        ("FLOOR(", ")"),
        ("CEIL(", ")"),
        ("COALESCE(a, ", ", b)"),
        ("a IN (1, ", ", 2)"),
        ("CASE WHEN a THEN ", " ELSE 2 END"),
        ("CASE ", " WHEN 1 THEN 2 END"),
        ("DATE_TRUNC('day', ", ")"),
        ("INTERVAL '1 day' + (", ")"),
        ("f(x => ", ")"),
        ("EXISTS (SELECT 1 WHERE ", ")"),
    ] {
        let times = if open.contains("SELECT") { 15 } else { 30 };
        let text = format!("SELECT {}a{}", open.repeat(times), close.repeat(times));
        parse(&text, &Limits::default()).unwrap_or_else(|e| panic!("{open}: {e}"));
    }
}
