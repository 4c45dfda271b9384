//! The words after the container's name, which are ps(1)'s: those that say which columns there are.

use super::columns::{self, Column};

/// What is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The columns, and the heading of each.
    pub columns: Vec<(Column, String)>,
    /// What the rows are ordered by; whether the greatest comes first.
    pub order: Vec<(Column, bool)>,
}

/// Why not: what ps says, or what is not done here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The first line that ps writes to stderr, or Docker's own reason.
    Daemon(String),
    /// ps would do it.
    NotHere(String),
}

/// What decides on the columns, where `-o` does not: ps(1), "OUTPUT FORMAT CONTROL".
#[derive(Default)]
struct Chosen {
    full: bool,
    extra: bool,
    headless: bool,
    user: bool,
    jobs: bool,
    /// An option of BSD's kind was used: the columns are BSD's.
    bsd: bool,
    columns: Vec<(Column, String)>,
    order: Vec<(Column, bool)>,
}

/// Reads the words; without any it is `-ef`.
pub fn parse(words: &[String]) -> Result<Asked, Refusal> {
    refuse_foreign_pid(words)?;
    // Docker's daemon gets one text, and cuts it at blanks.
    let joined = words.join(" ");
    let words: Vec<&str> =
        if joined.trim().is_empty() { vec!["-ef"] } else { joined.split(' ').filter(|word| !word.is_empty()).collect() };
    let mut chosen = Chosen::default();
    let mut rest = words.into_iter();
    while let Some(word) = rest.next() {
        if let Some(long) = word.strip_prefix("--") {
            chosen.long_option(long, &mut rest)?;
        } else {
            chosen.letters(word, &mut rest)?;
        }
    }
    let (order, headless) = (std::mem::take(&mut chosen.order), chosen.headless);
    let asked = Asked { columns: chosen.columns(), order };
    if headless || !super::titles(&asked).iter().any(|title| title == "PID") {
        return Err(Refusal::Daemon("Couldn't find PID field in ps output".into()));
    }
    Ok(asked)
}

/// A column that is called PID and is none would make Docker take other numbers for pids. It looks at the whole word: also the last one
/// of a list is refused.
fn refuse_foreign_pid(words: &[String]) -> Result<(), Refusal> {
    let text = format!(" {}", words.join(" "));
    for group in text.split_ascii_whitespace() {
        if let Some((name, heading)) = group.split_once('=')
            && heading.starts_with("PID")
            && name != "pid"
        {
            return Err(Refusal::Daemon(format!("specifying \"{name}={heading}\" is not allowed")));
        }
    }
    Ok(())
}

impl Chosen {
    fn long_option<'a>(&mut self, option: &str, rest: &mut impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
        let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        match name {
            "format" => self.list(value.or_else(|| rest.next()).unwrap_or_default(), "--format"),
            "sort" => self.order(value.or_else(|| rest.next()).unwrap_or_default()),
            // They make Docker find no PID among the titles.
            "no-headers" | "no-heading" => {
                self.headless = true;
                Ok(())
            }
            "headers" | "forest" | "pid" | "ppid" | "user" | "group" | "width" | "cols" => Err(not_here(&format!("--{name}"))),
            _ => Err(Refusal::Daemon("ps: error: unknown gnu long option".into())),
        }
    }

    fn letters<'a>(&mut self, word: &str, rest: &mut impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
        let unix = word.strip_prefix('-');
        let letters = unix.unwrap_or(word);
        for (at, letter) in letters.char_indices() {
            let after = &letters[at + letter.len_utf8()..];
            if letter == 'o' || letter == 'O' && unix.is_none() && !after.is_empty() {
                let list = if after.is_empty() { rest.next().unwrap_or_default() } else { after };
                return self.list(list, if unix.is_some() { "-o" } else { "o" });
            }
            match (unix, letter) {
                // Which processes: Docker picks the container's out of them.
                (Some(_), 'e' | 'A') | (_, 'w') => {}
                (Some(_), 'f') => self.full = true,
                (Some(_), 'F') => (self.full, self.extra) = (true, true),
                (Some(_), 'j') => self.jobs = true,
                // `-aux` means `aux` unless there is a user x.
                (Some(_), 'a' | 'u') if letters == "aux" => self.bsd_letter(letter),
                (Some(_), 'a' | 'd' | 'N') => return Err(not_here(&format!("-{letter}"))),
                (Some(_), 'x') | (None, 'a' | 'x' | 'u') => self.bsd_letter(letter),
                (None, 'h') => self.headless = true,
                (Some(_), _) if letter.is_ascii_alphabetic() && !"BIKQRSUVWXYhikmnrvz".contains(letter) => {
                    return Err(not_here(&format!("-{letter}")));
                }
                (None, _) if letter.is_ascii_alphabetic() && !"zyBCDEFGIJKPQRWY".contains(letter) => {
                    return Err(not_here(&letter.to_string()));
                }
                (Some(_), _) => return Err(Refusal::Daemon("ps: error: unsupported SysV option".into())),
                (None, _) => return Err(Refusal::Daemon("ps: error: unsupported option (BSD syntax)".into())),
            }
        }
        Ok(())
    }

    fn bsd_letter(&mut self, letter: char) {
        self.bsd = true;
        self.user |= letter == 'u';
    }

    /// `-o`: names, or one name with a heading of its own, which goes to the end of the word.
    fn list(&mut self, list: &str, option: &str) -> Result<(), Refusal> {
        if list.is_empty() {
            return Err(Refusal::Daemon(format!("ps: error: format specification must follow {option}")));
        }
        let (names, heading) = list.split_once('=').map_or((list, None), |(names, heading)| (names, Some(heading)));
        let names: Vec<&str> = names.split(',').collect();
        for (at, name) in names.iter().enumerate() {
            let column = columns::named(name).ok_or_else(|| unknown(name))?;
            let own = heading.filter(|_| at + 1 == names.len());
            self.columns.push((column, own.unwrap_or(column.heading()).to_string()));
        }
        Ok(())
    }

    /// `--sort`: names, each with `-` before it where the greatest is to come first.
    fn order(&mut self, list: &str) -> Result<(), Refusal> {
        if list.is_empty() {
            return Err(Refusal::Daemon("ps: error: long sort specification must follow --sort".into()));
        }
        for word in list.split(',') {
            let (name, descending) = match word.strip_prefix('-') {
                Some(name) => (name, true),
                None => (word.strip_prefix('+').unwrap_or(word), false),
            };
            let column = columns::named(name).ok_or_else(|| match is_known(name) {
                true => not_here(&format!("--sort={name}")),
                false => Refusal::Daemon("ps: error: unknown sort specifier".into()),
            })?;
            self.order.push((column, descending));
        }
        Ok(())
    }

    fn columns(self) -> Vec<(Column, String)> {
        if !self.columns.is_empty() {
            return self.columns;
        }
        let names = match self {
            Chosen { extra: true, .. } => "uid_name,pid,ppid,c,sz,rss,psr,stime,tname,time,cmd",
            Chosen { full: true, jobs: true, .. } => "uid_name,pid,ppid,pgid,sid,c,stime,tname,time,cmd",
            Chosen { full: true, .. } => "uid_name,pid,ppid,c,stime,tname,time,cmd",
            Chosen { jobs: true, .. } => "pid,pgid,sid,tname,time,ucmd",
            Chosen { user: true, .. } => "user,pid,pcpu,pmem,vsz,rss,tname,stat,start_time,bsdtime,command",
            Chosen { bsd: true, .. } => "pid,tname,stat,bsdtime,command",
            _ => "pid,tname,time,ucmd",
        };
        let column = |name| columns::named(name).map(|column: Column| (column, column.heading().to_string()));
        names.split(',').filter_map(column).collect()
    }
}

fn not_here(option: &str) -> Refusal {
    Refusal::NotHere(format!("ps option {option} is not carried out; columns of your own choice: -o pid,ppid,user,stat,time,args"))
}

fn unknown(name: &str) -> Refusal {
    if is_known(name) {
        let all = columns::names().collect::<Vec<_>>().join(" ");
        return Refusal::NotHere(format!("the column {name} is not shown; there are: {all}"));
    }
    Refusal::Daemon(format!("ps: error: unknown user-defined format specifier \"{name}\""))
}

/// ps knows it, though it is not made here.
fn is_known(name: &str) -> bool {
    columns::KNOWN_TO_PS.split(' ').any(|known| known == name)
}
