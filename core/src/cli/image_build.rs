//! `build`, and `build --check`. The Dockerfile and `.dockerignore` are files of the caller: see [`super::named_files`].

use serde::{Deserialize, Serialize};

use super::build_cache::BuildCache;
use super::build_output::BuildOutput;
use super::build_secrets::{BuildAgent, BuildSecret};
use crate::build::input::text;
use crate::build::{Remote, Repository};
use crate::errno::Errno;

/// An image to build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildImage {
    /// Of what.
    pub input: CheckBuild,
    /// `--tag`, as typed.
    pub tags: Vec<String>,
    /// `--label`: `NAME=value`.
    pub labels: Vec<String>,
    /// `--network`: what `RUN` has unless it says otherwise.
    pub network: String,
    /// `--no-cache`
    pub no_cache: bool,
    /// `--build-context`
    #[serde(default)]
    pub contexts: Vec<NamedContext>,
    /// `--output`
    #[serde(default)]
    pub outputs: Vec<BuildOutput>,
    /// `--cache-from`
    #[serde(default)]
    pub cache_from: Vec<BuildCache>,
    /// `--cache-to`
    #[serde(default)]
    pub cache_to: Vec<BuildCache>,
    /// `--push`: it is given away under all its names.
    #[serde(default)]
    pub push: bool,
    /// `--iidfile`, as typed; empty: none.
    #[serde(default)]
    pub id_file: String,
    /// `--metadata-file`, as typed; empty: none.
    #[serde(default)]
    pub metadata_file: String,
    /// `--sizes`
    #[serde(default)]
    pub sizes: bool,
    /// `--pull`: a registry is asked for images that are here, too.
    #[serde(default)]
    pub pull: bool,
    /// `--quiet`
    pub quiet: bool,
    /// `--progress`
    #[serde(default)]
    pub progress: ProgressMode,
    /// `--secret`
    #[serde(default)]
    pub secrets: Vec<BuildSecret>,
    /// `--ssh`
    #[serde(default)]
    pub agents: Vec<BuildAgent>,
}

/// `--progress`: how a build tells how far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgressMode {
    /// Drawn on a terminal, or as lines where there is none.
    #[default]
    Auto,
    /// As lines.
    Plain,
    /// As JSON.
    Json,
    /// Drawn; without a terminal nothing is built.
    Terminal,
    /// Not at all.
    Quiet,
}

impl ProgressMode {
    /// `None`: there is no such one.
    pub fn parse(text: &str) -> Option<ProgressMode> {
        Some(match text {
            "" | "auto" => ProgressMode::Auto,
            "plain" => ProgressMode::Plain,
            "json" | "rawjson" => ProgressMode::Json,
            "tty" => ProgressMode::Terminal,
            "quiet" => ProgressMode::Quiet,
            _ => return None,
        })
    }
}

/// `--build-context`: what a name means in FROM, in `--from` and in mounts, whatever it means otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedContext {
    /// In small letters, without what Docker adds to the names of images.
    pub name: String,
    /// What it means.
    pub source: ContextSource,
}

/// What a named context is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContextSource {
    /// `docker-image://NAME`
    Image(String),
    /// A directory of the caller's, as typed.
    Directory(String),
}

impl NamedContext {
    /// `NAME=VALUE`; the refusal is buildx's.
    pub(super) fn parse(text: &str) -> Result<NamedContext, String> {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("invalid context value: {text}, expected key=value"))?;
        let source = match value.strip_prefix("docker-image://") {
            Some(image) => ContextSource::Image(image.to_string()),
            None if value.contains("://") || value.starts_with("git@") => {
                let next = "fetch it, and name the directory that it is in, or docker-image://NAME";
                return Err(format!("the build context {name} is at a URL, which is not fetched\nglassbox: {next}"));
            }
            None => ContextSource::Directory(value.to_string()),
        };
        Ok(NamedContext { name: NamedContext::known_as(name), source })
    }

    /// One spelling for all ways to write a name: `docker.io/library/alpine:latest` is `alpine`.
    pub fn known_as(name: &str) -> String {
        let name = name.to_lowercase();
        let short = name.trim_start_matches("docker.io/").trim_start_matches("library/");
        short.trim_end_matches(":latest").to_string()
    }

    /// The directory has to be there.
    pub(super) fn look(&self, read: &dyn Fn(&str) -> Result<Vec<u8>, Errno>) -> Result<(), String> {
        let ContextSource::Directory(path) = &self.source else { return Ok(()) };
        let name = &self.name;
        match read(path) {
            Err(Errno::EISDIR) => Ok(()),
            Err(errno) => {
                let sentence = errno.sentence().to_lowercase();
                Err(format!("ERROR: failed to build: failed to get build context {name}: stat {path}: {sentence}"))
            }
            Ok(_) => Err(format!("ERROR: failed to build: failed to get build context path {{{path} <nil>}}: not a directory")),
        }
    }
}

/// `builder prune`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneBuilds {
    /// `-a`: also what images are made of.
    pub all: bool,
    /// `-f`: do not ask.
    pub force: bool,
    /// `--filter`: names and values.
    pub filters: Vec<(String, String)>,
    /// `--keep-storage`; 0: nothing is kept for its size.
    pub keep_bytes: u64,
}

/// A Dockerfile, and what it is to be read with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckBuild {
    /// The directory that the build would see, or `-`: the Dockerfile comes from stdin.
    pub context: String,
    /// `--file`; `-`: from stdin. `None`: `Dockerfile` in the context.
    pub file: Option<String>,
    /// `--target`
    pub target: Option<String>,
    /// `--build-arg`, as typed: `NAME=value`; or `NAME`, with what the environment says.
    pub build_args: Vec<String>,
    /// `--platform`; empty: this machine's.
    pub platform: String,
    /// The files, once they were read.
    pub files: BuildFiles,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildFiles {
    /// The Dockerfile's text.
    pub dockerfile: String,
    /// How Docker names the file.
    pub name: String,
    /// `.dockerignore`, where there is one.
    pub ignore: Option<String>,
    /// `--build-arg` with values: names that have one.
    pub build_args: Vec<(String, String)>,
    /// SOURCE_DATE_EPOCH of the arguments or of the environment, in seconds: the moment of all that is built.
    #[serde(default)]
    pub epoch_seconds: Option<u64>,
}

/// Stands for standard input.
pub const STDIN: &str = "-";
/// buildx's words, and ours.
const TWICE: &str = "ERROR: failed to build: invalid argument: can't use stdin for both build context and dockerfile\n\
                     glassbox: an archive brings its Dockerfile along; -f NAME says which file in it that is";
/// Ours: buildx fetches both.
const ELSEWHERE: &str = "glassbox: either the context or the Dockerfile lies at a URL, and not each at another one: \
                         fetch one of them, and name the file or the folder";
const UNFETCHED: &str = "glassbox: what lies at a URL is fetched by build alone: fetch it, and name the folder that it is in";
const STDIN_PATH: &str = "/dev/stdin";
/// reproducible-builds.org/specs/source-date-epoch
const EPOCH: &str = "SOURCE_DATE_EPOCH";

fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

fn epoch(value: &str) -> Result<u64, String> {
    let wrong = |_| format!("ERROR: failed to build: invalid {EPOCH}: {value:?}: seconds since 1970 are asked for, in digits");
    value.parse().map_err(wrong)
}

/// Where a build context or a Dockerfile comes from that is no file of the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Standard input.
    Stdin,
    /// What a URL leads to.
    File(Remote),
    /// The files of a commit.
    Repository(Repository),
}

/// What Docker takes for an address without its scheme.
const GITHUB: &str = "github.com/";

impl CheckBuild {
    /// Where the context comes from, if it is no directory of the caller's.
    pub fn context_sent(&self) -> Option<Sent> {
        let address = match self.context.as_str() {
            STDIN => return Some(Sent::Stdin),
            short if short.starts_with(GITHUB) => {
                let (path, rest) = short.split_at(short.find(['#', '?']).unwrap_or(short.len()));
                let ending = if path.ends_with(".git") { "" } else { ".git" };
                format!("https://{path}{ending}{rest}")
            }
            address => address.to_string(),
        };
        match Repository::parse(&address) {
            Ok(Some(repository)) => Some(Sent::Repository(repository)),
            _ => is_url(&address).then(|| Sent::File(Remote::of(&address, ""))),
        }
    }

    /// The same of the Dockerfile, as `--file` says.
    pub fn file_sent(&self) -> Option<Sent> {
        match self.file.as_deref()? {
            STDIN => Some(Sent::Stdin),
            address => is_url(address).then(|| Sent::File(Remote::of(address, ""))),
        }
    }

    /// Reads the files; the error is Docker's. `later`: what comes on stdin is read by a step of the plan.
    pub(super) fn read(
        &mut self,
        later: bool,
        environment: &std::collections::BTreeMap<String, String>,
        read: &dyn Fn(&str) -> Result<Vec<u8>, Errno>,
    ) -> Result<(), String> {
        let (path, name) = self.place();
        let base = name.rsplit('/').next().unwrap_or(&name).to_string();
        let failed = |errno: Errno| {
            let sentence = errno.sentence().to_lowercase();
            format!("ERROR: failed to build: failed to solve: failed to read dockerfile: open {base}: {sentence}")
        };
        self.context_is_there(read)?;
        if self.context == STDIN && self.file.as_deref() == Some(STDIN) {
            return Err(TWICE.to_string());
        }
        let (context_sent, file_sent) = (self.context_sent(), self.file_sent());
        if matches!(context_sent, Some(Sent::File(_))) && file_sent.is_some() {
            return Err(ELSEWHERE.to_string());
        }
        let is_stdins = |sent: &Option<Sent>| sent.as_ref().is_none_or(|sent| *sent == Sent::Stdin);
        let can_wait = is_stdins(&context_sent) && is_stdins(&file_sent);
        if !later && !can_wait {
            return Err(UNFETCHED.to_string());
        }
        let sent = later && (context_sent.is_some() || file_sent.is_some());
        let dockerfile = if sent { String::new() } else { text(read(&path).map_err(failed)?, &name)? };
        let beside = [format!("{path}.dockerignore"), format!("{}/.dockerignore", self.context)];
        // Of an archive all is taken, as BuildKit does.
        let beside = if context_sent.is_some() { &[][..] } else { &beside[..] };
        let ignore = beside.iter().find_map(|path| read(path).ok()).map(|bytes| text(bytes, ".dockerignore")).transpose()?;
        let given = |word: &String| match word.split_once('=') {
            Some((name, value)) => Some((name.to_string(), value.to_string())),
            None => environment.get(word).map(|value| (word.clone(), value.clone())),
        };
        let build_args: Vec<(String, String)> = self.build_args.iter().filter_map(given).collect();
        let own = build_args.iter().rev().find(|(name, _)| name == EPOCH).map(|(_, value)| value);
        let epoch_seconds = own.or_else(|| environment.get(EPOCH)).map(|value| epoch(value)).transpose()?;
        self.files = BuildFiles { dockerfile, name, ignore, build_args, epoch_seconds };
        Ok(())
    }

    /// Where the Dockerfile is, and how Docker names it.
    fn place(&self) -> (String, String) {
        match self.file.as_deref() {
            None if self.context_sent().is_some() => (STDIN_PATH.to_string(), "Dockerfile".to_string()),
            Some(file) if is_url(file) => (file.to_string(), "Dockerfile".to_string()),
            Some(STDIN) => (STDIN_PATH.to_string(), "Dockerfile".to_string()),
            Some(file) => (file.to_string(), file.to_string()),
            None => {
                let context = self.context.trim_start_matches("./").trim_end_matches('/');
                let inside = matches!(context, "" | ".");
                let path = if inside && !self.context.starts_with('/') {
                    "Dockerfile".to_string()
                } else {
                    format!("{context}/Dockerfile")
                };
                (path.clone(), path)
            }
        }
    }

    /// The folder, or an address that can be one.
    fn context_is_there(&self, read: &dyn Fn(&str) -> Result<Vec<u8>, Errno>) -> Result<(), String> {
        let unable = "ERROR: failed to build: unable to prepare context:";
        Repository::parse(&self.context).map_err(|why| format!("{unable} {why}"))?;
        let gone = self.context_sent().is_none() && read(&self.context) == Err(Errno::ENOENT);
        if gone { Err(format!("{unable} path {:?} not found", self.context)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(path: &str) -> Result<Vec<u8>, Errno> {
        match path {
            "Dockerfile" => Ok(b"FROM scratch".to_vec()),
            "sub/Dockerfile" => Ok(b"FROM a".to_vec()),
            "x/Df" => Ok(b"FROM b".to_vec()),
            "x/Df.dockerignore" => Ok(b"own".to_vec()),
            "./.dockerignore" => Ok(b"all".to_vec()),
            "bytes" => Ok(vec![b'F', 0xff]),
            "." | "sub" | "./sub/" => Err(Errno::EISDIR),
            _ => Err(Errno::ENOENT),
        }
    }

    fn read(context: &str, file: Option<&str>) -> Result<BuildFiles, String> {
        let mut check = CheckBuild { context: context.into(), file: file.map(str::to_string), ..CheckBuild::default() };
        check.build_args = vec!["a=1".into(), "HOME".into(), "NONE".into()];
        check.read(false, &[("HOME".to_string(), "/root".to_string())].into(), &files)?;
        Ok(check.files)
    }

    #[test]
    fn files_are_found_as_docker_finds_them() {
        let here = read(".", None).unwrap();
        assert_eq!((here.name.as_str(), here.ignore.as_deref()), ("Dockerfile", Some("all")));
        assert_eq!(here.build_args, [("a".to_string(), "1".to_string()), ("HOME".to_string(), "/root".to_string())]);
        assert_eq!(read("./sub/", None).unwrap().name, "sub/Dockerfile");
        let other = read(".", Some("x/Df")).unwrap();
        assert_eq!((other.name.as_str(), other.ignore.as_deref()), ("x/Df", Some("own")));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert!(read("gone", None).unwrap_err().ends_with("unable to prepare context: path \"gone\" not found"));
        assert!(read(".", Some("x/y")).unwrap_err().ends_with("failed to read dockerfile: open y: no such file or directory"));
        assert!(read(".", Some("bytes")).unwrap_err().contains("offset 1"));
    }
}
