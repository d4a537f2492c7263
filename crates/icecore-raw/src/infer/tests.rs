use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;

use super::*;
use crate::check_format;

type Shown = (String, String, bool, String, usize);

fn infer(files: &[(&str, &str)], options: &[(&str, &str)], infer: &InferOptions) -> Vec<Shown> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
        for (path, text) in files {
            stage.put_bytes(path, text.as_bytes().to_vec()).await.unwrap();
        }
        let given: Vec<_> = options
            .iter()
            .map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]))
            .collect();
        let format = FileFormat::from_definition(&check_format(&given).unwrap()).unwrap();
        let files = stage.list("", None).await.unwrap();
        let found = infer_schema(&stage, &files, &format, infer).await.unwrap();
        found
            .into_iter()
            .map(|c| (c.name, c.sql_type, c.nullable, c.expression, c.files.len()))
            .collect()
    })
}

fn types(found: &[Shown]) -> Vec<(&str, &str)> {
    found.iter().map(|(name, ty, ..)| (name.as_str(), ty.as_str())).collect()
}

#[test]
fn fields_of_csv_have_the_narrowest_type_of_all_records() {
    let text = "n,x,d,t,b,s,e,z\n1,2.50,2013-01-31,2013-01-31 10:00:00,true,a,1e3,\n\
                -120,.125,2013-02-28,2013-02-28 11:00:00,FALSE,1,2,\n";
    let header = [("PARSE_HEADER", "TRUE")];
    let found = infer(&[("a.csv", text)], &header, &InferOptions::default());
    assert_eq!(
        types(&found),
        [
            ("n", "NUMBER(3, 0)"),
            ("x", "NUMBER(4, 3)"),
            ("d", "DATE"),
            ("t", "TIMESTAMP_NTZ"),
            ("b", "BOOLEAN"),
            ("s", "TEXT"),
            ("e", "REAL"),
            ("z", "TEXT"),
        ]
    );
    assert_eq!(found[1].3, "$2::NUMBER(4, 3)");
    let one = InferOptions { records_per_file: Some(1), ..InferOptions::default() };
    assert_eq!(types(&infer(&[("a.csv", text)], &header, &one))[0], ("n", "NUMBER(1, 0)"));
}

#[test]
fn files_agree_on_a_type_that_holds_both() {
    let files = [("a.csv", "1,2013-01-31,x\n"), ("b.csv", "10.5,2013-01-31 10:00:00\n")];
    let found = infer(&files, &[], &InferOptions::default());
    assert_eq!(types(&found), [("c1", "NUMBER(3, 1)"), ("c2", "TIMESTAMP_NTZ"), ("c3", "TEXT")]);
    assert_eq!(found.iter().map(|column| column.4).collect::<Vec<_>>(), [2, 2, 1]);
}

#[test]
fn members_of_documents_are_columns() {
    let files = [
        ("a.json", "{\"a\":1,\"B\":\"x\",\"c\":{\"d\":1}}\n{\"a\":1e2}\n"),
        ("b.json", "{\"A\":true,\"b\":null}\n"),
    ];
    let json = [("TYPE", "JSON")];
    let found = infer(&files, &json, &InferOptions::default());
    assert_eq!(
        types(&found),
        [("a", "REAL"), ("B", "TEXT"), ("c", "VARIANT"), ("A", "BOOLEAN"), ("b", "TEXT")]
    );
    assert_eq!(found[0].3, "$1:a::REAL");
    let folded = InferOptions { ignore_case: true, ..InferOptions::default() };
    let found = infer(&files, &json, &folded);
    assert_eq!(types(&found), [("A", "TEXT"), ("B", "TEXT"), ("C", "VARIANT")]);
    assert_eq!(found[0].3, "GET_IGNORE_CASE ($1, A)::TEXT");
}
