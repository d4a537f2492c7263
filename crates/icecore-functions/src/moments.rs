//! SKEW and KURTOSIS of a sample, from central moments that are merged as they
//! are (Pébay, Sandia report SAND2008-6212).

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use icecore_types::Error;

use crate::bridge::external;

pub(crate) fn functions() -> Vec<Arc<AggregateUDF>> {
    let of = |name, alias: &str, fourth| Shape {
        name,
        aliases: vec![alias.to_owned()],
        fourth,
        signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable),
    };
    let all = [of("skew", "skewness", false), of("kurtosis", "kurtosis_samp", true)];
    all.into_iter().map(|shape| Arc::new(AggregateUDF::from(shape))).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Shape {
    name: &'static str,
    aliases: Vec<String>,
    /// KURTOSIS rather than SKEW.
    fourth: bool,
    signature: Signature,
}

impl AggregateUDFImpl for Shape {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part| {
            Arc::new(Field::new(format_state_name(args.name, part), DataType::Float64, true))
        };
        Ok(["count", "mean", "second", "third", "fourth"].into_iter().map(field).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            let what = format_args!("DISTINCT in {}", self.name.to_uppercase());
            return Err(external(Error::unsupported(what)));
        }
        Ok(Box::new(Moments { fourth_wanted: self.fourth, ..Moments::default() }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// How many values there are, their mean, and the sums of the powers of their
/// distances to it.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    fourth_wanted: bool,
    count: f64,
    mean: f64,
    second: f64,
    third: f64,
    fourth: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        let one = Self { count: 1.0, mean: value, ..Self::default() };
        self.merge(&one);
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        let (a, b) = (self.count, other.count);
        let n = a + b;
        let d = other.mean - self.mean;
        let fourth = d.powi(4) * a * b * (a * a - a * b + b * b) / n.powi(3)
            + 6.0 * d * d * (a * a * other.second + b * b * self.second) / (n * n)
            + 4.0 * d * (a * other.third - b * self.third) / n;
        let third = d.powi(3) * a * b * (a - b) / (n * n)
            + 3.0 * d * (a * other.second - b * self.second) / n;
        self.fourth += other.fourth + fourth;
        self.third += other.third + third;
        self.second += other.second + d * d * a * b / n;
        self.mean += d * b / n;
        self.count = n;
    }

    /// The sample's shape; none of too few values, or if all are equal.
    fn shape(&self) -> Option<f64> {
        let n = self.count;
        let least = if self.fourth_wanted { 4.0 } else { 3.0 };
        if n < least || self.second == 0.0 {
            return None;
        }
        Some(if self.fourth_wanted {
            let ratio = n * self.fourth / (self.second * self.second);
            (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * ratio - 3.0 * (n - 1.0))
        } else {
            (n * (n - 1.0)).sqrt() / (n - 2.0) * n.sqrt() * self.third / self.second.powf(1.5)
        })
    }
}

impl Accumulator for Moments {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if let Some(values) = values.first().and_then(|v| v.as_primitive_opt::<Float64Type>()) {
            values.iter().flatten().for_each(|value| self.add(value));
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.shape()))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let parts = [self.count, self.mean, self.second, self.third, self.fourth];
        Ok(parts.into_iter().map(|part| ScalarValue::Float64(Some(part))).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let parts: Vec<_> =
            states.iter().filter_map(|state| state.as_primitive_opt::<Float64Type>()).collect();
        let [count, mean, second, third, fourth] = parts.as_slice() else { return Ok(()) };
        for row in 0..count.len() {
            self.merge(&Self {
                fourth_wanted: self.fourth_wanted,
                count: count.value(row),
                mean: mean.value(row),
                second: second.value(row),
                third: third.value(row),
                fourth: fourth.value(row),
            });
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
    use arrow::array::Array;

    /// The same from the definition.
    fn plain(values: &[f64], fourth: bool) -> f64 {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let power = |p| values.iter().map(|v| (v - mean).powi(p)).sum::<f64>();
        let deviation = (power(2) / (n - 1.0)).sqrt();
        match fourth {
            false => n / ((n - 1.0) * (n - 2.0)) * power(3) / deviation.powi(3),
            true => {
                n * (n + 1.0) / ((n - 1.0) * (n - 2.0) * (n - 3.0)) * power(4) / deviation.powi(4)
                    - 3.0 * (n - 1.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0))
            }
        }
    }

    #[test]
    fn parts_merge_to_the_whole() {
        let values = [1.0, 2.5, 2.5, 9.0, -4.0, 100.0, 3.25];
        for fourth in [false, true] {
            let new = || Moments { fourth_wanted: fourth, ..Moments::default() };
            let (mut left, mut right) = (new(), new());
            values[..3].iter().for_each(|value| left.add(*value));
            values[3..].iter().for_each(|value| right.add(*value));
            let states: Vec<ArrayRef> =
                right.state().unwrap().iter().map(|part| part.to_array().unwrap()).collect();
            assert_eq!(states[0].len(), 1);
            left.merge_batch(&states).unwrap();
            let (found, wanted) = (left.shape().unwrap(), plain(&values, fourth));
            assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
        }
        let mut equal = Moments::default();
        (0..5).for_each(|_| equal.add(2.0));
        assert_eq!(equal.shape(), None);
    }
}
