//! sort, uniq, cut and tr, on a whole text.

use super::gather::content;
use super::options::Options;
use super::tool::Context;

fn spec(name: &str) -> &'static str {
    match name {
        "sort" => "rnufVhk:t:o:",
        "uniq" => "cdui",
        "cut" => "d:f:c:b:s",
        _ => "dsc",
    }
}

/// The files of a command line; none: the standard input.
pub(super) fn files(name: &str, args: &[String]) -> Result<Vec<String>, String> {
    Options::parse(args, spec(name)).map(|options| options.operands)
}

/// What the program does.
pub(super) fn run(context: &mut Context<'_>, args: &[String], input: &[u8]) -> i32 {
    let options = match Options::parse(args, spec(context.name)) {
        Ok(options) => options,
        Err(message) => return context.fail(&message),
    };
    if context.name == "tr" {
        return tr(context, &options, input);
    }
    let (mut bytes, mut status) = (Vec::new(), 0);
    let files = if options.operands.is_empty() { vec!["-".to_string()] } else { options.operands.clone() };
    for file in files {
        match content(context, &file, input) {
            Ok(more) => bytes.extend(more),
            Err(failed) => status = failed,
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let done = match context.name {
        "sort" => sort(&options, lines).into_iter().map(str::to_string).collect(),
        "uniq" => uniq(&options, &lines),
        _ => match cut(&options, &lines) {
            Some(done) => done,
            None => return context.fail("you must specify a list of bytes, characters, or fields"),
        },
    };
    let text: String = done.iter().map(|line| format!("{line}\n")).collect();
    match options.value('o') {
        Some(file) => {
            let file = file.to_string();
            let put = super::gather::put(context, &file, text.as_bytes(), super::sys::OpenFlags::REPLACE);
            put.map_or_else(|errno| context.fail_with(&file, errno), |()| status)
        }
        None => {
            context.out.out(&text);
            status
        }
    }
}

/// The number at the beginning, as `sort -n` reads it.
fn number(text: &str) -> i64 {
    let text = text.trim_start();
    let end = text
        .char_indices()
        .find(|(at, letter)| !(letter.is_ascii_digit() || *at == 0 && *letter == '-'))
        .map_or(text.len(), |(at, _)| at);
    text[..end].parse().unwrap_or(0)
}

/// Runs of digits by their value: `sort -V`.
fn parts(text: &str) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let number = rest[..digits].parse().unwrap_or(0);
        let after = &rest[digits..];
        let plain = after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len());
        all.push((number, after[..plain].to_string()));
        rest = &after[plain..];
    }
    all
}

fn sort<'a>(options: &Options, mut lines: Vec<&'a str>) -> Vec<&'a str> {
    let field = options
        .value('k')
        .and_then(|key| key.split([',', '.']).next()?.trim_end_matches(char::is_alphabetic).parse::<usize>().ok());
    let numeric = options.has('n') || options.has('h') || options.value('k').is_some_and(|key| key.contains('n'));
    let separator = options.value('t').and_then(|text| text.chars().next());
    let key = |line: &'a str| -> &'a str {
        let Some(field) = field.and_then(|field| field.checked_sub(1)) else { return line };
        match separator {
            Some(separator) => line.split(separator).nth(field).unwrap_or_default(),
            None => line.split_whitespace().nth(field).unwrap_or_default(),
        }
    };
    lines.sort_by(|one, other| {
        let (one_key, other_key) = (key(one), key(other));
        let by_key = match (numeric, options.has('V')) {
            (true, _) => number(one_key).cmp(&number(other_key)),
            (_, true) => parts(one_key).cmp(&parts(other_key)),
            _ if options.has('f') => one_key.to_lowercase().cmp(&other_key.to_lowercase()),
            _ => one_key.cmp(other_key),
        };
        by_key.then_with(|| one.cmp(other))
    });
    if options.has('r') {
        lines.reverse();
    }
    if options.has('u') {
        lines.dedup();
    }
    lines
}

fn uniq(options: &Options, lines: &[&str]) -> Vec<String> {
    let mut groups: Vec<(usize, &str)> = Vec::new();
    for line in lines {
        match groups.last_mut() {
            Some((count, last)) if last == line || options.has('i') && last.eq_ignore_ascii_case(line) => *count += 1,
            _ => groups.push((1, line)),
        }
    }
    let kept = groups.into_iter().filter(|(count, _)| (!options.has('d') || *count > 1) && (!options.has('u') || *count == 1));
    kept.map(|(count, line)| if options.has('c') { format!("{count:7} {line}") } else { line.to_string() }).collect()
}

/// `1,3-5,7-`
fn wanted(list: &str, at: usize) -> bool {
    list.split(',').any(|part| match part.split_once('-') {
        Some((from, to)) => at >= from.parse().unwrap_or(1) && at <= to.parse().unwrap_or(usize::MAX),
        None => part.parse() == Ok(at),
    })
}

fn cut(options: &Options, lines: &[&str]) -> Option<Vec<String>> {
    if let Some(list) = options.value('c').or_else(|| options.value('b')) {
        let one = |line: &&str| line.chars().enumerate().filter(|(at, _)| wanted(list, at + 1)).map(|(_, letter)| letter).collect();
        return Some(lines.iter().map(one).collect());
    }
    let list = options.value('f')?;
    let separator = options.value('d').and_then(|text| text.chars().next()).unwrap_or('\t');
    let one = |line: &&&str| match line.contains(separator) {
        true => {
            let fields = line.split(separator).enumerate().filter(|(at, _)| wanted(list, at + 1)).map(|(_, field)| field);
            fields.collect::<Vec<_>>().join(&separator.to_string())
        }
        false => (**line).to_string(),
    };
    Some(lines.iter().filter(|line| !options.has('s') || line.contains(separator)).map(|line| one(&line)).collect())
}

/// `a-z`, `[:lower:]`, `\n`, as characters.
fn set(text: &str) -> Vec<char> {
    let classes = [("[:lower:]", 'a', 'z'), ("[:upper:]", 'A', 'Z'), ("[:digit:]", '0', '9')];
    if let Some((_, from, to)) = classes.iter().find(|(name, ..)| *name == text) {
        return (*from..=*to).collect();
    }
    if text == "[:space:]" {
        return " \t\n\r".chars().collect();
    }
    if text == "[:alnum:]" || text == "[:alpha:]" {
        let digits = if text == "[:alnum:]" { '0'..='9' } else { '1'..='0' };
        return ('a'..='z').chain('A'..='Z').chain(digits).collect();
    }
    let mut letters: Vec<char> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(letter) = chars.next() {
        let letter = match letter {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('0') => '\0',
                Some(other) => other,
                None => '\\',
            },
            '-' if !letters.is_empty() && chars.peek().is_some() => {
                let (from, to) = (letters.last().copied().unwrap_or('-'), chars.next().unwrap_or('-'));
                letters.extend((from..=to).skip(1));
                continue;
            }
            other => other,
        };
        letters.push(letter);
    }
    letters
}

fn tr(context: &mut Context<'_>, options: &Options, input: &[u8]) -> i32 {
    let Some(first) = options.operands.first() else { return context.fail("missing operand") };
    let (from, to) = (set(first), options.operands.get(1).map(|text| set(text)).unwrap_or_default());
    let has = |letter: char| from.contains(&letter) != options.has('c');
    let text = String::from_utf8_lossy(input).into_owned();
    let mut done = String::new();
    for letter in text.chars() {
        if options.has('d') && has(letter) {
            continue;
        }
        let at = if options.has('c') { usize::MAX } else { from.iter().position(|known| *known == letter).unwrap_or(usize::MAX) };
        let new = match to.get(at).or(to.last()) {
            Some(new) if has(letter) => *new,
            _ => letter,
        };
        let squeezed = options.has('s') && done.ends_with(new) && (if to.is_empty() { has(new) } else { to.contains(&new) });
        if !squeezed {
            done.push(new);
        }
    }
    context.out.out(&done);
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_sets_and_versions() {
        assert!(wanted("1,3-", 4) && !wanted("1,3-", 2));
        assert_eq!(set("a-c"), ['a', 'b', 'c']);
        assert!(parts("v1.10") > parts("v1.9"));
        assert_eq!(number(" 12 x"), 12);
    }
}
