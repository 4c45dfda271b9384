//! The ratchet: recorded limits, which may fall and never rise.

use std::path::Path;

use super::Finding;

const FILE: &str = "tests/tidy.toml";
/// The architecture's limits: recorded ones may be at or below these.
pub const CEILING: Limits = Limits { file_lines_max: 800, file_lines_median_max: 200, function_lines_max: 70 };

/// How long things may be, or how long they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    pub file_lines_max: usize,
    pub file_lines_median_max: usize,
    pub function_lines_max: usize,
}

impl Limits {
    /// Reads the recorded limits.
    pub fn read(path: &Path) -> Limits {
        Limits::parse(&std::fs::read_to_string(path).unwrap())
    }

    fn parse(text: &str) -> Limits {
        let table: toml::Table = text.parse().unwrap();
        let number = |name: &str| usize::try_from(table[name].as_integer().unwrap()).unwrap();
        Limits {
            file_lines_max: number("file_lines_max"),
            file_lines_median_max: number("file_lines_median_max"),
            function_lines_max: number("function_lines_max"),
        }
    }

    /// Writes the limits, keeping the file's comment.
    pub fn write(&self, path: &Path) {
        let text = std::fs::read_to_string(path).unwrap();
        let comment: String = text.lines().filter(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        let Limits { file_lines_max, file_lines_median_max, function_lines_max } = self;
        let numbers = format!(
            "file_lines_max = {file_lines_max}\nfile_lines_median_max = {file_lines_median_max}\nfunction_lines_max = {function_lines_max}\n"
        );
        std::fs::write(path, comment + &numbers).unwrap();
    }

    /// These limits, lowered to what was measured.
    pub fn tightened(&self, measured: &Limits) -> Limits {
        Limits {
            file_lines_max: self.file_lines_max.min(measured.file_lines_max),
            file_lines_median_max: self.file_lines_median_max.min(measured.file_lines_median_max),
            function_lines_max: self.function_lines_max.min(measured.function_lines_max),
        }
    }

    /// A recorded limit above the ceiling is a finding: that would be loosening.
    pub fn above_the_ceiling(&self) -> Vec<Finding> {
        if *self == self.tightened(&CEILING) {
            return Vec::new();
        }
        vec![Finding { path: FILE.into(), line: 1, message: format!("limits only tighten: none may be above {CEILING:?}") }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raised_limit_is_found_and_a_lowered_one_is_not() {
        let raised = Limits { function_lines_max: 71, ..CEILING };
        assert_eq!(raised.above_the_ceiling().len(), 1);
        assert!(Limits { file_lines_max: 500, ..CEILING }.above_the_ceiling().is_empty());
    }

    #[test]
    fn tightening_never_loosens() {
        let recorded = Limits { file_lines_max: 500, file_lines_median_max: 150, function_lines_max: 60 };
        let measured = Limits { file_lines_max: 700, file_lines_median_max: 90, function_lines_max: 60 };
        assert_eq!(recorded.tightened(&measured), Limits { file_lines_median_max: 90, ..recorded });
    }

    #[test]
    fn what_is_written_is_read() {
        let path = std::env::temp_dir().join(format!("glassbox-tidy-{}.toml", std::process::id()));
        std::fs::write(&path, "# why\nfile_lines_max = 1\n").unwrap();
        CEILING.write(&path);
        assert_eq!(Limits::read(&path), CEILING);
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("# why\n"));
        std::fs::remove_file(path).unwrap();
    }
}
