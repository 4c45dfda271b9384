//! Steps on registries, in words.

mod phases;

use super::{Call, CallWhen, Explanation, call, explanation, quoted};
use crate::model::short_digest;
use crate::registry::http::{Method, Url};
use crate::registry::{Proof, Purpose, Request};
use crate::step::{PasswordSource, RegistryStep};

pub(super) use phases::phase;

const CHAPTER: &str = "image";

pub(super) fn explain(step: &RegistryStep) -> Explanation {
    match step {
        RegistryStep::ReadDaemonSettings { own, docker } => {
            let why = "Mirrors of Docker Hub are asked before it, and an insecure registry may speak http or show any certificate. The \
                       first of both files counts.";
            let calls = vec![
                call("openat", &["AT_FDCWD", &quoted(own), "…"]),
                call("openat", &["AT_FDCWD", &quoted(docker), "…"]).when(CallWhen::IfMissing),
                call("read", &["…", "…", "…"]).when(CallWhen::IfPresent),
            ];
            explanation("Read daemon.json".to_string(), why, calls, &[&format!("cat {own} {docker}")], CHAPTER)
        }
        RegistryStep::FindLogin { server, config, .. } => {
            let why = "Who you are to a registry is kept by Docker's client, in a file or by a program that the file names. The registry may \
                       let in more than everybody.";
            let calls =
                vec![call("openat", &["AT_FDCWD", &quoted(config), "…"]), call("read", &["…", "…", "…"]).when(CallWhen::IfPresent)];
            explanation(format!("Look up the login at {server}"), why, calls, &[&format!("cat {config}")], CHAPTER)
        }
        RegistryStep::SendRequest(request) => of_request(request),
        RegistryStep::TakePassword { user, source } => of_password(user, *source),
        RegistryStep::KeepLogin { server, config, .. } => {
            let why = "Docker's client and Glassbox keep logins in the same file. Without a credential helper the password stands in it, in base64 \
                       and not encrypted.";
            let calls = vec![
                call("openat", &["AT_FDCWD", &quoted(config), "…"]),
                call("write", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("rename", &["…", &quoted(config)]),
            ];
            explanation(format!("Keep the login at {server}"), why, calls, &[&format!("cat {config}")], CHAPTER)
        }
        RegistryStep::DropLogin { server, config } => {
            let why = "Nobody is asked and nobody is told: what is forgotten is what this machine keeps.";
            let calls =
                vec![call("openat", &["AT_FDCWD", &quoted(config), "…"]), call("rename", &["…", "…"]).when(CallWhen::IfPresent)];
            explanation(format!("Forget the login at {server}"), why, calls, &[&format!("cat {config}")], CHAPTER)
        }
        RegistryStep::ReadStoredManifest { path, manifest } => {
            let why =
                "It names the configuration and the layers: all of it has to be at the registry before the name can lead there.";
            let calls = vec![call("openat", &["AT_FDCWD", &quoted(path), "…"]), call("read", &["…", "…", "…"])];
            explanation(
                format!("Read the manifest {}", short_digest(&manifest.digest)),
                why,
                calls,
                &[&format!("cat {path}")],
                CHAPTER,
            )
        }
        RegistryStep::CompressLayer { diff_id, path } => {
            let why = "A layer that was made here is kept as it was packed. Compressed it is another blob with another digest; the layer is the \
                       same, by its diff id.";
            let calls = vec![
                call("openat", &["AT_FDCWD", &quoted(path), "…"]),
                call("write", &["…", "…", "…"]).when(CallWhen::Repeated),
                call("rename", &["…", "…"]).when(CallWhen::IfPresent),
            ];
            explanation(
                format!("Compress the layer {}", short_digest(diff_id)),
                why,
                calls,
                &[&format!("gzip -c {path} | wc -c")],
                CHAPTER,
            )
        }
    }
}

fn of_password(user: &str, source: PasswordSource) -> Explanation {
    let why = "The registry is shown it before it is kept. It stands in no step and in no recording.";
    let calls = vec![call("read", &["0", "…", "…"]).when(CallWhen::Repeated)];
    let look = match source {
        PasswordSource::Stdin => "glassbox login -u NAME --password-stdin < FILE",
        PasswordSource::Command => "history",
        PasswordSource::Terminal => "stty -a",
    };
    let headline = match (source, user) {
        (_, "") => "Ask for name and password".to_string(),
        (PasswordSource::Terminal, user) => format!("Ask for the password of {user}"),
        (_, user) => format!("Take the password of {user}"),
    };
    explanation(headline, why, calls, &[look], CHAPTER)
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
        None => match &request.purpose {
            Purpose::PutBlob { digest, size, .. } => format!("PUT the blob {}: {size} bytes", short_digest(digest)),
            _ => format!("{} {path}", request.method.name()),
        },
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
        Purpose::ListTags { .. } => "Which tags a repository has, the registry alone knows.",
        Purpose::ResolveTag => {
            "A tag is a name that can lead elsewhere tomorrow. The answer's head says to which digest it leads now."
        }
        Purpose::GetManifest { chosen: false, .. } => {
            "The manifest names all that the image is made of. It may be a list instead, with a manifest for each kind of machine."
        }
        Purpose::GetManifest { chosen: true, .. } => {
            "Of the list, this is the manifest for the machine that the image is to run on."
        }
        Purpose::LogIn => "Whether the registry takes the name and the password is known from this answer alone.",
        Purpose::HasBlob { .. } => "Images share layers, at a registry too: what is there is not sent again.",
        Purpose::StartUpload { .. } => {
            "The registry says where the blob can be sent to (Location). Of a blob that it has in another repository it may take that."
        }
        Purpose::PutBlob { .. } => {
            "The bytes, and under which digest they are to be kept: the registry holds one against the other."
        }
        Purpose::PutManifest { .. } => "With it the tag leads to the image. It is taken when all that it names is there.",
        Purpose::GetConfig { .. } => {
            "The configuration says how a container of the image runs. Its digest is the image's id, and is held against its bytes."
        }
        Purpose::GetCache { .. } => {
            "The keys of all results stand in this document. It is held against its digest and read, and the layers stay where they are."
        }
        Purpose::GetLayer { .. } => {
            "A layer is an archive, known by the digest of its bytes: whatever answers, only these bytes are taken. Where the connection \
             breaks, the rest is asked for."
        }
    }
}

/// The same request by hand.
fn curl(request: &Request) -> String {
    let method = match request.method {
        Method::Get => String::new(),
        Method::Head => "--head ".to_string(),
        method => format!("-X {} ", method.name()),
    };
    let fields: String = request.fields.iter().map(|(name, value)| format!("-H '{name}: {value}' ")).collect();
    let proof = match &request.proof {
        Proof::None | Proof::Missing => String::new(),
        Proof::Login { user } => format!("-u {user} "),
        Proof::Token { .. } => "-H \"Authorization: Bearer $TOKEN\" ".to_string(),
    };
    let output = match &request.purpose {
        Purpose::PutBlob { path, .. } => format!("--data-binary @{path} "),
        Purpose::PutManifest { .. } => "--data-binary @manifest.json ".to_string(),
        purpose if purpose.blob().is_some() => "-o blob ".to_string(),
        _ => String::new(),
    };
    let insecure = if request.reach.insecure { "--insecure " } else { "" };
    format!("curl -L {insecure}{output}{method}{fields}{proof}'{}'", request.url)
}
