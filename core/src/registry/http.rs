//! Requests and the heads of answers as values (RFC 9110), as far as registries need them.

use serde::{Deserialize, Serialize};

/// What is asked of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET
    Get,
    /// HEAD: as GET, without the body.
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
}

impl Method {
    /// As it stands in the first line of a request.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
        }
    }

    /// As Go's client begins an error with it: `Get "https://…": …`.
    pub fn in_errors(self) -> &'static str {
        match self {
            Method::Get => "Get",
            Method::Head => "Head",
            Method::Post => "Post",
            Method::Put => "Put",
            Method::Patch => "Patch",
        }
    }
}

/// Status and header fields of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// `200`
    pub status: u16,
    /// Names in small letters, and values, in order.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Of a status and fields.
    pub fn of(status: u16, fields: &[(&str, &str)]) -> Head {
        let owned = |(name, value): &(&str, &str)| (name.to_lowercase(), (*value).to_string());
        Head { status, fields: fields.iter().map(owned).collect() }
    }

    /// The first field of this name (in small letters).
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The parts of an absolute URL of http or https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    /// `http`, `https`
    pub scheme: &'a str,
    /// `registry-1.docker.io`, `127.0.0.1:5000`, `[::1]:5000`
    pub authority: &'a str,
    /// `/v2/library/alpine/manifests/latest`, without the query; begins with `/`.
    pub path: &'a str,
    /// What follows `?`; empty: nothing.
    pub query: &'a str,
}

impl<'a> Url<'a> {
    /// Splits it; `None`: no absolute URL of http or https, or one with a user in it, which registries have no use for.
    pub fn parse(text: &'a str) -> Option<Url<'a>> {
        let (scheme, rest) = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let right = !authority.is_empty() && !authority.contains('@') && printable(rest);
        right.then_some(Url { scheme, authority, path: if path.is_empty() { "/" } else { path }, query })
    }

    /// Without the port: `[::1]` keeps its brackets.
    pub fn host(&self) -> &'a str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => self.authority,
        }
    }
}

/// Where a redirection leads from `base`, as an absolute URL (RFC 9110, 10.2.2); `None`: nowhere that one can go.
pub fn joined(base: &str, location: &str) -> Option<String> {
    if Url::parse(location).is_some() {
        return Some(location.to_string());
    }
    let from = Url::parse(base)?;
    let absolute = match () {
        () if location.starts_with("//") => format!("{}:{location}", from.scheme),
        () if location.starts_with('/') => format!("{}://{}{location}", from.scheme, from.authority),
        () if location.is_empty() || location.contains("://") => return None,
        () => {
            let directory = from.path.rsplit_once('/').map_or("", |(directory, _)| directory);
            format!("{}://{}{directory}/{location}", from.scheme, from.authority)
        }
    };
    Url::parse(&absolute).is_some().then_some(absolute)
}

/// A value as it stands in a query (RFC 3986), as Go's `url.QueryEscape` writes it.
pub fn escaped(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(byte)),
            b' ' => text.push('+'),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// The usual words for a status, as Go's client gives them.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Request Entity Too Large",
        416 => "Requested Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

/// Seconds since 1970 of a date in a header field, as senders write it today: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
pub fn date_seconds(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, clock, "GMT"] = words.as_slice() else { return None };
    let month = MONTHS.iter().position(|known| known == month)? as i64 + 1;
    let (day, year): (i64, i64) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<i64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = clock.as_slice() else { return None };
    if !(1..=31).contains(&day) || !(1970..=9999).contains(&year) {
        return None;
    }
    // Years begin in March: the day that leap years have more is their last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468;
    Some(days * 86_400 + hours * 3600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        assert_eq!(date_seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(date_seconds("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        assert_eq!(date_seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!((date_seconds("yesterday"), date_seconds("a, x Nov 1994 08:49:37 GMT")), (None, None));
    }

    #[test]
    fn urls_are_split_and_redirections_followed() {
        let url = Url::parse("http://127.0.0.1:5000/v2/?a=b").unwrap();
        assert_eq!((url.authority, url.host(), url.path, url.query), ("127.0.0.1:5000", "127.0.0.1", "/v2/", "a=b"));
        assert_eq!(Url::parse("http://[::1]:5000").unwrap().host(), "[::1]");
        assert_eq!(Url::parse("ftp://a/"), None);
        assert_eq!(Url::parse("http://u:p@a/"), None);
        assert_eq!(Url::parse("http:///v2/"), None);
        assert_eq!(Url::parse("http://a/b c"), None);
        let to = |location: &str| joined("https://a:1/v2/x/blobs/d", location);
        assert_eq!(to("https://b/c").as_deref(), Some("https://b/c"));
        assert_eq!(to("/c?d").as_deref(), Some("https://a:1/c?d"));
        assert_eq!(to("//b/c").as_deref(), Some("https://b/c"));
        assert_eq!(to("uploads/1").as_deref(), Some("https://a:1/v2/x/blobs/uploads/1"));
        assert_eq!(to("file:///etc/passwd"), None);
        assert_eq!(to(""), None);
        assert_eq!(escaped("repository:library/alpine:pull"), "repository%3Alibrary%2Falpine%3Apull");
    }
}
