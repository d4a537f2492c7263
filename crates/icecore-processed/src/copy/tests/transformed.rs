//! Values computed from the fields of a file.

use super::*;

/// NAME is the upper case of field 1, N the length of field 2 as a number.
#[derive(Debug)]
struct Computed;

impl FieldValues for Computed {
    fn values(&self, index: usize, fields: &RecordBatch) -> Result<ArrayRef> {
        let texts = fields.column(index.min(1)).as_string_view();
        match index {
            0 => Ok(Arc::new(StringViewArray::from_iter(
                texts.iter().map(|text| text.map(str::to_uppercase)),
            ))),
            1 => {
                let number = |text: &str| {
                    text.parse::<i64>().map_err(|_| Error::new(Code::NOT_A_NUMBER, "no number"))
                };
                let values = texts.iter().map(|text| text.map(number).transpose());
                Ok(Arc::new(Int64Array::from(values.collect::<Result<Vec<_>>>()?)))
            }
            _ => Ok(Arc::clone(fields.column(2))),
        }
    }
}

fn transform() -> (Arc<FileTarget>, Transform) {
    let column = |number: usize| TargetColumn {
        name: format!("${number}"),
        ordinal: number,
        sql_type: SqlType::TEXT,
        not_null: false,
        output: format!("${number}"),
    };
    let made = |output: &str, not_null| TransformedColumn {
        output: output.to_owned(),
        shown: format!("column {output}"),
        not_null,
    };
    let target = FileTarget::new("T", vec![column(1), column(2)]).matching(FieldMatch::Ragged);
    let transform = Transform {
        columns: vec![made("2", false), made("3", true), made("1", false)],
        metadata: vec![FileMetadata::RowNumber],
        values: Arc::new(Computed),
    };
    (Arc::new(target), transform)
}

#[tokio::test]
async fn rows_without_a_computed_value_are_bad_rows_with_their_place() {
    let mut world = World::new().await;
    // Row 2 has no number, row 4 no second field, row 5 has no form.
    world.put("a.csv", "a,1\nb,x\nc,3,more\nd\n\"e\"x,5\nf,6\n").await;
    let mut plan = world.plan(OnError::Continue).await;
    let (target, made) = transform();
    (plan.target, plan.transform) = (target, Some(made));
    let outcome = world.run(plan).await.unwrap();
    assert_eq!(statuses(&outcome), [("a.csv", "PARTIALLY_LOADED", 6, 3, 6, 3)]);
    let told = world.told();
    let places: Vec<_> = told.iter().map(|r| (r.error.row, r.error.line, r.error.code)).collect();
    let expected = [
        (2, 2, Code::NOT_A_NUMBER),
        (4, 4, Code::NULL_NOT_ALLOWED),
        (5, 5, Code::MALFORMED_RECORD),
    ];
    assert_eq!(places, expected);
    assert_eq!(told[0].error.record, "b,x");
    assert_eq!(told[0].error.column.as_deref(), Some("column 3"));
    // ID is the record's number in the file.
    assert_eq!(world.ids().await, [1, 3, 6]);
}
