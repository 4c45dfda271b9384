//! Tables of processes as `docker top` prints them: what differs from run to run made alike, who is whose parent kept.

use std::collections::BTreeMap;

/// Columns that tell a process's number.
const NUMBERED: &[&str] = &["PID", "PPID", "PGID", "SID"];
/// Columns that tell of time and memory, and what a process is at this very moment.
const MEASURED: &[&str] = &["C", "STIME", "START", "TIME", "ELAPSED", "%CPU", "%MEM", "VSZ", "RSS", "SZ", "PSR", "S", "STAT"];

/// The numbers that turned up, in order, and the heading that stands last.
#[derive(Clone, Debug, Default)]
pub struct Pids {
    known: BTreeMap<String, usize>,
    titles: Vec<String>,
}

impl Pids {
    /// The lines, with the rows below a heading that names a PID made alike.
    pub fn text(&mut self, text: &str) -> String {
        let lines: Vec<String> = text.split('\n').map(|line| self.line(line)).collect();
        lines.join("\n")
    }

    fn line(&mut self, line: &str) -> String {
        if let Some(rest) = line.strip_prefix("stdout ") {
            return format!("stdout {}", self.line(rest));
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.contains(&"PID") && words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'%')) {
            self.titles = words.iter().map(|word| (*word).to_string()).collect();
            return words.join("  ");
        }
        let pid = self.titles.iter().position(|title| title == "PID").and_then(|at| words.get(at));
        let titles = std::mem::take(&mut self.titles);
        if words.len() < titles.len() || !pid.is_some_and(|pid| pid.bytes().all(|byte| byte.is_ascii_digit())) {
            return line.to_string();
        }
        let (cells, rest) = words.split_at(titles.len() - 1);
        let mut row: Vec<String> = cells.iter().map(|cell| (*cell).to_string()).collect();
        row.push(rest.join(" "));
        let alike = row.iter().zip(&titles).map(|(cell, title)| self.cell(title, cell)).collect::<Vec<_>>();
        self.titles = titles;
        alike.join("  ")
    }

    fn cell(&mut self, title: &str, cell: &str) -> String {
        if NUMBERED.contains(&title) {
            let next = self.known.len() + 1;
            return format!("<pid{}>", self.known.entry(cell.to_string()).or_insert(next));
        }
        if MEASURED.contains(&title) { "<n>".to_string() } else { cell.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_whose_parent_stays() {
        let table = "UID   PID    PPID    C   CMD\nroot  5012   5000    0   sh -c  x\nroot  5013   5012    1   sleep 9\n\nPID 5012";
        let alike = "UID  PID  PPID  C  CMD\nroot  <pid1>  <pid2>  <n>  sh -c x\nroot  <pid3>  <pid1>  <n>  sleep 9\n\nPID 5012";
        assert_eq!(Pids::default().text(table), alike);
    }
}
