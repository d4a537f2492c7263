//! Functions whose value is known when a statement is planned: who asks, when
//! and where.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{BooleanArray, Int64Array, StringViewArray};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::cast::as_string_view_array;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use datafusion::scalar::ScalarValue;
use icecore_functions::next_random;
use icecore_types::ObjectId;
use parking_lot::Mutex;

use super::Binder;
use crate::access::Acting;

/// Days from the epoch are microseconds divided by this.
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A function of the session by its lower-case name, with its value baked in.
pub(super) fn session_function(name: &str, binder: &Binder) -> Option<Arc<ScalarUDF>> {
    let session = binder.session().shared();
    let text = |value: Option<String>| Value::Constant(ScalarValue::Utf8View(value));
    let name_of = |name: &icecore_types::Name| Some(name.as_str().to_owned());
    let now = binder.now().as_micros();
    let who = binder.resolver().who();
    let roles = binder.simulated().or(who);
    let (database, schema) = match binder.protected_place() {
        Some((database, schema)) => (Some(database), Some(schema)),
        None => (session.database(), session.schema()),
    };
    let value = match name {
        "current_database" => text(database.as_ref().and_then(name_of)),
        "current_schema" => text(schema.as_ref().and_then(name_of)),
        "current_user" => text(who.map(|it| it.session.user_name().as_str().to_owned())),
        "current_role" => text(roles.map(|it| it.session.role_name().as_str().to_owned())),
        "current_secondary_roles" => text(who.map(|it| it.secondary_roles())),
        "current_available_roles" => text(who.map(|it| it.available_roles())),
        "is_role_in_session" => Value::InSession(roles.cloned()?, None),
        "is_database_role_in_session" => {
            let database = binder.resolver().database(None).ok()?.id();
            Value::InSession(roles.cloned()?, Some(database))
        }
        "current_warehouse" => text(name_of(&session.warehouse)),
        "current_account" => text(Some("DEFAULT".to_owned())),
        "current_session" => Value::Constant(ScalarValue::Int64(Some(session.id as i64))),
        "current_version" => text(Some(env!("CARGO_PKG_VERSION").to_owned())),
        "current_date" => {
            let days = i32::try_from(now.div_euclid(MICROS_PER_DAY)).ok();
            Value::Constant(ScalarValue::Date32(days))
        }
        "current_time" | "localtime" => {
            Value::Constant(ScalarValue::Time64Microsecond(Some(now.rem_euclid(MICROS_PER_DAY))))
        }
        "current_timestamp" | "now" | "getdate" | "localtimestamp" => {
            Value::Constant(ScalarValue::TimestampMicrosecond(Some(now), Some("UTC".into())))
        }
        "sysdate" => Value::Constant(ScalarValue::TimestampMicrosecond(Some(now), None)),
        "system$last_version" => {
            let version = binder.resolver().head().version().get();
            Value::Constant(ScalarValue::Int64(i64::try_from(version).ok()))
        }
        "system$get_tag" => get_tag(binder),
        "get_ddl" => get_ddl(binder),
        "system$pipe_status" => pipe_status(binder),
        "seq1" | "seq2" | "seq4" | "seq8" => Value::Sequence(Arc::default()),
        "random" => Value::Random(Arc::new(Mutex::new(Random::Unseeded(seed(binder))))),
        "uuid_string" => Value::Uuid(Arc::new(Mutex::new(seed(binder)))),
        "last_query_id" => Value::LastQueryId(Arc::clone(session)),
        _ => return None,
    };
    let signature = SessionFunction::signature_of(&value);
    Some(Arc::new(ScalarUDF::from(SessionFunction { name: name.to_owned(), value, signature })))
}

#[derive(Clone)]
enum Value {
    Constant(ScalarValue),
    LastQueryId(Arc<crate::session::SessionShared>),
    /// Of one text that is known when the statement is planned.
    OfText(Arc<OfText>),
    /// Of texts that are known when the statement is planned.
    OfTexts(Arc<OfTexts>),
    /// Whether a role is in use: of the account, or of a database.
    InSession(Arc<Acting>, Option<ObjectId>),
    /// The next number; rows of one plan count on from each other.
    Sequence(Arc<AtomicI64>),
    /// RANDOM: of the seed that it is given, or of the session's.
    Random(Arc<Mutex<Random>>),
    /// UUID_STRING.
    Uuid(Arc<Mutex<u64>>),
}

/// Where a call of RANDOM is.
enum Random {
    /// Its first call says whether it has a seed of its own.
    Unseeded(u64),
    State(u64),
}

impl Random {
    /// The state of the generator, begun with `seed` if it is given.
    fn state(&mut self, seed: Option<i64>) -> &mut u64 {
        if let Self::Unseeded(drawn) = self {
            *self = Self::State(seed.map_or(*drawn, |seed| seed as u64));
        }
        match self {
            Self::Unseeded(state) | Self::State(state) => state,
        }
    }
}

/// What the next generator of a statement begins with: under a simulated clock
/// it follows from the seed of the engine.
fn seed(binder: &Binder) -> u64 {
    let drawn = binder.session().engine().env.ids.next();
    drawn as u64 ^ (drawn >> 64) as u64
}

/// A UUID of version 4.
fn uuid(state: &mut u64) -> String {
    let bits = u128::from(next_random(state)) << 64 | u128::from(next_random(state));
    let bits = bits & !(0xf << 76) | 0x4 << 76;
    let text = format!("{:032x}", bits & !(0x3 << 62) | 0x2 << 62);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

type OfText = dyn Fn(&str) -> icecore_types::Result<String> + Send + Sync;

type OfTexts = dyn Fn(&[String]) -> icecore_types::Result<Option<String>> + Send + Sync;

/// SYSTEM$GET_TAG, of what whoever asks can see.
fn get_tag(binder: &Binder) -> Value {
    let resolver = Arc::clone(binder.resolver());
    Value::OfTexts(Arc::new(move |arguments| match arguments {
        [tag, object, domain] => crate::statement::get_tag(&resolver, tag, object, domain),
        _ => Err(icecore_types::Error::new(
            icecore_types::Code::INVALID_ARGUMENT,
            "SYSTEM$GET_TAG takes a tag, an object and its domain",
        )),
    }))
}

fn get_ddl(binder: &Binder) -> Value {
    let inside = (binder.session().clone(), Arc::clone(binder.resolver()));
    Value::OfTexts(Arc::new(move |arguments| {
        let (session, resolver) = inside.clone();
        let binder = Arc::new(Binder::new(session, resolver));
        crate::ddl::get_ddl(&binder, arguments).map(Some)
    }))
}

/// SYSTEM$PIPE_STATUS: whoever asks must be allowed to see how it is.
fn pipe_status(binder: &Binder) -> Value {
    let (session, resolver) = (binder.session().clone(), Arc::clone(binder.resolver()));
    Value::OfText(Arc::new(move |name| crate::statement::pipe_status(&session, &resolver, name)))
}

struct SessionFunction {
    name: String,
    value: Value,
    signature: Signature,
}

impl SessionFunction {
    /// Constant within a statement, except for sequences.
    fn signature_of(value: &Value) -> Signature {
        let volatility = match value {
            Value::Sequence(_) | Value::Random(_) | Value::Uuid(_) => Volatility::Volatile,
            _ => Volatility::Stable,
        };
        Signature::one_of(vec![TypeSignature::Nullary, TypeSignature::VariadicAny], volatility)
    }
}

impl std::fmt::Debug for SessionFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for SessionFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for SessionFunction {}

impl std::hash::Hash for SessionFunction {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for SessionFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(match &self.value {
            Value::Constant(ScalarValue::TimestampMicrosecond(_, zone)) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            Value::Constant(value) => value.data_type(),
            Value::LastQueryId(_) | Value::OfText(_) | Value::OfTexts(_) | Value::Uuid(_) => {
                DataType::Utf8View
            }
            Value::Sequence(_) | Value::Random(_) => DataType::Int64,
            Value::InSession(..) => DataType::Boolean,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match (&self.value, args.args.as_slice()) {
            (Value::Constant(value), []) => Ok(ColumnarValue::Scalar(value.clone())),
            // CURRENT_TIMESTAMP(6): microseconds are what there is.
            (Value::Constant(value @ ScalarValue::TimestampMicrosecond(..)), [_]) => {
                Ok(ColumnarValue::Scalar(value.clone()))
            }
            (Value::Sequence(next), []) => {
                let rows = args.number_rows as i64;
                let first = next.fetch_add(rows, Ordering::Relaxed);
                let numbers = Int64Array::from_iter_values(first..first + rows);
                Ok(ColumnarValue::Array(Arc::new(numbers)))
            }
            (Value::Random(random), arguments @ ([] | [ColumnarValue::Scalar(_)])) => {
                let seed = match arguments {
                    [ColumnarValue::Scalar(seed)] => match seed.cast_to(&DataType::Int64)? {
                        ScalarValue::Int64(seed) => seed,
                        _ => None,
                    },
                    _ => None,
                };
                let mut random = random.lock();
                let state = random.state(seed);
                let numbers = (0..args.number_rows).map(|_| next_random(state) as i64);
                Ok(ColumnarValue::Array(Arc::new(Int64Array::from_iter_values(numbers))))
            }
            (Value::Uuid(state), []) => {
                let mut state = state.lock();
                let texts = (0..args.number_rows).map(|_| uuid(&mut state));
                Ok(ColumnarValue::Array(Arc::new(StringViewArray::from_iter_values(texts))))
            }
            (Value::LastQueryId(session), []) => Ok(last_query(session.query(-1))),
            (Value::LastQueryId(session), [ColumnarValue::Scalar(position)]) => {
                let position = position.cast_to(&DataType::Int64)?;
                let ScalarValue::Int64(Some(position)) = position else {
                    return Ok(last_query(None));
                };
                Ok(last_query(session.query(position)))
            }
            (Value::OfText(function), [ColumnarValue::Scalar(text)]) => {
                let ScalarValue::Utf8View(Some(text)) = text.cast_to(&DataType::Utf8View)? else {
                    return plan_err!("{}: wrong arguments", self.name.to_uppercase());
                };
                let value = function(&text).map_err(icecore_exec::to_datafusion)?;
                Ok(ColumnarValue::Scalar(ScalarValue::Utf8View(Some(value))))
            }
            (Value::OfTexts(function), arguments) => {
                let texts = arguments.iter().map(|argument| constant_text(argument, &self.name));
                let value = function(&texts.collect::<Result<Vec<_>>>()?);
                let value = value.map_err(icecore_exec::to_datafusion)?;
                Ok(ColumnarValue::Scalar(ScalarValue::Utf8View(value)))
            }
            (Value::InSession(acting, database), [roles]) => {
                let roles = roles.cast_to(&DataType::Utf8View, None)?.to_array(args.number_rows)?;
                let found = as_string_view_array(&roles)?
                    .iter()
                    .map(|role| role.map(|role| acting.has_role(*database, role)));
                Ok(ColumnarValue::Array(Arc::new(found.collect::<BooleanArray>())))
            }
            _ => plan_err!("{}: wrong arguments", self.name.to_uppercase()),
        }
    }
}

fn constant_text(argument: &ColumnarValue, function: &str) -> Result<String> {
    if let ColumnarValue::Scalar(text) = argument
        && let ScalarValue::Utf8View(Some(text)) = text.cast_to(&DataType::Utf8View)?
    {
        return Ok(text);
    }
    plan_err!("{}: wrong arguments", function.to_uppercase())
}

fn last_query(id: Option<icecore_types::QueryId>) -> ColumnarValue {
    ColumnarValue::Scalar(ScalarValue::Utf8View(id.map(|id| id.to_string())))
}
