//! CONDITIONAL_CHANGE_EVENT: how often a value was another than in the row before.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::format_state_name;
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use icecore_types::Error;

use crate::bridge::external;

pub(crate) fn change_event() -> Arc<AggregateUDF> {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(AggregateUDF::from(ChangeEvent { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ChangeEvent {
    signature: Signature,
}

impl AggregateUDFImpl for ChangeEvent {
    fn name(&self) -> &str {
        "conditional_change_event"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "changes");
        Ok(vec![Arc::new(Field::new(name, DataType::Int64, true))])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Changes::default()))
    }
}

/// As `value != LAG(value)` is counted: NULL is no change, neither to nor from.
#[derive(Debug, Default)]
struct Changes {
    count: i64,
    previous: Option<ScalarValue>,
}

impl Accumulator for Changes {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else { return Ok(()) };
        for row in 0..values.len() {
            let value = ScalarValue::try_from_array(values, row)?;
            let known = (!value.is_null()).then_some(value);
            if let (Some(previous), Some(value)) = (&self.previous, &known)
                && previous != value
            {
                self.count += 1;
            }
            self.previous = known;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(self.count)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Int64(Some(self.count))])
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        Err(external(Error::unsupported("CONDITIONAL_CHANGE_EVENT without OVER")))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
