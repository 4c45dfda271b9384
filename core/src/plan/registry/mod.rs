//! `pull`, `push`, `login`, `logout`, and images that are not here: phases that expand with what the registry has answered so far
//! (`State::exchange`). The order is dockerd's: who the caller is, `/v2/`, a token, and then what is wanted.

mod login;
mod pull;
mod push;
mod tags;

pub(super) use pull::{pull_phase, wanted};

use super::origin::{self, docker_default, need, planned};
use super::{Cause, CommandError, Context, Plan, Planned};
use crate::cli::RegistryCommand;
use crate::reference::DEFAULT_DOMAIN;
use crate::registry::endpoint::{bases, login_name};
use crate::registry::http::Method;
use crate::registry::{Challenge, Errand, Proof, Purpose, Request, Visit, WantedImage};
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
        RegistryPhase::PullRepository { wanted } => tags::repository(wanted, context),
        RegistryPhase::ListTags { wanted } => vec![tags::list(wanted, context)],
        RegistryPhase::PullTags { wanted } => tags::pull(wanted, context),
        RegistryPhase::OpenRegistry { visit } => open(visit),
        RegistryPhase::OpenOtherwise { visit } => match bases(&visit.domain).get(1) {
            Some(base) if context.state.exchange.base.is_none() => vec![ping(base, false, visit)],
            _ => Vec::new(),
        },
        RegistryPhase::GetToken { visit } => token(visit, context).into_iter().collect(),
        RegistryPhase::FindManifest { wanted } => pull::find(wanted, context),
        RegistryPhase::ReadManifest { wanted } => pull::read(wanted, context),
        RegistryPhase::ReadChosen { wanted } => pull::chosen(wanted, context).into_iter().collect(),
        RegistryPhase::FetchBlobs { wanted } => pull::fetch(wanted, context),
        RegistryPhase::KeepImage { wanted } => pull::keep(wanted, context),
        RegistryPhase::PushImage { pushed } => push::push(pushed, context),
        RegistryPhase::SendBlobs { pushed } => push::blobs(pushed, context),
        RegistryPhase::SendBlob { pushed, blob } => push::blob(pushed, blob, context),
        RegistryPhase::StartBlob { pushed, blob } => push::start(pushed, blob, context),
        RegistryPhase::PutBlob { pushed, blob } => push::put(pushed, blob, context),
        RegistryPhase::SendManifest { pushed } => push::manifest(pushed, context),
        RegistryPhase::LogIn { visit, user, source } => login::phase(visit, user, *source, context),
        RegistryPhase::ShowLogin { visit } => login::show(visit, context).into_iter().collect(),
    }
}

fn part(of: &'static str, phase: RegistryPhase, why: &'static str) -> Planned {
    planned(Step::Phase(Phase::Registry(phase)), need(of, why))
}

fn send(request: Request, cause: Cause) -> Planned {
    planned(Step::Registry(RegistryStep::SendRequest(Box::new(request))), cause)
}

/// Docker's `config.json`.
fn config_file(context: &Context<'_>) -> String {
    let variable = |name: &str| context.host.environment.get(name).filter(|value| !value.is_empty()).cloned();
    let home = || format!("{}/.docker", variable("HOME").unwrap_or_else(|| context.host.cwd.clone()));
    format!("{}/config.json", variable("DOCKER_CONFIG").unwrap_or_else(home))
}

/// The first step of an exchange.
fn find_login(domain: &str, wanted: Option<WantedImage>, context: &Context<'_>) -> Planned {
    let (server, config) = (login_name(domain).to_string(), config_file(context));
    let login = RegistryStep::FindLogin { wanted: wanted.map(Box::new), server, config };
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

fn open(visit: &Visit) -> Vec<Planned> {
    let bases = bases(&visit.domain);
    let others = bases.len() > 1;
    let mut steps: Vec<Planned> = bases.first().map(|base| ping(base, others, visit)).into_iter().collect();
    if others {
        let why = "Docker has the addresses of this machine among its insecure registries.";
        steps.push(part(errand(visit), RegistryPhase::OpenOtherwise { visit: visit.clone() }, why));
    }
    steps.push(part(errand(visit), RegistryPhase::GetToken { visit: visit.clone() }, "The registry may want a token."));
    steps
}

fn ping(base: &str, optional: bool, visit: &Visit) -> Planned {
    let request = Request {
        method: Method::Get,
        url: format!("{base}/v2/"),
        fields: Vec::new(),
        proof: Proof::None,
        purpose: Purpose::Ping { optional },
    };
    let cause = match visit.domain == DEFAULT_DOMAIN {
        true => docker_default("A name without a registry means Docker Hub.", "reference/cli/docker/image/pull/"),
        false => need(errand(visit), "The name begins with this registry."),
    };
    send(request, cause)
}

/// Where the registry answers; before it has, where it is asked last.
fn base(domain: &str, context: &Context<'_>) -> String {
    let known = context.state.exchange.base.clone();
    known.or_else(|| bases(domain).pop()).unwrap_or_default()
}

fn token(visit: &Visit, context: &Context<'_>) -> Option<Planned> {
    let exchange = &context.state.exchange;
    let Some(Challenge::Bearer { realm, service }) = &exchange.challenge else { return None };
    let login = exchange.login.as_ref();
    let is_token = login.is_some_and(|login| login.is_token);
    let user = login.filter(|_| !is_token).map(|login| login.user.clone());
    let scope = Some(visit.scope.as_str()).filter(|scope| !scope.is_empty());
    let request = Request {
        method: if is_token { Method::Post } else { Method::Get },
        url: match is_token {
            true => realm.clone(),
            false => Challenge::token_url(realm, service, user.as_deref(), scope),
        },
        fields: Vec::new(),
        proof: login.map_or(Proof::None, |login| Proof::Login { user: login.user.clone() }),
        purpose: Purpose::GetToken {
            scope: visit.scope.clone(),
            service: service.clone(),
            on_behalf: format!("{} \"{}{}\"", visit.first.0, base(&visit.domain, context), visit.first.1),
        },
    };
    Some(send(request, need(errand(visit), "Without a token the registry answers 401.")))
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
