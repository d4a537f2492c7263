//! CREATE DATA METRIC FUNCTION; ALTER, DROP and DESCRIBE FUNCTION.

use arrow::array::RecordBatch;
use icecore_governance::Verb;
use icecore_snapshot::Object;
use icecore_sql::{
    CreateMetricFunction, DropMode, DropObject, FunctionAction, OnFunction, parse_query,
    relations_of_query,
};
use icecore_types::{
    Body, Code, DataMetricFunction, Error, ErrorKind, ObjectKind, QualifiedName, Result, SqlType,
};

use crate::cells::{Cell, Columns, batch};
use crate::plan::{calls_metrics, measured_by, plan_select};
use crate::statement::alter::replaced;
use crate::statement::change::IfExists;
use crate::statement::dynamic::moving;
use crate::statement::{Change, Planning, Resolved};

const DONE: &str = "Statement executed successfully.";
const PROPERTIES: Columns = &[("property", SqlType::TEXT), ("value", SqlType::TEXT)];

impl Planning {
    /// CREATE DATA METRIC FUNCTION.
    pub(in crate::statement) fn create_metric_function(
        &self,
        create: &CreateMetricFunction,
    ) -> Result<Change> {
        let function = DataMetricFunction {
            argument: create.argument.clone(),
            columns: create.columns.clone(),
            body: create.body.clone(),
            comment: create.comment.clone(),
        };
        self.check_metric(&function)
            .map_err(|error| error.context(format_args!("the body of {}", create.name)))?;
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        let body = Body::of(&function)?;
        Ok(self.create(ObjectKind::MetricFunction, &create.name, if_exists, body)?.1)
    }

    /// It reads its argument and nothing else, gives the same for the same rows,
    /// and gives one number.
    fn check_metric(&self, function: &DataMetricFunction) -> Result<()> {
        let invalid = |what: String| Error::new(Code::INVALID_STATEMENT, what);
        let body = parse_query(&function.body)?;
        let only = QualifiedName::bare(function.argument.clone());
        if let Some(other) = relations_of_query(&body)?.into_iter().find(|it| it.name != only) {
            let what = format!("a data metric function reads its argument, not {}", other.name);
            return Err(invalid(what));
        }
        if calls_metrics(&body) {
            return Err(invalid("a data metric function calls no other".to_owned()));
        }
        let columns: Vec<String> = function
            .columns
            .iter()
            .map(|column| format!("NULL::{} AS {}", column.sql_type, column.name))
            .collect();
        let rows = parse_query(&format!("SELECT {}", columns.join(", ")))?;
        let plan = plan_select(&measured_by(function, *rows)?, &self.state, &self.binder)?;
        if let Some(moving) = moving(&plan)? {
            let what = format!(
                "a data metric function does not call {moving}: it gives the same \
                                for the same rows"
            );
            return Err(invalid(what));
        }
        let fields = plan.schema().fields();
        match fields
            .iter()
            .map(|field| icecore_values::sql_type(field))
            .collect::<Result<Vec<_>>>()?[..]
        {
            [SqlType::Integer | SqlType::Number { .. }] => Ok(()),
            [other] => Err(invalid(format!("a data metric function returns NUMBER, not {other}"))),
            _ => Err(invalid("a data metric function has one column".to_owned())),
        }
    }

    /// ALTER, DROP and DESCRIBE FUNCTION.
    pub(in crate::statement) fn on_function(&self, on: &OnFunction) -> Result<Resolved> {
        if on.action == FunctionAction::Drop {
            return self.drop_function(on).map(Resolved::Change);
        }
        let found = match self.function(on) {
            Err(error) if on.if_exists && error.kind() == ErrorKind::NotFound => {
                return Ok(Resolved::Change(Change::nothing(DONE)));
            }
            found => found?,
        };
        let mut function: DataMetricFunction = found.body().read()?;
        match &on.action {
            FunctionAction::Rename(to) => self.rename(found, to).map(Resolved::Change),
            FunctionAction::SetComment(comment) => {
                self.resolver.act(Verb::Alter, found);
                function.comment = comment.clone();
                replaced(found, Body::of(&function)?).map(Resolved::Change)
            }
            _ => {
                self.resolver.act(Verb::Describe, found);
                described(&function).map(Resolved::Rows)
            }
        }
    }

    fn drop_function(&self, on: &OnFunction) -> Result<Change> {
        match self.function(on) {
            Err(error) if !on.if_exists || error.kind() != ErrorKind::NotFound => {
                return Err(error);
            }
            _ => {}
        }
        self.drop_object(&DropObject {
            kind: ObjectKind::MetricFunction,
            name: on.name.clone(),
            if_exists: on.if_exists,
            mode: DropMode::Cascade,
        })
    }

    /// The function of this name, if it has this signature where one is named.
    fn function(&self, on: &OnFunction) -> Result<&Object> {
        let found = self.resolver.object(ObjectKind::MetricFunction, &on.name)?;
        with_signature(found, on.signature.as_deref(), &on.name)
    }
}

/// The function, if its argument has these types where they are named.
///
/// # Errors
/// `NotFound` if it has others.
pub(crate) fn with_signature<'o>(
    found: &'o Object,
    types: Option<&[SqlType]>,
    name: &QualifiedName,
) -> Result<&'o Object> {
    let Some(types) = types else { return Ok(found) };
    let function: DataMetricFunction = found.body().read()?;
    let same = function.columns.len() == types.len()
        && function.columns.iter().zip(types).all(|(column, it)| fits(&column.sql_type, it));
    if same { Ok(found) } else { Err(crate::statement::unknown(name)) }
}

/// Whether a column of one type is measured as one of another.
pub(super) fn fits(declared: &SqlType, column: &SqlType) -> bool {
    use SqlType::{Integer, Number, Varchar};
    match (declared, column) {
        (Integer | Number { .. }, Integer | Number { .. }) => true,
        (Varchar { .. }, Varchar { .. }) => true,
        (declared, column) => declared == column,
    }
}

fn described(function: &DataMetricFunction) -> Result<RecordBatch> {
    let columns: Vec<String> = function.columns.iter().map(ToString::to_string).collect();
    let rows = [
        ("signature", format!("({} TABLE({}))", function.argument, columns.join(", "))),
        ("returns", "NUMBER(38,0)".to_owned()),
        ("language", "SQL".to_owned()),
        ("body", function.body.clone()),
    ];
    batch(PROPERTIES, rows.map(|(name, value)| vec![Cell::text(name), Cell::text(value)]).into())
}
