//! The files of modelled images, from `data/trees.txt`.

use std::collections::BTreeMap;

const TREES: &str = include_str!("data/trees.txt");
/// Sections within each other.
const DEPTH_MAX: usize = 8;
/// What a small program is said to be long.
const PROGRAM_BYTES: u64 = 43_000;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    Link(String),
    /// A program that the model runs by this name.
    Program(String),
    Text(String),
    /// Known by its length alone.
    Data,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    /// What it is said to be long.
    pub(super) bytes: u64,
}

/// By absolute path.
pub(super) type Files = BTreeMap<String, File>;

/// What stands for the words in braces.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) version: String,
    pub(super) codename: String,
    /// JAVA_HOME
    pub(super) java: String,
}

impl Words {
    fn put_in(&self, text: &str) -> String {
        let major = self.version.split('.').next().unwrap_or_default();
        let filled = text.replace("{v}", &self.version).replace("{m}", &super::entry::two(&self.version));
        filled.replace("{M}", major).replace("{codename}", &self.codename).replace("{java}", &self.java)
    }
}

/// Whether there is such a section.
pub(super) fn has(section: &str) -> bool {
    TREES.lines().any(|line| heading(line) == Some(section))
}

fn heading(line: &str) -> Option<&str> {
    line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
}

/// The files of a section, upon those that are there: lines are added to their texts.
pub(super) fn section(name: &str, words: &Words, below: &Files) -> Files {
    let mut reading = Reading { words, below, files: Files::new(), text: None };
    reading.section(name, 0);
    reading.files
}

struct Reading<'a> {
    words: &'a Words,
    below: &'a Files,
    files: Files,
    /// The text that lines are added to.
    text: Option<String>,
}

impl Reading<'_> {
    fn section(&mut self, name: &str, depth: usize) {
        let lines = TREES.lines().skip_while(|line| heading(line) != Some(name)).skip(1);
        for line in lines.take_while(|line| heading(line).is_none()) {
            match line.strip_prefix("+ ") {
                Some(other) if depth < DEPTH_MAX => self.section(other, depth + 1),
                _ => self.line(line),
            }
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(more) = line.strip_prefix('|') {
            let more = self.words.put_in(more);
            let open = self.text.as_ref().and_then(|path| self.files.get_mut(path));
            if let Some(File { kind: Kind::Text(text), .. }) = open {
                text.push_str(&more);
                text.push('\n');
            }
            return;
        }
        let line = self.words.put_in(line);
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["d", path] => self.put(path, Kind::Directory, 0o755, 0),
            ["d", path, mode] => self.put(path, Kind::Directory, octal(mode, 0o755), 0),
            ["l", path, target] => self.put(path, Kind::Link((*target).into()), 0o777, 0),
            ["p", path, name] => self.put(path, Kind::Program((*name).into()), 0o755, PROGRAM_BYTES),
            ["p", path, name, bytes] => {
                self.put(path, Kind::Program((*name).into()), 0o755, bytes.parse().unwrap_or(PROGRAM_BYTES));
            }
            ["b", directory, names @ ..] => {
                names
                    .iter()
                    .for_each(|name| self.put(&format!("{directory}/{name}"), Kind::Program((*name).into()), 0o755, PROGRAM_BYTES));
            }
            ["L", directory, target, names @ ..] => {
                names.iter().for_each(|name| self.put(&format!("{directory}/{name}"), Kind::Link((*target).into()), 0o777, 0));
            }
            ["t", path] => self.begin(path, 0o644),
            ["t", path, mode] => self.begin(path, octal(mode, 0o644)),
            ["z", path, bytes] => self.put(path, Kind::Data, 0o644, bytes.parse().unwrap_or_default()),
            ["a", path, rest @ ..] => self.add(path, &rest.join(" ")),
            ["o", path, uid, gid] => {
                let owner = (uid.parse().unwrap_or_default(), gid.parse().unwrap_or_default());
                if let Some(file) = self.files.get_mut(*path) {
                    file.owner = owner;
                }
            }
            _ => {}
        }
    }

    fn put(&mut self, path: &str, kind: Kind, mode: u32, bytes: u64) {
        self.text = None;
        self.files.insert(path.to_string(), File { kind, mode, owner: (0, 0), bytes });
    }

    fn begin(&mut self, path: &str, mode: u32) {
        self.put(path, Kind::Text(String::new()), mode, 0);
        self.text = Some(path.to_string());
    }

    fn add(&mut self, path: &str, line: &str) {
        let known = self.files.get(path).or_else(|| self.below.get(path));
        let (text, mode) = match known {
            Some(File { kind: Kind::Text(text), mode, .. }) => (text.clone(), *mode),
            _ => (String::new(), 0o644),
        };
        self.put(path, Kind::Text(format!("{text}{line}\n")), mode, 0);
    }
}

fn octal(text: &str, otherwise: u32) -> u32 {
    u32::from_str_radix(text, 8).unwrap_or(otherwise)
}
