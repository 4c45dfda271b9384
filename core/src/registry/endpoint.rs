//! Which URLs a registry is asked at, and under which name its login is kept.

use super::Settings;
use super::http::Url;
use crate::reference::DEFAULT_DOMAIN;

/// Docker Hub's registry: dockerd's `registry.DefaultV2Registry`.
pub const HUB: &str = "https://registry-1.docker.io";
/// Under this name Docker's `config.json` keeps the login of Docker Hub.
pub const HUB_LOGIN: &str = "https://index.docker.io/v1/";

/// Where the registry of an image's name may answer, in the order in which it is asked: https, and of an insecure one also http.
pub fn bases(domain: &str, settings: &Settings) -> Vec<String> {
    match domain {
        DEFAULT_DOMAIN => vec![HUB.to_string()],
        _ if settings.is_insecure(domain) => vec![format!("https://{domain}"), format!("http://{domain}")],
        _ => vec![format!("https://{domain}")],
    }
}

/// Under which name a login at this registry is kept.
pub fn login_name(domain: &str) -> &str {
    if domain == DEFAULT_DOMAIN { HUB_LOGIN } else { domain }
}

/// It is a name or an address of this machine.
pub fn is_local(authority: &str) -> bool {
    let whole = format!("http://{authority}/");
    let Some(url) = Url::parse(&whole) else { return false };
    let host = url.host();
    host == "localhost" || host == "[::1]" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_this_machine_and_for_registries_that_are_named() {
        let of = |domain: &str| bases(domain, &Settings { insecure: vec!["named.example".into()], ..Settings::default() });
        assert_eq!(of("docker.io"), ["https://registry-1.docker.io"]);
        assert_eq!(of("ghcr.io"), ["https://ghcr.io"]);
        assert_eq!(of("127.0.0.1:5000"), ["https://127.0.0.1:5000", "http://127.0.0.1:5000"]);
        assert_eq!(of("named.example"), ["https://named.example", "http://named.example"]);
        assert!(is_local("localhost:5000") && is_local("[::1]:5000") && is_local("127.9.9.9"));
        assert!(!is_local("localhost.example:5000") && !is_local("128.0.0.1") && !is_local("127.0.0.1.example"));
    }
}
