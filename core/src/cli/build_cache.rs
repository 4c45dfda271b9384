//! `build --cache-from` and `--cache-to`: where results of builds come from and go to. Sources: buildx's reference of `build`; its words.

use serde::{Deserialize, Serialize};

use super::values::fields;
use crate::reference::Reference;

/// How a cache travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CacheKind {
    /// `registry`: under a name at a registry; to read: an image that is here, too.
    #[default]
    Registry,
    /// `local`: in a directory.
    Local,
    /// `inline`: in the image that is built.
    Inline,
}

/// One `--cache-from` or `--cache-to`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildCache {
    /// How.
    pub kind: CacheKind,
    /// The name or the directory, as typed.
    pub place: String,
    /// `mode=max`: the results of all stages, and not of the target's alone.
    pub all: bool,
}

/// What is read, or what is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    From,
    To,
}

impl BuildCache {
    /// `team/app:1`, `type=local,src=cache`.
    pub(super) fn source(text: &str) -> Result<Vec<BuildCache>, String> {
        BuildCache::parse(text, Way::From)
    }

    /// `team/app:cache`, `type=inline`, `type=local,dest=cache,mode=max`.
    pub(super) fn target(text: &str) -> Result<Vec<BuildCache>, String> {
        BuildCache::parse(text, Way::To)
    }

    fn parse(text: &str, way: Way) -> Result<Vec<BuildCache>, String> {
        let fields = fields(text)?;
        if fields.iter().all(|field| !field.contains('=')) {
            let of = |place: &String| BuildCache { place: place.clone(), ..BuildCache::default() }.checked(way);
            return fields.iter().map(of).collect();
        }
        let (mut cache, mut kind) = (BuildCache::default(), String::new());
        for field in &fields {
            let (key, value) = field.split_once('=').ok_or_else(|| format!("invalid value {field}"))?;
            match (key.trim().to_lowercase().as_str(), way, value) {
                ("type", _, _) => kind = value.to_string(),
                ("ref", _, _) | ("src", Way::From, _) | ("dest", Way::To, _) => cache.place = value.to_string(),
                ("mode", Way::To, "min" | "max") => cache.all = value == "max",
                ("mode", Way::To, _) => return Err(format!("invalid mode {value:?}: there are min and max")),
                ("oci-mediatypes" | "image-manifest", Way::To, "true") => {}
                (key, way, _) => {
                    let (flag, known) = match way {
                        Way::From => ("--cache-from", "type, ref and src"),
                        Way::To => ("--cache-to", "type, ref, dest and mode"),
                    };
                    let next = format!("glassbox: it knows {known}; leave it out, or build with Docker");
                    return Err(format!("the attribute {key} of {flag} is not carried out\n{next}"));
                }
            }
        }
        cache.kind = match (kind.as_str(), way) {
            ("", _) => return Err(format!("type required form> {text:?}")),
            ("registry", _) => CacheKind::Registry,
            ("local", _) => CacheKind::Local,
            ("inline", Way::To) => CacheKind::Inline,
            (other, way) => {
                let (what, known) = match way {
                    Way::From => ("importer", "registry and local"),
                    Way::To => ("exporter", "registry, local and inline"),
                };
                return Err(format!("failed to solve: unknown cache {what}: {other:?}\nglassbox: there are {known}"));
            }
        };
        Ok(vec![cache.checked(way)?])
    }

    fn checked(self, way: Way) -> Result<BuildCache, String> {
        let what = if way == Way::From { "importer" } else { "exporter" };
        match self.kind {
            CacheKind::Local if self.place.is_empty() => {
                let key = if way == Way::From { "src" } else { "dest" };
                Err(format!("local cache {what} requires {key}"))
            }
            CacheKind::Registry if self.place.is_empty() => Err(format!("registry cache {what} requires ref")),
            CacheKind::Registry => match Reference::parse(&self.place) {
                Ok(_) => Ok(self),
                Err(error) => {
                    let next = "glassbox: a name is in small letters, with a tag after a colon: team/app:cache";
                    Err(format!("failed to solve: failed to configure registry cache {what}: {error}\n{next}"))
                }
            },
            CacheKind::Local | CacheKind::Inline => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_are_read_as_buildx_reads_them() {
        let from = |text: &str| BuildCache::source(text).map(|all| (all[0].kind, all.last().unwrap().place.clone()));
        assert_eq!(from("team/app"), Ok((CacheKind::Registry, "team/app".into())));
        assert_eq!(from("a,b:1"), Ok((CacheKind::Registry, "b:1".into())));
        assert_eq!(from("type=local,src=x"), Ok((CacheKind::Local, "x".into())));
        assert_eq!(from("type=local"), Err("local cache importer requires src".into()));
        assert_eq!(from("type=registry"), Err("registry cache importer requires ref".into()));
        assert!(from("type=inline").unwrap_err().starts_with("failed to solve: unknown cache importer: \"inline\"\n"));
        assert!(from("type=registry,ref=A").unwrap_err().contains("must be lowercase"));
        let to = |text: &str| BuildCache::target(text).map(|all| all[0].clone());
        assert!(to("type=registry,ref=a/b,mode=max").unwrap().all);
        assert_eq!(to("type=inline").unwrap().kind, CacheKind::Inline);
        assert_eq!(to("type=local"), Err("local cache exporter requires dest".into()));
        assert!(to("type=inline,mode=all").is_err());
        assert!(to("type=gha").unwrap_err().contains("there are registry, local and inline"));
        assert!(to("type=registry,ref=a,ignore-error=true").unwrap_err().contains("ignore-error of --cache-to"));
    }
}
