//! When a step fails: Docker's words for it, and what is still to be done.

use super::origin::{self, planned};
use super::storage::{foreign, is_behind_file};
use super::{CommandError, Context, Node, Planned, namespaces};
use crate::cli::{BuildImage, Command, RegistryCommand, quoted};
use crate::diagnosis::{Diagnosis, Finding};
use crate::errno::Errno;
use crate::host::Controller;
use crate::layout::Layout;
use crate::model::{Backing, Container, ContainerId, MountKind, MountPoint, Volume};
use crate::step::{
    BuildStep, CgroupStep, ClientStep, CpuShares, ImageStep, Limit, MountStep, Phase, PrivilegeStep, ProcessStep, RegistryStep,
    Step, StoreStep,
};

/// Docker's frame around what the runtime says when a container cannot be started.
const CREATE_FRAME: &str = "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create \
                            failed: unable to start container process: error during container init: ";
/// And when an exec cannot.
const EXEC_FRAME: &str = "OCI runtime exec failed: exec failed: unable to start container process: ";

/// Docker's exit codes for a command that could not be carried out, from docker-run(1).
const ENGINE_FAILED: i32 = 125;
/// And of every other command for what is not there.
const NOT_THERE: i32 = 1;
const CANNOT_EXECUTE: i32 = 126;
/// What the record says of a container that could not be started, for another reason.
const NOT_STARTED: i32 = 128;
const NOT_FOUND: i32 = 127;

/// The call that failed is told in the words of Docker's client or daemon already.
fn is_clients(step: &Step) -> bool {
    use ImageStep::{ExportFiles, ImportLayer, LoadImages, PackLayer, RecordImage, SaveImages, ShowChanges};
    match step {
        Step::Copy(_) | Step::Registry(_) => true,
        Step::Image(step) => matches!(
            step,
            SaveImages { .. }
                | LoadImages { .. }
                | ExportFiles { .. }
                | ImportLayer(_)
                | PackLayer(_)
                | RecordImage { .. }
                | ShowChanges(_)
        ),
        _ => false,
    }
}

/// What the command reports when `node` failed with `errno`. `call` is the kernel call that failed, as strace would show it, where
/// it is known; `finding` what else is.
pub fn command_error(node: &Node, errno: Errno, call: Option<&str>, finding: &Finding, context: &Context<'_>) -> CommandError {
    if matches!(node.step, Step::Client(ClientStep::Confirm { .. })) && errno == Errno::ECANCELED {
        // Whoever says no has got what she wanted.
        return CommandError { message: String::new(), exit_code: 0, span: None };
    }
    if let Command::BuildImage(build) = &context.invocation.command {
        if let Some(error) = of_builds_own(build, node, errno, call, context) {
            return error;
        }
        let what = match (&node.step, finding.refusal) {
            (Step::Build(_) | Step::Image(_), _) => call.map_or_else(|| errno.to_string().to_lowercase(), str::to_string),
            (Step::Process(ProcessStep::ExecProgram { argv, .. }), Some(refusal)) => {
                refusal.told(argv.first().map_or("", String::as_str)).0
            }
            _ => reason(&node.step, errno, call, context).0,
        };
        let ours = if matches!(node.step, Step::Build(_)) { String::new() } else { hint(node, errno, None, finding) };
        return super::build::failure(build, &what, &ours, context);
    }
    if matches!(node.step, Step::Registry(_)) {
        return of_registry(node, errno, call, context);
    }
    if is_clients(&node.step) {
        let what = call.map_or_else(|| errno.to_string().to_lowercase(), str::to_string);
        let ours = hint(node, errno, None, finding);
        return CommandError { message: format!("{what}\n{ours}"), exit_code: NOT_THERE, span: blamed(node) };
    }
    let (what, exit_code) = match (finding.refusal, &node.step) {
        (Some(refusal), Step::Process(ProcessStep::ExecProgram { argv, .. })) => {
            refusal.told(argv.first().map_or("", String::as_str))
        }
        _ => reason(&node.step, errno, call, context),
    };
    let (ours, tail) = (hint(node, errno, call, finding), tail(&what));
    let message = match &context.invocation.command {
        Command::RunContainer(_) if is_daemons(&node.step, errno) || volume_source(&node.step, errno, context).is_some() => {
            format!("docker: Error response from daemon: {what}\n\nRun 'docker run --help' for more information\n{ours}")
        }
        Command::StartContainers { .. } if is_daemons(&node.step, errno) || volume_source(&node.step, errno, context).is_some() => {
            format!("Error response from daemon: {what}\n{ours}")
        }
        Command::RunContainer(_) => {
            let closing = "\n\nRun 'docker run --help' for more information\n";
            format!("docker: Error response from daemon: {CREATE_FRAME}{what}{tail}{closing}{ours}")
        }
        Command::ExecProcess(_) if is_user(&node.step) && is_gone(errno) => format!("Error response from daemon: {what}\n{ours}"),
        // The answer to a detached exec is an error; to another, dockerd writes it where the program would have written.
        Command::ExecProcess(exec) if exec.detach => format!("Error response from daemon: {EXEC_FRAME}{what}{tail}\n{ours}"),
        Command::ExecProcess(_) => format!("{EXEC_FRAME}{what}{tail}\r\n{ours}"),
        Command::StartContainers { .. } => format!("Error response from daemon: {CREATE_FRAME}{what}{tail}\n{ours}"),
        Command::RestartContainers { containers, .. } => {
            let name = containers.first().map_or("", String::as_str);
            let daemons = is_daemons(&node.step, errno) || volume_source(&node.step, errno, context).is_some();
            let (frame, end) = if daemons { ("", "") } else { (CREATE_FRAME, tail) };
            format!("Error response from daemon: Cannot restart container {name}: {frame}{what}{end}\n{ours}")
        }
        _ => format!("Error response from daemon: {what}\n{ours}"),
    };
    let exit_code = match &context.invocation.command {
        Command::RunContainer(_) => exit_code_of(&what),
        Command::ExecProcess(exec) if exec.detach || (is_user(&node.step) && is_gone(errno)) => NOT_THERE,
        Command::ExecProcess(_) => exit_code,
        _ => NOT_THERE,
    };
    CommandError { message, exit_code, span: blamed(node) }
}

/// What of a build has failed besides its instructions: fetching a base or giving the image away, and files of results.
fn of_builds_own(build: &BuildImage, node: &Node, errno: Errno, call: Option<&str>, context: &Context<'_>) -> Option<CommandError> {
    let words = call.map_or_else(|| errno.to_string().to_lowercase(), str::to_string);
    match &node.step {
        Step::Registry(step) => Some(super::build::not_fetched(build, step, &words, context)),
        Step::Build(BuildStep::WriteResultFile { .. }) => {
            let message = format!("ERROR: failed to build: {words}\n{}", hint(node, errno, None, &Finding::default()));
            Some(CommandError { message, exit_code: NOT_THERE, span: blamed(node) })
        }
        _ => None,
    }
}

/// What a registry, or the way to it, has said: the first line is dockerd's, what follows is ours.
fn of_registry(node: &Node, errno: Errno, call: Option<&str>, context: &Context<'_>) -> CommandError {
    let whole = call.map_or_else(|| errno.to_string().to_lowercase(), str::to_string);
    let (what, ours) = whole.split_once('\n').map_or((whole.as_str(), String::new()), |(what, ours)| (what, format!("{ours}\n")));
    if matches!(
        &node.step,
        Step::Registry(RegistryStep::TakePassword { .. } | RegistryStep::KeepLogin { .. } | RegistryStep::DropLogin { .. })
    ) {
        return CommandError { message: format!("{what}\n{ours}"), exit_code: NOT_THERE, span: blamed(node) };
    }
    let (frame, closing, exit_code) = match &context.invocation.command {
        // The client tells what comes of a push as it comes.
        Command::Registry(RegistryCommand::Push(_))
            if matches!(&node.step, Step::Registry(RegistryStep::SendRequest(_))) && !what.starts_with("Get ") =>
        {
            return CommandError { message: format!("{what}\n{ours}"), exit_code: NOT_THERE, span: blamed(node) };
        }
        Command::RunContainer(_) => ("docker: ", "\n\nRun 'docker run --help' for more information\n", ENGINE_FAILED),
        _ => ("", "\n", NOT_THERE),
    };
    CommandError { message: format!("{frame}Error response from daemon: {what}{closing}{ours}"), exit_code, span: blamed(node) }
}

/// The exit code that the client of `run` reads off the words of a refusal, whatever they are about.
pub(super) fn exit_code_of(what: &str) -> i32 {
    let has = |words: &[&str]| words.iter().any(|word| what.contains(word));
    if has(&["executable file not found", "no such file or directory", "system cannot find the file specified"]) {
        NOT_FOUND
    } else if has(&["permission denied", "is a directory"]) {
        CANNOT_EXECUTE
    } else {
        ENGINE_FAILED
    }
}

/// What of a message goes to stdout, and what to stderr: why an exec failed, dockerd writes where the program would have written.
pub fn streams_of(message: &str) -> (&str, &str) {
    let end = message.find('\n').map_or(message.len(), |at| at + 1);
    if message.starts_with(EXEC_FRAME) { message.split_at(end) } else { ("", message) }
}

/// The daemon does it, before the runtime is asked: its words stand without the runtime's frame.
fn is_daemons(step: &Step, errno: Errno) -> bool {
    use StoreStep::{
        CreateSource, CreateVolume, ExtractLayer, FillVolume, MakeWorkingDirectory, RemoveContainerFiles, RemoveVolume,
    };
    if matches!(step, Step::Privilege(PrivilegeStep::SetUser { .. }) | Step::Process(ProcessStep::JoinNamespace { .. })) {
        return is_gone(errno);
    }
    if matches!(step, Step::Mount(MountStep::CopyMountTree { .. })) {
        return errno == Errno::EINVAL;
    }
    if matches!(step, Step::Mount(MountStep::BindSubpath { .. })) {
        return matches!(errno, Errno::ENOENT | Errno::ENOTDIR | Errno::EXDEV);
    }
    if matches!(step, Step::Network(_)) {
        return true;
    }
    let Step::Store(step) = step else { return false };
    matches!(
        step,
        ExtractLayer { .. }
            | CreateSource { .. }
            | CreateVolume { .. }
            | FillVolume { .. }
            | MakeWorkingDirectory { .. }
            | RemoveContainerFiles { .. }
            | RemoveVolume { .. }
    )
}

/// The call that failed is told in dockerd's words already.
fn tells_itself(step: &Step, errno: Errno) -> bool {
    match step {
        Step::Mount(MountStep::CopyMountTree { .. }) => is_daemons(step, errno),
        Step::Store(StoreStep::MakeWorkingDirectory { .. }) => matches!(errno, Errno::ENOTDIR | Errno::ELOOP),
        _ => false,
    }
}

/// What a volume with options has failed to mount, in the words of dockerd's local driver.
fn volume_source(step: &Step, errno: Errno, context: &Context<'_>) -> Option<String> {
    let source = match step {
        Step::Mount(MountStep::MountFilesystem { source, target, flags, data, .. }) => {
            let directory = volume_at(target, source, context)?;
            let what = foreign::told(source, &directory, *flags, data);
            let sentence = errno.to_string().to_lowercase();
            return Some(format!("error while mounting volume '{directory}': failed to mount local volume: {what}: {sentence}"));
        }
        Step::Store(StoreStep::FillVolume { directory, .. }) => directory,
        Step::Mount(MountStep::BindMount { source, .. }) => source,
        _ => return None,
    };
    let found = context.state.volumes.values().find_map(|volume| match volume.backing() {
        Backing::Host { device, recursive, read_only } if device == *source => Some((volume, recursive, read_only)),
        _ => None,
    });
    let (volume, recursive, read_only) = found.filter(|_| matches!(errno, Errno::ENOENT | Errno::ENOTDIR))?;
    let data = Layout::new(&context.host.data_root).volume_data(&volume.name);
    // MS_BIND, MS_REC, MS_RDONLY
    let flags = 0x1000 | if recursive { 0x4000 } else { 0 } | u32::from(read_only);
    let sentence = errno.to_string().to_lowercase();
    let what = format!("mount {source}:{data}, flags: {flags:#x}: {sentence}");
    Some(format!("error while mounting volume '{data}': failed to mount local volume: {what}"))
}

/// The directory on the host of the volume of this device that a container has mounted there.
fn volume_at(target: &str, source: &str, context: &Context<'_>) -> Option<String> {
    let layout = Layout::new(&context.host.data_root);
    let inside = target.strip_prefix(&layout.merged())?;
    let is_it = |point: &&MountPoint| {
        let backing = context.state.volumes.get(&point.name).map(Volume::backing);
        point.target == inside && matches!(backing, Some(Backing::Other { device, .. }) if device == source)
    };
    let points = context.state.containers.values().flat_map(|container| &container.mounts);
    points.filter(|point| point.kind == MountKind::Volume).find(is_it).map(|point| layout.volume_data(&point.name))
}

/// A part of a volume that cannot be reached, in dockerd's words (moby internal/safepath).
fn subpath_reason(directory: &str, subpath: &str, errno: Errno) -> Option<String> {
    let path = format!("{directory}/{subpath}");
    match errno {
        Errno::EXDEV => Some(format!("path concatenation escapes the base directory, base: {directory}, subpath: {subpath}")),
        Errno::ENOENT | Errno::ENOTDIR => {
            Some(format!("cannot access path {path}: lstat {path}: {}", errno.to_string().to_lowercase()))
        }
        _ => None,
    }
}

/// As Docker's client chooses it by the daemon's words.
fn code_of(what: &str) -> i32 {
    const NOT_FOUND: i32 = 127;
    if what.contains("no such file or directory") { NOT_FOUND } else { ENGINE_FAILED }
}

fn with_code(what: String) -> (String, i32) {
    let code = code_of(&what);
    (what, code)
}

/// Docker's last line where of several containers some could not be done; empty where it has none.
pub fn closing(command: &Command, failed: &[String]) -> String {
    match command {
        Command::StartContainers { attach: false, interactive: false, .. } if !failed.is_empty() => {
            format!("Error: failed to start containers: {}\n", failed.join(", "))
        }
        _ => String::new(),
    }
}

fn is_user(step: &Step) -> bool {
    matches!(step, Step::Privilege(PrivilegeStep::SetUser { .. }))
}

/// `USER:GROUP`, of which the user is a number, that needs no entry, and the group is a name.
fn is_group_missing(user: &str) -> bool {
    user.split_once(':').is_some_and(|(user, group)| user.parse::<u32>().is_ok() && group.parse::<u32>().is_err())
}

/// What containerd puts after the runtime's words, and what dockerd asks whenever something is no directory, whatever it was about.
fn tail(what: &str) -> &'static str {
    if what.contains("not a directory") {
        ": unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is \
         the expected type"
    } else {
        ": unknown"
    }
}

/// Nobody is there.
fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::ESRCH | Errno::ENOENT)
}

/// runc reaches a setting by a /proc of its own, which nobody can have changed.
fn sysctl_reason(name: &str, value: &str, call: Option<&str>, sentence: &str) -> String {
    let own = crate::sysctl::path(name).replacen("/proc", "fsmount:fscontext:proc/.", 1);
    match call {
        Some("write") => format!("failed to write sysctl {name} = {}: write {own}: {sentence}", quoted(value)),
        _ => format!("open sysctl {name} file: unsafe procfs detected: openat2 {own}: {sentence}"),
    }
}

/// The runtime's words and Docker's exit code.
fn reason(step: &Step, errno: Errno, call: Option<&str>, context: &Context<'_>) -> (String, i32) {
    let sentence = errno.to_string().to_lowercase();
    match step {
        Step::Store(StoreStep::ExtractLayer { .. }) => (call.map_or(sentence, str::to_string), ENGINE_FAILED),
        Step::Process(ProcessStep::ChangeDirectory { path, .. }) => {
            let code = if errno == Errno::EACCES { CANNOT_EXECUTE } else { NOT_FOUND };
            (format!("chdir to cwd (\"{path}\") set in config.json failed: {sentence}"), code)
        }
        Step::Privilege(PrivilegeStep::SetUser { groups, .. }) if errno == Errno::ESRCH && call == Some("setgroups") => {
            let names: Vec<&str> = groups.iter().filter(|name| name.parse::<u32>().is_err()).map(String::as_str).collect();
            (format!("unable to find group {}: no matching entries in group file", names.join(" or ")), ENGINE_FAILED)
        }
        Step::Privilege(PrivilegeStep::SetResourceLimit { resource, .. }) => {
            let what = format!("error setting rlimits for ready process: error setting rlimit type {}: {sentence}", resource.0);
            (what, ENGINE_FAILED)
        }
        Step::Privilege(PrivilegeStep::SetOomScore { .. }) => {
            (format!("failed to set oom score: write /proc/self/oom_score_adj: {sentence}"), ENGINE_FAILED)
        }
        Step::Process(ProcessStep::SetSysctl { name, value, .. }) => (sysctl_reason(name, value, call, &sentence), ENGINE_FAILED),
        Step::Privilege(PrivilegeStep::SetUser { user, .. }) if is_gone(errno) && is_group_missing(user) => {
            let group = user.split(':').nth(1).unwrap_or_default();
            (format!("unable to find group {group}: no matching entries in group file"), ENGINE_FAILED)
        }
        Step::Privilege(PrivilegeStep::SetUser { user, .. }) if errno == Errno::ESRCH || errno == Errno::ENOENT => {
            let name = user.split(':').next().unwrap_or(user);
            (format!("unable to find user {name}: no matching entries in passwd file"), ENGINE_FAILED)
        }
        Step::Process(ProcessStep::JoinNamespace { kind, id }) if is_gone(errno) && !is_exec(context) => {
            (namespaces::not_running(*kind, &id.0, context.state), ENGINE_FAILED)
        }
        Step::Cgroup(CgroupStep::WriteLimit { file, value, .. }) => {
            (limit_reason(file, value, (call, errno), context), ENGINE_FAILED)
        }
        Step::Mount(MountStep::BindMount { .. } | MountStep::MountFilesystem { .. })
            if volume_source(step, errno, context).is_some() =>
        {
            with_code(volume_source(step, errno, context).unwrap_or_default())
        }
        Step::Mount(MountStep::BindMount { source, .. }) if is_behind_file(source, context.host) => {
            (format!("failed to fulfil mount request: open {source}: {sentence}"), ENGINE_FAILED)
        }
        Step::Mount(MountStep::CopyMountTree { .. }) | Step::Store(StoreStep::MakeWorkingDirectory { .. })
            if tells_itself(step, errno) =>
        {
            (call.map_or_else(String::new, str::to_string), ENGINE_FAILED)
        }
        Step::Mount(MountStep::BindSubpath { directory, subpath, .. }) if is_daemons(step, errno) => {
            with_code(subpath_reason(directory, subpath, errno).unwrap_or_default())
        }
        Step::Network(of) => (super::network::not_set_up(of, errno, call, context), ENGINE_FAILED),
        Step::Store(of) => store_reason(of, step, errno, call, context),
        Step::Client(ClientStep::AwaitExit { id, .. }) if errno == Errno::ENOENT => {
            (format!("No such container: {}", id.short()), NOT_THERE)
        }
        _ => plain_reason(step, call, &sentence, context),
    }
}

/// Where there are no words of Docker's.
fn plain_reason(step: &Step, call: Option<&str>, sentence: &str, context: &Context<'_>) -> (String, i32) {
    let what = match (step, call) {
        (Step::Mount(of), Some(call)) if sentence == "not a directory" => {
            onto_file(of, call, &Layout::new(&context.host.data_root).merged())
        }
        _ => None,
    };
    let call = call.map_or_else(|| step.name().to_string(), str::to_string);
    (what.unwrap_or_else(|| format!("{call}: {sentence}")), ENGINE_FAILED)
}

/// runc's words where a mount and its place do not go together: one of the two is a file, or what the place is to be made in.
fn onto_file(step: &MountStep, call: &str, merged: &str) -> Option<String> {
    let (source, target, flags) = match step {
        MountStep::BindMount { source, target, recursive, .. } => {
            (source.as_str(), target, if *recursive { "MS_BIND|MS_REC" } else { "MS_BIND" })
        }
        MountStep::MountFilesystem { source, target, .. } => (source.as_str(), target, ""),
        _ => return None,
    };
    let place = target.strip_prefix(merged).filter(|place| place.starts_with('/'))?;
    let frame = format!("error mounting \"{source}\" to rootfs at \"{place}\": ");
    Some(match call {
        "mount" => format!("{frame}mount src={source}, dst={place}, flags={flags}: not a directory"),
        _ => format!(
            "{frame}create mountpoint for {place} mount: lookup mountpoint target: securejoin.OpenInRoot {place}: openat2 {place}: not a directory"
        ),
    })
}

/// Of a step on the engine's files: dockerd's words.
fn store_reason(of: &StoreStep, step: &Step, errno: Errno, call: Option<&str>, context: &Context<'_>) -> (String, i32) {
    let sentence = errno.to_string().to_lowercase();
    match of {
        StoreStep::RemoveContainerFiles { id, .. } if errno == Errno::EBUSY && runs(id, context) => {
            let name = context.state.containers.get(id).map_or(id.short(), |container| container.name.as_str());
            let what = "container is running: stop the container before removing or force remove";
            (format!("cannot remove container \"{name}\": {what}"), NOT_THERE)
        }
        StoreStep::RemoveContainerFiles { id, directory } => {
            (format!("unable to remove filesystem for {id}: unlinkat {directory}: {sentence}"), NOT_THERE)
        }
        StoreStep::RemoveVolume { name, directory } => {
            (format!("remove {name}: error removing volume path '{directory}': unlinkat {directory}: {sentence}"), NOT_THERE)
        }
        StoreStep::FillVolume { directory, subpath, .. } if !subpath.is_empty() && errno == Errno::EXDEV => {
            let what = subpath_reason(directory, subpath, errno).unwrap_or_default();
            (format!("failed to populate volume: {what}"), ENGINE_FAILED)
        }
        StoreStep::FillVolume { .. } if volume_source(step, errno, context).is_some() => {
            let what = volume_source(step, errno, context).unwrap_or_default();
            (format!("failed to populate volume: {what}"), code_of(&what))
        }
        StoreStep::CreateSource { path, .. } => {
            (format!("error while creating mount source path '{path}': mkdir {path}: {sentence}"), ENGINE_FAILED)
        }
        _ => plain_reason(step, call, &sentence, context),
    }
}

/// runc's words for a file of a cgroup that is not there, or does not take what is written. Shares it reads again: the kernel takes
/// any number, and keeps one that it allows.
fn limit_reason(file: &str, value: &str, (call, errno): (Option<&str>, Errno), context: &Context<'_>) -> String {
    let sentence = errno.to_string().to_lowercase();
    let what = match call {
        Some("openat") => format!("openat2 {file}: {sentence}"),
        Some("read") if errno == Errno::ERANGE => {
            let (word, most) = CpuShares::bound(value);
            format!("the {word} allowed cpu-shares is {most}")
        }
        _ => format!("failed to write \"{value}\": write {file}: {sentence}"),
    };
    let owns =
        |container: &&Container| container.host.cgroups.iter().any(|(directory, _)| file.starts_with(&format!("{directory}/")));
    match (&context.invocation.command, context.state.containers.values().find(owns)) {
        (Command::UpdateContainers { .. }, Some(container)) => {
            format!("Cannot update container {}: runc did not terminate successfully: exit status 1: {what}", container.id)
        }
        _ => format!("error setting cgroup config for procHooks process: {what}"),
    }
}

fn runs(id: &ContainerId, context: &Context<'_>) -> bool {
    context.state.containers.get(id).is_some_and(|container| container.state.status.runs())
}

fn is_exec(context: &Context<'_>) -> bool {
    matches!(context.invocation.command, Command::ExecProcess(_))
}

/// Our own lines: which step it was, the cause where one was found, and what to do next.
fn hint(node: &Node, errno: Errno, call: Option<&str>, finding: &Finding) -> String {
    // There the call is told in dockerd's words already.
    let call = call.filter(|_| !tells_itself(&node.step, errno));
    let call = call.map_or_else(String::new, |call| format!(" ({call})"));
    let failed = format!("glassbox: step {} {} failed: {}{call}", node.id, node.step.name(), errno.name());
    let Some(Diagnosis { what, advice }) = &finding.diagnosis else {
        return format!("{failed}; {}\n", next(&node.step, errno));
    };
    let advice = if advice.is_empty() { String::new() } else { format!("glassbox: {advice}\n") };
    format!("{failed}\nglassbox: {what}\n{advice}")
}

/// What to do next, where no cause was found.
fn next(step: &Step, errno: Errno) -> &'static str {
    match (step, errno) {
        (Step::Process(ProcessStep::SetTimeOffsets { .. }), Errno::ERANGE) => {
            "no clock can be set to before its beginning: the offset takes away more than the machine has been up (cat /proc/uptime)"
        }
        (Step::Mount(MountStep::CopyMountTree { .. }), Errno::EINVAL) => {
            "mounts spread only from a mount that is shared; see: findmnt -o TARGET,PROPAGATION; make it so: mount --make-shared PATH"
        }
        (Step::Mount(MountStep::BindSubpath { .. }), Errno::ENOENT | Errno::ENOTDIR) => {
            "volume-subpath names a directory that is in the volume already: make it first, with the whole volume mounted"
        }
        (Step::Mount(MountStep::BindSubpath { .. }) | Step::Store(StoreStep::FillVolume { .. }), Errno::EXDEV) => {
            "a link in the volume leads out of it, and what lies there is not the volume's"
        }
        (Step::Process(ProcessStep::JoinNamespace { .. }), Errno::ESRCH | Errno::ENOENT) => {
            "whose namespace is shared has to run first: glassbox start NAME"
        }
        (Step::Client(ClientStep::AwaitExit { .. }), Errno::ENOENT) => {
            "it was removed in the meantime; see all with: glassbox ps -a"
        }
        (Step::Privilege(PrivilegeStep::SetResourceLimit { .. }), Errno::EPERM) => {
            "above the engine's own hard limit only CAP_SYS_RESOURCE of the machine goes; see: grep . /proc/self/limits"
        }
        (Step::Privilege(PrivilegeStep::SetOomScore { .. }), Errno::EACCES) => {
            "below the engine's own score only CAP_SYS_RESOURCE of the machine goes; see: cat /proc/self/oom_score_adj"
        }
        (Step::Cgroup(CgroupStep::WriteLimit { limit, .. }), Errno::ENODEV) if limit.controller() == Controller::Io => {
            "limits are for whole disks, not for parts of them or for other devices; see them with: lsblk -d"
        }
        (Step::Cgroup(CgroupStep::WriteLimit { limit: Limit::CpuShares, .. }), Errno::ERANGE) => {
            "shares are from 2 to 262144; 1024 are the usual ones"
        }
        (Step::Cgroup(CgroupStep::WriteLimit { .. }), Errno::ENOENT) => "this kernel has no such limit: leave the flag out",
        (Step::Process(ProcessStep::SetSysctl { .. }), Errno::ENOENT) => "see what this kernel has with: sysctl -a",
        (_, Errno::EPERM | Errno::EACCES) => "run it as root, or see what it would do with --plan",
        (_, Errno::ENOSPC) => "the disk is full: make room below the data root (df -h), then try again",
        (_, Errno::EUSERS | Errno::EAGAIN) => "a limit of the host is reached; see: sysctl user.max_user_namespaces, ulimit -u",
        (_, Errno::ENODEV | Errno::ENOSYS | Errno::EOPNOTSUPP) => {
            "the kernel lacks this feature; see: /proc/filesystems, and `glassbox run --plan` for what is needed"
        }
        _ => "see the step with --explain",
    }
}

fn blamed(node: &Node) -> Option<crate::cli::Span> {
    node.causes.iter().find_map(|cause| match cause {
        super::Cause::Words { span, .. } => Some(*span),
        _ => None,
    })
}

/// What a build takes away again that has failed.
pub fn after_build(context: &Context<'_>) -> Vec<Planned> {
    super::build::after_failure(context)
}

/// What is still to be done after the steps of the failing top-level step were undone: the container stays on record with the
/// reason, or goes, with `--rm`.
pub fn after_failure(id: &ContainerId, error: &CommandError, context: &Context<'_>) -> Vec<Planned> {
    let Some(container) = context.state.containers.get(id) else { return Vec::new() };
    if matches!(context.invocation.command, Command::BuildImage(_)) {
        // It was made for one instruction, and has gone with what that had done.
        return Vec::new();
    }
    if container.host.auto_remove {
        let cause = origin::flag_or(context, container, "rm", || origin::command(context));
        return vec![planned(Step::Phase(Phase::RemoveContainer { id: id.clone() }), cause)];
    }
    vec![record(container, error, context)]
}

pub(super) fn record(container: &Container, error: &CommandError, context: &Context<'_>) -> Planned {
    let first = error.message.lines().next().unwrap_or_default();
    let what = first.trim_start_matches("docker: ").trim_start_matches("Error response from daemon: ").to_string();
    let exit_code = match exit_code_of(&what) {
        // dockerd counts it as not found, its client does not.
        ENGINE_FAILED if what.contains("not a directory") => NOT_FOUND,
        ENGINE_FAILED => NOT_STARTED,
        code => code,
    };
    let step = StoreStep::RecordFailure { id: container.id.clone(), exit_code, error: what };
    planned(Step::Store(step), origin::need("StartContainer", "ps and inspect are to tell why it does not run."))
        .with(origin::command(context))
}
