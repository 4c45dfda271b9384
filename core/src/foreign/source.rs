//! What the model reads in the source of a program: what it imports, what it prints, on which port it listens. Not a language: lines.

use crate::userland::Sys;

/// Modules of Python's library that people import.
const PYTHON_LIBRARY: &str = "__future__ abc argparse array ast asyncio base64 binascii bisect calendar collections concurrent configparser \
    contextlib copy csv ctypes dataclasses datetime decimal difflib dis email enum errno fcntl fnmatch fractions functools gc getopt getpass \
    glob gzip hashlib heapq hmac html http importlib inspect io ipaddress itertools json keyword locale logging lzma math mimetypes \
    multiprocessing numbers operator os pathlib pickle pkgutil platform pprint queue random re sched secrets select selectors shelve shlex \
    shutil signal smtplib socket socketserver sqlite3 ssl stat statistics string struct subprocess sys sysconfig syslog tarfile tempfile \
    textwrap threading time timeit traceback types typing unicodedata unittest urllib uuid warnings wave weakref webbrowser wsgiref xml \
    xmlrpc zipfile zlib zoneinfo";
/// Names that nobody has given a package.
const MISSING: [&str; 6] = ["nosuch", "no-such", "nonexist", "doesnotexist", "does-not-exist", "this-package"];
/// Names of packages that people misspell.
const OFTEN: &str = "requests flask django numpy pandas express react lodash fastapi uvicorn gunicorn sqlalchemy pytest redis";

/// Version, kilobytes, needs and modules of a package.
pub(super) type Known = (String, u64, Vec<&'static str>, Vec<&'static str>);

/// A package that no table has: it is there unless its name says otherwise, or is nearly another one's.
pub(super) fn guessed(name: &str) -> Option<Known> {
    let misspelt = OFTEN.split(' ').any(|known| known != name && strsim::damerau_levenshtein(known, name) == 1);
    let made_up = MISSING.iter().any(|part| name.contains(part));
    (!misspelt && !made_up).then(|| ("1.0.0".to_string(), 400, Vec::new(), Vec::new()))
}

/// The module that a line of Python imports from elsewhere than its own package.
pub(super) fn python_import(line: &str) -> Option<&str> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let rest = line.strip_prefix("import ").or_else(|| line.strip_prefix("from "))?;
    let name = rest.split([' ', ',', '.', ';']).next()?;
    (!name.is_empty()).then_some(name)
}

/// Whether Python finds it: in its library, among the packages, or beside the script.
pub(super) fn is_importable(name: &str, packages: &str, sys: &mut dyn Sys) -> bool {
    PYTHON_LIBRARY.split(' ').any(|known| known == name)
        || [format!("{packages}/{name}"), format!("{packages}/{name}.py"), format!("{name}.py"), name.to_string()]
            .iter()
            .any(|path| sys.stat(path, true).is_ok())
        || ["pip", "setuptools", "pkg_resources", "_distutils_hack"].contains(&name)
}

/// A text in quotation marks at the beginning of what follows.
fn quoted(text: &str) -> Option<&str> {
    let text = text.trim_start().trim_start_matches('f');
    let mark = text.chars().next().filter(|mark| "\"'`".contains(*mark))?;
    let rest = &text[1..];
    rest.find(mark).map(|end| &rest[..end])
}

/// What `print("…")`, `console.log("…")`, `fmt.Println("…")` print, where that is a text without variables.
pub(super) fn printed(line: &str) -> Option<String> {
    let line = line.trim();
    let calls = ["print(", "console.log(", "fmt.Println(", "log.Println(", "println!(", "puts ", "echo "];
    let rest = calls.iter().find_map(|call| line.strip_prefix(call))?;
    let text = quoted(rest)?;
    let whole = rest[rest.find(text)? + text.len()..].trim_start_matches(['"', '\'', '`']).trim_start();
    let is_plain = !text.contains('{') && !text.contains("$") && !text.contains('%');
    let ends = whole.is_empty() || whole.starts_with([')', ';']);
    (is_plain && ends).then(|| text.replace("\\n", "\n"))
}

/// Of all lines that stand at the top, or in `main`.
pub(super) fn all_printed(code: &str) -> Vec<super::Act> {
    let at_top = |line: &&str| !line.starts_with([' ', '\t']);
    code.lines().filter(at_top).filter_map(printed).map(|text| super::Act::out(&format!("{text}\n"))).collect()
}

/// `host="0.0.0.0"`
pub(super) fn argument(code: &str, name: &str) -> Option<String> {
    let at = code.find(&format!("{name}=")).or_else(|| code.find(&format!("{name} =")))?;
    quoted(code[at..].split_once('=')?.1).map(str::to_string)
}

fn digits(text: &str) -> Option<String> {
    let start = text.find(|letter: char| letter.is_ascii_digit())?;
    let number: String = text[start..].chars().take_while(char::is_ascii_digit).collect();
    number.parse::<u16>().ok().map(|_| number)
}

/// The port that a server listens on: after `listen(`, `port=`, `ListenAndServe(`; where it is a variable, what the environment says, or
/// the number that stands on the variable's line.
pub(super) fn port(code: &str, environment: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let marks = ["ListenAndServe(", ".listen(", "port=", "port =", "Listen("];
    let from_environment = ["process.env.PORT", "\"PORT\"", "'PORT'"].iter().any(|mark| code.contains(mark));
    if let Some(port) = environment("PORT").filter(|_| from_environment) {
        return Some(port);
    }
    let after = marks.iter().find_map(|mark| code.find(mark).map(|at| &code[at + mark.len()..]))?;
    let argument = after.split([',', ')', '\n', ';']).next().unwrap_or_default();
    if let Some(number) = digits(argument) {
        return Some(number);
    }
    let variable: String = argument
        .trim()
        .trim_start_matches("':'+")
        .chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect();
    let set = |line: &&str| {
        let line = line.trim_start_matches("const ").trim_start_matches("let ").trim_start_matches("var ");
        line.strip_prefix(&variable).is_some_and(|rest| rest.trim_start().starts_with(['=', ':']))
    };
    let line = code.lines().map(str::trim).find(|line| !variable.is_empty() && set(line));
    line.and_then(digits)
        .or_else(|| from_environment.then(|| code.lines().find(|line| line.contains("PORT")).and_then(digits)).flatten())
}

/// What a line says once the server listens: `console.log(`…${PORT}…`)`.
pub(super) fn said_when_listening(code: &str, port: &str) -> Option<String> {
    let at = ["ListenAndServe(", ".listen("].iter().find_map(|mark| code.find(mark))?;
    let is_go = code.contains("ListenAndServe(");
    let part = if is_go { &code[..at] } else { &code[at..] };
    let calls = ["console.log(", "log.Println(", "fmt.Println(", "log.Printf(", "fmt.Printf("];
    let found = calls
        .iter()
        .filter_map(|call| if is_go { part.rfind(call) } else { part.find(call) }.map(|at| &part[at + call.len()..]))
        .next()?;
    let text = quoted(found)?;
    let mut said = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        said.push_str(before);
        said.push_str(port);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    said.push_str(rest);
    let plain = said.replace("%s", port).replace("%d", port).replace("%v", port).replace("\\n", "");
    let joined = found[found.find(text)? + text.len()..].trim_start_matches(['"', '\'', '`']).trim_start();
    Some(if joined.starts_with([',', '+']) && !plain.contains(port) {
        format!("{}{port}", plain.trim_end().to_string() + " ")
    } else {
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_lines_are_read() {
        let none = |_: &str| None;
        assert_eq!(port("app.run(host='0.0.0.0', port=5001)", &none).as_deref(), Some("5001"));
        assert_eq!(port("const PORT = process.env.PORT || 3000;\napp.listen(PORT, () => {})", &none).as_deref(), Some("3000"));
        assert_eq!(port("const port = process.env.PORT || 3000;\napp.listen(port)", &|_| Some("80".into())).as_deref(), Some("80"));
        assert_eq!(port("http.ListenAndServe(\":8080\", nil)", &none).as_deref(), Some("8080"));
        let code = "const port = 3000\napp.listen(port, () => {\n  console.log(`Listening on port ${port}`)\n})";
        assert_eq!(said_when_listening(code, "3000").as_deref(), Some("Listening on port 3000"));
        assert_eq!(printed("print(\"hello\")").as_deref(), Some("hello"));
        assert_eq!(printed("print(f\"{x}\")"), None);
        assert!(guessed("requets").is_none() && guessed("left-pad").is_some());
    }
}
