//! Which words a container's process is made of, and where each comes from: ENTRYPOINT and CMD of the image, the shell that a shell form
//! puts before its line, and what is typed. Shown by `glassbox argv`, and beside the Dockerfile in the page.
//!
//! Source: <https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact>

use serde::{Deserialize, Serialize};

use super::quoted_word;
use crate::model::ImageConfig;

/// What the shell form means where the image has no SHELL.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// What an image and typed words come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArgvView {
    /// ENTRYPOINT of the image.
    pub entrypoint: Written,
    /// CMD of the image.
    pub cmd: Written,
    /// What was asked.
    pub asked: Typed,
    /// What else could be typed, to see what changes.
    pub others: Vec<Typed>,
    /// What surprises people.
    pub notes: Vec<String>,
}

/// An instruction as the image keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// How it was written.
    pub form: Form,
    /// What the image says.
    pub words: Vec<String>,
}

/// How ENTRYPOINT or CMD was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// Not at all.
    Missing,
    /// `["program", "argument"]`
    Exec,
    /// `program argument`: a line for a shell.
    Shell,
}

/// A command line and the process that it makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Typed {
    /// The command line.
    pub line: String,
    /// The process; empty: there is none, and the command is refused.
    pub argv: Vec<ArgvWord>,
}

/// A word of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArgvWord {
    /// The word.
    pub word: String,
    /// Where it comes from.
    pub from: WordOrigin,
}

/// Where a word comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WordOrigin {
    /// ENTRYPOINT of the image.
    Entrypoint,
    /// The shell that its shell form needs.
    EntrypointShell,
    /// CMD of the image.
    Cmd,
    /// The shell that its shell form needs.
    CmdShell,
    /// `--entrypoint`
    Flag,
    /// Behind the image's name.
    Typed,
}

impl WordOrigin {
    /// In words; `has_cmd`: the image has a CMD.
    pub fn told(self, has_cmd: bool) -> &'static str {
        match self {
            WordOrigin::Entrypoint => "ENTRYPOINT",
            WordOrigin::EntrypointShell => "the shell form of ENTRYPOINT",
            WordOrigin::Cmd => "CMD",
            WordOrigin::CmdShell => "the shell form of CMD",
            WordOrigin::Flag => "typed: --entrypoint, in place of the image's ENTRYPOINT and CMD",
            WordOrigin::Typed if has_cmd => "typed, in place of CMD",
            WordOrigin::Typed => "typed",
        }
    }
}

/// What is typed besides the image's name.
#[derive(Clone, Copy, Debug, Default)]
struct Words<'a> {
    entrypoint: Option<&'a str>,
    arguments: &'a [String],
}

impl ArgvView {
    /// Of an image that is called so, with these words typed. `entrypoint`: the empty word clears that of the image.
    pub fn of(name: &str, config: &ImageConfig, entrypoint: Option<&str>, arguments: &[String]) -> ArgvView {
        let typed = |words: Words<'_>| typed(name, config, words);
        let asked = typed(Words { entrypoint, arguments });
        let (word, program) = (["WORD".to_string()], Some("PROGRAM"));
        let all = [
            Words::default(),
            Words { arguments: &word, ..Words::default() },
            Words { entrypoint: program, ..Words::default() },
            Words { entrypoint: program, arguments: &word },
        ];
        let others = all.map(typed).into_iter().filter(|other| *other != asked).collect();
        let (entrypoint, cmd) = (written(&config.entrypoint, config), written(&config.cmd, config));
        let notes = notes(&entrypoint, &cmd, &asked);
        ArgvView { entrypoint, cmd, asked, others, notes }
    }

    /// As text: the image's instructions, the words that were asked for, the other ways, what surprises.
    pub fn to_text(&self) -> String {
        let instruction = |name: &str, written: &Written| match written.form {
            Form::Missing => format!("{name:<10}  none\n"),
            Form::Exec => format!("{name:<10}  exec form   {}\n", in_line(&written.words)),
            Form::Shell => format!("{name:<10}  shell form  {}\n", in_line(&written.words)),
        };
        let mut text = instruction("ENTRYPOINT", &self.entrypoint) + &instruction("CMD", &self.cmd);
        text += &format!("\n{}\n", self.asked.line);
        if self.asked.argv.is_empty() {
            text += "  no process: there is no word to make one of\n";
        }
        let has_cmd = self.cmd.form != Form::Missing;
        let width = self.asked.argv.iter().map(|word| quoted_word(&word.word).chars().count()).max().unwrap_or_default();
        for word in &self.asked.argv {
            let shown = quoted_word(&word.word);
            text += &format!("  {shown:<width$}  {}\n", word.from.told(has_cmd));
        }
        let width = self.others.iter().map(|other| other.line.chars().count()).max().unwrap_or_default();
        text.push('\n');
        for other in &self.others {
            text += &format!("{:<width$}  {}\n", other.line, other.shown());
        }
        for note in &self.notes {
            text += &format!("\n{note}\n");
        }
        text
    }
}

impl Typed {
    /// The process in one line.
    pub fn shown(&self) -> String {
        let argv: Vec<String> = self.argv.iter().map(|word| word.word.clone()).collect();
        if argv.is_empty() { "no process".to_string() } else { in_line(&argv) }
    }
}

fn in_line(words: &[String]) -> String {
    words.iter().map(|word| quoted_word(word)).collect::<Vec<_>>().join(" ")
}

fn shell(config: &ImageConfig) -> Vec<String> {
    if config.shell.is_empty() { SHELL.map(str::to_string).to_vec() } else { config.shell.clone() }
}

/// The image keeps what the shell form has become: the shell, and the line as one word.
fn written(words: &[String], config: &ImageConfig) -> Written {
    let shell = shell(config);
    let form = match words {
        [] => Form::Missing,
        words if words.len() == shell.len() + 1 && words.starts_with(&shell) => Form::Shell,
        _ => Form::Exec,
    };
    Written { form, words: words.to_vec() }
}

fn typed(name: &str, config: &ImageConfig, words: Words<'_>) -> Typed {
    let flag = words.entrypoint.map(|word| format!(" --entrypoint {}", quoted_word(word))).unwrap_or_default();
    let behind: String = words.arguments.iter().map(|word| format!(" {}", quoted_word(word))).collect();
    let line = format!("docker run{flag} {}{behind}", quoted_word(name));
    let (entrypoint, cmd) = config.program(words.entrypoint, words.arguments);
    let shell_words = shell(config).len();
    let part = |all: &[String], of_image: (WordOrigin, WordOrigin), own: Option<WordOrigin>| {
        let form = written(all, config).form;
        let origin = |at: usize| own.unwrap_or(if form == Form::Shell && at < shell_words { of_image.1 } else { of_image.0 });
        all.iter().enumerate().map(|(at, word)| ArgvWord { word: word.clone(), from: origin(at) }).collect::<Vec<_>>()
    };
    let flag = words.entrypoint.map(|_| WordOrigin::Flag);
    let behind = (!words.arguments.is_empty()).then_some(WordOrigin::Typed);
    let mut argv = part(&entrypoint, (WordOrigin::Entrypoint, WordOrigin::EntrypointShell), flag);
    argv.extend(part(&cmd, (WordOrigin::Cmd, WordOrigin::CmdShell), behind));
    Typed { line, argv }
}

fn notes(entrypoint: &Written, cmd: &Written, asked: &Typed) -> Vec<String> {
    let mut notes = Vec::new();
    let first = asked.argv.first().map(|word| word.from);
    if matches!(first, Some(WordOrigin::EntrypointShell | WordOrigin::CmdShell)) {
        notes.push(
            "Process 1 is the shell, and what it runs is its child, unless the shell puts it in its own place: a signal of `docker stop` \
             goes to process 1. The exec form has no shell: [\"program\", \"argument\"]."
                .to_string(),
        );
    }
    if first == Some(WordOrigin::EntrypointShell) && asked.argv.len() > entrypoint.words.len() {
        notes.push(
            "What stands behind the line of a shell is no argument of the program in it: the shell knows it as $0, $1 and so on. \
             ENTRYPOINT in exec form takes arguments."
                .to_string(),
        );
    }
    if first == Some(WordOrigin::Entrypoint) && asked.argv.iter().any(|word| word.from == WordOrigin::CmdShell) {
        notes.push(
            "The shell of CMD is an argument of ENTRYPOINT here, and is not run: CMD in exec form gives it the words alone."
                .to_string(),
        );
    }
    let is_open = |word: &ArgvWord| {
        matches!(word.from, WordOrigin::Entrypoint | WordOrigin::Cmd) && word.word.contains('$') && cmd.form != Form::Shell
    };
    if entrypoint.form != Form::Shell && asked.argv.iter().any(is_open) {
        notes.push("A $ in the exec form stays as it is: no shell is there to put a value in its place.".to_string());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(all: &[&str]) -> Vec<String> {
        all.iter().map(|word| (*word).to_string()).collect()
    }

    fn view(entrypoint: &[&str], cmd: &[&str], flag: Option<&str>, typed: &[&str]) -> ArgvView {
        let config = ImageConfig { entrypoint: words(entrypoint), cmd: words(cmd), ..ImageConfig::default() };
        ArgvView::of("web", &config, flag, &words(typed))
    }

    #[track_caller]
    fn check(view: &ArgvView, expected: &[(&str, WordOrigin)]) {
        let found: Vec<(&str, WordOrigin)> = view.asked.argv.iter().map(|word| (word.word.as_str(), word.from)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_word_says_where_it_comes_from() {
        use WordOrigin::{Cmd, CmdShell, Entrypoint, EntrypointShell, Flag, Typed};
        check(&view(&["echo"], &["hi"], None, &[]), &[("echo", Entrypoint), ("hi", Cmd)]);
        check(&view(&["echo"], &["hi"], None, &["a"]), &[("echo", Entrypoint), ("a", Typed)]);
        check(&view(&["echo"], &["hi"], Some("ls"), &[]), &[("ls", Flag)]);
        check(&view(&["echo"], &["hi"], Some("ls"), &["a"]), &[("ls", Flag), ("a", Typed)]);
        check(&view(&["echo"], &["hi"], Some(""), &["a"]), &[("a", Typed)]);
        check(&view(&[], &["/bin/sh", "-c", "a b"], None, &[]), &[("/bin/sh", CmdShell), ("-c", CmdShell), ("a b", Cmd)]);
        let shell = [("/bin/sh", EntrypointShell), ("-c", EntrypointShell), ("a b", Entrypoint), ("x", Typed)];
        check(&view(&["/bin/sh", "-c", "a b"], &[], None, &["x"]), &shell);
        check(&view(&[], &[], None, &[]), &[]);
    }

    #[test]
    fn what_surprises_is_said_where_it_happens() {
        let starts = |view: &ArgvView| -> Vec<String> {
            view.notes.iter().map(|note| note.split_whitespace().take(3).collect::<Vec<_>>().join(" ")).collect()
        };
        assert_eq!(starts(&view(&["echo"], &["hi"], None, &[])), Vec::<String>::new());
        assert_eq!(starts(&view(&[], &["/bin/sh", "-c", "a $B"], None, &[])), ["Process 1 is"]);
        assert_eq!(starts(&view(&["/bin/sh", "-c", "a"], &["x"], None, &[])), ["Process 1 is", "What stands behind"]);
        assert_eq!(starts(&view(&["echo"], &["/bin/sh", "-c", "a"], None, &[])), ["The shell of"]);
        assert_eq!(starts(&view(&["echo"], &["$HOME"], None, &[])), ["A $ in"]);
        assert_eq!(starts(&view(&["echo"], &["$HOME"], None, &["x"])), Vec::<String>::new());
    }

    #[test]
    fn as_text_the_other_ways_stand_below() {
        let expected = "ENTRYPOINT  exec form   echo\nCMD         shell form  /bin/sh -c 'a b'\n\ndocker run web x\n  echo  ENTRYPOINT\n  \
                        x     typed, in place of CMD\n\ndocker run web                            echo /bin/sh -c 'a b'\n\
                        docker run web WORD                       echo WORD\n\
                        docker run --entrypoint PROGRAM web       PROGRAM\n\
                        docker run --entrypoint PROGRAM web WORD  PROGRAM WORD\n";
        assert_eq!(view(&["echo"], &["/bin/sh", "-c", "a b"], None, &["x"]).to_text(), expected);
    }
}
