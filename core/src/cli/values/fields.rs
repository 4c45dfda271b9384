//! Fields between commas, as Go's `encoding/csv` reads one record: a field in double quotes may hold commas.

/// The fields of the first record, or Go's error.
pub(crate) fn fields(value: &str) -> Result<Vec<String>, String> {
    let line = value.trim_start_matches(['\n', '\r']);
    if line.is_empty() {
        return Err("EOF".to_string());
    }
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let (field, next) = match line.get(at..).unwrap_or_default().strip_prefix('"') {
            Some(_) => quoted(line, at)?,
            None => plain(line, at)?,
        };
        fields.push(field);
        match next {
            Some(next) => at = next,
            None => return Ok(fields),
        }
    }
}

fn wrong(column: usize, what: &str) -> String {
    format!("parse error on line 1, column {column}: {what}")
}

/// A field without quotes from byte `at`, and where the next one starts.
fn plain(line: &str, at: usize) -> Result<(String, Option<usize>), String> {
    let rest = line.get(at..).unwrap_or_default();
    let end = rest.find([',', '\n']).unwrap_or(rest.len());
    let field = rest.get(..end).unwrap_or_default();
    if let Some(quote) = field.find('"') {
        return Err(wrong(at + quote + 1, "bare \" in non-quoted-field"));
    }
    let more = rest.get(end..).unwrap_or_default().starts_with(',');
    Ok((field.trim_end_matches('\r').to_string(), more.then_some(at + end + 1)))
}

/// A field in quotes: `""` in it is one quote.
fn quoted(line: &str, start: usize) -> Result<(String, Option<usize>), String> {
    let mut field = String::new();
    let mut at = start + 1;
    let stray = "extraneous or missing \" in quoted-field";
    loop {
        let rest = line.get(at..).unwrap_or_default();
        let Some(quote) = rest.find('"') else {
            return Err(wrong(line.len() + 1, stray));
        };
        field.push_str(rest.get(..quote).unwrap_or_default());
        match rest.get(quote + 1..).unwrap_or_default().chars().next() {
            Some('"') => field.push('"'),
            Some(',') => return Ok((field, Some(at + quote + 2))),
            None | Some('\n' | '\r') => return Ok((field, None)),
            Some(_) => return Err(wrong(at + quote + 1, stray)),
        }
        at += quote + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_hold_commas() {
        assert_eq!(fields("a,\"b,\"\"c\",,d").unwrap(), ["a", "b,\"c", "", "d"]);
        assert_eq!(fields("a,").unwrap(), ["a", ""]);
    }

    #[test]
    fn errors_are_gos() {
        assert_eq!(fields(""), Err("EOF".into()));
        assert_eq!(fields("name=a,\"x"), Err("parse error on line 1, column 10: extraneous or missing \" in quoted-field".into()));
        assert_eq!(fields("a\"b"), Err("parse error on line 1, column 2: bare \" in non-quoted-field".into()));
    }
}
