//! Functions that are written as other expressions before types are coerced,
//! so that a branch that is not taken is not computed.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion_common::{DFSchema, Result, ScalarValue};
use datafusion_expr::binary::type_union_resolution;
use datafusion_expr::expr::{Case, ScalarFunction};
use datafusion_expr::{
    ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, binary_expr, col, lit, when,
};
use icecore_types::{Code, Error, SqlType};
use icecore_values::{ArithmeticOp, OnCastError};

use crate::align::are_floats;
use crate::arithmetic::Arithmetic;
use crate::bridge::{external, wrong_arguments};
use crate::cast::cast_to;
use crate::formatted::{parse_as, written_as};

type Lower = fn(Vec<Expr>) -> Result<Expr>;

struct Entry {
    name: &'static str,
    aliases: &'static [&'static str],
    arguments: (usize, usize),
    lower: Lower,
}

const MANY: usize = 255;

/// One line each: the name, other names, how many arguments, and what it is.
const ENTRIES: [Entry; 52] = [
    entry("iff", &["if"], (3, 3), iff),
    entry("nvl", &["ifnull"], (2, 2), coalesce),
    entry("nvl2", &[], (3, 3), |args| {
        let [value, then, other] = take(args)?;
        Ok(choose(value.is_not_null(), then, Some(other)))
    }),
    entry("zeroifnull", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(choose(value.clone().is_not_null(), value, Some(lit(0_i64))))
    }),
    entry("nullifzero", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(choose(value.clone().not_eq(lit(0_i64)), value, None))
    }),
    entry("nullif", &[], (2, 2), |args| {
        let [value, other] = take(args)?;
        let equal = value.clone().eq(other);
        Ok(choose(equal.is_not_true(), value, None))
    }),
    entry("div0", &[], (2, 2), |args| {
        let [dividend, divisor] = take(args)?;
        let is_zero = divisor.clone().eq(lit(0_i64));
        let quotient = arithmetic(ArithmeticOp::Divide, dividend, divisor);
        Ok(choose(is_zero.is_not_true(), quotient, Some(lit(0_i64))))
    }),
    entry("div0null", &[], (2, 2), |args| {
        let [dividend, divisor] = take(args)?;
        let usable = divisor.clone().not_eq(lit(0_i64));
        let quotient = arithmetic(ArithmeticOp::Divide, dividend, divisor);
        Ok(choose(usable, quotient, Some(lit(0_i64))))
    }),
    entry("mod", &[], (2, 2), |args| {
        let [left, right] = take(args)?;
        Ok(arithmetic(ArithmeticOp::Modulo, left, right))
    }),
    entry("equal_null", &[], (2, 2), |args| {
        let [left, right] = take(args)?;
        Ok(binary_expr(left, Operator::IsNotDistinctFrom, right))
    }),
    entry("concat", &[], (1, MANY), concat),
    entry("greatest", &[], (1, MANY), |args| or_null(args, datafusion_functions::core::greatest())),
    entry("least", &[], (1, MANY), |args| or_null(args, datafusion_functions::core::least())),
    entry("greatest_ignore_nulls", &[], (1, MANY), |args| {
        Ok(call(datafusion_functions::core::greatest(), args))
    }),
    entry("least_ignore_nulls", &[], (1, MANY), |args| {
        Ok(call(datafusion_functions::core::least(), args))
    }),
    entry("concat_ws", &[], (2, MANY), concat_ws),
    entry("boolxor", &[], (2, 2), |args| {
        let [left, right] = take(args)?;
        let truth = |expr| cast_to(expr, SqlType::Boolean, OnCastError::Fail);
        Ok(truth(left).not_eq(truth(right)))
    }),
    entry("bitand", &["bit_and"], (2, 2), |args| bits(args, Operator::BitwiseAnd)),
    entry("bitor", &["bit_or"], (2, 2), |args| bits(args, Operator::BitwiseOr)),
    entry("bitxor", &["bit_xor"], (2, 2), |args| bits(args, Operator::BitwiseXor)),
    entry("bitnot", &["bit_not"], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(binary_expr(integer(value), Operator::BitwiseXor, lit(-1_i64)))
    }),
    entry("md5_hex", &[], (1, 1), |args| Ok(call(datafusion_functions::crypto::md5(), args))),
    entry("sha2", &["sha2_hex"], (1, 2), sha2),
    entry("char", &[], (1, 1), |args| Ok(call(datafusion_functions::string::chr(), args))),
    entry("unicode", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(cast_to(
            call(datafusion_functions::string::ascii(), vec![value]),
            SqlType::Integer,
            OnCastError::Fail,
        ))
    }),
    entry("hex_encode", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(call(datafusion_functions::string::upper(), vec![hex(value)]))
    }),
    entry("base64_encode", &[], (1, 1), |args| {
        let [value] = take(args)?;
        let args = vec![value, lit("base64pad")];
        Ok(call(datafusion_functions::encoding::encode(), args))
    }),
    entry("power", &["pow"], (2, 2), |args| {
        let float = |expr| cast_to(expr, SqlType::Float, OnCastError::Fail);
        let args = args.into_iter().map(float).collect();
        Ok(call(datafusion_functions::math::power(), args))
    }),
    entry("to_number", &["to_decimal", "to_numeric"], (1, 3), |a| number(a, OnCastError::Fail)),
    entry("try_to_number", &["try_to_decimal", "try_to_numeric"], (1, 3), |args| {
        number(args, OnCastError::Null)
    }),
    entry("to_double", &[], (1, 1), |args| to(args, SqlType::Float, OnCastError::Fail)),
    entry("try_to_double", &[], (1, 1), |args| to(args, SqlType::Float, OnCastError::Null)),
    entry("to_boolean", &[], (1, 1), |args| to(args, SqlType::Boolean, OnCastError::Fail)),
    entry("try_to_boolean", &[], (1, 1), |args| to(args, SqlType::Boolean, OnCastError::Null)),
    entry("to_binary", &[], (1, 2), |args| to(args, BINARY, OnCastError::Fail)),
    entry("try_to_binary", &[], (1, 2), |args| to(args, BINARY, OnCastError::Null)),
    entry("to_date", &["date"], (1, 2), |args| to(args, SqlType::Date, OnCastError::Fail)),
    entry("try_to_date", &[], (1, 2), |args| to(args, SqlType::Date, OnCastError::Null)),
    entry("to_time", &["time"], (1, 2), |args| to(args, SqlType::Time, OnCastError::Fail)),
    entry("try_to_time", &[], (1, 2), |args| to(args, SqlType::Time, OnCastError::Null)),
    entry("to_timestamp", &["to_timestamp_ntz"], (1, 2), |a| {
        timestamp(a, false, OnCastError::Fail)
    }),
    entry("try_to_timestamp", &["try_to_timestamp_ntz"], (1, 2), |args| {
        timestamp(args, false, OnCastError::Null)
    }),
    entry("to_timestamp_ltz", &[], (1, 2), |args| timestamp(args, true, OnCastError::Fail)),
    entry("try_to_timestamp_ltz", &[], (1, 2), |args| timestamp(args, true, OnCastError::Null)),
    entry("to_varchar", &["to_char"], (1, 2), |args| match take::<2>(args.clone()) {
        Ok([value, format]) => written_as(value, &text(format)?),
        Err(_) => to(args, SqlType::TEXT, OnCastError::Fail),
    }),
    entry("decode", &[], (3, MANY), decode),
    entry("square", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(arithmetic(ArithmeticOp::Multiply, value.clone(), value))
    }),
    entry("sign", &[], (1, 1), |args| {
        let [value] = take(args)?;
        let zero = || lit(0_i64);
        when(value.clone().gt(zero()), lit(1_i64))
            .when(value.clone().lt(zero()), lit(-1_i64))
            .when(value.eq(zero()), zero())
            .end()
    }),
    entry("coalesce", &[], (1, MANY), coalesce),
    entry("booland", &[], (2, 2), |args| both(args, Operator::And)),
    entry("boolor", &[], (2, 2), |args| both(args, Operator::Or)),
    entry("boolnot", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(datafusion_expr::not(cast_to(value, SqlType::Boolean, OnCastError::Fail)))
    }),
];

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
    if are_floats(&types) {
        return Ok(DataType::Float64);
    }
    Ok(type_union_resolution(&types).unwrap_or(plain))
}

/// Exactly `N` arguments.
fn take<const N: usize>(args: Vec<Expr>) -> Result<[Expr; N]> {
    let found = args.len();
    args.try_into().map_err(|_| wrong_arguments("function", &N.to_string(), found))
}

fn call(function: Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(function, args))
}

fn arithmetic(op: ArithmeticOp, left: Expr, right: Expr) -> Expr {
    call(Arc::new(ScalarUDF::from(Arithmetic::new(op))), vec![left, right])
}

/// A CASE whose branches may still have different types.
fn choose(condition: Expr, then: Expr, other: Option<Expr>) -> Expr {
    let branches = vec![(Box::new(condition), Box::new(then))];
    Expr::Case(Case::new(None, branches, other.map(Box::new)))
}

fn iff(args: Vec<Expr>) -> Result<Expr> {
    let [condition, then, other] = take(args)?;
    Ok(choose(condition, then, Some(other)))
}

fn coalesce(args: Vec<Expr>) -> Result<Expr> {
    let mut args = args.into_iter().rev();
    let Some(last) = args.next() else { return Err(wrong_arguments("coalesce", "1 or more", 0)) };
    let branches: Vec<_> =
        args.rev().map(|value| (Box::new(value.clone().is_not_null()), Box::new(value))).collect();
    if branches.is_empty() {
        return Ok(last);
    }
    Ok(Expr::Case(Case::new(None, branches, Some(Box::new(last)))))
}

/// NULL if any of its arguments is, as the dialect's CONCAT.
fn concat(args: Vec<Expr>) -> Result<Expr> {
    let text = |expr| cast_to(expr, SqlType::TEXT, OnCastError::Fail);
    args.into_iter()
        .map(text)
        .reduce(|left, right| binary_expr(left, Operator::StringConcat, right))
        .ok_or_else(|| wrong_arguments("concat", "1 or more", 0))
}

/// NULL if any argument is, else the function.
fn or_null(args: Vec<Expr>, function: Arc<ScalarUDF>) -> Result<Expr> {
    let all = args.iter().map(|value| value.clone().is_not_null()).reduce(Expr::and);
    let all = all.ok_or_else(|| wrong_arguments(function.name(), "1 or more", 0))?;
    Ok(choose(all, call(function, args), None))
}

/// As CONCAT, with a text between each two.
fn concat_ws(args: Vec<Expr>) -> Result<Expr> {
    let mut args = args.into_iter();
    let Some(between) = args.next() else {
        return Err(wrong_arguments("concat_ws", "2 or more", 0));
    };
    let mut parts = Vec::new();
    for value in args {
        if !parts.is_empty() {
            parts.push(between.clone());
        }
        parts.push(value);
    }
    let alone = parts.len() == 1;
    let joined = concat(parts)?;
    // The text between is not in it, and still makes it NULL.
    Ok(if alone { choose(between.is_not_null(), joined, None) } else { joined })
}

fn integer(expr: Expr) -> Expr {
    cast_to(expr, SqlType::Integer, OnCastError::Fail)
}

fn bits(args: Vec<Expr>, op: Operator) -> Result<Expr> {
    let [left, right] = take(args)?;
    Ok(binary_expr(integer(left), op, integer(right)))
}

fn hex(value: Expr) -> Expr {
    call(datafusion_functions::encoding::encode(), vec![value, lit("hex")])
}

/// `SHA2(text [, bits])` in lower-case hexadecimal.
fn sha2(args: Vec<Expr>) -> Result<Expr> {
    let mut args = args.into_iter();
    let Some(value) = args.next() else { return Err(wrong_arguments("sha2", "1 to 2", 0)) };
    let bits = match args.next() {
        None | Some(Expr::Literal(ScalarValue::Int64(Some(0)), _)) => 256,
        Some(Expr::Literal(ScalarValue::Int64(Some(bits)), _)) => bits,
        Some(other) => return Err(not_constant("the number of bits of SHA2", &other)),
    };
    let function = match bits {
        224 => datafusion_functions::crypto::sha224(),
        256 => datafusion_functions::crypto::sha256(),
        384 => datafusion_functions::crypto::sha384(),
        512 => datafusion_functions::crypto::sha512(),
        other => {
            let message = format!("SHA2 has 224, 256, 384 and 512 bits bits={other}");
            return Err(external(Error::new(Code::INVALID_ARGUMENT, message)));
        }
    };
    Ok(hex(call(function, vec![value])))
}

fn both(args: Vec<Expr>, op: Operator) -> Result<Expr> {
    let [left, right] = take(args)?;
    let truth = |expr| cast_to(expr, SqlType::Boolean, OnCastError::Fail);
    Ok(binary_expr(truth(left), op, truth(right)))
}

/// `DECODE(v, a, x, b, y, .., other)`: as CASE, but NULL equals NULL.
fn decode(args: Vec<Expr>) -> Result<Expr> {
    let mut args = args.into_iter();
    let Some(value) = args.next() else { return Err(wrong_arguments("decode", "3 or more", 0)) };
    let rest: Vec<_> = args.collect();
    let (pairs, other) = rest.as_chunks::<2>();
    let branches = pairs.iter().map(|[candidate, then]| {
        let equal = binary_expr(value.clone(), Operator::IsNotDistinctFrom, candidate.clone());
        (Box::new(equal), Box::new(then.clone()))
    });
    let other = other.first().cloned().map(Box::new);
    Ok(Expr::Case(Case::new(None, branches.collect(), other)))
}

/// A constant argument as text.
fn text(expr: Expr) -> Result<String> {
    let found = match &expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    };
    found.ok_or_else(|| not_constant("a format", &expr))
}

fn not_constant(what: &str, expr: &Expr) -> datafusion_common::DataFusionError {
    let message = format!("{what} must be a constant argument={}", expr.schema_name());
    external(Error::new(Code::INVALID_ARGUMENT, message))
}

fn digits(expr: Expr) -> Result<u8> {
    let found = match &expr {
        Expr::Literal(ScalarValue::Int64(Some(value)), _) => u8::try_from(*value).ok(),
        _ => None,
    };
    found.ok_or_else(|| not_constant("a precision or scale", &expr))
}

fn number(args: Vec<Expr>, on_error: OnCastError) -> Result<Expr> {
    let mut args = args.into_iter();
    let Some(value) = args.next() else { return Err(wrong_arguments("to_number", "1 to 3", 0)) };
    let mut args = args.peekable();
    if let Some(Expr::Literal(format, _)) = args.peek()
        && format.try_as_str().is_some()
    {
        return Err(external(Error::unsupported("a number format in TO_NUMBER")));
    }
    let precision = args.next().map_or(Ok(38), digits)?;
    let scale = args.next().map_or(Ok(0), digits)?;
    let ty = SqlType::parse(&format!("NUMBER({precision},{scale})")).map_err(external)?;
    Ok(cast_to(value, ty, on_error))
}

/// A cast, or with a second argument a reading of text in that format.
fn to(args: Vec<Expr>, ty: SqlType, on_error: OnCastError) -> Result<Expr> {
    let mut args = args.into_iter();
    match (args.next(), args.next()) {
        (Some(value), None) => Ok(cast_to(value, ty, on_error)),
        (Some(value), Some(format)) => parse_as(value, &text(format)?, ty, on_error),
        (None, _) => Err(wrong_arguments("conversion", "1 or 2", 0)),
    }
}

/// As `to`; a scale instead of a format says that a number counts 10^-scale seconds.
fn timestamp(args: Vec<Expr>, local: bool, on_error: OnCastError) -> Result<Expr> {
    let ty = if local { SqlType::TimestampLtz } else { SqlType::TimestampNtz };
    let Ok([value, second]) = take::<2>(args.clone()) else { return to(args, ty, on_error) };
    if !matches!(&second, Expr::Literal(ScalarValue::Int64(_), _)) {
        return parse_as(value, &text(second)?, ty, on_error);
    }
    let scale = digits(second)?;
    if scale > 9 {
        return Err(external(Error::new(Code::INVALID_ARGUMENT, "a scale is from 0 to 9")));
    }
    let unit = lit(ScalarValue::Decimal128(Some(1), scale + 1, scale as i8));
    Ok(cast_to(arithmetic(ArithmeticOp::Multiply, value, unit), ty, on_error))
}
