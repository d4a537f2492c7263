//! Rows that a judge refuses.

use super::*;

/// Refuses even ids, and sends those above 100 elsewhere.
#[derive(Debug)]
struct Even;

impl RowJudge for Even {
    fn judge(&self, rows: &RecordBatch) -> Result<Vec<Refusal>> {
        let ids = rows.column(0).as_primitive::<Int64Type>();
        let refusal = |(row, id): (usize, i64)| {
            let becomes = match id {
                _ if id > 1_000 => RefusedRow::Fatal,
                _ if id > 100 => RefusedRow::Diverted,
                _ if id % 2 == 0 => RefusedRow::Rejected,
                _ => return None,
            };
            let (expectation, reason) = (Name::unquoted("even"), format!("id {id}"));
            Some(Refusal { row, becomes, column: Some(0), expectation, reason })
        };
        Ok(ids.values().iter().copied().enumerate().filter_map(refusal).collect())
    }

    fn file_ended(&self, _: bool) -> Result<()> {
        Ok(())
    }
}

impl DivertedRows for Even {
    fn of(&self, diverted: &Diverted<'_>) -> Result<RecordBatch> {
        assert_eq!(diverted.reasons.len(), diverted.rows.num_rows());
        let files = StringViewArray::from(vec![diverted.file; diverted.rows.num_rows()]);
        let records = diverted.places.iter().map(|place| place.row as i64);
        let columns = [
            ("1", Arc::new(Int64Array::from_iter_values(records)) as ArrayRef),
            ("2", Arc::new(files) as ArrayRef),
        ];
        RecordBatch::try_from_iter(columns).map_err(|_| Error::internal("test"))
    }
}

#[tokio::test]
async fn a_judge_rejects_and_diverts() {
    let mut world = World::new().await;
    world.put("a.csv", "1,a,1\n2,b,2\n103,c,3\n5,d,5\n").await;
    world.put("b.csv", "7,a,1\n107,b,2\n").await;
    let elsewhere = ObjectId::from_bits(4);
    let judged = |mut plan: CopyPlan| {
        plan.judge = Some(Arc::new(Even));
        plan.diversion = Some(Diversion {
            table: elsewhere,
            schema: Arc::new(Schema::new(vec![
                Field::new("1", DataType::Int64, true),
                Field::new("2", DataType::Utf8View, true),
            ])),
            rows: Arc::new(Even),
        });
        plan
    };
    let skipping = judged(world.plan(OnError::SkipFile).await);
    let content = TableContent::default();
    let told = Told::default();
    let outcome = copy_into(&skipping, &content, &world.segments, &told).await.unwrap();
    let expected =
        [("a.csv", "LOAD_FAILED", 4, 0, 1, 2), ("b.csv", "PARTIALLY_LOADED", 2, 1, 1, 1)];
    assert_eq!(statuses(&outcome), expected);
    let diverted = |outcome: &CopyOutcome| {
        let Some(Update::Append { table, segments }) = &outcome.diverted else { panic!() };
        assert_eq!(*table, elsewhere);
        segments.iter().map(|segment| segment.rows).sum::<u64>()
    };
    assert_eq!(diverted(&outcome), 1);
    let rejected = told.rejected.lock().clone();
    let told_of: Vec<_> = rejected.iter().map(|one| (&*one.file, one.error.row)).collect();
    assert_eq!(told_of, [("a.csv", 2), ("a.csv", 3), ("b.csv", 2)]);
    assert_eq!(rejected[0].error.message, "expectation 'EVEN' is violated: id 2");
    assert_eq!(rejected[1].error.record, "103,c,3");
    assert_eq!(rejected[0].error.column.as_deref(), Some("\"T\"[\"ID\":1]"));

    let plan = judged(world.plan(OnError::Continue).await);
    let outcome = copy_into(&plan, &content, &world.segments, &told).await.unwrap();
    assert_eq!((outcome.rows_loaded(), diverted(&outcome)), (3, 2));
    let plan = judged(world.plan(OnError::AbortStatement).await);
    let error = copy_into(&plan, &content, &world.segments, &told).await.unwrap_err();
    let begins = "expectation 'EVEN' is violated: id 2\n  File 'a.csv', line 2";
    assert!(error.message().starts_with(begins), "{error}");
    // A file that breaks off fails for that, not for a row that would go elsewhere.
    let mut broken = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0, 80, 0, 0xaf, 0xff];
    broken.extend(b"103,b,2\n".repeat(10));
    world.stage.put_bytes("b.gz", broken).await.unwrap();
    let plan = judged(world.plan(OnError::SkipFile).await);
    let outcome = copy_into(&plan, &content, &world.segments, &told).await.unwrap();
    let broken = outcome.files.iter().find(|file| file.file == "b.gz").unwrap();
    assert_eq!(
        (broken.status, broken.first_error_line),
        (FileStatus::LoadFailed, None),
        "{broken:?}"
    );
    assert!(broken.rows_parsed > 0 && broken.errors_seen == broken.rows_parsed + 1, "{broken:?}");
    assert!(broken.first_error.as_ref().unwrap().contains("gzip data ends too early"));
    // What fails the load does so under each ON_ERROR.
    world.put("c.csv", "1001,a,1\n").await;
    let plan = judged(world.plan(OnError::Continue).await);
    let error = copy_into(&plan, &content, &world.segments, &told).await.unwrap_err();
    let begins = "expectation 'EVEN' is violated: id 1001\n  File 'c.csv', line 1";
    assert!(error.message().starts_with(begins), "{error}");
}
