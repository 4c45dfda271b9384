//! Timing whole processes: from starting one to its end, as whoever types the command feels it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Measured;

/// Runs that warm caches and do not count.
const WARM_UP: usize = 3;

/// Makes the command to be timed, anew for each run.
pub type Make<'a> = &'a dyn Fn() -> Command;

/// The median time of `n` runs, in milliseconds.
pub fn alone(n: usize, make: Make<'_>) -> Result<Measured> {
    repeat(WARM_UP, || once(make))?;
    let mut times = repeat(n, || once(make))?;
    let value = milliseconds(median(&mut times));
    Ok(Measured { value, detail: format!("median of {n}, best {:.2}", milliseconds(times[0])) })
}

/// The ratio of the medians of `n` alternating runs each.
pub fn against(n: usize, ours: Make<'_>, theirs: Make<'_>) -> Result<Measured> {
    let (ours, theirs) = alternating(n, ours, theirs)?;
    Ok(Measured { value: ours / theirs, detail: format!("{ours:.2} ms against {theirs:.2} ms, medians of {n}") })
}

/// Our median time of `n` runs in milliseconds, with the ratio to theirs told beside it.
pub fn beside(n: usize, ours: Make<'_>, theirs: Make<'_>) -> Result<Measured> {
    let (ours, theirs) = alternating(n, ours, theirs)?;
    Ok(Measured { value: ours, detail: format!("{:.2} × the other's {theirs:.2} ms, medians of {n}", ours / theirs) })
}

/// The medians of `n` alternating runs each, in milliseconds.
fn alternating(n: usize, ours: Make<'_>, theirs: Make<'_>) -> Result<(f64, f64)> {
    let pair = || Ok((once(ours)?, once(theirs)?));
    repeat(WARM_UP, pair)?;
    let (mut our_times, mut their_times): (Vec<_>, Vec<_>) = repeat(n, pair)?.into_iter().unzip();
    Ok((milliseconds(median(&mut our_times)), milliseconds(median(&mut their_times))))
}

/// The median peak of resident memory of `n` runs, in MB; `peak` is the compiled `tests/floor/peak.c`.
pub fn peak(n: usize, peak: &Path, make: Make<'_>) -> Result<Measured> {
    let file = tempfile::NamedTempFile::new()?;
    let mut peaks = repeat(n, || {
        let inner = make();
        let mut command = Command::new(peak);
        command.arg(file.path()).arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        succeed(&mut command)?;
        Ok(std::fs::read_to_string(file.path())?.trim().parse::<u64>()?)
    })?;
    let kibibytes = median(&mut peaks);
    Ok(Measured { value: kibibytes as f64 / 1024.0, detail: format!("median of {n}, the largest of all its processes") })
}

fn repeat<T>(n: usize, mut run: impl FnMut() -> Result<T>) -> Result<Vec<T>> {
    (0..n).map(|_| run()).collect()
}

fn once(make: Make<'_>) -> Result<Duration> {
    let mut command = make();
    let start = Instant::now();
    succeed(&mut command)?;
    Ok(start.elapsed())
}

/// Runs it with its output thrown away; one that fails is run once more to show why.
pub fn succeed(command: &mut Command) -> Result<()> {
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let status = command.status().with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    if status.success() {
        return Ok(());
    }
    let again = command.stderr(std::process::Stdio::piped()).output()?;
    bail!("{}: {status}: {}", command.get_program().to_string_lossy(), String::from_utf8_lossy(&again.stderr).trim())
}

/// Sorts, and takes the middle one.
fn median<T: Ord + Copy>(values: &mut [T]) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_that_is_far_off() {
        assert_eq!(median(&mut [3, 900, 1]), 3);
    }

    #[test]
    fn a_command_that_fails_is_no_measurement_and_says_why() {
        let fails = || {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", "echo sorry >&2; exit 3"]);
            command
        };
        let error = alone(1, &fails).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("sorry") && error.contains('3'), "{error}");
    }
}
