//! `login` and `logout`.

use super::super::origin::{self, need, planned};
use super::super::{CommandError, Context, Plan, Planned};
use super::{base, config_file, part, proof, read_settings, send};
use crate::cli::LogIn;
use crate::reference::DEFAULT_DOMAIN;
use crate::registry::endpoint::{HUB_LOGIN, login_name};
use crate::registry::http::Method;
use crate::registry::{Errand, Purpose, Request, Visit};
use crate::step::{ClientStep, PasswordSource, Phase, RegistryPhase, RegistryStep, Step};

/// A server as typed: with a scheme or without, empty for Docker Hub.
fn domain_of(server: &str) -> String {
    let bare = server.trim_start_matches("https://").trim_start_matches("http://").split('/').next().unwrap_or_default();
    match bare {
        "" | "docker.io" | "index.docker.io" | "registry-1.docker.io" => DEFAULT_DOMAIN.to_string(),
        other => other.to_string(),
    }
}

pub(super) fn log_in(login: &LogIn, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let span = |name: &str| context.invocation.words.flag(name).map(|flag| flag.span);
    let refuse = |message: &str, span| CommandError { message: format!("{message}\n"), exit_code: 1, span };
    if login.password.is_some() && login.password_stdin {
        let what = "conflicting options: cannot specify both --password and --password-stdin";
        return Err(refuse(what, span("password-stdin")));
    }
    if login.password_stdin && login.user.is_empty() {
        return Err(refuse("the --password-stdin option requires --username to be set", span("password-stdin")));
    }
    let insecure = "WARNING! Using --password via the CLI is insecure. Use --password-stdin.";
    let asks = login.user.is_empty() || login.password.is_none() && !login.password_stdin;
    if asks && context.host.terminal.is_none() {
        let warning = if login.password.is_some() { format!("{insecure}\n") } else { String::new() };
        let next = "glassbox: nobody can be asked here: say -u NAME --password-stdin, and give the password on stdin";
        let what = format!("{warning}Error: Cannot perform an interactive login from a non TTY device\n{next}");
        return Err(refuse(&what, None));
    }
    plan.warnings.extend(login.password.is_some().then(|| insecure.to_string()));
    let domain = domain_of(&login.server);
    let visit = Visit { domain, scope: String::new(), first: ("Get".into(), "/v2/".into()), errand: Errand::LogIn };
    let source = match (login.password_stdin, &login.password) {
        (true, _) => PasswordSource::Stdin,
        (false, Some(_)) if !asks => PasswordSource::Command,
        (false, _) => PasswordSource::Terminal,
    };
    let phase = RegistryPhase::LogIn { visit, user: login.user.clone(), source };
    plan.steps.push(planned(Step::Phase(Phase::Registry(phase)), origin::command(context)));
    Ok(())
}

/// The password is tried before it is kept.
pub(super) fn phase(visit: &Visit, user: &str, source: PasswordSource, context: &Context<'_>) -> Vec<Planned> {
    let server = login_name(&visit.domain).to_string();
    let flag = if source == PasswordSource::Stdin { "password-stdin" } else { "password" };
    let cause = || origin::flag_of_command(context, flag).unwrap_or_else(|| origin::command(context));
    let take = RegistryStep::TakePassword { user: user.to_string(), source };
    let keep = RegistryStep::KeepLogin { server, user: user.to_string(), config: config_file(context) };
    let told = ClientStep::Print { text: "Login Succeeded\n".into() };
    vec![
        planned(Step::Registry(take), cause()),
        read_settings(context),
        part("LogIn", RegistryPhase::OpenRegistry { visit: visit.clone() }, "The registry says how it lets people in."),
        part("LogIn", RegistryPhase::ShowLogin { visit: visit.clone() }, "A password that is wrong is not kept."),
        planned(Step::Registry(keep), origin::command(context)),
        planned(Step::Client(told), origin::command(context)),
    ]
}

pub(super) fn show(visit: &Visit, context: &Context<'_>) -> Option<Planned> {
    let url = format!("{}/v2/", base(&visit.domain, context));
    let request = Request { proof: proof(&visit.scope, context), ..Request::of(Method::Get, url, Purpose::LogIn) };
    Some(send(request, need("LogIn", "Whether the registry takes the password is known when it has been shown."), context))
}

/// Nobody is asked: what is forgotten is what this machine keeps.
pub(super) fn log_out(server: &str, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let domain = domain_of(server);
    let server = if domain == DEFAULT_DOMAIN { HUB_LOGIN.to_string() } else { domain };
    let told = ClientStep::Print { text: format!("Removing login credentials for {server}\n") };
    plan.steps.push(planned(Step::Client(told), origin::command(context)));
    let drop = RegistryStep::DropLogin { server, config: config_file(context) };
    plan.steps.push(planned(Step::Registry(drop), origin::command(context)));
    Ok(())
}
