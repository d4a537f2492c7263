//! Aggregates that are others by the dialect's name, or small variants of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, TypeSignature, Volatility,
};
use icecore_types::Error;

use crate::bridge::external;

/// COUNT_IF: how many rows are true.
pub(crate) fn count_if() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(CountIf::default()))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CountIf {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for CountIf {
    fn default() -> Self {
        let boolean = TypeSignature::Exact(vec![DataType::Boolean]);
        Self {
            signature: Signature::new(boolean, Volatility::Immutable),
            aliases: vec!["countif".to_owned()],
        }
    }
}

impl AggregateUDFImpl for CountIf {
    fn name(&self) -> &str {
        "count_if"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(external(Error::unsupported("DISTINCT in COUNT_IF")));
        }
        Ok(Box::new(TrueRows(0)))
    }

    fn order_sensitivity(&self) -> datafusion_expr::utils::AggregateOrderSensitivity {
        datafusion_expr::utils::AggregateOrderSensitivity::Insensitive
    }
}

#[derive(Debug)]
struct TrueRows(i64);

impl TrueRows {
    fn count(values: &[ArrayRef]) -> i64 {
        let flags = values.first().and_then(|values| values.as_boolean_opt());
        flags.map_or(0, |flags| flags.true_count() as i64)
    }
}

impl Accumulator for TrueRows {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0 += Self::count(values);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0 -= Self::count(values);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(self.0)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Int64(Some(self.0))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        if let Some(counts) = states.first().and_then(|s| s.as_primitive_opt::<Int64Type>()) {
            self.0 += counts.iter().flatten().sum::<i64>();
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::BooleanArray;

    #[test]
    fn only_true_rows_count() {
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
        let mut rows = TrueRows(0);
        rows.update_batch(std::slice::from_ref(&flags)).unwrap();
        let state = rows.state().unwrap().remove(0).to_array().unwrap();
        rows.merge_batch(&[state]).unwrap();
        assert_eq!(rows.evaluate().unwrap(), ScalarValue::Int64(Some(2)));
        rows.retract_batch(&[flags]).unwrap();
        assert_eq!(rows.evaluate().unwrap(), ScalarValue::Int64(Some(1)));
    }
}
