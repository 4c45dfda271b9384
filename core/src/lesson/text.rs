//! The prose of a lesson: a title, an introduction, and one section per text id (`## predict`).

use std::collections::BTreeMap;

use super::fields::is_id;
use super::{Diagnostic, LANGUAGES_MAX, TEXT_BYTES_MAX, report};

/// The prose of a lesson in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The first heading.
    pub title: String,
    /// What stands before the first section: Markdown.
    pub introduction: String,
    /// Markdown by text id: of steps and of hints.
    pub sections: BTreeMap<String, String>,
}

/// Reads every language.
pub(super) fn read_all(texts: &BTreeMap<String, String>, found: &mut Vec<Diagnostic>) -> BTreeMap<String, Text> {
    if texts.is_empty() {
        report(found, "en.md", "there is no prose", "add en.md beside lesson.toml");
    }
    if texts.len() > LANGUAGES_MAX {
        report(found, "the lesson", format!("more than {LANGUAGES_MAX} languages (LANGUAGES_MAX)"), "remove some");
    }
    texts.iter().take(LANGUAGES_MAX).map(|(language, text)| (language.clone(), read(language, text, found))).collect()
}

fn read(language: &str, text: &str, found: &mut Vec<Diagnostic>) -> Text {
    let place = format!("{language}.md");
    if text.len() > TEXT_BYTES_MAX {
        report(found, &place, format!("larger than {TEXT_BYTES_MAX} bytes (TEXT_BYTES_MAX)"), "shorten it");
        return Text::default();
    }
    let mut prose = Text::default();
    let mut section: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        let place = format!("{place}, line {}", number + 1);
        pictures(&place, line, found);
        if let Some(title) = line.strip_prefix("# ").filter(|_| prose.title.is_empty()) {
            prose.title = title.trim().to_string();
        } else if let Some(id) = line.strip_prefix("## ") {
            section = Some(open(&mut prose, &place, id.trim(), found));
        } else {
            let body = section.as_ref().and_then(|id| prose.sections.get_mut(id)).unwrap_or(&mut prose.introduction);
            body.push_str(line);
            body.push('\n');
        }
    }
    if prose.title.is_empty() {
        report(found, &place, "there is no title", "begin with a line `# Title`");
    }
    trim(&mut prose);
    prose
}

fn open(prose: &mut Text, place: &str, id: &str, found: &mut Vec<Diagnostic>) -> String {
    if !is_id(id) {
        report(found, place, format!("`{id}` cannot be a text id"), "use lower-case letters, digits and hyphens");
    }
    if prose.sections.insert(id.to_string(), String::new()).is_some() {
        report(found, place, format!("the text `{id}` stands here twice"), "remove or rename one");
    }
    id.to_string()
}

fn trim(prose: &mut Text) {
    prose.introduction = prose.introduction.trim().to_string();
    for body in prose.sections.values_mut() {
        *body = body.trim().to_string();
    }
}

/// A picture says in words what it shows: `![words](file)`.
fn pictures(place: &str, line: &str, found: &mut Vec<Diagnostic>) {
    for (at, _) in line.match_indices("![") {
        let words = line[at + 2..].split(']').next().unwrap_or_default();
        if words.trim().is_empty() {
            report(found, place, "a picture has no words", "write what it shows between `![` and `]`");
        }
    }
}
