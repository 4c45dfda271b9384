//! Measurements: a name, a bound and a function each. Adding one is adding a row to `all`.
//!
//! `time` has the ways to measure a command; `place` has what is measured: the binaries, the floor, runc's bundle.

use anyhow::Result;

mod container;
pub mod image;
mod listing;
pub mod place;
mod simulator;
mod start;
mod time;

use place::Place;

/// One thing that is measured.
pub struct Measurement {
    /// What it is.
    pub name: &'static str,
    /// The most (or the least) that it may be, and in what.
    pub bound: Bound,
    /// Measures it; the number of runs of which the median counts.
    pub measure: fn(&Place, usize) -> Result<Measured>,
}

/// The most that a measurement may be, or the least where more is better.
#[derive(Clone, Copy)]
pub enum Bound {
    /// Milliseconds.
    Milliseconds(f64),
    /// Binary megabytes.
    Megabytes(f64),
    /// Times the other one, whose name is told.
    Times(f64, &'static str),
    /// Thousands a second, and here more is better: the least that it may be.
    ThousandsPerSecond(f64),
}

/// What was measured, in the bound's unit, and how it came about.
pub struct Measured {
    /// To be held against the bound.
    pub value: f64,
    /// In words: the medians behind a ratio, the spread.
    pub detail: String,
}

/// Every measurement, in the order of the table.
pub fn all() -> Vec<Measurement> {
    vec![
        Measurement { name: "toolbox size", bound: Bound::Megabytes(4.0), measure: start::toolbox_size },
        Measurement { name: "toolbox start", bound: Bound::Milliseconds(2.0), measure: start::toolbox },
        Measurement { name: "plan", bound: Bound::Milliseconds(5.0), measure: start::plan },
        Measurement { name: "run / floor", bound: Bound::Times(2.5, "the floor"), measure: container::against_floor },
        Measurement { name: "run / runc", bound: Bound::Times(0.5, "runc"), measure: container::against_runc },
        Measurement { name: "peak memory", bound: Bound::Megabytes(12.0), measure: container::peak_memory },
        Measurement { name: "ps of 1,000", bound: Bound::Milliseconds(50.0), measure: listing::with_a_thousand },
        Measurement { name: "unpack / peers", bound: Bound::Times(0.7, "the faster"), measure: image::against_peers },
        Measurement { name: "unpack / floor", bound: Bound::Times(1.3, "the floor"), measure: image::against_floor },
        Measurement { name: "unpack memory", bound: Bound::Megabytes(64.0), measure: image::peak_memory },
        Measurement { name: "cached build", bound: Bound::Times(0.1, "buildah"), measure: image::cached_build },
        Measurement { name: "many files", bound: Bound::Times(0.5, "buildah"), measure: image::many_files },
        Measurement { name: "wasm steps", bound: Bound::ThousandsPerSecond(20.0), measure: simulator::steps },
        Measurement { name: "wasm jump", bound: Bound::Milliseconds(16.0), measure: simulator::jump },
        Measurement { name: "wasm replan", bound: Bound::Milliseconds(5.0), measure: simulator::replan },
    ]
}

/// A line of the table.
pub struct Row {
    name: &'static str,
    bound: Bound,
    measured: Result<Measured>,
}

impl Row {
    /// What came of a measurement.
    pub fn of(measurement: &Measurement, measured: Result<Measured>) -> Row {
        Row { name: measurement.name, bound: measurement.bound, measured }
    }

    /// Whether it was measured and the bound is kept.
    pub fn is_kept(&self) -> bool {
        self.measured.as_ref().is_ok_and(|measured| match self.bound {
            Bound::Milliseconds(most) | Bound::Megabytes(most) | Bound::Times(most, _) => measured.value <= most,
            Bound::ThousandsPerSecond(least) => measured.value >= least,
        })
    }

    fn text(&self) -> String {
        let (unit, most) = match self.bound {
            Bound::Milliseconds(most) => ("ms", format!("at most {most} ms")),
            Bound::Megabytes(most) => ("MB", format!("at most {most} MB")),
            Bound::Times(most, other) => ("×", format!("at most {most} × {other}")),
            Bound::ThousandsPerSecond(least) => ("k/s", format!("at least {least} k/s")),
        };
        let name = self.name;
        match &self.measured {
            Ok(Measured { value, detail }) => {
                let verdict = if self.is_kept() { "kept" } else { "MISSED" };
                format!("{name:<14} {value:>8.2} {unit:<3} {most:<24} {verdict:<7} {detail}\n")
            }
            Err(error) => format!("{name:<14} {:>11}  {most:<24} FAILED  {error:#}\n", "-"),
        }
    }
}

/// The rows, one under the other.
pub fn table(rows: &[Row]) -> String {
    rows.iter().map(Row::text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: Result<f64>) -> Row {
        let measured = value.map(|value| Measured { value, detail: "why".into() });
        Row { name: "plan", bound: Bound::Milliseconds(5.0), measured }
    }

    #[test]
    fn a_bound_is_kept_up_to_itself_and_what_could_not_be_measured_keeps_none() {
        assert!(row(Ok(5.0)).is_kept());
        assert!(!row(Ok(5.01)).is_kept());
        assert!(!row(Err(anyhow::anyhow!("no"))).is_kept());
    }

    #[test]
    fn where_more_is_better_the_bound_is_the_least() {
        let row = |value| Row { bound: Bound::ThousandsPerSecond(20.0), ..row(Ok(value)) };
        assert_eq!([19.9, 20.0, 90.0].map(|value| row(value).is_kept()), [false, true, true]);
    }

    #[test]
    fn the_table_says_which_bounds_are_missed() {
        let text = table(&[row(Ok(1.5)), row(Ok(7.0)), row(Err(anyhow::anyhow!("no")))]);
        let verdicts: Vec<_> =
            ["kept", "MISSED", "FAILED  no"].iter().zip(text.lines()).map(|(verdict, line)| line.contains(verdict)).collect();
        assert_eq!(verdicts, [true; 3], "{text}");
    }
}
