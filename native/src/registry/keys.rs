//! What shows who asks: the login of Docker's `config.json`, or of the program that keeps it, and the tokens of this command.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::process::{Command, Stdio};

use glassbox_core::model::Account;
use glassbox_core::registry::http::{Method, escaped};
use glassbox_core::registry::logins::{self, CONFIG_BYTES_MAX, Login, Place};
use glassbox_core::registry::{Proof, Purpose, Request, Secret, base64};

/// A longer password is none.
pub(super) const PASSWORD_BYTES_MAX: u64 = 64 << 10;
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// A longer answer of a credential helper is not read.
const HELPER_BYTES_MAX: u64 = 1 << 20;

/// Secrets, as long as the command lasts.
#[derive(Clone, Default)]
pub struct Keys {
    login: Option<Login>,
    tokens: BTreeMap<String, Secret>,
}

impl Keys {
    /// Looks up who the caller is.
    pub fn find(&mut self, server: &str, config: &str) -> Result<Option<Account>, String> {
        let read = match read_config(config) {
            Ok(read) => read,
            Err(why) => {
                // As Docker's client: told, and gone on without.
                crate::engine::say(&logins::warning(config, &why));
                return Ok(None);
            }
        };
        self.login = match logins::find(&read, server)? {
            Place::Nowhere => None,
            Place::Written(login) => Some(login),
            Place::Helper(word) => logins::of_helper(&helper(&word, "get", server)?)
                .map_err(|why| format!("error getting credentials - err: {why}"))?,
        };
        Ok(self.login.as_ref().map(|login| Account { user: login.user.clone(), is_token: login.is_token }))
    }

    /// Takes a password: the one that was given, or a line of stdin.
    pub fn take(&mut self, user: &str, given: Option<&str>) -> Result<Account, String> {
        let password = match given {
            Some(given) => given.to_string(),
            None => {
                let mut text = String::new();
                let read = std::io::stdin().lock().take(PASSWORD_BYTES_MAX + 1).read_to_string(&mut text);
                read.map_err(|error| format!("read the password: {error}"))?;
                if text.len() as u64 > PASSWORD_BYTES_MAX {
                    return Err(format!("the password is longer than {PASSWORD_BYTES_MAX} bytes (PASSWORD_BYTES_MAX)"));
                }
                text.trim_end_matches(['\n', '\r']).to_string()
            }
        };
        if password.is_empty() {
            return Err("Error: Cannot perform an interactive login from a non TTY device".to_string());
        }
        self.login = Some(Login { user: user.to_string(), password, is_token: false });
        Ok(Account { user: user.to_string(), is_token: false })
    }

    /// Keeps the login that was taken.
    pub fn keep(&self, server: &str, config: &str) -> Result<String, String> {
        let Some(login) = &self.login else { return Err("there is no password to keep".to_string()) };
        let read = read_config(config)?;
        if let Some(word) = logins::helper_of(&read, server) {
            helper(&word, "store", &logins::for_helper(server, login))?;
            write_config(config, &logins::with_helper(&read, server))?;
            return Ok(String::new());
        }
        write_config(config, &logins::with_login(&read, server, login))?;
        Ok(logins::unencrypted(config))
    }

    /// A token was given.
    pub fn grant(&mut self, scope: &str, token: Secret) {
        self.tokens.insert(scope.to_string(), token);
    }

    /// What goes into `Authorization`, and the form that is sent with it.
    pub fn of(&self, request: &Request) -> (Option<String>, Option<String>) {
        match (&request.proof, &self.login) {
            (Proof::Token { scope }, _) => (self.tokens.get(scope).map(|token| format!("Bearer {}", token.0)), None),
            (Proof::Login { .. }, Some(login)) if login.is_token => (None, form(request, login)),
            (Proof::Login { .. }, Some(login)) => {
                let pair = format!("{}:{}", login.user, login.password);
                (Some(format!("Basic {}", base64::encode(pair.as_bytes()))), None)
            }
            _ => (None, None),
        }
    }
}

/// An identity token is exchanged for one that the registry takes (OAuth 2, RFC 6749, 6).
fn form(request: &Request, login: &Login) -> Option<String> {
    let Purpose::GetToken { scope, service, .. } = &request.purpose else { return None };
    let fields = [
        ("client_id", "docker"),
        ("grant_type", "refresh_token"),
        ("refresh_token", &login.password),
        ("scope", scope),
        ("service", service),
    ];
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    (request.method == Method::Post).then(|| pairs.join("&"))
}

/// Forgets what is kept for a registry.
pub fn forget(server: &str, config: &str) -> Result<(), String> {
    let read = read_config(config)?;
    if let Some(word) = logins::helper_of(&read, server) {
        helper(&word, "erase", server)?;
    }
    logins::without(&read, server).map_or(Ok(()), |text| write_config(config, &text))
}

/// Beside its place, readable by its owner alone, and there by rename(2).
fn write_config(path: &str, text: &str) -> Result<(), String> {
    // A link to the file stays one.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let failed = |error: std::io::Error| format!("write {}: {}", path.display(), error.to_string().to_lowercase());
    let directory = path.parent().unwrap_or(std::path::Path::new("/"));
    std::fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory).map_err(failed)?;
    let part = directory.join(format!(".config.json.{}", std::process::id()));
    let written = std::fs::OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&part).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        std::fs::rename(&part, &path)
    });
    written.map_err(|error| {
        let _ = std::fs::remove_file(&part);
        failed(error)
    })
}

/// A file that is not there is an empty one.
fn read_config(path: &str) -> Result<serde_json::Value, String> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => {
            file.take(CONFIG_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
        Err(error) => return Err(format!("open {path}: {}", error.to_string().to_lowercase())),
    }
    logins::read(&bytes)
}

/// Runs `docker-credential-WORD ACTION`: what it is about goes to its stdin, and it answers on stdout.
fn helper(word: &str, action: &str, input: &str) -> Result<Vec<u8>, String> {
    let program = format!("docker-credential-{word}");
    if word.contains('/') {
        return Err(logins::helper_missing(word));
    }
    let spawned = Command::new(&program).arg(action).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        ErrorKind::NotFound => logins::helper_missing(word),
        _ => format!("error getting credentials - err: {program}: {error}"),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that reads nothing has its reason.
        let _ = stdin.write_all(input.as_bytes());
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let _ = stdout.take(HELPER_BYTES_MAX).read_to_end(&mut answer);
    }
    let status = child.wait().map_err(|error| format!("error getting credentials - err: {program}: {error}"))?;
    let shown = String::from_utf8_lossy(&answer).trim().to_string();
    match status.success() || shown == "credentials not found in native keychain" {
        true => Ok(answer),
        false => Err(format!("error getting credentials - err: {status}, out: `{shown}`").replace("exit status: ", "exit status ")),
    }
}
