//! Composite steps on registries in words.

use super::super::{Explanation, explanation};
use super::CHAPTER;
use crate::model::short_digest;
use crate::registry::http::Url;
use crate::step::RegistryPhase;

pub(in crate::explain) fn phase(phase: &RegistryPhase) -> Explanation {
    explanation(headline(phase), why(phase), Vec::new(), &[], CHAPTER)
}

fn headline(phase: &RegistryPhase) -> String {
    match phase {
        RegistryPhase::PullImage { wanted } => format!("Pull the image {}", wanted.name.familiar()),
        RegistryPhase::AskRegistries { .. } => "Ask whoever may have it".into(),
        RegistryPhase::AskRegistry { mirror: Some(mirror), .. } => {
            format!("Ask the mirror {}", Url::parse(mirror).map_or(mirror.as_str(), |url| url.authority))
        }
        RegistryPhase::AskRegistry { mirror: None, .. } => "Ask Docker Hub, if no mirror has it".into(),
        RegistryPhase::PullRepository { wanted } => format!("Pull all images of {}", wanted.name.familiar()),
        RegistryPhase::ListTags { .. } => "Ask which tags there are".into(),
        RegistryPhase::PullTags { .. } => "Pull each of them".into(),
        RegistryPhase::OpenRegistry { visit } => format!("Ask whether {} is a registry", visit.domain),
        RegistryPhase::OpenOtherwise { .. } => "Ask again without encryption, if need be".into(),
        RegistryPhase::GetToken { .. } => "Get a token, if the registry wants one".into(),
        RegistryPhase::FindManifest { wanted } => format!("Find the manifest of {}", wanted.name.familiar()),
        RegistryPhase::ReadManifest { .. } => "Read what the name leads to".into(),
        RegistryPhase::ReadChosen { .. } => "Choose from the list, if it is one".into(),
        RegistryPhase::FetchBlobs { .. } => "Fetch what is not here".into(),
        RegistryPhase::KeepImage { .. } => "Put the image into the store".into(),
        RegistryPhase::ReadSharedCache { .. } => "Read which results the cache has".into(),
        RegistryPhase::FetchCached { blob, .. } => format!("Fetch the layer {} of the cache", short_digest(&blob.digest)),
        RegistryPhase::PushImage { pushed } => format!("Push the image {}", pushed.name.familiar()),
        RegistryPhase::SendBlobs { .. } => "Send what is not there".into(),
        RegistryPhase::AskBlobs { .. } => "Ask which blobs are there".into(),
        RegistryPhase::StartBlobs { .. } => "Ask where to send the others".into(),
        RegistryPhase::PutBlobs { .. } => "Send them there".into(),
        RegistryPhase::SendManifest { pushed } => format!("Let {} lead to it", pushed.name.familiar()),
        RegistryPhase::LogIn { visit, .. } => format!("Log in at {}", visit.domain),
        RegistryPhase::ShowLogin { .. } => "Show the password to the registry".into(),
    }
}

fn why(phase: &RegistryPhase) -> &'static str {
    match phase {
        RegistryPhase::PullImage { .. } => {
            "An image that is not here is fetched from the registry that its name begins with; without one that is Docker Hub."
        }
        RegistryPhase::AskRegistries { .. } => {
            "That is the registry that the name begins with. Docker Hub can have mirrors, and they are asked first."
        }
        RegistryPhase::AskRegistry { mirror: Some(_), .. } => {
            "A mirror keeps copies of what Docker Hub has. Where it fails, the next one is asked."
        }
        RegistryPhase::AskRegistry { mirror: None, .. } => "What the mirrors have given need not be asked for.",
        RegistryPhase::PullRepository { .. } => {
            "Of a name without a tag, all images are wanted: the registry is asked which tags it has."
        }
        RegistryPhase::ListTags { .. } => "Tags are names at the registry: they come and go there.",
        RegistryPhase::PullTags { .. } => "Each tag leads to an image; images share layers, and those come once.",
        RegistryPhase::OpenRegistry { .. } => "Before anything is asked for, the registry says whom it lets in.",
        RegistryPhase::OpenOtherwise { .. } => {
            "An insecure registry may speak http: one on this machine, or one that daemon.json names."
        }
        RegistryPhase::GetToken { .. } => "What the registry wants to be shown is known from its first answer.",
        RegistryPhase::FindManifest { .. } => "A name leads to a manifest, and the manifest to everything else.",
        RegistryPhase::ReadManifest { .. } => "From here on all is known by its digest, and nobody can change it on the way.",
        RegistryPhase::ReadChosen { .. } => "One name can stand for images for many kinds of machines.",
        RegistryPhase::FetchBlobs { .. } => "Images share layers: what another image has brought is not fetched again.",
        RegistryPhase::KeepImage { .. } => {
            "All of it is here and checked. What is missing are its files, its line in the index and its name."
        }
        RegistryPhase::ReadSharedCache { .. } => {
            "The image's configuration brings them: what each depends on, and which layer it is."
        }
        RegistryPhase::FetchCached { .. } => "A layer of a cache is fetched when an instruction comes to it, and not before.",
        RegistryPhase::PushImage { .. } => {
            "What an image is made of goes to the registry that its name begins with, and the name with it."
        }
        RegistryPhase::SendBlobs { .. } => {
            "First the blobs, then the manifest: at no moment does the name lead to something half there."
        }
        RegistryPhase::AskBlobs { .. } => "Images share layers, at a registry too: it may have some of them.",
        RegistryPhase::StartBlobs { .. } => "Where a blob goes is the registry's affair: it gives a URL for each.",
        RegistryPhase::PutBlobs { .. } => "Nothing is sent of what the registry has, or has taken from another repository.",
        RegistryPhase::SendManifest { .. } => "All blobs are there: the manifest puts them together, and the tag names it.",
        RegistryPhase::LogIn { .. } => {
            "There is no session: what is kept is the password, and it is shown again with every errand."
        }
        RegistryPhase::ShowLogin { .. } => "A password that it does not take is not kept.",
    }
}
