//! `Progress`: what a build tells on stderr while it goes on, as BuildKit does, for both kernels.
//!
//! Asked by whoever walks the plan: when something is entered or left, when a leaf has been carried out, when a program writes. How it is
//! told `--progress` says: as lines (each part of the build has a number; a program's lines are shown with the seconds since its part
//! began), as JSON, or drawn on a terminal.

mod json;
mod terminal;

use json::Vertex;
use terminal::{End, Terminal};

use super::key::Miss;
use crate::cli::{Command, Invocation, ProgressMode};
use crate::explain::missed_in_words;
use crate::registry::Purpose;
use crate::step::{BuildStep, ClientStep, ImageStep, Phase, RegistryPhase, RegistryStep, Step, StoreStep};
use crate::view::reclaimed::human_size;

const NS_PER_MILLISECOND: u64 = 1_000_000;
/// How the part begins in which a base is asked for.
const METADATA: &str = "[internal] load metadata for";
/// Lines of a program that are shown again where it fails.
const LAST_MAX: usize = 10;
/// Bytes without a newline that are kept for one line.
const LINE_BYTES_MAX: usize = 64 << 10;

/// How it is told.
#[derive(Clone, Debug, Default)]
enum Display {
    #[default]
    Plain,
    /// Nothing is.
    Quiet,
    Json(Vertex),
    Terminal(Terminal),
}

/// What a build has told so far.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    display: Display,
    /// It goes to a terminal, if there is one.
    wants_terminal: bool,
    number: u32,
    /// The part at hand: its name, and when it began.
    part: Option<(String, u64)>,
    /// It was taken from the cache.
    cached: bool,
    /// The image is made.
    exports: bool,
    /// The caller has had enough of it.
    interrupted: bool,
    /// A line that a program has not ended yet.
    line: Vec<u8>,
    /// What the program wrote last.
    last: Vec<String>,
}

fn seconds(nanoseconds: u64, digits: usize) -> String {
    let milliseconds = nanoseconds / NS_PER_MILLISECOND;
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.get(..text.len() - (3 - digits)).unwrap_or(&text).to_string()
}

impl Progress {
    /// For a build; another command has none.
    pub fn of(invocation: &Invocation) -> Option<Progress> {
        let Command::BuildImage(build) = &invocation.command else { return None };
        let display = match build.progress {
            ProgressMode::Quiet => Display::Quiet,
            _ if build.quiet => Display::Quiet,
            ProgressMode::Json => Display::Json(Vertex::default()),
            ProgressMode::Auto | ProgressMode::Plain | ProgressMode::Terminal => Display::Plain,
        };
        let wants_terminal = matches!((build.progress, &display), (ProgressMode::Auto | ProgressMode::Terminal, Display::Plain));
        Some(Progress { display, wants_terminal, ..Progress::default() })
    }

    /// It is drawn on a terminal of this size, unless the caller wants something else. `colors`: it may have some.
    pub fn on_terminal(&mut self, columns: u16, rows: u16, colors: bool) {
        if self.wants_terminal && columns > 0 && rows > 0 {
            self.display = Display::Terminal(Terminal::new(columns, rows, colors));
        }
    }

    /// It is drawn, so that the time that goes by is to be shown: see [`Progress::tick`].
    pub fn is_drawn(&self) -> bool {
        matches!(self.display, Display::Terminal(_)) && self.part.is_some()
    }

    /// Some time has gone by.
    pub fn tick(&mut self, at_ns: u64) -> String {
        match &mut self.display {
            Display::Terminal(terminal) => terminal.tick(at_ns),
            _ => String::new(),
        }
    }

    /// Where there has to be a terminal, and is none: buildx's words.
    pub fn lacks_terminal(invocation: &Invocation) -> Option<&'static str> {
        let Command::BuildImage(build) = &invocation.command else { return None };
        let asks = build.progress == ProgressMode::Terminal;
        asks.then_some("ERROR: failed to build: failed to get console: provided file is not a console\n")
    }

    /// The build is through.
    pub fn finish(&mut self, at_ns: u64) -> String {
        match &mut self.display {
            Display::Terminal(terminal) => terminal.finish(at_ns),
            _ => String::new(),
        }
    }

    /// From now on nothing is told.
    pub fn keep_quiet(&mut self) {
        self.display = Display::Quiet;
    }

    /// The caller has had enough of it.
    pub fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// She has.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    fn begin(&mut self, name: &str, at_ns: u64) -> String {
        self.number += 1;
        (self.part, self.cached) = (Some((name.to_string(), at_ns)), false);
        self.line.clear();
        self.last.clear();
        match &mut self.display {
            Display::Plain => format!("#{} {name}\n", self.number),
            Display::Quiet => String::new(),
            Display::Json(vertex) => vertex.begin(self.number, name, at_ns),
            Display::Terminal(terminal) => terminal.begin(name, at_ns),
        }
    }

    fn end(&mut self, at_ns: u64) -> String {
        let open = self.finished_line(at_ns);
        let Some((_, began_ns)) = self.part.take() else { return open };
        let number = self.number;
        let told = match (&mut self.display, self.cached) {
            (Display::Plain, true) => format!("#{number} CACHED\n\n"),
            (Display::Plain, false) => format!("#{number} DONE {}s\n\n", seconds(at_ns.saturating_sub(began_ns), 1)),
            (Display::Quiet, _) => String::new(),
            (Display::Json(vertex), cached) => vertex.end(cached, "", at_ns),
            (Display::Terminal(terminal), cached) => terminal.end(if cached { End::Cached } else { End::Done }, at_ns),
        };
        open + &told
    }

    fn tell(&mut self, text: &str, at_ns: u64) -> String {
        match &mut self.display {
            Display::Plain => format!("#{} {text}\n", self.number),
            Display::Quiet => String::new(),
            Display::Json(vertex) => vertex.status(text, at_ns),
            Display::Terminal(terminal) => terminal.status(text, at_ns),
        }
    }

    /// A phase, or a leaf, is about to begin.
    pub fn entering(&mut self, step: &Step, at_ns: u64) -> String {
        match step {
            Step::Phase(Phase::BuildInstruction { shown, .. }) if shown.starts_with('[') => self.begin(shown, at_ns),
            Step::Phase(Phase::Registry(RegistryPhase::PullImage { wanted })) => {
                self.begin(&format!("{METADATA} {}", wanted.name), at_ns)
            }
            Step::Phase(Phase::Registry(RegistryPhase::PushImage { pushed })) => {
                self.begin(&format!("pushing {} with docker", pushed.name), at_ns)
            }
            Step::Phase(
                Phase::TakeContext { shown }
                | Phase::ExportOutput { shown, .. }
                | Phase::ImportCache { shown, .. }
                | Phase::ExportCache { shown, .. },
            ) => self.begin(shown, at_ns),
            Step::Phase(Phase::ExportImage) => {
                self.exports = true;
                self.begin("exporting to image", at_ns) + &self.tell("exporting layers done", at_ns)
            }
            Step::Build(BuildStep::LoadDefinition { name, bytes }) => {
                let file = name.rsplit('/').next().unwrap_or(name);
                let begun = self.begin(&format!("[internal] load build definition from {file}"), at_ns);
                let told = begun + &self.tell(&format!("transferring dockerfile: {bytes}B done"), at_ns);
                told + &self.end(at_ns)
            }
            // What is printed stands below all parts.
            Step::Client(ClientStep::Print { .. }) => self.finish(at_ns),
            Step::Build(BuildStep::UseBase { name, base, .. }) if !base.layers.is_empty() => {
                self.begin(name, at_ns) + &self.end(at_ns)
            }
            _ => String::new(),
        }
    }

    /// A leaf has been carried out.
    pub fn after(&mut self, step: &Step, at_ns: u64) -> String {
        match step {
            Step::Build(BuildStep::CheckExit { .. }) => self.end(at_ns),
            Step::Build(BuildStep::FetchFile { remote, .. }) => self.tell(&format!("fetching {} done", remote.url), at_ns),
            Step::Build(BuildStep::FetchCommit { commit, .. }) => self.tell(&format!("fetching {commit} done"), at_ns),
            Step::Build(BuildStep::UseCached { .. }) => {
                self.cached = true;
                String::new()
            }
            Step::Build(BuildStep::MissCache { why, lacks, .. })
                if !lacks.is_empty() || matches!(why, Miss::Changed { .. } | Miss::LayerGone) =>
            {
                self.tell(&format!("glassbox: not cached. {}", missed_in_words(why, lacks)), at_ns)
            }
            Step::Registry(RegistryStep::SendRequest(request)) => self.fetched(&request.purpose, at_ns),
            Step::Store(StoreStep::ExtractLayer { diff_id, .. }) if self.fetches() => {
                self.tell(&format!("extracting {diff_id} done"), at_ns)
            }
            Step::Image(ImageStep::RecordImage { id, .. }) if self.exports => self.tell(&format!("writing image {id} done"), at_ns),
            Step::Image(ImageStep::TagImage { name, .. }) if self.exports => self.tell(&format!("naming to {name} done"), at_ns),
            _ => String::new(),
        }
    }

    /// An image is being fetched.
    fn fetches(&self) -> bool {
        self.part.as_ref().is_some_and(|(name, _)| name.starts_with(METADATA))
    }

    fn fetched(&mut self, purpose: &Purpose, at_ns: u64) -> String {
        match purpose {
            Purpose::GetManifest { wanted, digest: Some(digest), chosen: false } => {
                let at = if wanted.name.digest.is_some() { String::new() } else { format!("@{digest}") };
                self.tell(&format!("resolve {}{at} done", wanted.name), at_ns)
            }
            Purpose::GetLayer { digest, size, .. } => {
                let size = human_size(*size);
                self.tell(&format!("{digest} {size} / {size} done"), at_ns)
            }
            Purpose::PutBlob { digest, .. } => self.tell(&format!("pushing {digest} done"), at_ns),
            Purpose::PutManifest { digest, .. } => self.tell(&format!("pushing manifest {digest} done"), at_ns),
            _ => String::new(),
        }
    }

    /// A phase is through.
    pub fn leaving(&mut self, step: &Step, at_ns: u64) -> String {
        match step {
            // It ends with the check of how its program has ended.
            Step::Phase(Phase::PackResult { .. }) if self.part.as_ref().is_some_and(|(name, _)| name.contains("] RUN ")) => {
                String::new()
            }
            Step::Phase(
                Phase::PackResult { .. }
                | Phase::ExportImage
                | Phase::TakeContext { .. }
                | Phase::ImportCache { .. }
                | Phase::ExportCache { .. }
                | Phase::ExportOutput { .. }
                | Phase::Registry(RegistryPhase::PullImage { .. } | RegistryPhase::PushImage { .. }),
            ) => self.end(at_ns),
            _ => String::new(),
        }
    }

    /// The program of `RUN` has written something.
    pub fn wrote(&mut self, bytes: &[u8], at_ns: u64) -> String {
        let mut told = String::new();
        for byte in bytes {
            if *byte == b'\n' || self.line.len() >= LINE_BYTES_MAX {
                told += &self.take_line(at_ns);
            }
            if *byte != b'\n' {
                self.line.push(*byte);
            }
        }
        told
    }

    fn finished_line(&mut self, at_ns: u64) -> String {
        if self.line.is_empty() { String::new() } else { self.take_line(at_ns) }
    }

    fn take_line(&mut self, at_ns: u64) -> String {
        let began_ns = self.part.as_ref().map_or(at_ns, |(_, began_ns)| *began_ns);
        let line = std::mem::take(&mut self.line);
        let text = format!("{} {}", seconds(at_ns.saturating_sub(began_ns), 3), String::from_utf8_lossy(&line));
        if self.last.len() == LAST_MAX {
            self.last.remove(0);
        }
        self.last.push(text.clone());
        match &mut self.display {
            Display::Plain => format!("#{} {text}\n", self.number),
            Display::Quiet => String::new(),
            Display::Json(vertex) => vertex.log(&[line.as_slice(), b"\n"].concat(), at_ns),
            Display::Terminal(terminal) => terminal.log(&String::from_utf8_lossy(&line), at_ns),
        }
    }

    /// The part at hand has failed; `message` is what the command is about to say.
    pub fn failed(&mut self, message: &str, at_ns: u64) -> String {
        let open = self.finished_line(at_ns);
        let Some((name, _)) = self.part.take() else { return open };
        let what = message.lines().find_map(|line| line.split_once("failed to solve: ")).map_or("", |(_, what)| what);
        let resolved = name
            .strip_prefix(METADATA)
            .and_then(|image| what.split_once(&format!("failed to resolve source metadata for{image}: ")));
        let what = resolved.map_or(what, |(_, why)| why);
        let last: String = self.last.iter().map(|line| format!("{line}\n")).collect();
        let again = format!("------\n > {name}:\n{last}------\n");
        match &mut self.display {
            Display::Plain => format!("{open}#{} ERROR: {what}\n{again}", self.number),
            Display::Quiet => String::new(),
            Display::Json(vertex) => open + &vertex.end(false, what, at_ns),
            Display::Terminal(terminal) if self.interrupted => open + &terminal.end(End::Canceled, at_ns),
            Display::Terminal(terminal) => open + &terminal.fail(&again, at_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::inspect::timestamp;

    #[test]
    fn lines_of_a_program_are_told_one_by_one() {
        let mut progress = Progress::default();
        assert_eq!(progress.begin("[2/2] RUN x", 0), "#1 [2/2] RUN x\n");
        assert_eq!(progress.wrote(b"a\nb", 1_234_000_000), "#1 1.234 a\n");
        assert_eq!(progress.wrote(b"c\n\n", 1_300_000_000), "#1 1.300 bc\n#1 1.300 \n");
        assert_eq!(progress.wrote(b"end", 2_000_000_000), "");
        assert_eq!(progress.end(2_050_000_000), "#1 2.050 end\n#1 DONE 2.0s\n\n");
    }

    #[test]
    fn as_json_each_change_is_a_line() {
        let mut progress = Progress { display: Display::Json(Vertex::default()), ..Progress::default() };
        let mut told = progress.begin("[2/2] RUN x", 0) + &progress.tell("glassbox: it is new", 1_000);
        told += &progress.wrote(b"hello\n", 1_000_000_000);
        told += &progress.failed("failed to solve: it did\n", 2_000_000_000);
        let lines: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let digest = &lines[0]["vertexes"][0]["digest"];
        assert!(digest.as_str().unwrap().starts_with("sha256:"), "{told}");
        let (started, ended) = (timestamp(0), timestamp(2_000_000_000));
        assert_eq!(lines[0], serde_json::json!({"vertexes": [{"digest": digest, "name": "[2/2] RUN x", "started": started}]}));
        assert_eq!((&lines[1]["statuses"][0]["id"], &lines[1]["statuses"][0]["vertex"]), (&"glassbox: it is new".into(), digest));
        assert_eq!((&lines[2]["logs"][0]["data"], &lines[2]["logs"][0]["vertex"]), (&"aGVsbG8K".into(), digest));
        assert_eq!((&lines[3]["vertexes"][0]["error"], &lines[3]["vertexes"][0]["completed"]), (&"it did".into(), &ended.into()));
        assert_eq!(lines.len(), 4, "{told}");
    }

    #[test]
    fn a_failure_shows_the_last_lines_again() {
        let mut progress = Progress::default();
        progress.begin("[2/2] RUN x", 0);
        progress.wrote(b"no\n", 1_000_000);
        let told = progress.failed("Dockerfile:2\nERROR: failed to build: failed to solve: it did\nglassbox: next\n", 0);
        assert_eq!(told, "#1 ERROR: it did\n------\n > [2/2] RUN x:\n0.001 no\n------\n");
    }
}
