//! Composite steps in words.

use super::{Explanation, explanation};
use crate::step::Phase;

pub(super) fn explain(phase: &Phase) -> Explanation {
    if let Phase::Registry(phase) = phase {
        return super::registry::phase(phase);
    }
    explanation(headline(phase), why(phase), Vec::new(), &[], anchor(phase))
}

fn headline(phase: &Phase) -> String {
    let fixed = match phase {
        Phase::PrepareImage { image } => return format!("Prepare the image {image}"),
        Phase::BuildInstruction { shown, .. } => return shown.chars().take(60).collect(),
        Phase::FindResult { .. } => "Take the result from the cache, or make it",
        Phase::PackResult { .. } => "Make a layer of what it has changed",
        Phase::KeepLayer { .. } => "Keep the layer",
        Phase::TakeContext { .. } => "Bring the build context here",
        Phase::ImportCache { .. } => "See what the cache has",
        Phase::ExportCache { .. } => "Leave the results for other machines",
        Phase::ExportOutput { .. } => "Write what was built where you want it",
        Phase::ExportImage => "Make the image",
        Phase::Registry(phase) => phase.name(),
        Phase::CreateContainer { container } => return format!("Create the container {}", container.name),
        Phase::CommitContainer { .. } => "Make an image of the container's changes",
        Phase::ImportImage { .. } => "Make an image of the archive",
        Phase::WriteImage { .. } => "Put the image together",
        Phase::StartContainer { .. } => "Start the container",
        Phase::PrepareCgroup { .. } => "Prepare the control group",
        Phase::PrepareNetworks { .. } => "Prepare its networks",
        Phase::ConnectProcess { .. } => "Connect the process to its networks",
        Phase::CreateProcess { .. } => "Create the first process",
        Phase::IsolateProcess { .. } => "Isolate the process in namespaces",
        Phase::BuildRoot { .. } => "Build the root file system",
        Phase::HidePaths { .. } => "Hide and protect paths",
        Phase::DropPrivileges { .. } => "Drop privileges",
        Phase::RunProgram { .. } => "Run the program",
        Phase::ExecInContainer { .. } => "Run a further process in the container",
        Phase::CopyInContainer { .. } => "Copy files in or out of the container",
        Phase::StopContainer { .. } => "Stop the container",
        Phase::KillIfRunning { .. } => "End it by force, if it still runs",
        Phase::CleanUpContainer { .. } => "Clean up after the container",
        Phase::CheckHealth { .. } => "Look after its health",
        Phase::RunProbe { .. } => "Probe its health",
        Phase::RestartIfWanted { .. } => "Start it again, if its policy says so",
        Phase::StartAgain { .. } => "Start it again, unless it was stopped",
        Phase::RemoveContainer { .. } => "Remove the container",
    };
    fixed.to_string()
}

const WHY_NETWORKS: &str =
    "A network is a bridge on the host. The container is given an address in each of its own before anything of it runs.";
const WHY_CONNECTED: &str =
    "A new network namespace has loopback alone. A cable is laid into it, and its other end plugged into the bridge.";

fn why(phase: &Phase) -> &'static str {
    match phase {
        Phase::BuildInstruction { .. }
        | Phase::FindResult { .. }
        | Phase::PackResult { .. }
        | Phase::KeepLayer { .. }
        | Phase::ExportOutput { .. }
        | Phase::ImportCache { .. }
        | Phase::ExportCache { .. }
        | Phase::TakeContext { .. }
        | Phase::ExportImage => why_of_build(phase),
        Phase::PrepareImage { .. } => {
            "The container's files come from the image's layers. A layer is extracted once and then shared by all containers."
        }
        Phase::Registry(_) => "Registries have words of their own.",
        Phase::CreateContainer { .. } => "A container begins as directories, a specification and a record. Nothing runs yet.",
        Phase::CommitContainer { .. } => {
            "What the container changed becomes one more layer, on those that it stands on. How it runs becomes the image's configuration."
        }
        Phase::ImportImage { .. } => {
            "All that an image needs is files: the archive is its one layer. It has no history and no command."
        }
        Phase::WriteImage { .. } => {
            "An image is a configuration, its layers and a manifest that names them by digest. What it is made of is known when the layers are packed."
        }
        Phase::StartContainer { .. } => {
            "An ordinary process is made, isolated, given a root directory, stripped of power, and replaced by your program."
        }
        Phase::PrepareCgroup { .. } => {
            "Limits belong to a group of processes and not to one. The group is there before the first process is."
        }
        Phase::PrepareNetworks { .. } => WHY_NETWORKS,
        Phase::ConnectProcess { .. } => WHY_CONNECTED,
        Phase::CreateProcess { .. } => {
            "The kernel knows no containers, only processes. This one will become the container's pid 1."
        }
        Phase::IsolateProcess { .. } => {
            "Each namespace gives the process its own view of one thing: mounts, names, queues, network, cgroups."
        }
        Phase::BuildRoot { .. } => {
            "The process still sees the host's files. It gets the image's files, a few file systems that the kernel makes, and a new `/`."
        }
        Phase::HidePaths { .. } => {
            "Some files in /proc and /sys tell of the whole host or act on it. They are covered or made read-only."
        }
        Phase::DropPrivileges { .. } => {
            "Root in the container is to have less power than root on the host. What is dropped here cannot be taken back."
        }
        Phase::RunProgram { .. } => "Everything up to here was the engine's code. Now your program takes the process over.",
        Phase::ExecInContainer { .. } => {
            "There is no container to go into, only namespaces and a cgroup to join. The new process joins those of the first one."
        }
        Phase::CopyInContainer { .. } => {
            "Files are copied below the container's root directory, so that no link in it leads elsewhere. One that does not run is mounted first."
        }
        Phase::StopContainer { .. } => "A program gets a signal and time to end in order. Only then is it ended by force.",
        Phase::KillIfRunning { .. } => "A program can ignore the first signal. It cannot ignore SIGKILL.",
        Phase::CleanUpContainer { .. } => {
            "Its first process has ended; what it has left goes with its pid namespace or its cgroup. What was made for them goes too."
        }
        Phase::CheckHealth { .. } => "That a process is there says little. A probe asks whether it does its work.",
        Phase::RunProbe { .. } => "The probe is an exec like any other: it sees what the container's programs see.",
        Phase::RestartIfWanted { .. } => "No kernel starts a program again. The monitor does it, as long as it lives itself.",
        Phase::StartAgain { .. } => "Everything is made anew but the files: process, namespaces, mounts, cgroup.",
        Phase::RemoveContainer { .. } => {
            "Its record, its log and every file that it changed are deleted. The image stays as it was."
        }
    }
}

fn why_of_build(phase: &Phase) -> &'static str {
    match phase {
        Phase::BuildInstruction { .. } => {
            "Each instruction takes what the ones above it came to, and adds a layer or a line of the configuration."
        }
        Phase::FindResult { .. } => "An instruction whose inputs are the same has the same result: it is not carried out twice.",
        Phase::PackResult { .. } => {
            "The next instruction need not wait for it. What a program has left that has failed becomes no layer, but an image to look at."
        }
        Phase::KeepLayer { .. } => "What was changed is one layer, for this image and for all that are built like it.",
        Phase::TakeContext { .. } => {
            "COPY and ADD take files from a directory. What was sent instead of one becomes one, for as long as the build goes on."
        }
        Phase::ImportCache { .. } => {
            "Keys are made of what a result depends on: two machines come to the same ones. A cache that cannot be read is done without."
        }
        Phase::ExportCache { .. } => {
            "A machine that has built nothing finds results by their keys, and need not build what was built here."
        }
        Phase::ExportOutput { .. } => "A build need not end with an image here: its files can be taken as they are.",
        Phase::ExportImage => {
            "An image is a configuration and a list of layers. All layers are there: what is missing are documents and names."
        }
        _ => "",
    }
}

/// Where the book's chapter treats it.
fn anchor(phase: &Phase) -> &'static str {
    match phase {
        Phase::PrepareImage { .. }
        | Phase::BuildInstruction { .. }
        | Phase::FindResult { .. }
        | Phase::PackResult { .. }
        | Phase::KeepLayer { .. }
        | Phase::ExportImage
        | Phase::ExportOutput { .. }
        | Phase::ImportCache { .. }
        | Phase::ExportCache { .. }
        | Phase::TakeContext { .. }
        | Phase::Registry(_)
        | Phase::CommitContainer { .. }
        | Phase::ImportImage { .. }
        | Phase::WriteImage { .. } => "image",
        Phase::CreateContainer { .. } => "create",
        Phase::StartContainer { .. } | Phase::CreateProcess { .. } | Phase::ExecInContainer { .. } => "process",
        Phase::PrepareCgroup { .. } => "cgroup",
        Phase::PrepareNetworks { .. } | Phase::ConnectProcess { .. } => "network",
        Phase::IsolateProcess { .. } => "namespaces",
        Phase::BuildRoot { .. } | Phase::CopyInContainer { .. } => "root",
        Phase::HidePaths { .. } => "hidden",
        Phase::DropPrivileges { .. } => "privileges",
        Phase::RunProgram { .. } => "program",
        Phase::StopContainer { .. }
        | Phase::KillIfRunning { .. }
        | Phase::CleanUpContainer { .. }
        | Phase::CheckHealth { .. }
        | Phase::RunProbe { .. }
        | Phase::RestartIfWanted { .. }
        | Phase::StartAgain { .. }
        | Phase::RemoveContainer { .. } => "end",
    }
}
