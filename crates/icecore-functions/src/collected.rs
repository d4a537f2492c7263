//! Aggregates that keep the values of a group: MODE and PERCENTILE_DISC.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Signature, Volatility,
};
use icecore_types::{Code, Error};

use crate::bridge::{external, wrong_arguments};

pub(crate) fn functions() -> Vec<Arc<AggregateUDF>> {
    let signature = || Signature::user_defined(Volatility::Immutable);
    vec![
        Arc::new(AggregateUDF::from(Counted { name: "mode", signature: signature() })),
        Arc::new(AggregateUDF::from(Counted { name: "percentile_disc", signature: signature() })),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Counted {
    name: &'static str,
    signature: Signature,
}

impl Counted {
    fn is_mode(&self) -> bool {
        self.name == "mode"
    }

    fn unsupported<T>(&self, what: &str) -> Result<T> {
        let name = self.name.to_uppercase();
        Err(external(Error::unsupported(format_args!("{name} {what}"))))
    }
}

impl AggregateUDFImpl for Counted {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.is_mode(), arg_types) {
            (true, [_]) | (false, [_, _]) => Ok(arg_types.to_vec()),
            (true, types) => Err(wrong_arguments("mode", "1", types.len())),
            // The value of WITHIN GROUP is counted among them.
            (false, [_]) => self.unsupported("without WITHIN GROUP (ORDER BY ..)"),
            (false, types) => {
                Err(wrong_arguments("percentile_disc", "1", types.len().saturating_sub(1)))
            }
        }
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        arg_types.first().cloned().ok_or_else(|| wrong_arguments(self.name, "1", 0))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name, data_type| -> FieldRef {
            let item = Field::new_list_field(data_type, true);
            Arc::new(Field::new_list(format_state_name(args.name, name), item, true))
        };
        let value = args.return_field.data_type().clone();
        Ok(vec![list("values", value), list("counts", DataType::Int64)])
    }

    fn supports_within_group_clause(&self) -> bool {
        !self.is_mode()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return self.unsupported("DISTINCT");
        }
        let data_type = args.return_field.data_type().clone();
        let pick = match self.is_mode() {
            true => Pick::MostFrequent,
            false => {
                let Some(order) = args.order_bys.first() else {
                    return self.unsupported("without WITHIN GROUP (ORDER BY ..)");
                };
                Pick::At { part: part(&args)?, descending: order.options.descending }
            }
        };
        Ok(Box::new(Counts { counts: HashMap::new(), bytes: 0, data_type, pick }))
    }
}

/// The constant from 0 to 1 that a percentile is asked for.
fn part(args: &AccumulatorArgs) -> Result<f64> {
    let wrong = || {
        let message = "the argument of PERCENTILE_DISC is a constant from 0 to 1";
        external(Error::new(Code::INVALID_ARGUMENT, message))
    };
    let constant = args.exprs.get(1).ok_or_else(wrong)?;
    let no_rows = RecordBatch::new_empty(Arc::new(Schema::empty()));
    let ColumnarValue::Scalar(value) = constant.evaluate(&no_rows).map_err(|_| wrong())? else {
        return Err(wrong());
    };
    match value.cast_to(&DataType::Float64)? {
        ScalarValue::Float64(Some(part)) if (0.0..=1.0).contains(&part) => Ok(part),
        _ => Err(wrong()),
    }
}

/// Which of the values is given.
#[derive(Clone, Copy, Debug)]
enum Pick {
    /// The least of those that are there most often.
    MostFrequent,
    /// The first at which this part of the rows is reached.
    At { part: f64, descending: bool },
}

/// How often each value is there.
#[derive(Debug)]
struct Counts {
    counts: HashMap<ScalarValue, i64>,
    bytes: usize,
    data_type: DataType,
    pick: Pick,
}

impl Counts {
    fn add(&mut self, value: ScalarValue, count: i64) {
        if value.is_null() {
            return;
        }
        if let Some(known) = self.counts.get_mut(&value) {
            *known += count;
            return;
        }
        self.bytes += value.size() + size_of::<i64>();
        self.counts.insert(value, count);
    }

    fn sorted(&self) -> Vec<(&ScalarValue, i64)> {
        let mut all: Vec<_> = self.counts.iter().map(|(value, count)| (value, *count)).collect();
        all.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        all
    }

    fn picked(&self) -> Option<ScalarValue> {
        let mut all = self.sorted();
        match self.pick {
            Pick::MostFrequent => {
                let most = all.iter().map(|(_, count)| *count).max()?;
                all.into_iter().find(|(_, count)| *count == most).map(|(value, _)| value.clone())
            }
            Pick::At { part, descending } => {
                if descending {
                    all.reverse();
                }
                let rows: i64 = all.iter().map(|(_, count)| count).sum();
                let wanted = (part * rows as f64).ceil().max(1.0) as i64;
                let mut passed = 0;
                let reached = all.into_iter().find(|(_, count)| {
                    passed += count;
                    passed >= wanted
                });
                reached.map(|(value, _)| value.clone())
            }
        }
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else { return Ok(()) };
        for row in 0..values.len() {
            self.add(ScalarValue::try_from_array(values, row)?, 1);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.picked() {
            Some(value) => Ok(value),
            None => ScalarValue::try_new_null(&self.data_type),
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (values, counts): (Vec<_>, Vec<_>) = self
            .sorted()
            .into_iter()
            .map(|(value, count)| (value.clone(), ScalarValue::Int64(Some(count))))
            .unzip();
        let values = ScalarValue::new_list_nullable(&values, &self.data_type);
        let counts = ScalarValue::new_list_nullable(&counts, &DataType::Int64);
        Ok(vec![ScalarValue::List(values), ScalarValue::List(counts)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists: Vec<_> = states.iter().filter_map(|s| s.as_list_opt::<i32>()).collect();
        let [values, counts] = lists.as_slice() else { return Ok(()) };
        for (values, counts) in values.iter().zip(counts.iter()) {
            let (Some(values), Some(counts)) = (values, counts) else { continue };
            let Some(counts) = counts.as_primitive_opt::<Int64Type>() else { continue };
            for (row, count) in counts.iter().enumerate() {
                self.add(ScalarValue::try_from_array(&values, row)?, count.unwrap_or(0));
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes
    }
}
