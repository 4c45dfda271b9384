//! Steps on registries, in words.

use super::{Call, CallWhen, Explanation, call, explanation, quoted};
use crate::model::short_digest;
use crate::registry::http::{Method, Url};
use crate::registry::{Proof, Purpose, Request};
use crate::step::{RegistryPhase, RegistryStep};

const CHAPTER: &str = "image";

pub(super) fn explain(step: &RegistryStep) -> Explanation {
    match step {
        RegistryStep::FindLogin { server, config, .. } => {
            let why = "Who you are to a registry is kept by Docker's client, in a file or by a program that the file names. The registry may \
                       let in more than everybody.";
            let calls =
                vec![call("openat", &["AT_FDCWD", &quoted(config), "…"]), call("read", &["…", "…", "…"]).when(CallWhen::IfPresent)];
            explanation(format!("Look up the login at {server}"), why, calls, &[&format!("cat {config}")], CHAPTER)
        }
        RegistryStep::SendRequest(request) => of_request(request),
    }
}

/// A connection is kept for the next request to the same server.
fn sent(request: &Request) -> Vec<Call> {
    let mut calls = vec![
        call("socket", &["…", "…", "…"]).when(CallWhen::IfMissing),
        call("connect", &["…", "…", "…"]).when(CallWhen::IfMissing),
        call("sendto", &["…", "…", "…"]).when(CallWhen::Repeated),
        call("recvfrom", &["…", "…", "…"]).when(CallWhen::Repeated),
    ];
    if let Some((_, _, path)) = request.purpose.blob() {
        calls.push(call("rename", &["…", &quoted(path)]));
    }
    calls
}

fn of_request(request: &Request) -> Explanation {
    let path = Url::parse(&request.url).map_or("", |url| url.path);
    let headline = match request.purpose.blob() {
        Some((digest, size, _)) => format!("GET the blob {}: {size} bytes", short_digest(digest)),
        None => format!("{} {path}", request.method.name()),
    };
    explanation(headline, why(&request.purpose), sent(request), &[&curl(request)], CHAPTER)
}

fn why(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Ping { .. } => {
            "Every registry answers at /v2/. If it says 401, its answer also says whom to show what (WWW-Authenticate)."
        }
        Purpose::GetToken { .. } => {
            "This registry lets in who has a token, and another server gives them away. For what everybody may fetch, everybody gets one."
        }
        Purpose::ResolveTag => {
            "A tag is a name that can lead elsewhere tomorrow. The answer's head says to which digest it leads now."
        }
        Purpose::GetManifest { chosen: false, .. } => {
            "The manifest names all that the image is made of. It may be a list instead, with a manifest for each kind of machine."
        }
        Purpose::GetManifest { chosen: true, .. } => {
            "Of the list, this is the manifest for the machine that the image is to run on."
        }
        Purpose::GetConfig { .. } => {
            "The configuration says how a container of the image runs. Its digest is the image's id, and is held against its bytes."
        }
        Purpose::GetLayer { .. } => {
            "A layer is an archive, known by the digest of its bytes: whatever answers, only these bytes are taken. Where the connection \
             breaks, the rest is asked for."
        }
    }
}

/// The same request by hand.
fn curl(request: &Request) -> String {
    let method = if request.method == Method::Head { "--head " } else { "" };
    let fields: String = request.fields.iter().map(|(name, value)| format!("-H '{name}: {value}' ")).collect();
    let proof = match &request.proof {
        Proof::None | Proof::Missing => String::new(),
        Proof::Login { user } => format!("-u {user} "),
        Proof::Token { .. } => "-H \"Authorization: Bearer $TOKEN\" ".to_string(),
    };
    let output = if request.purpose.blob().is_some() { "-o blob " } else { "" };
    format!("curl -L {output}{method}{fields}{proof}'{}'", request.url)
}

pub(super) fn phase(phase: &RegistryPhase) -> Explanation {
    let (headline, why) = match phase {
        RegistryPhase::PullImage { wanted } => {
            let why =
                "An image that is not here is fetched from the registry that its name begins with; without one that is Docker Hub.";
            (format!("Pull the image {}", wanted.name.familiar()), why)
        }
        RegistryPhase::OpenRegistry { wanted } => (
            format!("Ask whether {} is a registry", wanted.name.domain),
            "Before anything is asked for, the registry says whom it lets in.",
        ),
        RegistryPhase::OpenOtherwise { .. } => (
            "Ask again without encryption, if need be".to_string(),
            "On this machine alone, a registry may speak http: nobody is between.",
        ),
        RegistryPhase::GetToken { .. } => (
            "Get a token, if the registry wants one".to_string(),
            "What the registry wants to be shown is known from its first answer.",
        ),
        RegistryPhase::FindManifest { wanted } => (
            format!("Find the manifest of {}", wanted.name.familiar()),
            "A name leads to a manifest, and the manifest to everything else.",
        ),
        RegistryPhase::ReadManifest { .. } => (
            "Read what the name leads to".to_string(),
            "From here on all is known by its digest, and nobody can change it on the way.",
        ),
        RegistryPhase::ReadChosen { .. } => {
            ("Choose from the list, if it is one".to_string(), "One name can stand for images for many kinds of machines.")
        }
        RegistryPhase::FetchBlobs { .. } => {
            ("Fetch what is not here".to_string(), "Images share layers: what another image has brought is not fetched again.")
        }
        RegistryPhase::KeepImage { .. } => (
            "Put the image into the store".to_string(),
            "All of it is here and checked. What is missing are its files, its line in the index and its name.",
        ),
    };
    explanation(headline, why, Vec::new(), &[], CHAPTER)
}
