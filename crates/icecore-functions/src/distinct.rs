//! Distinct values by sketch: APPROX_COUNT_DISTINCT, HLL_ACCUMULATE,
//! HLL_COMBINE and HLL_ESTIMATE.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use icecore_types::{Error, SqlType};
use icecore_values::{HyperLogLog, combined, fingerprints, sql_type_of};

use crate::bridge::{external, wrong_arguments};
use crate::spec::{Param, Spec};

/// HLL_ESTIMATE: the number of distinct values that a state stands for.
pub(crate) static SPECS: [Spec; 1] = [Spec {
    name: "hll_estimate",
    aliases: &[],
    params: &[Param::Binary],
    optional: 0,
    result: |_| Ok(SqlType::Integer),
    compute: |call| {
        call.integers(|row| Ok(HyperLogLog::from_bytes(call.binary(0, row)?)?.estimate() as i64))
    },
}];

pub(crate) fn functions() -> Vec<Arc<AggregateUDF>> {
    let all = [
        Sketched::new("approx_distinct", &["approx_count_distinct", "hll"], Gives::Estimate),
        Sketched::new("hll_accumulate", &[], Gives::State),
        Sketched::new("hll_combine", &[], Gives::Merge),
    ];
    all.into_iter().map(|function| Arc::new(AggregateUDF::from(function))).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Gives {
    /// How many values there are.
    Estimate,
    /// The sketch of the values.
    State,
    /// The sketch of what sketches stand for.
    Merge,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sketched {
    name: &'static str,
    aliases: Vec<String>,
    gives: Gives,
    signature: Signature,
}

impl Sketched {
    fn new(name: &'static str, aliases: &[&str], gives: Gives) -> Self {
        Self {
            name,
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            gives,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for Sketched {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.gives, arg_types) {
            (Gives::Merge, [DataType::Null | DataType::BinaryView]) => {
                Ok(vec![DataType::BinaryView])
            }
            (Gives::Merge, [DataType::Binary | DataType::LargeBinary]) => {
                Ok(vec![DataType::BinaryView])
            }
            (Gives::Merge, _) => Err(wrong_arguments(self.name, "1 BINARY", arg_types.len())),
            (_, []) => Err(wrong_arguments(self.name, "1 or more", 0)),
            _ => Ok(arg_types.to_vec()),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.gives {
            Gives::Estimate => DataType::Int64,
            Gives::State | Gives::Merge => DataType::BinaryView,
        })
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Counted { gives: self.gives, sketch: HyperLogLog::default() }.evaluate()
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "sketch");
        Ok(vec![Arc::new(Field::new(name, DataType::BinaryView, false))])
    }

    // DISTINCT changes nothing: a value counts once however often it comes.
    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counted { gives: self.gives, sketch: HyperLogLog::default() }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

#[derive(Debug)]
struct Counted {
    gives: Gives,
    sketch: HyperLogLog,
}

impl Counted {
    /// Counts rows in, but for those in which a value is NULL.
    fn count(&mut self, columns: &[ArrayRef]) -> icecore_types::Result<()> {
        let all = columns
            .iter()
            .filter(|column| *column.data_type() != DataType::Null)
            .map(|column| fingerprints(column, &sql_type_of(column.data_type())?))
            .collect::<icecore_types::Result<Vec<_>>>()?;
        if all.len() < columns.len() {
            return Ok(());
        }
        let rows = columns.first().map_or(0, |column| column.len());
        for row in 0..rows {
            let mut values = all.iter().map(|column| column.get(row).copied().flatten());
            match all.as_slice() {
                [column] => {
                    if let Some(Some(value)) = column.get(row) {
                        self.sketch.insert(*value);
                    }
                }
                _ if values.clone().all(|value| value.is_some()) => {
                    self.sketch.insert(combined(values.by_ref()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &ArrayRef) -> Result<()> {
        let Some(states) = states.as_binary_view_opt() else {
            return Err(external(Error::internal("a sketch is not binary")));
        };
        for state in states.iter().flatten() {
            self.sketch.merge(&HyperLogLog::from_bytes(state).map_err(external)?);
        }
        Ok(())
    }
}

impl Accumulator for Counted {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        match (self.gives, values) {
            (Gives::Merge, [states]) => self.merge(states),
            _ => self.count(values).map_err(external),
        }
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(match self.gives {
            Gives::Estimate => ScalarValue::Int64(i64::try_from(self.sketch.estimate()).ok()),
            Gives::State | Gives::Merge => ScalarValue::BinaryView(Some(self.sketch.to_bytes())),
        })
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::BinaryView(Some(self.sketch.to_bytes()))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states.first().map_or(Ok(()), |states| self.merge(states))
    }

    fn size(&self) -> usize {
        self.sketch.size()
    }
}
