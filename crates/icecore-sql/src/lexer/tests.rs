use sqlparser::tokenizer::Token;

use super::*;

fn tokens(text: &str) -> Vec<String> {
    lex(text).unwrap().into_iter().map(|l| l.token.to_string()).collect()
}

#[test]
fn words_fold_and_quoted_names_do_not() {
    assert_eq!(
        tokens("select a$1, \"b\"\"c\" from T"),
        ["SELECT", "A$1", ",", "\"b\"c\"", "FROM", "T"]
    );
}

#[test]
fn strings_have_their_escapes() {
    for (text, value) in [
        ("'it''s'", "it's"),
        (r"'a\'b\\c\n\t\x41\u00e9\101\q'", "a'b\\c\n\tA\u{e9}Aq"),
        (r"'\xzz\u12'", "xzzu12"),
        ("$$a'b\\n$$", "a'b\\n"),
        ("'\u{e9}\\\u{e9}'", "\u{e9}\u{e9}"),
    ] {
        let found = lex(text).unwrap();
        assert_eq!(found[0].token, Token::SingleQuotedString(value.to_owned()), "{text}");
        assert_eq!((found.len(), found[0].end), (1, text.len()), "{text}");
    }
}

#[test]
fn numbers_end_where_they_should() {
    assert_eq!(tokens("1.5e-3 .5 1e 2.e4 t.5"), ["1.5e-3", ".5", "1", "E", "2.e4", "T", ".", "5"]);
}

#[test]
fn comments_are_nothing_and_paths_are_no_comments() {
    assert_eq!(tokens("1 -- x;\n2 // y;\n3 /* z;\n */ 4"), ["1", "2", "3", "4"]);
    let found = lex("put file:///tmp/*.csv @s/a--b//*.csv; list @\"my s\"/p").unwrap();
    let text = "put file:///tmp/*.csv @s/a--b//*.csv; list @\"my s\"/p";
    let cut: Vec<_> = found.iter().map(|l| &text[l.start..l.end]).collect();
    assert_eq!(cut, ["put", "file:///tmp/*.csv", "@s/a--b//*.csv", ";", "list", "@\"my s\"/p"]);
}

#[test]
fn places_count_lines_and_characters() {
    let found = lex("select 'é\n', x").unwrap();
    assert_eq!((found[1].line, found[1].column), (1, 7));
    assert_eq!((found[3].line, found[3].column), (2, 3));
}

#[test]
fn what_has_no_end_is_told_from_what_has_no_meaning() {
    for text in ["'a", "\"a", "/* a", "$$a", "x'a", "'a\\'"] {
        assert_eq!(lex(text).unwrap_err().kind, LexErrorKind::Unterminated, "{text}");
    }
    for text in ["a # b", "a & b", "é", "$ 1", "a ~ b", "\u{0}"] {
        assert_eq!(lex(text).unwrap_err().kind, LexErrorKind::Unexpected, "{text}");
    }
}
