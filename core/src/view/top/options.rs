//! The words after the container's name, which are ps(1)'s: those that say which columns there are.

use super::columns::{self, Column};

/// What is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The columns, and the heading of each.
    pub columns: Vec<(Column, String)>,
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
    long: bool,
    user: bool,
    jobs: bool,
    /// An option of BSD's kind was used: the columns are BSD's.
    bsd: bool,
    columns: Vec<(Column, String)>,
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
    let asked = Asked { columns: chosen.columns() };
    if !super::titles(&asked).iter().any(|title| title == "PID") {
        return Err(Refusal::Daemon("Couldn't find PID field in ps output".into()));
    }
    Ok(asked)
}

/// A column that is called PID and is none would make Docker take other numbers for pids.
fn refuse_foreign_pid(words: &[String]) -> Result<(), Refusal> {
    let text = format!(" {}", words.join(" "));
    for group in text.split_ascii_whitespace() {
        if let Some((name, heading)) = group.split_once('=')
            && heading.starts_with("PID")
            && name.rsplit(',').next() != Some("pid")
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
            "format" => self.list(value.or_else(|| rest.next()).unwrap_or_default()),
            "no-headers" | "no-heading" | "headers" | "forest" | "sort" | "pid" | "ppid" | "user" | "group" | "width" | "cols" => {
                Err(not_here(&format!("--{name}")))
            }
            _ => Err(Refusal::Daemon("error: unknown gnu long option".into())),
        }
    }

    fn letters<'a>(&mut self, word: &str, rest: &mut impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
        let unix = word.strip_prefix('-');
        let letters = unix.unwrap_or(word);
        for (at, letter) in letters.char_indices() {
            let after = &letters[at + letter.len_utf8()..];
            if letter == 'o' || letter == 'O' && unix.is_none() && !after.is_empty() {
                let list = if after.is_empty() { rest.next().unwrap_or_default() } else { after };
                return self.list(list);
            }
            match (unix, letter) {
                // Which processes: Docker picks the container's out of them.
                (Some(_), 'e' | 'A') | (_, 'w') => {}
                (Some(_), 'f') => self.full = true,
                (Some(_), 'F') => (self.full, self.extra) = (true, true),
                (Some(_), 'l') => self.long = true,
                (Some(_), 'j') => self.jobs = true,
                // `-aux` means `aux` unless there is a user x.
                (Some(_), 'a' | 'u') if letters == "aux" => self.bsd_letter(letter),
                (Some(_), 'x') if letters == "aux" => self.bsd_letter(letter),
                (Some(_), 'a' | 'd' | 'N') => return Err(not_here(&format!("-{letter}"))),
                (None, 'a' | 'x') => self.bsd_letter(letter),
                (None, 'u') => self.bsd_letter(letter),
                (Some(_), _) if letter.is_ascii_alphabetic() && !"BIKQRSUVWXYhikmnrvxz".contains(letter) => {
                    return Err(not_here(&format!("-{letter}")));
                }
                (None, _) if letter.is_ascii_alphabetic() && !"zyBCDEFGIJKPQRWY".contains(letter) => {
                    return Err(not_here(&letter.to_string()));
                }
                (Some(_), _) => return Err(Refusal::Daemon("error: unsupported SysV option".into())),
                (None, _) => return Err(Refusal::Daemon("error: unsupported option (BSD syntax)".into())),
            }
        }
        Ok(())
    }

    fn bsd_letter(&mut self, letter: char) {
        self.bsd = true;
        self.user |= letter == 'u';
    }

    /// `-o`: names, or one name with a heading of its own, which goes to the end of the word.
    fn list(&mut self, list: &str) -> Result<(), Refusal> {
        if list.is_empty() {
            return Err(Refusal::Daemon("error: list of format specifiers must follow -o".into()));
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

    fn columns(self) -> Vec<(Column, String)> {
        if !self.columns.is_empty() {
            return self.columns;
        }
        let names = match self {
            Chosen { long: true, full: true, .. } => "f,s,uid_name,pid,ppid,c,pri,ni,sz,stime,tty,time,cmd",
            Chosen { long: true, .. } => "f,s,uid,pid,ppid,c,pri,ni,sz,tty,time,ucmd",
            Chosen { extra: true, .. } => "uid_name,pid,ppid,c,sz,rss,psr,stime,tty,time,cmd",
            Chosen { full: true, jobs: true, .. } => "uid_name,pid,ppid,pgid,sid,c,stime,tty,time,cmd",
            Chosen { full: true, .. } => "uid_name,pid,ppid,c,stime,tty,time,cmd",
            Chosen { jobs: true, .. } => "pid,pgid,sid,tty,time,ucmd",
            Chosen { user: true, .. } => "user,pid,pcpu,pmem,vsz,rss,tty,stat,start_time,bsdtime,command",
            Chosen { bsd: true, .. } => "pid,tty,stat,bsdtime,command",
            _ => "pid,tty,time,ucmd",
        };
        let column = |name| columns::named(name).map(|column: Column| (column, column.heading().to_string()));
        names.split(',').filter_map(column).collect()
    }
}

fn not_here(option: &str) -> Refusal {
    Refusal::NotHere(format!("ps option {option} is not carried out; columns of your own choice: -o pid,ppid,user,stat,time,args"))
}

fn unknown(name: &str) -> Refusal {
    if columns::KNOWN_TO_PS.split(' ').any(|known| known == name) {
        let all = columns::names().collect::<Vec<_>>().join(" ");
        return Refusal::NotHere(format!("the column {name} is not shown; there are: {all}"));
    }
    Refusal::Daemon(format!("error: unknown user-defined format specifier \"{name}\""))
}
