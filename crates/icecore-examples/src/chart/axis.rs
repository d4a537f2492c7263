//! Where values are on a picture, and which of them are written down.

use crate::svg::number;

/// One axis: what it measures, and from where to where.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// What it measures, with the unit.
    pub(crate) label: String,
    low: f64,
    high: f64,
    step: f64,
    clock: bool,
}

impl Axis {
    /// From a round number below `low` to one above `high`.
    pub(crate) fn new(label: &str, low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let step = round_step((high - low) / 5.0);
        Self {
            label: label.to_owned(),
            low: (low / step).floor() * step,
            high: (high / step).ceil() * step,
            step,
            clock: false,
        }
    }

    /// Minutes of a day, from one full hour to another.
    pub(crate) fn clock(label: &str, first_hour: u32, last_hour: u32) -> Self {
        Self {
            label: label.to_owned(),
            low: f64::from(first_hour) * 60.0,
            high: f64::from(last_hour) * 60.0,
            step: if last_hour - first_hour > 16 { 120.0 } else { 60.0 },
            clock: true,
        }
    }

    /// Where a value is between `from` and `to`.
    pub(crate) fn at(&self, value: f64, from: f64, to: f64) -> f64 {
        from + (value - self.low) / (self.high - self.low) * (to - from)
    }

    /// The values that are written down, and how.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        let count = ((self.high - self.low) / self.step).round() as i32;
        let tick = |i: i32| self.low + f64::from(i) * self.step;
        (0..=count).map(|i| (tick(i), self.text(tick(i)))).collect()
    }

    /// A value as the axis writes it.
    pub(crate) fn text(&self, value: f64) -> String {
        if !self.clock {
            return number(value);
        }
        let minutes = value.round() as i64;
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
    steps.into_iter().find(|step| *step >= least * 0.999).unwrap_or(power * 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        for (low, high, ticks) in [
            (0.0, 336_776.0, "0 100,000 200,000 300,000 400,000"),
            (71.2, 78.9, "70 72 74 76 78 80"),
            (0.0, 0.0, "0 0.2 0.4 0.6 0.8 1"),
            (-3.0, 4.0, "-4 -2 0 2 4"),
        ] {
            let texts: Vec<String> =
                Axis::new("", low, high).ticks().into_iter().map(|(_, text)| text).collect();
            assert_eq!(texts.join(" "), ticks);
        }
    }

    #[test]
    fn a_clock_counts_hours() {
        let axis = Axis::clock("time", 6, 9);
        let texts: Vec<String> = axis.ticks().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts.join(" "), "06:00 07:00 08:00 09:00");
        assert_eq!(axis.text(7.0 * 60.0 + 5.0), "07:05");
        assert!((axis.at(450.0, 0.0, 100.0) - 50.0).abs() < 1e-9);
    }
}
