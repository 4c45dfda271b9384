//! A Dockerfile from above: where each value of ARG and ENV is visible, what becomes of its stages, and what a container of its image runs.
//! Shown by `glassbox dockerfile`, and beside the Dockerfile in the page. What stands in it is found in `plan/build/overview.rs`.
//!
//! Source: <https://docs.docker.com/reference/dockerfile/#scope>, <https://docs.docker.com/build/building/multi-stage/>

use serde::{Deserialize, Serialize};

use super::argv::ArgvView;
use super::reclaimed::human_size;

/// The whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DockerfileView {
    /// ARG and ENV.
    pub variables: VariablesView,
    /// In the order of the file.
    pub stages: Vec<StageView>,
    /// What a container of the image runs.
    pub argv: ArgvView,
    /// Images that it begins with and that are not here: what they set is not known.
    pub missing: Vec<String>,
}

/// Lines against variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VariablesView {
    /// Those that the file names, in its order.
    pub names: Vec<String>,
    /// Each instruction, and the image at the end.
    pub rows: Vec<VariablesRow>,
    /// Those of ARG whose values stand in the history of the image.
    pub in_history: Vec<String>,
}

/// What one line sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VariablesRow {
    /// Where it stands; 0: it is the image.
    pub line: u32,
    /// The instruction.
    pub text: String,
    /// One for each name; `None`: it is not there.
    pub cells: Vec<Option<Value>>,
}

/// A value at a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Value {
    /// The value.
    pub value: String,
    /// It is of ENV, and stays in the image; else of ARG, and for this build alone.
    pub stays: bool,
}

/// What becomes of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageView {
    /// As BuildKit calls it: `build`, `stage-1`.
    pub name: String,
    /// Of its FROM.
    pub line: u32,
    /// An image, a stage, or `scratch`.
    pub base: String,
    /// What becomes of it.
    pub fate: StageFate,
    /// Its instructions that can change files.
    pub instructions: usize,
    /// Bytes of its own layers, where it has been built.
    pub bytes: Option<u64>,
    /// What it takes from elsewhere than the build context.
    pub taken: Vec<Taken>,
}

/// What becomes of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StageFate {
    /// The image stands upon its layers.
    InImage,
    /// It is built, and the image has nothing of it but what is copied.
    LeftBehind,
    /// It is not built.
    NotBuilt,
}

/// Files that a stage takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// The instruction's line.
    pub line: u32,
    /// A stage or an image.
    pub from: String,
    /// Paths there.
    pub paths: Vec<String>,
    /// Where to.
    pub to: String,
    /// For as long as a RUN runs: `--mount`.
    pub mounted: bool,
}

/// So many columns of text are filled.
const WIDTH: usize = 100;
const TEXT_WIDTH: usize = 40;
const VALUE_WIDTH: usize = 20;

impl DockerfileView {
    /// As text: variables, stages, the process.
    pub fn to_text(&self) -> String {
        let missing = |name: &String| format!("\n{name} is not here: what it sets is not shown. Fetch it: docker pull {name}\n");
        let missing: String = self.missing.iter().map(missing).collect();
        [self.variables.to_text(), stages_to_text(&self.stages), self.argv.to_text()].join("\n") + &missing
    }
}

impl VariablesView {
    /// As tables, beside each other where there is room.
    pub fn to_text(&self) -> String {
        if self.names.is_empty() {
            return "no variables: there is neither ARG nor ENV\n".to_string();
        }
        let mut text = String::new();
        let mut from = 0;
        while from < self.names.len() {
            let to = self.fitting(from);
            text += &self.table(from, to);
            text.push('\n');
            from = to;
        }
        text += "(value) of ARG: for this build alone. value of ENV: the image keeps it, its containers have it.\n";
        if !self.in_history.is_empty() {
            let names = self.in_history.join(", ");
            text += &format!(
                "docker history shows the values of ARG that stages of the image declare: {names}. For secrets there is RUN --mount=type=secret.\n"
            );
        }
        text
    }

    /// Up to which column there is room, one at least.
    fn fitting(&self, from: usize) -> usize {
        let mut width = TEXT_WIDTH + 8;
        let mut to = from;
        while to < self.names.len() {
            width += self.column_width(to) + 2;
            if to > from && width > WIDTH {
                break;
            }
            to += 1;
        }
        to
    }

    fn column_width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.cells.get(column)?.as_ref()).map(|cell| cell.shown().chars().count());
        cells.chain([self.names[column].chars().count()]).max().unwrap_or_default()
    }

    fn table(&self, from: usize, to: usize) -> String {
        let line = |number: &str, text: &str, cells: Vec<String>| {
            let mut line = format!("{number:>4}  {:<TEXT_WIDTH$}", shortened(text, TEXT_WIDTH));
            for (column, cell) in (from..to).zip(cells) {
                line += &format!("  {cell:<width$}", width = self.column_width(column));
            }
            format!("{}\n", line.trim_end())
        };
        let mut text = line("line", "instruction", self.names[from..to].to_vec());
        for row in &self.rows {
            let number = if row.line == 0 { String::new() } else { row.line.to_string() };
            let cells = row.cells[from..to].iter().map(|cell| cell.as_ref().map(Value::shown).unwrap_or_default()).collect();
            text += &line(&number, &row.text, cells);
        }
        text
    }
}

impl Value {
    /// `value` or `(value)`.
    pub fn shown(&self) -> String {
        let value = shortened(&self.value, VALUE_WIDTH);
        match (self.stays, value.is_empty()) {
            (true, true) => "\"\"".to_string(),
            (true, false) => value,
            (false, _) => format!("({value})"),
        }
    }
}

fn shortened(text: &str, width: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= width && line.len() == text.len() {
        return line.to_string();
    }
    line.chars().take(width - 1).collect::<String>() + "…"
}

/// The stages as text, the first one first.
pub fn stages_to_text(stages: &[StageView]) -> String {
    let names = stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or_default();
    let bases = stages.iter().map(|stage| stage.base.chars().count()).max().unwrap_or_default();
    let mut text = "stages, from the first\n".to_string();
    for stage in stages {
        text += &format!("  {:<names$}  upon {:<bases$}  line {:<4} {}\n", stage.name, stage.base, stage.line, stage.told());
        for taken in &stage.taken {
            text += &format!("  {:names$}  <- {}\n", "", taken.told());
        }
    }
    text
}

/// The stages of a build that has been done, what they have brought into its image, and what it is without.
pub fn sizes_to_text(stages: &[StageView]) -> String {
    let of = |fate: StageFate| stages.iter().filter(move |stage| stage.fate == fate);
    let bytes = |fate: StageFate| human_size(of(fate).filter_map(|stage| stage.bytes).sum());
    let names: Vec<&str> = of(StageFate::LeftBehind).map(|stage| stage.name.as_str()).collect();
    let left = match names.is_empty() {
        true => "no stage is left behind".to_string(),
        false => format!("{} are left behind, in {}", bytes(StageFate::LeftBehind), names.join(", ")),
    };
    format!("{}the image has {} of its stages, and its base; {left}\n", stages_to_text(stages), bytes(StageFate::InImage))
}

impl StageView {
    /// What becomes of it, in a sentence.
    pub fn told(&self) -> String {
        let size = self.bytes.map(|bytes| format!(", {}", human_size(bytes))).unwrap_or_default();
        let made = match self.instructions {
            0 => "no instruction changes files".to_string(),
            1 => format!("1 instruction changes files{size}"),
            count => format!("{count} instructions change files{size}"),
        };
        match self.fate {
            StageFate::InImage => format!("in the image: {made}"),
            StageFate::LeftBehind => format!("left behind, but for what is copied: {made}"),
            StageFate::NotBuilt => "not built: the target does not need it".to_string(),
        }
    }
}

impl Taken {
    /// What, and where to.
    pub fn told(&self) -> String {
        let (paths, from) = (self.paths.join(" "), &self.from);
        match self.mounted {
            true => format!("{from}: {paths} seen at {} while line {} runs", self.to, self.line),
            false => format!("{from}: {paths} to {} (line {})", self.to, self.line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u32, text: &str, cells: &[Option<(&str, bool)>]) -> VariablesRow {
        let cell = |(value, stays): (&str, bool)| Value { value: value.to_string(), stays };
        VariablesRow { line, text: text.to_string(), cells: cells.iter().map(|found| found.map(cell)).collect() }
    }

    #[test]
    fn a_table_has_as_many_columns_as_there_is_room() {
        let names: Vec<String> = (0..5).map(|number| format!("A_RATHER_LONG_NAME_{number}")).collect();
        let rows = vec![row(3, "RUN make\nmore", &[Some(("1", false)), None, Some(("", true)), None, Some(("yes", true))])];
        let text = VariablesView { names, rows, in_history: vec!["A".into()] }.to_text();
        assert!(text.lines().take(8).all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("line  instruction")).count(), 3, "{text}");
        assert!(text.contains("   3  RUN make…"), "{text}");
        assert!(text.contains("(1)") && text.contains("\"\"") && text.contains("  yes\n"), "{text}");
        assert!(text.contains("that stages of the image declare: A."), "{text}");
        assert!(VariablesView::default().to_text().starts_with("no variables"));
    }
}
