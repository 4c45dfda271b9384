//! What a build fetches from elsewhere. Of the Internet the model has nothing: a file stands for the one that would come, a tree for a
//! repository's, and whoever builds is told so.

use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::image::write_data;
use super::registry::nobody_answers;
use super::store::make_directory;
use super::{Failure, Run, called};
use crate::build::{Remote, Repository};
use crate::errno::Errno;
use crate::foreign::{Modelled, repository_tree};
use crate::registry::http::Url;
use crate::sim::kernel::Kernel;
use crate::sim::tables::{Data, NodeId};

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o755;
/// As long as a commit's sum is: SHA-1.
const COMMIT_DIGITS: usize = 40;

fn refused(why: String) -> Failure {
    Failure { call: Some(why), ..Failure::from(Errno::ECONNREFUSED) }
}

/// What a URL leads to.
pub(super) fn content(run: &mut Run, remote: &Remote, path: &str) -> Result<Data, Failure> {
    let failed = |why: &str| refused(remote.framed(&format!("Get \"{}\": {why}", remote.url)));
    let url = Url::parse(&remote.url).ok_or_else(|| failed("unsupported protocol scheme"))?;
    if let Some(why) = nobody_answers(&url) {
        return Err(failed(&why));
    }
    let checksum = if remote.checksum.is_empty() { "" } else { ", and its checksum is not looked at" };
    let line = format!("glassbox: modelled: what {} would send is made up{checksum}\n", remote.url);
    run.shown.push((true, line.into_bytes()));
    let (head, zeros) = crate::foreign::content(&remote.url, path);
    Ok(Data { bytes: Rc::new(head.into_bytes()), zeros })
}

pub(super) fn fetch_file(kernel: &mut Kernel, run: &mut Run, remote: &Remote, path: &str) -> Result<u64, Failure> {
    let data = content(run, remote, path)?;
    let bytes = data.len();
    called(write_data(kernel, path, FILE_MODE, data), "openat")?;
    let place = called(kernel.walk(kernel.engine, path, true), "utimensat")?;
    if let NodeId::Inode(id) = place.node {
        called(kernel.inode_mut(id), "utimensat")?.modified_seconds = 0;
    }
    Ok(bytes)
}

/// Nobody serves repositories in the model; of others one commit is made up for each reference.
pub(super) fn find_commit(run: &mut Run, repository: &Repository) -> Result<String, Failure> {
    answered(repository)?;
    let line = format!("glassbox: modelled: which commit {} has is made up\n", repository.redacted());
    run.shown.push((true, line.into_bytes()));
    let mut hash = Sha256::new();
    hash.update(&repository.url);
    hash.update([0]);
    hash.update(&repository.reference);
    let commit: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).take(COMMIT_DIGITS / 2).collect();
    // What is made up is what is meant.
    let checksum = &repository.checksum;
    Ok(format!("{checksum}{}", commit.get(checksum.len()..).unwrap_or_default()))
}

/// Answers how many files there are.
pub(super) fn fetch_commit(
    kernel: &mut Kernel,
    run: &mut Run,
    repository: &Repository,
    commit: &str,
    path: &str,
) -> Result<u64, Failure> {
    answered(repository)?;
    let line = format!("glassbox: modelled: what {} has at {commit} is made up\n", repository.redacted());
    run.shown.push((true, line.into_bytes()));
    let tree = repository_tree(&repository.redacted(), repository.keep_git && repository.subdirectory.is_empty());
    let made = tree.len() as u64;
    for Modelled { name, head, zeros, mode } in tree {
        let file = format!("{path}/{name}");
        let directory = file.rsplit_once('/').map_or("/", |(directory, _)| directory).to_string();
        called(make_directory(kernel, &directory, DIRECTORY_MODE), "mkdir")?;
        called(write_data(kernel, &file, mode, Data { bytes: Rc::new(head.into_bytes()), zeros }), "openat")?;
    }
    Ok(made)
}

fn answered(repository: &Repository) -> Result<(), Failure> {
    let (scheme, rest) = repository.url.split_once("://").unwrap_or(("ssh", &repository.url));
    let authority = rest.split('/').next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    if !crate::registry::endpoint::is_local(host) {
        return Ok(());
    }
    let port = match (scheme, port.parse::<u16>()) {
        (_, Ok(port)) => port,
        ("https", _) => 443,
        ("http", _) => 80,
        ("git", _) => 9418,
        _ => 22,
    };
    let told = match scheme {
        "http" | "https" => format!(
            "fatal: unable to access '{}/': Failed to connect to {name} port {port} after 0 ms: Couldn't connect to server",
            repository.url
        ),
        "git" => format!("fatal: unable to connect to {name}:\n{name}[0: 127.0.0.1]: errno=Connection refused\n"),
        _ => format!("ssh: connect to host {name} port {port}: Connection refused\nfatal: Could not read from remote repository."),
    };
    Err(refused(repository.failed(&told, "exit status 128")))
}
