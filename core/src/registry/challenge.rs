//! `WWW-Authenticate`: how a registry wants to be shown who asks (RFC 9110, 11.6.1; RFC 6750, 3).

use serde::{Deserialize, Serialize};

use super::http::{Head, escaped};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Challenge {
    /// User and password with every request (RFC 7617).
    Basic,
    /// A token from another server (distribution specification, token authentication).
    Bearer {
        /// Where to ask for it: `https://auth.docker.io/token`.
        realm: String,
        /// For whom: `registry.docker.io`.
        service: String,
    },
}

/// One scheme with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scheme {
    /// In small letters.
    pub name: String,
    /// Names in small letters, and values.
    pub parameters: Vec<(String, String)>,
}

impl Scheme {
    /// A parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Challenge {
    /// What an answer with status 401 asks for; `None`: nothing that could be given.
    pub fn of(head: &Head) -> Option<Challenge> {
        let schemes: Vec<Scheme> = schemes(head);
        let bearer = schemes.iter().find(|scheme| scheme.name == "bearer").and_then(|scheme| {
            let realm = scheme.parameter("realm")?.to_string();
            super::http::Url::parse(&realm)?;
            Some(Challenge::Bearer { realm, service: scheme.parameter("service").unwrap_or_default().to_string() })
        });
        bearer.or_else(|| schemes.iter().any(|scheme| scheme.name == "basic").then_some(Challenge::Basic))
    }

    /// Where to ask for a token for this scope, as dockerd's client writes it.
    pub fn token_url(realm: &str, service: &str, user: Option<&str>, scope: Option<&str>) -> String {
        let mut query: Vec<String> = Vec::new();
        query.extend(user.map(|user| format!("account={}", escaped(user))));
        query.extend(scope.map(|scope| format!("scope={}", escaped(scope))));
        query.extend((!service.is_empty()).then(|| format!("service={}", escaped(service))));
        let mark = if realm.contains('?') { '&' } else { '?' };
        format!("{realm}{mark}{}", query.join("&"))
    }
}

/// All schemes that an answer names.
pub fn schemes(head: &Head) -> Vec<Scheme> {
    let fields = head.fields.iter().filter(|(name, _)| name == "www-authenticate");
    fields.flat_map(|(_, value)| split(value)).collect()
}

/// Schemes and their parameters: a word without `=` begins a scheme. Quoted values may hold commas and escaped quotes.
fn split(text: &str) -> Vec<Scheme> {
    let mut all: Vec<Scheme> = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find([' ', '=', ',']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        match (after.strip_prefix('='), all.last_mut()) {
            (Some(value), Some(scheme)) => {
                let (value, left) = value_of(value);
                scheme.parameters.push((word.to_lowercase(), value));
                rest = left;
            }
            (Some(_), None) => return all,
            (None, _) => {
                if !word.is_empty() {
                    all.push(Scheme { name: word.to_lowercase(), parameters: Vec::new() });
                }
                rest = after;
            }
        }
        rest = rest.trim_start_matches([' ', ',', '\t']);
    }
    all
}

fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return (text[..end].to_string(), &text[end..]);
    };
    let (mut value, mut escape) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            '\\' if !escape => escape = true,
            '"' if !escape => return (value, &quoted[at + 1..]),
            letter => {
                escape = false;
                value.push(letter);
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Option<Challenge> {
        Challenge::of(&Head::of(401, &[("WWW-Authenticate", value)]))
    }

    #[test]
    fn what_registries_ask_for_is_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a:b:pull,push""#;
        let wanted = Challenge::Bearer { realm: "https://auth.docker.io/token".into(), service: "registry.docker.io".into() };
        assert_eq!(of(hub), Some(wanted));
        assert_eq!(of(r#"Basic realm="basic-realm""#), Some(Challenge::Basic));
        assert_eq!(of(r#"Bearer realm="file:///etc/passwd""#), None);
        assert_eq!(of("Negotiate"), None);
        assert_eq!(of(r#"=x, "#), None);
        let url = Challenge::token_url("https://a/token", "s", Some("ann"), Some("repository:a:pull"));
        assert_eq!(url, "https://a/token?account=ann&scope=repository%3Aa%3Apull&service=s");
    }
}
