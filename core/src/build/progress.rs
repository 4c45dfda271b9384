//! `Progress`: what a build tells on stderr while it goes on, as BuildKit does with `--progress plain`, for both kernels.
//!
//! Asked by whoever walks the plan: when something is entered or left, when a leaf has been carried out, when a program writes. Each part of
//! the build has a number; a program's lines are shown with the seconds since its part began.

use super::key::Miss;
use crate::cli::{Command, Invocation};
use crate::explain::missed_in_words;
use crate::registry::Purpose;
use crate::step::{BuildStep, ImageStep, Phase, RegistryPhase, RegistryStep, Step, StoreStep};
use crate::view::reclaimed::human_size;

const NS_PER_MILLISECOND: u64 = 1_000_000;
/// How the part begins in which a base is asked for.
const METADATA: &str = "[internal] load metadata for";
/// Lines of a program that are shown again where it fails.
const LAST_MAX: usize = 10;
/// Bytes without a newline that are kept for one line.
const LINE_BYTES_MAX: usize = 64 << 10;

/// What a build has told so far.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// `--quiet`: nothing is told.
    quiet: bool,
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
        Some(Progress { quiet: build.quiet, ..Progress::default() })
    }

    /// From now on nothing is told.
    pub fn keep_quiet(&mut self) {
        self.quiet = true;
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
        if self.quiet {
            return String::new();
        }
        self.number += 1;
        (self.part, self.cached) = (Some((name.to_string(), at_ns)), false);
        self.line.clear();
        self.last.clear();
        format!("#{} {name}\n", self.number)
    }

    fn end(&mut self, at_ns: u64) -> String {
        let open = self.finished_line(at_ns);
        let Some((_, began_ns)) = self.part.take() else { return open };
        let number = self.number;
        match self.cached {
            true => format!("#{number} CACHED\n\n"),
            false => format!("{open}#{number} DONE {}s\n\n", seconds(at_ns.saturating_sub(began_ns), 1)),
        }
    }

    fn tell(&self, text: &str) -> String {
        if self.quiet {
            return String::new();
        }
        format!("#{} {text}\n", self.number)
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
                self.begin("exporting to image", at_ns) + &self.tell("exporting layers done")
            }
            Step::Build(BuildStep::LoadDefinition { name, bytes }) => {
                let file = name.rsplit('/').next().unwrap_or(name);
                let begun = self.begin(&format!("[internal] load build definition from {file}"), at_ns);
                let told = begun + &self.tell(&format!("transferring dockerfile: {bytes}B done"));
                told + &self.end(at_ns)
            }
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
            Step::Build(BuildStep::FetchFile { remote, .. }) => self.tell(&format!("fetching {} done", remote.url)),
            Step::Build(BuildStep::FetchCommit { commit, .. }) => self.tell(&format!("fetching {commit} done")),
            Step::Build(BuildStep::UseCached { .. }) => {
                self.cached = true;
                String::new()
            }
            Step::Build(BuildStep::MissCache { why, lacks, .. })
                if !lacks.is_empty() || matches!(why, Miss::Changed { .. } | Miss::LayerGone) =>
            {
                self.tell(&format!("glassbox: not cached. {}", missed_in_words(why, lacks)))
            }
            Step::Registry(RegistryStep::SendRequest(request)) => self.fetched(&request.purpose),
            Step::Store(StoreStep::ExtractLayer { diff_id, .. }) if self.fetches() => {
                self.tell(&format!("extracting {diff_id} done"))
            }
            Step::Image(ImageStep::RecordImage { id, .. }) if self.exports => self.tell(&format!("writing image {id} done")),
            Step::Image(ImageStep::TagImage { name, .. }) if self.exports => self.tell(&format!("naming to {name} done")),
            _ => String::new(),
        }
    }

    /// An image is being fetched.
    fn fetches(&self) -> bool {
        self.part.as_ref().is_some_and(|(name, _)| name.starts_with(METADATA))
    }

    fn fetched(&self, purpose: &Purpose) -> String {
        match purpose {
            Purpose::GetManifest { wanted, digest: Some(digest), chosen: false } => {
                let at = if wanted.name.digest.is_some() { String::new() } else { format!("@{digest}") };
                self.tell(&format!("resolve {}{at} done", wanted.name))
            }
            Purpose::GetLayer { digest, size, .. } => {
                let size = human_size(*size);
                self.tell(&format!("{digest} {size} / {size} done"))
            }
            Purpose::PutBlob { digest, .. } => self.tell(&format!("pushing {digest} done")),
            Purpose::PutManifest { digest, .. } => self.tell(&format!("pushing manifest {digest} done")),
            _ => String::new(),
        }
    }

    /// A phase is through.
    pub fn leaving(&mut self, step: &Step, at_ns: u64) -> String {
        match step {
            // It ends with the check of how its program has ended.
            Step::Phase(Phase::BuildInstruction { shown, .. }) if shown.contains("] RUN ") => String::new(),
            Step::Phase(
                Phase::BuildInstruction { .. }
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
        self.tell(&text)
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
        format!("{open}#{} ERROR: {what}\n------\n > {name}:\n{last}------\n", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_failure_shows_the_last_lines_again() {
        let mut progress = Progress::default();
        progress.begin("[2/2] RUN x", 0);
        progress.wrote(b"no\n", 1_000_000);
        let told = progress.failed("Dockerfile:2\nERROR: failed to build: failed to solve: it did\nglassbox: next\n", 0);
        assert_eq!(told, "#1 ERROR: it did\n------\n > [2/2] RUN x:\n0.001 no\n------\n");
    }
}
