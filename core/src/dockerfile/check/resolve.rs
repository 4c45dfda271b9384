//! What a build has to know of all stages before the first of them is begun.

use super::stages::{Arguments, Base};
use super::{CheckInput, Checker, Report};
use crate::dockerfile::{Dockerfile, Fault, read};

/// A Dockerfile without a fault, and what its stages begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The file.
    pub file: Dockerfile,
    /// What each stage begins with.
    pub bases: Vec<Base>,
    /// Of each stage, what its `--platform` says.
    pub platforms: Vec<Option<String>>,
    /// Of each stage: the target needs it. The others are not built.
    pub wanted: Vec<bool>,
    /// The stage that becomes the image.
    pub target: usize,
    /// The arguments above the first stage, with those of the platform.
    pub global: Arguments,
}

/// Reads a Dockerfile for a build; the error is the first fault that BuildKit would come upon without building anything.
pub fn resolve(input: &CheckInput<'_>) -> Result<Resolved, Fault> {
    let file = read(input.text);
    if let Some(fault) = file.faults.first() {
        return Err(fault.clone());
    }
    let last = file.stages.len().checked_sub(1).ok_or_else(|| Fault::nowhere("dockerfile contains no stages to build"))?;
    let mut checker = Checker { input, file: &file, report: Report::default() };
    let bases = checker.bases()?;
    let target = input.target.map_or(Ok(last), |target| checker.target(target))?;
    let wanted = checker.needed_for(target, &bases);
    let (bases, platforms, global) = (bases.bases, bases.platforms, bases.global);
    Ok(Resolved { file, bases, platforms, wanted, target, global })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, target: Option<&str>) -> Result<Resolved, Fault> {
        let base = |_: &str| None;
        resolve(&CheckInput { text, ignore: None, build_args: &[], target, platform: "linux/amd64", base: &base })
    }

    const FILE: &str = "ARG V=1\nFROM toolbox:$V AS a\nFROM scratch AS unused\nFROM a AS b\nFROM scratch\nCOPY --from=a /x /\n";

    #[test]
    fn only_what_the_target_needs_is_wanted() {
        let found = resolved(FILE, None).unwrap();
        assert_eq!(found.bases, [Base::Image("toolbox:1".into()), Base::Scratch, Base::Stage(0), Base::Scratch]);
        assert_eq!((found.target, found.wanted), (3, vec![true, false, false, true]));
        assert_eq!(resolved(FILE, Some("b")).unwrap().wanted, [true, false, true, false]);
        assert!(resolved(FILE, Some("bb")).unwrap_err().message.contains("did you mean b?"));
    }

    #[test]
    fn the_first_fault_is_the_error() {
        assert_eq!(resolved("ARG A=1\n", None).unwrap_err().message, "dockerfile contains no stages to build");
        assert!(resolved("FROM a\nRUNN x\n", None).unwrap_err().message.contains("unknown instruction: RUNN"));
    }
}
