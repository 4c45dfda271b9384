//! `build --secret` and `--ssh`: what a `RUN --mount` may ask for by its id.
//!
//! A secret's value is read with the command line, as all files of the caller are, and goes nowhere else: not into a plan, a record, a
//! recording or a debugger's text. Sources: buildx's reference of `build`; its words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::values::fields;
use crate::errno::Errno;

/// BuildKit takes no longer secret.
const SECRET_BYTES_MAX: usize = 500 << 10;
const AGENT: &str = "SSH_AUTH_SOCK";

/// `--secret`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSecret {
    /// By which a mount asks for it.
    pub id: String,
    /// Where it is.
    pub source: SecretSource,
    /// What it is, once it was read.
    #[serde(skip)]
    pub value: Hidden,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretSource {
    /// In a file of the caller's.
    File(String),
    /// In a variable of hers.
    Variable(String),
}

impl Default for SecretSource {
    fn default() -> SecretSource {
        SecretSource::File(String::new())
    }
}

/// Bytes that no text shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(Vec<u8>);

impl Hidden {
    /// What is hidden.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Hidden")
    }
}

/// `--ssh`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildAgent {
    /// By which a mount asks for it.
    pub id: String,
    /// The agent's socket: absolute once it is known.
    pub socket: String,
}

/// The variable that has a secret; `None`: there is no such secret.
pub fn secret_variable(name: &str, id: &str, known: &[BuildSecret]) -> Option<String> {
    let secret = known.iter().find(|secret| secret.id == id)?;
    Some(format!("{name}={}", String::from_utf8_lossy(secret.value.bytes())))
}

impl super::Command {
    /// What a build was given of secrets; another command has none.
    pub fn secrets(&self) -> &[BuildSecret] {
        match self {
            super::Command::BuildImage(build) => &build.secrets,
            _ => &[],
        }
    }
}

/// `id=x,src=FILE`, `id=x,env=NAME`; what stands for neither is both: a variable with the id's name, or a file.
pub(super) fn secret(text: &str) -> Result<BuildSecret, String> {
    let (mut id, mut file, mut variable, mut kind) = (String::new(), String::new(), String::new(), String::new());
    for field in fields(text).map_err(|why| format!("failed to parse csv secret: {why}"))? {
        let Some((key, value)) = field.split_once('=') else {
            return Err(format!("invalid field '{field}' must be a key=value pair"));
        };
        let value = value.to_string();
        match key.to_lowercase().as_str() {
            "type" if !["file", "env"].contains(&value.as_str()) => return Err(format!("unsupported secret type {value:?}")),
            "type" => kind = value,
            "id" => id = value,
            "source" | "src" => file = value,
            "env" => variable = value,
            key => return Err(format!("unexpected key '{key}' in '{field}'")),
        }
    }
    if kind == "env" && variable.is_empty() {
        variable = std::mem::take(&mut file);
    }
    let source = if variable.is_empty() { SecretSource::File(file) } else { SecretSource::Variable(variable) };
    Ok(BuildSecret { id, source, value: Hidden::default() })
}

/// `default`, `default=SOCKET`.
pub(super) fn agent(text: &str) -> BuildAgent {
    let (id, socket) = text.split_once('=').unwrap_or((text, ""));
    BuildAgent { id: id.to_string(), socket: socket.to_string() }
}

impl BuildSecret {
    pub(super) fn read(
        &mut self,
        environment: &BTreeMap<String, String>,
        read: &dyn Fn(&str) -> Result<Vec<u8>, Errno>,
    ) -> Result<(), String> {
        if self.source == SecretSource::default() {
            let id = self.id.clone();
            let is_variable = environment.contains_key(&id);
            self.source = if is_variable { SecretSource::Variable(id) } else { SecretSource::File(id) };
        }
        let bytes = match &self.source {
            SecretSource::Variable(name) => environment.get(name).cloned().unwrap_or_default().into_bytes(),
            SecretSource::File(path) => read(path).map_err(|errno| {
                let sentence = errno.sentence().to_lowercase();
                let id = if self.id.is_empty() { path } else { &self.id };
                format!(
                    "ERROR: failed to build: failed to stat {path}: stat {path}: {sentence}\n\
                     glassbox: the secret {id:?} is read from there: --secret id={id},src=FILE or id={id},env=NAME"
                )
            })?,
        };
        if bytes.len() > SECRET_BYTES_MAX {
            return Err(format!("ERROR: failed to build: secret {} too big. max size 500KB", self.id));
        }
        self.value = Hidden(bytes);
        Ok(())
    }
}

impl BuildAgent {
    pub(super) fn find(&mut self, environment: &BTreeMap<String, String>) -> Result<(), String> {
        if !self.socket.is_empty() {
            return Ok(());
        }
        let refuse = || {
            let what = "ERROR: failed to build: invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set";
            format!("{what}\nglassbox: start an agent with: eval $(ssh-agent) && ssh-add")
        };
        self.socket = environment.get(AGENT).filter(|socket| !socket.is_empty()).cloned().ok_or_else(refuse)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_as_buildx_reads_them() {
        let file = |path: &str| if path == "f" { Ok(b"x".to_vec()) } else { Err(Errno::ENOENT) };
        let environment = BTreeMap::from([("NAME".to_string(), "y".to_string())]);
        let value = |text: &str| {
            let mut found = secret(text)?;
            found.read(&environment, &file)?;
            Ok::<String, String>(String::from_utf8_lossy(found.value.bytes()).into_owned())
        };
        assert_eq!(value("id=a,src=f"), Ok("x".to_string()));
        assert_eq!(value("id=a,env=NAME"), Ok("y".to_string()));
        assert_eq!(value("type=env,id=a,src=NAME"), Ok("y".to_string()));
        assert_eq!((value("id=NAME"), value("id=f")), (Ok("y".to_string()), Ok("x".to_string())));
        assert!(value("id=a,src=g").unwrap_err().contains("failed to stat g: stat g: no such file or directory"));
        assert_eq!(value("id"), Err("invalid field 'id' must be a key=value pair".to_string()));
        assert_eq!(value("id=a,foo=b"), Err("unexpected key 'foo' in 'foo=b'".to_string()));
    }

    #[test]
    fn a_secret_is_shown_nowhere() {
        let shown = BuildSecret { id: "a".into(), source: SecretSource::default(), value: Hidden(b"hush".to_vec()) };
        assert!(!format!("{shown:?}").contains("hush"));
        assert!(!serde_json::to_string(&shown).unwrap().contains("hush"));
    }
}
