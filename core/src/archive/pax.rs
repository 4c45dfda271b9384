//! Records of pax: `LENGTH KEY=VALUE\n`, the length that of the whole record. POSIX.1-2017 pax, "pax Extended Header".

use super::{Attribute, Fault};

/// What extended attributes are kept under: Schilling's star began it, GNU tar, Go and Docker do the same.
pub(super) const ATTRIBUTE: &str = "SCHILY.xattr.";
const SPARSE: &str = "GNU.sparse.";

/// What records before an entry say of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size_bytes: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) modified: Option<(i64, u32)>,
    pub(super) attributes: Vec<Attribute>,
}

/// Key and value of the first record, and what follows it.
fn split(bytes: &[u8]) -> Result<(&str, &[u8], &[u8]), Fault> {
    let broken = |what| move || Fault::Extension(what);
    let space = bytes.iter().position(|byte| *byte == b' ').ok_or_else(broken("no length"))?;
    let length = decimal(&bytes[..space]).and_then(|length| usize::try_from(length).ok()).ok_or_else(broken("no length"))?;
    if length > bytes.len() || length < space + 2 {
        return Err(Fault::Extension("a length that is not that of its record"));
    }
    let (record, rest) = bytes.split_at(length);
    let record = record[space + 1..].strip_suffix(b"\n").ok_or_else(broken("a length that is not that of its record"))?;
    let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken("no ="))?;
    let key = std::str::from_utf8(&record[..equals]).map_err(|_| Fault::Extension("a key that is not UTF-8"))?;
    if key.is_empty() || key.contains('\0') {
        return Err(Fault::Extension("a key that is none"));
    }
    Ok((key, &record[equals + 1..], rest))
}

impl Records {
    /// All of them; of two with the same key the later one counts. An empty value leaves what the header says.
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Records, Fault> {
        let mut records = Records::default();
        while !bytes.is_empty() {
            let (key, value, rest) = split(bytes)?;
            records.take(key, value)?;
            bytes = rest;
        }
        Ok(records)
    }

    fn take(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        let invalid = |what| move || Fault::Extension(what);
        let given = !value.is_empty();
        match key {
            "path" => self.name = text(value)?,
            "linkpath" => self.link = text(value)?,
            "size" => self.size_bytes = given.then(|| decimal(value).ok_or_else(invalid("size"))).transpose()?,
            "uid" => self.uid = given.then(|| decimal(value).ok_or_else(invalid("uid"))).transpose()?,
            "gid" => self.gid = given.then(|| decimal(value).ok_or_else(invalid("gid"))).transpose()?,
            "mtime" => self.modified = given.then(|| time(value).ok_or_else(invalid("mtime"))).transpose()?,
            key if key.starts_with(SPARSE) => return Err(Fault::Sparse),
            key => {
                if let Some(name) = key.strip_prefix(ATTRIBUTE) {
                    self.attributes.retain(|(known, _)| known != name);
                    self.attributes.push((name.to_string(), value.to_vec()));
                }
            }
        }
        Ok(())
    }
}

fn text(value: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    if value.contains(&0) {
        return Err(Fault::Extension("a NUL in a name"));
    }
    Ok(Some(value.to_vec()).filter(|value| !value.is_empty()))
}

/// Digits alone.
fn decimal(digits: &[u8]) -> Option<u64> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// `-1234.5678`: to whole nanoseconds, rounded down.
fn time(value: &[u8]) -> Option<(i64, u32)> {
    const NANOSECONDS: u32 = 1_000_000_000;
    let (negative, digits) = value.strip_prefix(b"-").map_or((false, value), |digits| (true, digits));
    let mut halves = digits.splitn(2, |byte| *byte == b'.');
    let whole = i64::try_from(decimal(halves.next()?)?).ok()?;
    let fraction = halves.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let nine = fraction.iter().chain(std::iter::repeat(&b'0')).take(9);
    let nanoseconds = nine.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    match (negative, nanoseconds) {
        (false, nanoseconds) => Some((whole, nanoseconds)),
        (true, 0) => Some((-whole, 0)),
        (true, nanoseconds) => Some((-whole - 1, NANOSECONDS - nanoseconds)),
    }
}

/// One record. Its length counts the digits of the length.
pub(super) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let without = key.len() + value.len() + " =\n".len();
    let digits = |length: usize| length.to_string().len();
    let mut length = without + digits(without);
    if digits(length) > digits(without) {
        length = without + digits(length);
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}
