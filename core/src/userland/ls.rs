//! ls: -a -A -l -1 -d -i -h; sorted by name, one entry per line (as busybox does where the output is not a terminal).

use super::identity::name_of;
use super::links::join;
use super::options::Options;
use super::sys::{FileKind, Stat};
use super::tool::Context;

/// The names shown for one directory, or for the operands that are no directories.
struct Row {
    shown: String,
    path: String,
}

/// ls(1)
pub(crate) fn ls(context: &mut Context<'_>, args: &[String]) -> i32 {
    let options = match Options::parse(args, "aAl1dinhF") {
        Ok(options) => options,
        Err(message) => {
            context.fail(&message);
            return 2;
        }
    };
    let here = [".".to_string()];
    let operands = if options.operands.is_empty() { &here[..] } else { &options.operands[..] };
    let mut lister = Lister::new(context, &options);
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    let mut sorted: Vec<&String> = operands.iter().collect();
    sorted.sort();
    for path in sorted {
        match lister.context.sys.stat(path, !lister.long).or_else(|_| lister.context.sys.stat(path, false)) {
            Ok(stat) if stat.kind == FileKind::Directory && !options.has('d') => directories.push(path.clone()),
            Ok(_) => files.push(Row { shown: path.clone(), path: path.clone() }),
            Err(errno) => lister.status = lister.context.fail_with(path, errno),
        }
    }
    lister.rows(&files);
    let titles = operands.len() > 1;
    for (index, path) in directories.iter().enumerate() {
        if titles {
            let gap = if index > 0 || !files.is_empty() { "\n" } else { "" };
            lister.context.out.out(&format!("{gap}{path}:\n"));
        }
        lister.directory(path);
    }
    lister.status
}

struct Lister<'a, 'b> {
    context: &'a mut Context<'b>,
    all: bool,
    almost: bool,
    long: bool,
    inode: bool,
    numeric: bool,
    human: bool,
    columns: usize,
    users: String,
    groups: String,
    status: i32,
}

impl<'a, 'b> Lister<'a, 'b> {
    fn new(context: &'a mut Context<'b>, options: &Options) -> Lister<'a, 'b> {
        let long = options.has('l') || options.has('n');
        let named = long && !options.has('n');
        let users = if named { context.read_text("/etc/passwd").unwrap_or_default() } else { String::new() };
        let groups = if named { context.read_text("/etc/group").unwrap_or_default() } else { String::new() };
        let wide = !long && !options.has('1') && context.sys.is_terminal(1);
        let width = |reported: usize| if reported == 0 { 80 } else { reported };
        let columns = if wide { width(context.sys.window_size(1).map_or(0, |(_, columns)| usize::from(columns))) } else { 1 };
        Lister {
            context,
            all: options.has('a'),
            almost: options.has('A'),
            long,
            inode: options.has('i'),
            numeric: options.has('n'),
            human: options.has('h'),
            columns,
            users,
            groups,
            status: 0,
        }
    }

    fn directory(&mut self, path: &str) {
        let entries = match self.context.sys.read_dir(path) {
            Ok(entries) => entries,
            Err(errno) => {
                self.status = self.context.fail_with(&format!("can't open '{path}'"), errno);
                return;
            }
        };
        let dots = if self.all { &[".", ".."][..] } else { &[] };
        let hidden = self.all || self.almost;
        let names = entries.iter().map(|entry| entry.name.as_str()).filter(|name| hidden || !name.starts_with('.'));
        let rows = dots
            .iter()
            .copied()
            .chain(names)
            .map(|name| Row { shown: name.to_string(), path: join(path, name) })
            .collect::<Vec<_>>();
        self.rows(&rows);
    }

    fn rows(&mut self, rows: &[Row]) {
        if !self.long && !self.inode {
            let names: Vec<&str> = rows.iter().map(|row| row.shown.as_str()).collect();
            let text = in_columns(&names, self.columns);
            self.context.out.out(&text);
            return;
        }
        let mut table = Vec::new();
        for row in rows {
            match self.context.sys.stat(&row.path, false) {
                Ok(stat) => table.push(self.cells(row, &stat)),
                Err(errno) => self.status = self.context.fail_with(&row.path, errno),
            }
        }
        self.context.out.out(&align(&table));
    }

    /// Cells of one line; the first char of each says how it is aligned.
    fn cells(&mut self, row: &Row, stat: &Stat) -> Vec<String> {
        let mut cells = Vec::new();
        if self.inode {
            cells.push(format!(">{}", stat.inode));
        }
        let mut name = row.shown.clone();
        if self.long {
            cells.push(format!("<{}", mode_text(stat)));
            cells.push(format!(">{}", stat.links));
            cells.push(format!("<{}", self.owner(&self.users, stat.uid)));
            cells.push(format!("<{}", self.owner(&self.groups, stat.gid)));
            cells.push(match stat.rdev {
                Some((major, minor)) => format!(">{major}, {minor}"),
                None if self.human => format!(">{}", human(stat.size)),
                None => format!(">{}", stat.size),
            });
            cells.push(format!("<{}", date(stat.modified_seconds, self.context.sys.realtime())));
            if stat.kind == FileKind::Symlink
                && let Ok(target) = self.context.sys.readlink(&row.path)
            {
                name = format!("{name} -> {target}");
            }
        }
        cells.push(format!("={name}"));
        cells
    }

    fn owner(&self, file: &str, number: u32) -> String {
        let name = if self.numeric { None } else { name_of(file, number) };
        name.unwrap_or_else(|| number.to_string())
    }
}

fn human(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit < 4 {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { bytes.to_string() } else { format!("{value:.1}{}", ["", "K", "M", "G", "T"][unit]) }
}

fn align(table: &[Vec<String>]) -> String {
    let mut widths = vec![0; table.iter().map(Vec::len).max().unwrap_or(0)];
    for row in table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count() - 1);
        }
    }
    let mut text = String::new();
    for row in table {
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let (how, cell) = cell.split_at(1);
            let gap = " ".repeat(width - cell.chars().count());
            text += if index > 0 { " " } else { "" };
            text += &match how {
                ">" => gap + cell,
                "<" => cell.to_string() + &gap,
                _ => cell.to_string(),
            };
        }
        text.push('\n');
    }
    text
}

/// Names down the columns, as ls does on a terminal.
fn in_columns(names: &[&str], width: usize) -> String {
    let cell = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) + 2;
    let across = (width / cell).max(1);
    let down = names.len().div_ceil(across);
    let mut text = String::new();
    for line in 0..down {
        let mut at = line;
        while let Some(name) = names.get(at) {
            text += name;
            at += down;
            if at < names.len() {
                text += &" ".repeat(cell - name.chars().count());
            }
        }
        text.push('\n');
    }
    text
}

/// `drwxr-xr-x`
fn mode_text(stat: &Stat) -> String {
    let kind = match stat.kind {
        FileKind::File => '-',
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::CharDevice => 'c',
        FileKind::BlockDevice => 'b',
        FileKind::Fifo => 'p',
    };
    let mut text = String::from(kind);
    for (shift, special, mark) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = stat.mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, stat.mode & special != 0) {
            (true, true) => mark,
            (false, true) => mark.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// `Nov 21 12:40`, or `Nov 21  2024` where it is more than half a year away.
fn date(seconds: i64, now: i64) -> String {
    let Ok(then) = time::OffsetDateTime::from_unix_timestamp(seconds) else { return seconds.to_string() };
    let (hour, minute, _) = then.to_hms();
    let month = then.month().to_string();
    if (now - seconds).abs() < 182 * 86_400 {
        format!("{:.3} {:2} {hour:02}:{minute:02}", month, then.day())
    } else {
        format!("{:.3} {:2}  {}", month, then.day(), then.year())
    }
}
