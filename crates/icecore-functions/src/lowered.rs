//! Functions that are written as other expressions before types are coerced,
//! so that a branch that is not taken is not computed.

mod conversions;
mod forms;
mod table;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion_common::{DFSchema, Result};
use datafusion_expr::binary::type_union_resolution;
use datafusion_expr::expr::{Case, ScalarFunction};
use datafusion_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, col,
};
use icecore_types::{Error, SqlType};
use icecore_values::arrow_type;
use table::ENTRIES;

use crate::align::are_floats;
use crate::bridge::{external, wrong_arguments};
use crate::common::beside_text;

type Lower = fn(Vec<Expr>) -> Result<Expr>;

struct Entry {
    name: &'static str,
    aliases: &'static [&'static str],
    arguments: (usize, usize),
    lower: Lower,
}

const MANY: usize = 255;

const BINARY: SqlType = SqlType::Binary { length: SqlType::MAX_BINARY };

const fn entry(
    name: &'static str,
    aliases: &'static [&'static str],
    arguments: (usize, usize),
    lower: Lower,
) -> Entry {
    Entry { name, aliases, arguments, lower }
}

/// The functions of this file.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    ENTRIES.iter().map(|entry| Arc::new(ScalarUDF::from(Lowered::new(entry)))).collect()
}

/// What a call of a function of this file is written as; none for another.
pub(crate) fn lower(function: &ScalarFunction) -> Option<Result<Expr>> {
    let inner: &dyn std::any::Any = function.func.inner().as_ref();
    let lowered = inner.downcast_ref::<Lowered>()?;
    Some(lowered.lower(function.args.clone()))
}

struct Lowered {
    entry: &'static Entry,
    aliases: Vec<String>,
    signature: Signature,
}

impl std::fmt::Debug for Lowered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.entry.name)
    }
}

impl PartialEq for Lowered {
    fn eq(&self, other: &Self) -> bool {
        self.entry.name == other.entry.name
    }
}

impl Eq for Lowered {}

impl Hash for Lowered {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entry.name.hash(state);
    }
}

impl Lowered {
    fn new(entry: &'static Entry) -> Self {
        Self {
            entry,
            aliases: entry.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    fn lower(&self, args: Vec<Expr>) -> Result<Expr> {
        let (least, most) = self.entry.arguments;
        if !(least..=most).contains(&args.len()) {
            let expected = match (least, most) {
                (least, MANY) => format!("{least} or more"),
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            return Err(wrong_arguments(self.entry.name, &expected, args.len()));
        }
        (self.entry.lower)(args)
    }
}

impl ScalarUDFImpl for Lowered {
    fn name(&self) -> &str {
        self.entry.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let fields: Vec<_> = arg_types
            .iter()
            .map(|data_type| Arc::new(Field::new("", data_type.clone(), true)))
            .collect();
        let scalars = vec![None; fields.len()];
        let args = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &scalars };
        self.return_field_from_args(args).map(|field| field.data_type().clone())
    }

    /// The field of what the call is written as, over columns that stand for
    /// its arguments.
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let name = |index: usize| format!("a{index}");
        let fields: Vec<_> = (args.arg_fields.iter().enumerate())
            .map(|(index, field)| field.as_ref().clone().with_name(name(index)))
            .collect();
        let stand_ins = args.scalar_arguments.iter().enumerate();
        let stand_ins = stand_ins.map(|(index, constant)| match constant {
            Some(value) => Expr::Literal((*value).clone(), None),
            None => col(name(index)),
        });
        let lowered = self.lower(stand_ins.collect())?;
        let schema = DFSchema::try_from(Schema::new(fields))?;
        let field = lowered.to_field(&schema)?.1;
        let data_type = common_type(&lowered, &schema)?;
        Ok(Arc::new(field.as_ref().clone().with_data_type(data_type).with_name(self.name())))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let message = format!("{} was not lowered: register the rewrites", self.entry.name);
        Err(external(Error::internal(message)))
    }
}

/// The type that the branches of a CASE will have once they are coerced.
fn common_type(expr: &Expr, schema: &DFSchema) -> Result<DataType> {
    let plain = expr.get_type(schema)?;
    let Expr::Case(Case { when_then_expr, else_expr, .. }) = expr else { return Ok(plain) };
    let branches = when_then_expr.iter().map(|(_, then)| then.as_ref());
    let types = branches
        .chain(else_expr.as_deref())
        .map(|branch| branch.get_type(schema))
        .collect::<Result<Vec<_>>>()?;
    if let Some(all) = beside_text(&types) {
        return Ok(arrow_type(&all));
    }
    if are_floats(&types) {
        return Ok(DataType::Float64);
    }
    Ok(type_union_resolution(&types).unwrap_or(plain))
}
