//! `images`: which are shown.

use super::super::{CommandError, Context};
use super::missing;
use crate::cli::ImageList;
use crate::model::Image;
use crate::reference::Reference;
use crate::view::filter::{label_fits, not_a_filter};
use crate::view::images::{Row, list, moment_ns};

/// What dockerd knows.
const FILTERS: &[&str] = &["before", "dangling", "label", "reference", "since", "until"];

pub(super) fn text(asked: &ImageList, context: &Context<'_>) -> Result<String, CommandError> {
    let refuse = |what: String| CommandError { message: format!("Error response from daemon: {what}\n"), exit_code: 1, span: None };
    let unknown = asked.filters.iter().find(|(name, _)| !FILTERS.contains(&name.as_str()));
    if let Some((name, _)) = unknown {
        return Err(refuse(not_a_filter(name, FILTERS)));
    }
    let filters = Filters::of(&asked.filters, context)?;
    let mut images: Vec<&Image> = context.state.images.values().filter(|image| filters.fits(image)).collect();
    // The newest first; those of one moment by name.
    images.sort_by_key(|image| (std::cmp::Reverse(moment_ns(&image.created)), image.names.clone(), image.id.clone()));
    let pattern = asked.name.as_deref();
    let mut rows = Vec::new();
    for image in images {
        let fits = |name: &&String| pattern.is_none_or(|pattern| is_like(pattern, name)) && filters.fits_name(name);
        rows.extend(image.names.iter().filter(fits).map(|name| Row { image, name: Some(name) }));
        let untagged = image.digests.iter().filter(|digest| !has_tag(image, digest));
        rows.extend(untagged.filter(fits).map(|name| Row { image, name: Some(name) }));
        if image.names.is_empty() && image.digests.is_empty() && pattern.is_none() && filters.references.is_empty() {
            rows.push(Row { image, name: None });
        }
    }
    let span = context.invocation.words.flag("format").map(|flag| flag.span);
    list(&rows, asked, context.host).map_err(|what| CommandError { message: format!("{what}\n"), exit_code: 1, span })
}

/// A name with a tag in the same repository is shown in place of the one with the digest.
fn has_tag(image: &crate::model::Image, digest: &str) -> bool {
    let repository = |name: &str| crate::reference::Reference::parse(name).map(|name| (name.domain, name.path)).ok();
    image.names.iter().any(|name| repository(name) == repository(digest))
}

/// Filters that can be applied.
struct Filters<'a> {
    dangling: Option<bool>,
    labels: Vec<&'a str>,
    references: Vec<&'a str>,
    before: Option<&'a Image>,
    since: Option<&'a Image>,
    until_ns: Option<u64>,
}

impl<'a> Filters<'a> {
    fn of(all: &'a [(String, String)], context: &Context<'a>) -> Result<Filters<'a>, CommandError> {
        let refuse = |message: String| CommandError { message, exit_code: 1, span: None };
        let values = |wanted: &str| -> Vec<&'a str> {
            all.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str()).collect()
        };
        let image = |wanted: &str| match values(wanted).last() {
            Some(word) => context.state.image(word).map(Some).ok_or_else(|| refuse(missing(word, context))),
            None => Ok(None),
        };
        let dangling = match values("dangling").last() {
            None => None,
            Some(&("true" | "1")) => Some(true),
            Some(&("false" | "0")) => Some(false),
            Some(word) => {
                return Err(refuse(format!(
                    "Error response from daemon: invalid filter 'dangling=[{word}]'\nglassbox: it is true or false\n"
                )));
            }
        };
        let until = values("until").last().map(|word| crate::cli::moment(word, context.host)).transpose();
        Ok(Filters {
            dangling,
            labels: values("label"),
            references: values("reference"),
            before: image("before")?,
            since: image("since")?,
            until_ns: until.map_err(|what| refuse(format!("Error response from daemon: {what}\n")))?,
        })
    }

    fn fits(&self, image: &Image) -> bool {
        let created = moment_ns(&image.created);
        self.dangling.is_none_or(|dangling| dangling == image.names.is_empty())
            && self.labels.iter().all(|wanted| label_fits(&image.config.labels, wanted))
            && self.before.is_none_or(|other| created < moment_ns(&other.created))
            && self.since.is_none_or(|other| created > moment_ns(&other.created))
            && self.until_ns.is_none_or(|until| created < Some(i128::from(until)))
    }

    fn fits_name(&self, name: &str) -> bool {
        self.references.is_empty() || self.references.iter().any(|pattern| is_like(pattern, name))
    }
}

/// Whether a familiar name with its tag is what the pattern says: a repository, one with a tag, either with `*` and `?`.
fn is_like(pattern: &str, name: &str) -> bool {
    let repository = Reference::parse(name).map(|name| Reference { tag: None, ..name }.familiar()).unwrap_or_default();
    let has_tag = pattern.rsplit('/').next().is_some_and(|last| last.contains(':'));
    fits(pattern.as_bytes(), if has_tag { name.as_bytes() } else { repository.as_bytes() })
}

/// `*` and `?` as in Go's path.Match: neither takes a slash.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            fits(rest, text) || text.split_first().is_some_and(|(one, more)| *one != b'/' && fits(pattern, more))
        }
        (Some((b'?', rest)), Some((one, more))) => *one != b'/' && fits(rest, more),
        (Some((wanted, rest)), Some((one, more))) => wanted == one && fits(rest, more),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_a_tag_is_about_the_repository() {
        assert!(is_like("web", "web:1") && is_like("web:1", "web:1") && !is_like("web:2", "web:1"));
        assert!(
            is_like("w*", "web:1") && is_like("w*:?", "web:1") && !is_like("*", "team/web:1") && is_like("team/*", "team/web:1")
        );
        assert!(!is_like("we", "web:1"));
    }
}
