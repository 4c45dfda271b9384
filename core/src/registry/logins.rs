//! Docker's `config.json`: where logins are kept (docker/cli: `cli/config`). Text in, values out.

use serde_json::{Value, json};

use super::base64;
use super::endpoint::HUB_LOGIN;

/// A longer file is not read.
pub const CONFIG_BYTES_MAX: usize = 4 << 20;

/// Where the login of a registry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A program has it: `docker-credential-` and this word (`credHelpers`, `credsStore`).
    Helper(String),
    /// It stands in the file.
    Written(Login),
    /// Nowhere.
    Nowhere,
}

/// A login.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password; of an identity token, the token.
    pub password: String,
    /// It is an identity token.
    pub is_token: bool,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Login({}, ***)", self.user)
    }
}

/// The file as JSON; an empty one is `{}`.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    if bytes.len() > CONFIG_BYTES_MAX {
        return Err(format!("it has more than {CONFIG_BYTES_MAX} bytes (CONFIG_BYTES_MAX)"));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if value.is_object() { Ok(value) } else { Err("it is no object".to_string()) }
}

/// The program that keeps the login for this server, if one does.
pub fn helper_of(config: &Value, server: &str) -> Option<String> {
    let word = |value: Option<&Value>| value.and_then(Value::as_str).filter(|word| !word.is_empty()).map(str::to_string);
    word(config.get("credHelpers").and_then(|all| all.get(server))).or_else(|| word(config.get("credsStore")))
}

/// What such a program is given to keep.
pub fn for_helper(server: &str, login: &Login) -> String {
    let user = if login.is_token { "<token>" } else { &login.user };
    json!({ "ServerURL": server, "Username": user, "Secret": login.password }).to_string()
}

/// What Docker's client says of a password in a file.
pub fn unencrypted(config: &str) -> String {
    let what = format!("WARNING! Your credentials are stored unencrypted in '{config}'.");
    format!("\n{what}\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n")
}

/// Where the login for this server is kept.
pub fn find(config: &Value, server: &str) -> Result<Place, String> {
    if let Some(word) = helper_of(config, server) {
        return Ok(Place::Helper(word));
    }
    let all = config.get("auths").and_then(Value::as_object);
    let same = |name: &&String| name.as_str() == server || host_of(name) == host_of(server);
    let exact = all.and_then(|all| all.get(server));
    let found = exact.or_else(|| all.and_then(|all| all.keys().find(same).and_then(|name| all.get(name))));
    let Some(entry) = found else { return Ok(Place::Nowhere) };
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
    let (mut user, mut password) = (text("username"), text("password"));
    if let Some(pair) = Some(text("auth")).filter(|pair| !pair.is_empty()) {
        let decoded = base64::decode(&pair).and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.ok_or_else(|| format!("the entry auth of {server} is no base64"))?;
        let (name, secret) = pair.split_once(':').ok_or_else(|| format!("the entry auth of {server} has no colon"))?;
        (user, password) = (name.to_string(), secret.trim_end_matches('\0').to_string());
    }
    let token = text("identitytoken");
    Ok(match () {
        () if !token.is_empty() => Place::Written(Login { user, password: token, is_token: true }),
        () if user.is_empty() && password.is_empty() => Place::Nowhere,
        () => Place::Written(Login { user, password, is_token: false }),
    })
}

/// `https://index.docker.io/v1/` → `index.docker.io`
fn host_of(name: &str) -> &str {
    if name == HUB_LOGIN {
        return "index.docker.io";
    }
    let rest = name.trim_start_matches("https://").trim_start_matches("http://");
    rest.split('/').next().unwrap_or(rest)
}

/// The file with this login in it.
pub fn with_login(config: &Value, server: &str, login: &Login) -> String {
    let mut config = config.clone();
    let entry = match login.is_token {
        true => json!({ "auth": base64::encode(format!("{}:", login.user).as_bytes()), "identitytoken": login.password }),
        false => json!({ "auth": base64::encode(format!("{}:{}", login.user, login.password).as_bytes()) }),
    };
    put(&mut config, server, Some(entry));
    written(&config)
}

/// The file with an entry that says that a helper has the login.
pub fn with_helper(config: &Value, server: &str) -> String {
    let mut config = config.clone();
    put(&mut config, server, Some(json!({})));
    written(&config)
}

/// The file without the login; `None`: it has none.
pub fn without(config: &Value, server: &str) -> Option<String> {
    let mut config = config.clone();
    config.get("auths")?.get(server)?;
    put(&mut config, server, None);
    Some(written(&config))
}

fn put(config: &mut Value, server: &str, entry: Option<Value>) {
    let Some(object) = config.as_object_mut() else { return };
    let all = object.entry("auths").or_insert_with(|| json!({}));
    if !all.is_object() {
        *all = json!({});
    }
    let Some(all) = all.as_object_mut() else { return };
    match entry {
        Some(entry) => drop(all.insert(server.to_string(), entry)),
        None => drop(all.shift_remove(server)),
    }
}

/// With tabs, as Docker's client writes it.
fn written(config: &Value) -> String {
    use serde::Serialize;
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut text, serde_json::ser::PrettyFormatter::with_indent(b"\t"));
    let _ = config.serialize(&mut writer);
    String::from_utf8_lossy(&text).into_owned()
}

/// What Docker's client says of a file that it cannot read; it goes on without.
pub fn warning(path: &str, why: &str) -> String {
    format!("WARNING: Error loading config file: {path}: {why}\n")
}

/// What it says of a program that is not there.
pub fn helper_missing(word: &str) -> String {
    format!("error getting credentials - err: exec: \"docker-credential-{word}\": executable file not found in $PATH, out: ``")
}

/// What a credential helper answers to `get` (docker-credential-helpers, client/command.go).
pub fn of_helper(answer: &[u8]) -> Result<Option<Login>, String> {
    let text = String::from_utf8_lossy(answer);
    if text.trim() == "credentials not found in native keychain" {
        return Ok(None);
    }
    let value: Value = serde_json::from_str(&text).map_err(|error| format!("its answer cannot be read: {error}"))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
    let (user, password) = (text("Username"), text("Secret"));
    let is_token = user == "<token>";
    Ok((!password.is_empty()).then(|| Login { user: if is_token { String::new() } else { user }, password, is_token }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_found_where_docker_keeps_them() {
        let config = read(
            br#"{"auths":{"https://index.docker.io/v1/":{"auth":"YW5uOnNlY3JldA=="},"r:5000":{"identitytoken":"t"}},
            "credHelpers":{"h.example":"pass"}}"#,
        )
        .unwrap();
        let login = |user: &str, password: &str, is_token| Login { user: user.into(), password: password.into(), is_token };
        assert_eq!(find(&config, HUB_LOGIN), Ok(Place::Written(login("ann", "secret", false))));
        assert_eq!(find(&config, "r:5000"), Ok(Place::Written(login("", "t", true))));
        assert_eq!(find(&config, "h.example"), Ok(Place::Helper("pass".into())));
        assert_eq!(find(&config, "other"), Ok(Place::Nowhere));
        assert!(find(&read(br#"{"auths":{"a":{"auth":"!"}}}"#).unwrap(), "a").is_err());
        assert_eq!(format!("{:?}", login("ann", "secret", false)), "Login(ann, ***)");
    }

    #[test]
    fn a_login_is_written_as_docker_writes_it() {
        let config = read(br#"{"auths":{"a":{"auth":"x"}},"HttpHeaders":{}}"#).unwrap();
        let text = with_login(&config, "b", &Login { user: "ann".into(), password: "secret".into(), is_token: false });
        let wanted = "{\n\t\"auths\": {\n\t\t\"a\": {\n\t\t\t\"auth\": \"x\"\n\t\t},\n\t\t\"b\": {\n\t\t\t\"auth\": \"YW5uOnNlY3JldA==\"\n\t\t}\n\t},\n\t\"HttpHeaders\": {}\n}";
        assert_eq!(text, wanted);
        let read_again = read(text.as_bytes()).unwrap();
        assert!(without(&read_again, "b").unwrap().find("YW5u").is_none());
        assert_eq!(without(&read_again, "c"), None);
        assert!(read(b"[]").is_err() && read(b" ").is_ok());
    }

    #[test]
    fn a_helper_that_knows_nothing_is_no_error() {
        assert_eq!(of_helper(b"credentials not found in native keychain\n"), Ok(None));
        assert_eq!(of_helper(br#"{"ServerURL":"a","Username":"u","Secret":"s"}"#).unwrap().unwrap().user, "u");
        assert!(of_helper(br#"{"Username":"<token>","Secret":"s"}"#).unwrap().unwrap().is_token);
        assert!(of_helper(b"oops").is_err());
    }
}
