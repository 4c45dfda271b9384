//! Requests to registries, answered by models of them with what is in the catalogue: of the Internet, the model has no more.

use std::io::Cursor;
use std::rc::Rc;

use super::image::data_at;
use super::store::write_file;
use super::transfer::{ModelBlobs, callers_data};
use super::{Carried, Done, Failure, Run, called};
use crate::catalogue::{self, Catalogue};
use crate::errno::Errno;
use crate::model::Account;
use crate::observe::{Heard, Outcome};
use crate::reference::DEFAULT_DOMAIN;
use crate::registry::compress::compress;
use crate::registry::http::{Head, Url};
use crate::registry::logins::{self, Place};
use crate::registry::receive::{Expected, document, receive};
use crate::registry::{Answered, Content, Proof, Purpose, Request, Settings, endpoint, model, reading};
use crate::sim::kernel::Kernel;
use crate::step::{PasswordSource, RegistryStep};

/// It holds passwords.
const CONFIG_MODE: u32 = 0o600;

fn refused(why: String) -> Failure {
    Failure { call: Some(why), ..Failure::from(Errno::ECONNREFUSED) }
}

fn heard(heard: Option<Heard>) -> Outcome {
    Outcome { heard: heard.map(Box::new), ..Outcome::default() }
}

pub(super) fn execute(step: &RegistryStep, kernel: &mut Kernel, run: &mut Run) -> Carried {
    let outcome = match step {
        RegistryStep::ReadDaemonSettings { own, docker } => heard(Some(settings(kernel, own, docker)?)),
        RegistryStep::FindLogin { server, config, .. } => heard(login(kernel, run, server, config)?.map(Heard::Login)),
        RegistryStep::SendRequest(request) => {
            let answered = request.ended(send(request, kernel, run)).map_err(refused)?;
            label(request, &answered, run);
            heard(Some(Heard::Answer(Box::new(answered))))
        }
        RegistryStep::TakePassword { source: PasswordSource::Terminal, .. } => {
            let what = "Error: Cannot perform an interactive login from a non TTY device";
            let next = "nobody is asked in the model: say -u NAME --password-stdin, and give the password on stdin";
            return Err(refused(format!("{what}\nglassbox: {next}")));
        }
        RegistryStep::TakePassword { user, source } => {
            if *source == PasswordSource::Stdin && callers_data(kernel, run, None)?.is_none() {
                return Ok(Done::Waiting);
            }
            let login = Account { user: user.clone(), is_token: false };
            heard(Some(Heard::Login(login)))
        }
        // No registry here takes a login.
        RegistryStep::KeepLogin { .. } => return Err(Errno::EACCES.into()),
        RegistryStep::DropLogin { server, config } => {
            drop_login(kernel, server, config)?;
            Outcome::default()
        }
        RegistryStep::ReadStoredManifest { path, .. } => {
            let data = called(data_at(kernel, path), "openat")?;
            let text = String::from_utf8_lossy(&data.bytes).into_owned();
            heard(Some(Heard::Document(text)))
        }
        RegistryStep::CompressLayer { diff_id, path } => {
            let digest = format!("sha256:{}", path.rsplit('/').next().unwrap_or_default());
            let mut blobs = ModelBlobs { kernel };
            let (blob, fresh) = compress(&mut blobs, &digest).map_err(refused)?;
            if fresh {
                let made = blobs.path(&blob.digest);
                run.packed.insert(diff_id.clone(), made);
            }
            heard(Some(Heard::Compressed(blob, fresh)))
        }
    };
    Ok(Done::Outcome(Outcome { at_ns: kernel.realtime_ns(), ..outcome }))
}

fn drop_login(kernel: &mut Kernel, server: &str, config: &str) -> Result<(), Failure> {
    let Ok(data) = data_at(kernel, config) else { return Ok(()) };
    let read = logins::read(&data.bytes).map_err(refused)?;
    match logins::without(&read, server) {
        Some(text) => called(write_file(kernel, config, CONFIG_MODE, &text), "rename"),
        None => Ok(()),
    }
}

fn settings(kernel: &Kernel, own: &str, docker: &str) -> Result<Heard, Failure> {
    let found = [own, docker].into_iter().find_map(|file| Some((file, data_at(kernel, file).ok()?)));
    let Some((file, data)) = found else { return Ok(Heard::Settings(None, Settings::default())) };
    let settings = Settings::read(&data.bytes, file, file == own).map_err(refused)?;
    Ok(Heard::Settings(Some(file.to_string()), settings))
}

/// There are no programs here that keep logins.
fn login(kernel: &Kernel, run: &mut Run, server: &str, config: &str) -> Result<Option<Account>, Failure> {
    let Ok(data) = data_at(kernel, config) else { return Ok(None) };
    let read = match logins::read(&data.bytes) {
        Ok(read) => read,
        Err(why) => {
            run.shown.push((true, logins::warning(config, &why).into_bytes()));
            return Ok(None);
        }
    };
    match logins::find(&read, server).map_err(refused)? {
        Place::Nowhere => Ok(None),
        Place::Written(login) => Ok(Some(Account { user: login.user, is_token: login.is_token })),
        Place::Helper(word) => Err(refused(logins::helper_missing(&word))),
    }
}

/// Where the learner sees it: this is no registry, and its images are not those that the real one has.
fn label(request: &Request, answered: &Answered, run: &mut Run) {
    if matches!(request.purpose, Purpose::Ping { .. }) && answered.status != 0 {
        let host = Url::parse(&request.url).map_or("", |url| url.authority);
        let line = format!("glassbox: modelled: {host} is a model here, and so are the files of its images\n");
        run.shown.push((true, line.into_bytes()));
    }
}

/// What the registry of this name has, if there is a model of it.
fn catalogue(domain: &str, run: &mut Run) -> Option<Rc<Catalogue>> {
    let begins = |name: &String| name.split_once('/').is_some_and(|(first, _)| first == domain);
    if domain != DEFAULT_DOMAIN && !run.catalogues.contains_key(domain) && !catalogue::names().iter().any(begins) {
        return None;
    }
    Some(run.catalogues.entry(domain.to_string()).or_insert_with(|| Rc::new(Catalogue::of(domain))).clone())
}

/// On this machine itself nobody serves anything; `None`: it is another machine.
pub(super) fn nobody_answers(url: &Url<'_>) -> Option<String> {
    if !endpoint::is_local(url.authority) {
        return None;
    }
    let usual = if url.scheme == "https" { "443" } else { "80" };
    let host = if url.host() == "localhost" { "127.0.0.1" } else { url.host() };
    let port = url.authority.strip_prefix(url.host()).and_then(|rest| rest.strip_prefix(':')).unwrap_or(usual);
    Some(format!("dial tcp {host}:{port}: connect: connection refused"))
}

fn ask(request: &Request, run: &mut Run) -> Result<(Head, Vec<u8>), String> {
    let failed = |why: &str| format!("{} \"{}\": {why}", request.method.in_errors(), request.url);
    if request.proof == Proof::Missing {
        return Err(request.missing_login());
    }
    let (token, login) = (matches!(request.proof, Proof::Token { .. }), matches!(request.proof, Proof::Login { .. }));
    let run = std::cell::RefCell::new(run);
    let offers = |domain: &str| catalogue(domain, &mut run.borrow_mut());
    if let Some(answer) = model::answer(offers, request.method, &request.url, token, login) {
        return Ok(answer);
    }
    let url = Url::parse(&request.url).ok_or_else(|| failed("unsupported protocol scheme"))?;
    if let Some(why) = nobody_answers(&url) {
        return Err(failed(&why));
    }
    let ours = "glassbox: this machine is a model: of the Internet it has a few registries alone, with popular images";
    Err(failed(&format!("dial tcp: lookup {}: no such host\n{ours}", url.host())))
}

fn send(request: &Request, kernel: &mut Kernel, run: &mut Run) -> Result<Answered, String> {
    let (method, url) = (request.method.name().to_string(), request.url.clone());
    let answered = |status, attempts, content| Answered { method, url, status, hops: Vec::new(), attempts, content };
    if let Some((digest, size, _)) = request.purpose.blob() {
        let what = if matches!(request.purpose, Purpose::GetConfig { .. }) { "image config" } else { "filesystem layer" };
        let mut fetch = |_from: u64| ask(request, run).map(|(head, body)| (head, Cursor::new(body)));
        let mut blobs = ModelBlobs { kernel };
        let attempts = receive(&mut blobs, &Expected { digest, size, what }, &mut fetch)?;
        let body = match request.purpose {
            Purpose::GetConfig { .. } => document(&mut blobs, digest)?,
            _ => Vec::new(),
        };
        let (content, _) = reading::read(request, &Head::of(200, &[]), &body)?;
        return Ok(answered(200, attempts, content));
    }
    let (head, body) = match ask(request, run) {
        Ok(answer) => answer,
        Err(why) if matches!(request.purpose, Purpose::Ping { optional: true }) => {
            return Ok(answered(0, 1, Content::Unreachable { why }));
        }
        Err(why) => return Err(why),
    };
    let (content, _) = reading::read(request, &head, &body)?;
    Ok(answered(head.status, 1, content))
}
