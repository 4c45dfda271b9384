//! A blob that goes out: in one request where it is short, else in pieces, and gone on with where a connection broke (OCI distribution
//! specification, "Pushing blobs": an upload knows how much of it has come).

use super::ATTEMPTS_MAX;
use super::http::{Head, Method, escaped, joined};

/// A longer blob goes in pieces of so many bytes: what is lost of a broken connection is at most one.
pub const PIECE_BYTES_MAX: u64 = 32 << 20;

/// A request of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// PATCH: a piece; PUT: the last one; GET: how much has come.
    pub method: Method,
    /// Absolute.
    pub url: String,
    /// The bytes of the blob that it brings: the first, and the one behind the last.
    pub bytes: (u64, u64),
}

impl Piece {
    /// Its header fields.
    pub fn fields(&self) -> Vec<(String, String)> {
        let (from, to) = self.bytes;
        match self.method {
            Method::Patch => vec![("Content-Range".to_string(), format!("{from}-{}", to.saturating_sub(1)))],
            _ => Vec::new(),
        }
    }
}

/// Head and body of an answer, or why there is none.
pub type Answer = Result<(Head, Vec<u8>), String>;

/// The URL that closes an upload.
pub fn closing(location: &str, digest: &str) -> String {
    let mark = if location.contains('?') { '&' } else { '?' };
    format!("{location}{mark}digest={}", escaped(digest))
}

/// Sends a blob to `closing`, the URL that closes its upload. `ask` sends a piece.
/// The answer to the last request, and how many times a connection broke.
pub fn give(
    closes: &str,
    digest: &str,
    size: u64,
    ask: &mut dyn FnMut(&Piece) -> Answer,
) -> Result<(Head, Vec<u8>, usize), String> {
    let suffix = format!("digest={}", escaped(digest));
    let mut location = closes.strip_suffix(&suffix).unwrap_or(closes).trim_end_matches(['?', '&']).to_string();
    let (mut sent, mut broken) = (0, 0);
    loop {
        let is_last = size - sent <= PIECE_BYTES_MAX;
        let piece = match is_last {
            true => Piece { method: Method::Put, url: closing(&location, digest), bytes: (sent, size) },
            false => Piece { method: Method::Patch, url: location.clone(), bytes: (sent, sent + PIECE_BYTES_MAX) },
        };
        let (why, asked) = match ask(&piece) {
            Ok((head, body)) if is_last || !head.is_success() => return Ok((head, body, broken)),
            Ok((head, _)) => {
                let taken = come(&head).unwrap_or(piece.bytes.1).min(size);
                location = elsewhere(&piece.url, &head).unwrap_or(location);
                let went_on = taken > sent;
                sent = taken;
                if went_on {
                    continue;
                }
                ("the registry took nothing of a piece".to_string(), None)
            }
            Err(why) => (why, Some(Piece { method: Method::Get, url: location.clone(), bytes: (0, 0) })),
        };
        broken += 1;
        if broken == ATTEMPTS_MAX {
            return Err(format!("{why}\nglassbox: {sent} of {size} bytes had been taken, in {ATTEMPTS_MAX} attempts"));
        }
        if let Some(state) = asked {
            let known = ask(&state).ok().filter(|(head, _)| head.is_success());
            let (head, _) = known.ok_or(why)?;
            sent = come(&head).unwrap_or_default().min(size);
            location = elsewhere(&state.url, &head).unwrap_or(location);
        }
    }
}

/// `Range: 0-1023`: 1024 bytes. Of none, registries say `0-0` too.
fn come(head: &Head) -> Option<u64> {
    let last: u64 = head.field("range")?.trim_start_matches("bytes=").split_once('-')?.1.trim().parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}

fn elsewhere(url: &str, head: &Head) -> Option<String> {
    joined(url, head.field("location")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    type Asked = Vec<(Method, String, (u64, u64))>;

    fn run(size: u64, answers: Vec<Result<Head, &str>>) -> (Result<usize, String>, Asked) {
        let (mut answers, mut asked) = (answers.into_iter(), Vec::new());
        let mut ask = |piece: &Piece| {
            asked.push((piece.method, piece.url.clone(), piece.bytes));
            let answer = answers.next().unwrap_or(Err("no more"));
            answer.map(|head| (head, Vec::new())).map_err(str::to_string)
        };
        let told = give("http://a/up?s=1&digest=sha256%3Ad", "sha256:d", size, &mut ask);
        (told.map(|(_, _, broken)| broken), asked)
    }

    #[test]
    fn a_long_blob_goes_in_pieces() {
        let taken = |last: &str, to: &str| Ok(Head::of(202, &[("Range", last), ("Location", to)]));
        let (told, asked) = run(3, vec![Ok(Head::of(201, &[]))]);
        assert_eq!((told, asked), (Ok(0), vec![(Method::Put, "http://a/up?s=1&digest=sha256%3Ad".to_string(), (0, 3))]));
        let answers = vec![taken("0-33554431", "/up?s=2"), Ok(Head::of(201, &[]))];
        let (told, asked) = run(40 * MIB, answers);
        assert_eq!(told, Ok(0));
        assert_eq!(asked[0], (Method::Patch, "http://a/up?s=1".to_string(), (0, 32 * MIB)));
        assert_eq!(asked[1], (Method::Put, "http://a/up?s=2&digest=sha256%3Ad".to_string(), (32 * MIB, 40 * MIB)));
        let piece = Piece { method: Method::Patch, url: String::new(), bytes: (5, 9) };
        assert_eq!(piece.fields(), [("Content-Range".to_string(), "5-8".to_string())]);
    }

    #[test]
    fn a_broken_upload_is_gone_on_with() {
        let so_far = Head::of(204, &[("Range", "0-1048575"), ("Location", "http://a/up?s=3")]);
        let (told, asked) = run(3 * MIB, vec![Err("broken pipe"), Ok(so_far), Ok(Head::of(201, &[]))]);
        assert_eq!(told, Ok(1));
        assert_eq!(asked[1], (Method::Get, "http://a/up?s=1".to_string(), (0, 0)));
        assert_eq!(asked[2], (Method::Put, "http://a/up?s=3&digest=sha256%3Ad".to_string(), (MIB, 3 * MIB)));
        let (told, _) = run(3, vec![Err("broken pipe"), Ok(Head::of(404, &[]))]);
        assert_eq!(told, Err("broken pipe".to_string()));
        let (told, _) = run(40 * MIB, vec![Ok(Head::of(413, &[]))]);
        assert_eq!(told, Ok(0));
        let (told, asked) = run(40 * MIB, (0..99).map(|_| Ok(Head::of(202, &[("Range", "0-0")]))).collect());
        assert!(told.unwrap_err().starts_with("the registry took nothing of a piece\nglassbox: 0 of 41943040 bytes"));
        assert_eq!(asked.len(), ATTEMPTS_MAX);
        let nothing_yet = || Ok(Head::of(204, &[("Range", "0-0")]));
        let (told, _) = run(3, (0..9).flat_map(|_| [Err("broken pipe"), nothing_yet()]).collect());
        assert!(told.unwrap_err().starts_with("broken pipe\nglassbox: 0 of 3 bytes"));
    }
}
