//! From a judged line to a [`Command`]; what Docker takes and Glassbox does not carry out yet is refused here, at the flag.

mod block_io;
mod images;
mod lifecycle;
mod listing;
mod namespaces;
mod naming;
mod network;
mod notes;
mod registry;
mod resources;
mod security;
mod storage;
mod tuning;

use super::Kept;
use super::build_secrets;
use super::check;
use super::error;
use super::front::{self, Call, Target};
use super::table::{self, FlagRow, Kind};
use super::values;
use super::words::{Line, Word};
use super::{
    BuildCache, BuildFiles, BuildImage, BuildOutput, CheckBuild, Command, ContainerSpec, ExecProcess, FlagUse, Invocation,
    NamedContext, OutputKind, ProgressMode, PruneBuilds, RunContainer, Span, UsageError, Words,
};
use crate::userland::Signal;

/// Parses the words of a line.
pub(crate) fn invocation(line: &Line, words: &[Word]) -> Result<Invocation, UsageError> {
    let (words, planned) = front::without_plan(words);
    let target = front::target(words, true)?;
    check::accepts(&target)?;
    let (command, flags, positionals, notices) = match target {
        Target::Help(topic, flags) => (Command::Help { topic }, flags, Vec::new(), String::new()),
        Target::Version(flags) => (Command::Version, flags, Vec::new(), String::new()),
        Target::Command(call) => {
            namespaces::conflicts(&call)?;
            carried_out(&call)?;
            let positionals = positionals(&call);
            (command(&call)?, call.flags, positionals, call.notices.concat())
        }
    };
    let mode = front::mode(&flags, planned);
    Ok(Invocation { command, mode, words: Words { text: line.text.clone(), flags, positionals }, notices, kept: Kept::default() })
}

/// Refuses the command, or the first flag, that is not carried out yet.
fn carried_out(call: &Call<'_>) -> Result<(), UsageError> {
    if !call.row.carried_out {
        return Err(error::command_not_yet(call.shown, Some(call.name_span)));
    }
    notes::refuse_foreign(call)?;
    for flag in &call.flags {
        let row = [table::GLOBAL, table::OWN].into_iter().flatten().find(|row| row.long == flag.name);
        let row = table::flag(call.row.key, &flag.name).or(row);
        if row.is_some_and(|row| !row.carried_out && !is_neutral(row, flag)) {
            let next = format!(
                "Leave it out, or run this command with Docker; 'glassbox {} --help' marks what is carried out.",
                call.shown
            );
            return Err(error::not_yet(&format!("--{}", flag.name), &next, Some(flag.span)));
        }
    }
    Ok(())
}

/// Whether the flag says what holds without it.
fn is_neutral(row: &FlagRow, flag: &FlagUse) -> bool {
    match row.kind {
        Kind::Bool => front::is_on(flag) == (row.default == "true"),
        _ => flag.value == row.default,
    }
}

/// The command's own name as `SUBCOMMAND`, then the names of the arguments in Docker's usage line; the last one goes for all that follow.
fn positionals(call: &Call<'_>) -> Vec<(String, Span)> {
    let words: Vec<&str> =
        call.row.usage.split(' ').map(|word| word.trim_matches(['[', ']', '.'])).filter(|word| *word != "OPTIONS").collect();
    let name = |at: usize| words.get(at).or(words.last()).map_or("ARG", |word| word.split('|').next().unwrap_or(word));
    let arguments = call.arguments.iter().enumerate().map(|(at, word)| (name(at).to_string(), word.span));
    std::iter::once(("SUBCOMMAND".to_string(), call.name_span)).chain(arguments).collect()
}

fn command(call: &Call<'_>) -> Result<Command, UsageError> {
    let containers: Vec<String> = call.arguments.iter().map(|word| word.text.clone()).collect();
    Ok(match call.row.key {
        "run" => Command::RunContainer(RunContainer {
            spec: container_spec(call)?,
            detach: call.is_on("detach"),
            sig_proxy: call.flag("sig-proxy").is_none_or(front::is_on),
            detach_keys: lifecycle::detach_keys(call),
        }),
        "create" => Command::CreateContainer(container_spec(call)?),
        "start" => Command::StartContainers {
            containers,
            attach: call.is_on("attach"),
            interactive: call.is_on("interactive"),
            detach_keys: lifecycle::detach_keys(call),
        },
        "attach" => lifecycle::attach(call, containers),
        "stop" => {
            Command::StopContainers { containers, signal: signal(call, "signal")?, timeout_seconds: number(call, "timeout")? }
        }
        "kill" => Command::KillContainers { containers, signal: signal(call, "signal")?.unwrap_or(Signal::SIGKILL) },
        "rm" => Command::RemoveContainers { containers, force: call.is_on("force"), volumes: call.is_on("volumes") },
        "wait" => Command::WaitContainers { containers },
        "exec" => Command::ExecProcess(exec_process(call, containers)),
        "restart" => {
            Command::RestartContainers { containers, signal: signal(call, "signal")?, timeout_seconds: number(call, "timeout")? }
        }
        "update" => {
            Command::UpdateContainers { containers, resources: resources::changed(call)?, restart: lifecycle::restart(call)? }
        }
        "pause" => Command::PauseContainers { containers },
        "unpause" => Command::UnpauseContainers { containers },
        "cp" => copy(call, containers),
        "completion bash" | "completion fish" | "completion zsh" => {
            Command::PrintCompletion { shell: call.row.key.rsplit(' ').next().unwrap_or_default().to_string() }
        }
        "system df" => Command::ShowDiskUsage { verbose: call.is_on("verbose"), format: listing::filled(call, "format") },
        "system prune" => Command::PruneSystem {
            all: call.is_on("all"),
            volumes: call.is_on("volumes"),
            force: call.is_on("force"),
            filters: listing::filters(call),
        },
        "rename" => listing::rename(containers)?,
        "port" => listing::ports(containers),
        "why" => listing::why(containers),
        "container prune" => Command::PruneContainers { force: call.is_on("force"), filters: listing::filters(call) },
        "ps" => listing::containers(call)?,
        "top" => {
            let mut words = containers.into_iter();
            Command::ShowProcesses { container: words.next().unwrap_or_default(), options: words.collect() }
        }
        "stats" => listing::stats(call, containers),
        "events" => listing::events(call),
        "logs" => show_logs(call, containers),
        "ns" => namespaces::compare(call, containers)?,
        "images" | "history" | "tag" | "rmi" | "image prune" | "save" | "load" | "commit" | "import" | "export" | "diff"
        | "fsck" | "layers" | "argv" | "tags" => Command::Images(images::command(call, containers)?),
        "pull" | "push" | "login" | "logout" => registry::command(call, containers),
        "build" => build(call)?,
        "dockerfile" => Command::ShowDockerfile { input: build_input(call), json: call.is_on("json") },
        "builder prune" => prune_builds(call)?,
        "version" => Command::ShowVersion { format: listing::filled(call, "format") },
        "info" => Command::ShowInfo { format: listing::filled(call, "format") },
        key if key.starts_with("network ") && key != "network inspect" => network::command(call, containers),
        key if key.starts_with("volume ") && key != "volume inspect" => storage::volume_command(call, containers)?,
        _ => listing::inspect(call, containers)?,
    })
}

fn prune_builds(call: &Call<'_>) -> Result<Command, UsageError> {
    Ok(Command::PruneBuilds(PruneBuilds {
        all: call.is_on("all"),
        force: call.is_on("force"),
        filters: listing::filters(call),
        keep_bytes: bytes(call, "keep-storage")?,
    }))
}

/// What is said of a Dockerfile, whatever is to be done with it.
fn build_input(call: &Call<'_>) -> CheckBuild {
    let text = |name: &str| listing::filled(call, name);
    CheckBuild {
        context: call.arguments.first().map(|word| word.text.clone()).unwrap_or_default(),
        file: text("file"),
        target: text("target"),
        build_args: call.values("build-arg"),
        platform: text("platform").unwrap_or_default(),
        files: BuildFiles::default(),
    }
}

/// Flags of `build` whose effect there is in any case: its containers go, and nothing is sent anywhere. And those that every command has.
const TAKEN: [&str; 8] = ["compress", "disable-content-trust", "force-rm", "rm", "plan", "explain", "step", "record"];

const PROGRESS_MODES: &str = "auto, plain, quiet, rawjson (json) and tty";

/// `build`, and `build --check`.
fn build(call: &Call<'_>) -> Result<Command, UsageError> {
    let carried_out = |name: &str| {
        let row = crate::cli::table::flag_rows().find(|row| row.long == name && row.commands.contains(&"build"));
        row.is_some_and(|row| row.carried_out) || TAKEN.contains(&name)
    };
    if let Some(flag) = call.flags.iter().find(|flag| !carried_out(&flag.name)) {
        let next = "Leave it out, or build with Docker.";
        return Err(error::not_yet(&format!("docker build --{}", flag.name), next, Some(flag.span)));
    }
    let text = |name: &str| call.flag(name).map(|flag| flag.value.clone()).filter(|value| !value.is_empty());
    let check = build_input(call);
    if call.is_on("check") {
        return Ok(Command::CheckBuild(check));
    }
    let secret = |flag: &FlagUse| {
        let refuse = |why: String| error::bare(&format!("ERROR: failed to build: {why}"), Some(flag.span));
        build_secrets::secret(&flag.value).map_err(refuse)
    };
    let named = |flag: &FlagUse| {
        let refuse = |why: String| error::bare(&format!("ERROR: failed to build: {why}"), Some(flag.span));
        NamedContext::parse(&flag.value).map_err(refuse)
    };
    let written = |flag: &FlagUse| {
        let refuse = |why: String| error::bare(&format!("ERROR: failed to build: {why}"), Some(flag.span));
        BuildOutput::parse(&flag.value).map_err(refuse)
    };
    let cached = |flag: &FlagUse, read: fn(&str) -> Result<Vec<BuildCache>, String>| {
        let refuse = |why: String| error::bare(&format!("ERROR: failed to build: {why}"), Some(flag.span));
        read(&flag.value).map_err(refuse)
    };
    let from = call.uses("cache-from").map(|flag| cached(flag, BuildCache::source)).collect::<Result<Vec<_>, _>>()?;
    let to = call.uses("cache-to").map(|flag| cached(flag, BuildCache::target)).collect::<Result<Vec<_>, _>>()?;
    let mode = |flag: &FlagUse| {
        let refused =
            || format!("ERROR: failed to build: invalid progress mode {}\nglassbox: there are {PROGRESS_MODES}", flag.value);
        ProgressMode::parse(&flag.value).ok_or_else(|| error::bare(&refused(), Some(flag.span)))
    };
    let progress = call.flag("progress").map(mode).transpose()?.unwrap_or_default();
    let outputs: Vec<BuildOutput> = call.uses("output").map(written).collect::<Result<_, _>>()?;
    let of_outputs = outputs.iter().filter(|output| output.kind == OutputKind::Image).flat_map(|output| output.tags.clone());
    let own = Command::BuildImage(Box::new(BuildImage {
        input: check,
        tags: call.values("tag").into_iter().chain(of_outputs).collect(),
        labels: call.values("label"),
        network: text("network").unwrap_or_else(|| "default".into()),
        no_cache: call.is_on("no-cache"),
        pull: call.is_on("pull"),
        contexts: call.uses("build-context").map(named).collect::<Result<_, _>>()?,
        push: call.is_on("push") || outputs.iter().any(|output| output.push),
        outputs,
        cache_from: from.concat(),
        cache_to: to.concat(),
        id_file: text("iidfile").unwrap_or_default(),
        metadata_file: text("metadata-file").unwrap_or_default(),
        sizes: call.is_on("sizes"),
        quiet: call.is_on("quiet") || progress == ProgressMode::Quiet,
        progress,
        secrets: call.uses("secret").map(secret).collect::<Result<_, _>>()?,
        agents: call.values("ssh").iter().map(|value| build_secrets::agent(value)).collect(),
    }));
    Ok(own)
}

fn container_spec(call: &Call<'_>) -> Result<ContainerSpec, UsageError> {
    let text = |name: &str| call.flag(name).map(|flag| flag.value.clone());
    let filled = |name: &str| text(name).filter(|value| !value.is_empty());
    let mut words = call.arguments.iter().map(|word| word.text.clone());
    let image = words.next().unwrap_or_default();
    let (network, endpoints) = network::networks(call)?;
    let mut spec = ContainerSpec {
        image,
        arguments: words.collect(),
        name: filled("name"),
        interactive: call.is_on("interactive"),
        tty: call.is_on("tty"),
        attach: call.values("attach").iter().map(|stream| stream.to_lowercase()).collect(),
        log_driver: text("log-driver").unwrap_or_default(),
        log_options: call.values("log-opt"),
        auto_remove: call.is_on("rm"),
        env: call.values("env"),
        workdir: filled("workdir"),
        user: filled("user"),
        hostname: filled("hostname"),
        domainname: text("domainname").unwrap_or_default(),
        entrypoint: text("entrypoint"),
        network,
        endpoints,
        namespaces: namespaces::namespaces(call)?,
        read_only: call.is_on("read-only"),
        init: call.is_on("init"),
        resources: resources::resources(call)?,
        storage: storage::storage(call)?,
        tuning: tuning::tuning(call)?,
        naming: naming::naming(call),
        confinement: Default::default(),
        cap_add: call.values("cap-add"),
        cap_drop: call.values("cap-drop"),
        privileged: call.is_on("privileged"),
        no_new_privileges: false,
        seccomp_unconfined: false,
        stop_signal: signal(call, "stop-signal")?,
        stop_timeout_seconds: number(call, "stop-timeout")?,
        labels: call.values("label"),
        env_files: call.values("env-file"),
        label_files: call.values("label-file"),
        cid_file: text("cidfile").unwrap_or_default(),
        annotations: notes::annotations(call),
        exposed_ports: notes::exposed_ports(call)?,
        publishing: notes::publishing(call)?,
        image_choice: notes::image_choice(call),
        runtime: text("runtime").unwrap_or_default(),
        isolation: text("isolation").unwrap_or_default(),
        volume_driver: text("volume-driver").unwrap_or_default(),
        storage_options: call.values("storage-opt"),
        restart: lifecycle::restart(call)?.unwrap_or_default(),
        healthcheck: lifecycle::healthcheck(call)?,
    };
    security::options(call, &mut spec)?;
    Ok(spec)
}

/// A flag's value that is refused although its kind is right; the check of its kind has come before.
fn refused(call: &Call<'_>, flag: &FlagUse, reason: &str) -> UsageError {
    let message = format!("invalid argument {} for \"--{}\" flag: {reason}", error::quote(&flag.value), flag.name);
    call.frame().flag(&message, Some(flag.span))
}

fn number(call: &Call<'_>, name: &str) -> Result<Option<i64>, UsageError> {
    call.flag(name).map(|flag| values::int(&flag.value).map_err(|reason| refused(call, flag, &reason))).transpose()
}

fn bytes(call: &Call<'_>, name: &str) -> Result<u64, UsageError> {
    let Some(flag) = call.flag(name) else {
        return Ok(0);
    };
    let bytes = values::bytes(&flag.value).map_err(|reason| refused(call, flag, &reason))?;
    u64::try_from(bytes).map_err(|_| refused(call, flag, "a size cannot be negative"))
}

/// dockerd says it of each container.
fn not_sent(call: &Call<'_>, signal: &str) -> String {
    let frame = |name: &str| match call.row.key {
        "restart" => format!("Cannot restart container {name}: "),
        verb => format!("cannot {verb} container: {name}: "),
    };
    let line = |word: &&Word| format!("Error response from daemon: {}invalid signal: {}", frame(&word.text), error::echo(signal));
    call.arguments.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A signal by name or number; the refusal is the daemon's.
fn signal(call: &Call<'_>, name: &str) -> Result<Option<Signal>, UsageError> {
    let Some(flag) = call.flag(name).filter(|flag| !flag.value.is_empty()) else {
        return Ok(None);
    };
    let refusal = || {
        let reason = format!("Error response from daemon: invalid signal: {}", error::echo(&flag.value));
        match call.row.key {
            "run" => call.frame().value(&reason, Some(flag.span)),
            "stop" | "kill" | "restart" => error::bare(
                &format!("{}\nglassbox: name one of signal(7), as in: glassbox kill -s TERM NAME", not_sent(call, &flag.value)),
                Some(flag.span),
            ),
            _ => error::bare(
                &format!("{reason}\nglassbox: name one of signal(7), as in: glassbox kill -s TERM NAME"),
                Some(flag.span),
            ),
        }
    };
    Signal::parse(&flag.value).map(Some).ok_or_else(refusal)
}

fn exec_process(call: &Call<'_>, mut words: Vec<String>) -> ExecProcess {
    let filled = |name: &str| call.flag(name).map(|flag| flag.value.clone()).filter(|value| !value.is_empty());
    let argv = words.split_off(words.len().min(1));
    ExecProcess {
        container: words.pop().unwrap_or_default(),
        argv,
        interactive: call.is_on("interactive"),
        tty: call.is_on("tty"),
        detach: call.is_on("detach"),
        env: call.values("env"),
        env_files: call.values("env-file"),
        workdir: filled("workdir"),
        user: filled("user"),
        privileged: call.is_on("privileged"),
        detach_keys: lifecycle::detach_keys(call),
    }
}

/// As Docker's daemon does, a tail that is no number means all lines.
fn show_logs(call: &Call<'_>, containers: Vec<String>) -> Command {
    let tail = call.flag("tail").and_then(|flag| values::int(&flag.value).ok()).and_then(|lines| u64::try_from(lines).ok());
    Command::ShowLogs {
        container: containers.into_iter().next().unwrap_or_default(),
        follow: call.is_on("follow"),
        tail,
        timestamps: call.is_on("timestamps"),
        details: call.is_on("details"),
        since: call.flag("since").map(|flag| flag.value.clone()).unwrap_or_default(),
        until: call.flag("until").map(|flag| flag.value.clone()).unwrap_or_default(),
    }
}

fn copy(call: &Call<'_>, words: Vec<String>) -> Command {
    let mut words = words.into_iter();
    let mut next = || words.next().unwrap_or_default();
    Command::CopyFiles {
        from: next(),
        to: next(),
        archive: call.is_on("archive"),
        follow_links: call.is_on("follow-link"),
        quiet: call.flag("quiet").map(front::is_on),
    }
}
