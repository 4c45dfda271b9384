//! `pull`, `push`, `login`, `logout`, and images that are not here: phases that expand with what the registry has answered so far
//! (`State::exchange`). The order is dockerd's: who the caller is, `/v2/`, a token, and then what is wanted.

mod login;
mod pull;
mod push;
mod tags;

pub(super) use pull::{fetch_cached, pull_phase, read_cache, wanted};
pub(super) use push::send_documents;

use super::origin::{self, docker_default, need, planned};
use super::{Cause, CommandError, Context, Plan, Planned};
use crate::cli::RegistryCommand;
use crate::layout::Layout;
use crate::reference::DEFAULT_DOMAIN;
use crate::registry::endpoint::{bases, login_name};
use crate::registry::http::{Method, Url};
use crate::registry::{Challenge, Errand, Proof, Purpose, Reach, Request, Visit, WantedImage};
use crate::step::{Phase, RegistryPhase, RegistryStep, Step};

pub(super) fn command(command: &RegistryCommand, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    match command {
        RegistryCommand::Pull(pull) => pull::command(pull, context, plan),
        RegistryCommand::Push(push) => push::command(push, context, plan),
        RegistryCommand::LogIn(login) => login::log_in(login, context, plan),
        RegistryCommand::LogOut { server } => login::log_out(server, context, plan),
    }
}

/// The parts of a phase, with what is known by now.
pub(super) fn expand(phase: &RegistryPhase, context: &Context<'_>) -> Vec<Planned> {
    match phase {
        RegistryPhase::PullImage { wanted } => pull::pull(wanted, context),
        RegistryPhase::AskRegistries { wanted } => pull::everybody(wanted, context),
        RegistryPhase::AskRegistry { wanted, mirror } => pull::one(wanted, mirror.as_deref(), context),
        RegistryPhase::PullRepository { wanted } => tags::repository(wanted, context),
        RegistryPhase::ListTags { wanted } => vec![tags::list(wanted, context)],
        RegistryPhase::PullTags { wanted } => tags::pull(wanted, context),
        RegistryPhase::OpenRegistry { visit } => open(visit, context),
        RegistryPhase::OpenOtherwise { visit } => match candidates(&visit.domain, context).get(1) {
            Some(base) if context.state.exchange.base.is_none() => vec![ping(base, false, visit, context)],
            _ => Vec::new(),
        },
        RegistryPhase::GetToken { visit } => token(visit, context).into_iter().collect(),
        RegistryPhase::FindManifest { wanted } => pull::find(wanted, context),
        RegistryPhase::ReadManifest { wanted } => pull::read(wanted, context),
        RegistryPhase::ReadChosen { wanted } => pull::chosen(wanted, context).into_iter().collect(),
        RegistryPhase::FetchBlobs { wanted } => pull::fetch(wanted, context),
        RegistryPhase::KeepImage { wanted } => pull::keep(wanted, context),
        RegistryPhase::ReadSharedCache { wanted, number } => pull::shared(wanted, *number, context).into_iter().collect(),
        RegistryPhase::FetchCached { wanted, blob } => vec![pull::cached(wanted, blob, context)],
        RegistryPhase::PushImage { pushed } => push::push(pushed, context),
        RegistryPhase::SendBlobs { pushed } => push::rounds(pushed),
        RegistryPhase::AskBlobs { pushed } => push::asked(pushed, context),
        RegistryPhase::StartBlobs { pushed } => push::started(pushed, context),
        RegistryPhase::PutBlobs { pushed } => push::put(pushed, context),
        RegistryPhase::SendManifest { pushed } => push::manifest(pushed, context),
        RegistryPhase::LogIn { visit, user, source } => login::phase(visit, user, *source, context),
        RegistryPhase::ShowLogin { visit } => login::show(visit, context).into_iter().collect(),
    }
}

fn part(of: &'static str, phase: RegistryPhase, why: &'static str) -> Planned {
    planned(Step::Phase(Phase::Registry(phase)), need(of, why))
}

fn send(request: Request, cause: Cause, context: &Context<'_>) -> Planned {
    let request = Request { reach: reach(&request, context), ..request };
    planned(Step::Registry(RegistryStep::SendRequest(Box::new(request))), cause)
}

/// A mirror may fail while others can still be asked. As with dockerd, what holds for the registry holds for whom it sends the caller to.
fn reach(request: &Request, context: &Context<'_>) -> Reach {
    let exchange = &context.state.exchange;
    let authority = Url::parse(exchange.base.as_deref().unwrap_or(&request.url)).map_or("", |url| url.authority);
    Reach {
        mirror: exchange.mirror.is_some() && exchange.gone.is_empty(),
        insecure: request.url.starts_with("https:") && exchange.settings.is_insecure(authority),
    }
}

/// The first step before anything is asked of a registry.
fn read_settings(context: &Context<'_>) -> Planned {
    let own = Layout::new(&context.host.data_root).daemon_settings();
    let docker = match context.host.is_root() {
        true => "/etc/docker/daemon.json".to_string(),
        // As Docker's rootless daemon has it.
        false => {
            let usual = || format!("{}/.config", home(context));
            format!("{}/docker/daemon.json", variable("XDG_CONFIG_HOME", context).unwrap_or_else(usual))
        }
    };
    let step = RegistryStep::ReadDaemonSettings { own, docker };
    let what = "dockerd reads from daemon.json which mirrors Docker Hub has and which registries are insecure.";
    planned(Step::Registry(step), docker_default(what, "reference/cli/dockerd/#daemon-configuration-file"))
}

fn variable(name: &str, context: &Context<'_>) -> Option<String> {
    context.host.environment.get(name).filter(|value| !value.is_empty()).cloned()
}

fn home(context: &Context<'_>) -> String {
    variable("HOME", context).unwrap_or_else(|| context.host.cwd.clone())
}

/// Docker's `config.json`.
fn config_file(context: &Context<'_>) -> String {
    let usual = || format!("{}/.docker", home(context));
    format!("{}/config.json", variable("DOCKER_CONFIG", context).unwrap_or_else(usual))
}

/// The first step of an exchange. A mirror is not shown the login of the registry that it stands for.
fn find_login(domain: &str, wanted: Option<WantedImage>, mirror: Option<&str>, context: &Context<'_>) -> Planned {
    let shown_to = mirror.and_then(Url::parse).map_or(login_name(domain), |url| url.authority);
    let (server, mirror) = (shown_to.to_string(), mirror.map(str::to_string));
    let login = RegistryStep::FindLogin { wanted: wanted.map(Box::new), mirror, server, config: config_file(context) };
    planned(Step::Registry(login), docker_default("Docker's client keeps logins in config.json.", "reference/cli/docker/login/"))
}

/// What the visit is part of.
fn errand(visit: &Visit) -> &'static str {
    match visit.errand {
        Errand::Pull => "PullImage",
        Errand::Push => "PushImage",
        Errand::LogIn => "LogIn",
    }
}

/// Where it may answer.
fn candidates(domain: &str, context: &Context<'_>) -> Vec<String> {
    let exchange = &context.state.exchange;
    exchange.mirror.as_ref().map_or_else(|| bases(domain, &exchange.settings), |mirror| vec![mirror.clone()])
}

fn open(visit: &Visit, context: &Context<'_>) -> Vec<Planned> {
    let bases = candidates(&visit.domain, context);
    let others = bases.len() > 1;
    let mut steps: Vec<Planned> = bases.first().map(|base| ping(base, others, visit, context)).into_iter().collect();
    if others {
        let why = "It is an insecure registry: named in daemon.json, or on this machine.";
        steps.push(part(errand(visit), RegistryPhase::OpenOtherwise { visit: visit.clone() }, why));
    }
    steps.push(part(errand(visit), RegistryPhase::GetToken { visit: visit.clone() }, "The registry may want a token."));
    steps
}

fn ping(base: &str, optional: bool, visit: &Visit, context: &Context<'_>) -> Planned {
    let request = Request::of(Method::Get, format!("{base}/v2/"), Purpose::Ping { optional });
    let cause = match visit.domain == DEFAULT_DOMAIN {
        true if context.state.exchange.mirror.is_some() => {
            need(errand(visit), "daemon.json names it among the mirrors of Docker Hub.")
        }
        true => docker_default("A name without a registry means Docker Hub.", "reference/cli/docker/image/pull/"),
        false => need(errand(visit), "The name begins with this registry."),
    };
    send(request, cause, context)
}

/// Where the registry answers; before it has, where it is asked last.
fn base(domain: &str, context: &Context<'_>) -> String {
    let known = context.state.exchange.base.clone();
    known.or_else(|| candidates(domain, context).pop()).unwrap_or_default()
}

fn token(visit: &Visit, context: &Context<'_>) -> Option<Planned> {
    let exchange = &context.state.exchange;
    let Some(Challenge::Bearer { realm, service }) = exchange.challenge.as_ref().filter(|_| !exchange.refused) else { return None };
    let login = exchange.login.as_ref();
    let is_token = login.is_some_and(|login| login.is_token);
    let user = login.filter(|_| !is_token).map(|login| login.user.clone());
    let scope = Some(visit.scope.as_str()).filter(|scope| !scope.is_empty());
    let method = if is_token { Method::Post } else { Method::Get };
    let url = match is_token {
        true => realm.clone(),
        false => Challenge::token_url(realm, service, user.as_deref(), scope),
    };
    let on_behalf = format!("{} \"{}{}\"", visit.first.0, base(&visit.domain, context), visit.first.1);
    let purpose = Purpose::GetToken { scope: visit.scope.clone(), service: service.clone(), on_behalf };
    let proof = login.map_or(Proof::None, |login| Proof::Login { user: login.user.clone() });
    let request = Request { proof, ..Request::of(method, url, purpose) };
    Some(send(request, need(errand(visit), "Without a token the registry answers 401."), context))
}

/// What shows who asks, as the registry wants it.
fn proof(scope: &str, context: &Context<'_>) -> Proof {
    let exchange = &context.state.exchange;
    match (&exchange.challenge, &exchange.login) {
        (None, _) => Proof::None,
        (Some(Challenge::Bearer { .. }), _) => Proof::Token { scope: scope.to_string() },
        (Some(Challenge::Basic), Some(login)) => Proof::Login { user: login.user.clone() },
        (Some(Challenge::Basic), None) => Proof::Missing,
    }
}

/// The word of the command that names the image.
fn name_cause(context: &Context<'_>) -> Cause {
    let named = context.invocation.words.positionals.iter().find(|(word, _)| word.starts_with("NAME"));
    named.map_or_else(|| origin::command(context), |(word, _)| origin::positional(context, word))
}
