//! `build --output`: where what a build comes to goes. Sources: buildx's reference of `build`; its words.

use serde::{Deserialize, Serialize};

use super::STDIN;
use super::values::fields;

/// What is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputKind {
    /// `image`: it is kept here.
    #[default]
    Image,
    /// `docker`, `oci`: an archive of the image.
    Archive,
    /// `tar`: an archive of the files that the target has come to.
    Files,
    /// `local`: those files themselves, in a directory.
    Directory,
    /// `cacheonly`: nothing.
    Nothing,
}

/// One `--output`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildOutput {
    /// What.
    pub kind: OutputKind,
    /// `docker`, as it was said.
    pub name: String,
    /// Where to, as typed; `-`: stdout; empty for what is kept here.
    pub dest: String,
    /// `name=`: names of the image.
    pub tags: Vec<String>,
    /// `push=true`, `type=registry`.
    pub push: bool,
}

impl BuildOutput {
    /// An image is made for it.
    pub fn wants_image(&self) -> bool {
        matches!(self.kind, OutputKind::Image | OutputKind::Archive)
    }

    /// `type=local,dest=out`, `out`, `-`.
    pub(super) fn parse(text: &str) -> Result<BuildOutput, String> {
        let fields = fields(text)?;
        if let [field] = fields.as_slice()
            && field == text
            && !field.starts_with("type=")
        {
            let (kind, name) = if field == STDIN { (OutputKind::Files, "tar") } else { (OutputKind::Directory, "local") };
            return Ok(BuildOutput { kind, name: name.into(), dest: field.clone(), ..BuildOutput::default() });
        }
        let mut output = BuildOutput::default();
        for field in &fields {
            let (key, value) = field.split_once('=').ok_or_else(|| format!("invalid value {field}"))?;
            match key.trim().to_lowercase().as_str() {
                "type" => output.name = value.to_string(),
                "dest" => output.dest = value.to_string(),
                "name" => output.tags = value.split(',').filter(|name| !name.is_empty()).map(str::to_string).collect(),
                "push" => output.push = value == "true",
                "tar" if value == "true" => {}
                key => {
                    let next = "glassbox: it knows type, dest, name and push; leave it out, or build with Docker";
                    return Err(format!("the attribute {key} of --output is not carried out\n{next}"));
                }
            }
        }
        output.settled()
    }

    fn settled(mut self) -> Result<BuildOutput, String> {
        self.kind = match self.name.as_str() {
            "" => return Err("type is required for output".into()),
            "local" if self.dest.is_empty() => return Err("dest is required for local exporter".into()),
            "local" => OutputKind::Directory,
            "tar" => OutputKind::Files,
            "docker" if self.dest.is_empty() => OutputKind::Image,
            "docker" | "oci" => OutputKind::Archive,
            "registry" => {
                self.push = true;
                OutputKind::Image
            }
            "image" => OutputKind::Image,
            "cacheonly" => OutputKind::Nothing,
            other => {
                let next = "glassbox: there are local, tar, docker, oci, image, registry and cacheonly";
                return Err(format!("failed to solve: exporter {other:?} could not be found\n{next}"));
            }
        };
        if matches!(self.kind, OutputKind::Files | OutputKind::Archive) && self.dest.is_empty() {
            self.dest = STDIN.into();
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_as_buildx_reads_them() {
        let kind = |text: &str| BuildOutput::parse(text).map(|output| (output.kind, output.dest));
        assert_eq!(kind("out"), Ok((OutputKind::Directory, "out".into())));
        assert_eq!(kind("-"), Ok((OutputKind::Files, "-".into())));
        assert_eq!(kind("type=tar"), Ok((OutputKind::Files, "-".into())));
        assert_eq!(kind("type=local,dest=a"), Ok((OutputKind::Directory, "a".into())));
        assert_eq!(kind("type=docker"), Ok((OutputKind::Image, String::new())));
        assert_eq!(kind("type=oci,dest=x.tar"), Ok((OutputKind::Archive, "x.tar".into())));
        assert!(BuildOutput::parse("type=registry,name=a/b").unwrap().push);
        assert_eq!(kind("dest=a,name=b"), Err("type is required for output".into()));
        // Without a comma all of it is a directory.
        assert_eq!(kind("dest=a"), Ok((OutputKind::Directory, "dest=a".into())));
        assert_eq!(kind("type=local"), Err("dest is required for local exporter".into()));
        assert_eq!(kind("type=local,dest"), Err("invalid value dest".into()));
        assert!(kind("type=x").unwrap_err().contains("exporter \"x\" could not be found"));
    }
}
