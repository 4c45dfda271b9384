//! Composite steps in words.

use super::{Explanation, explanation};
use crate::step::Phase;

pub(super) fn explain(phase: &Phase) -> Explanation {
    let (headline, why, anchor) = words(phase);
    explanation(headline, why, Vec::new(), &[], anchor)
}

fn words(phase: &Phase) -> (String, &'static str, &'static str) {
    let fixed = |text: &str| text.to_string();
    match phase {
        Phase::PrepareImage { image } => (
            format!("Prepare the image {image}"),
            "The container's files come from the image's layers. A layer is extracted once and then shared by all containers.",
            "image",
        ),
        Phase::CreateContainer { container } => (
            format!("Create the container {}", container.name),
            "A container begins as directories, a specification and a record. Nothing runs yet.",
            "create",
        ),
        Phase::StartContainer { .. } => (
            fixed("Start the container"),
            "An ordinary process is made, isolated, given a root directory, stripped of power, and replaced by your program.",
            "process",
        ),
        Phase::PrepareCgroup { .. } => (
            fixed("Prepare the control group"),
            "Limits belong to a group of processes and not to one. The group is there before the first process is.",
            "cgroup",
        ),
        Phase::CreateProcess { .. } => (
            fixed("Create the first process"),
            "The kernel knows no containers, only processes. This one will become the container's pid 1.",
            "process",
        ),
        Phase::IsolateProcess { .. } => (
            fixed("Isolate the process in namespaces"),
            "Each namespace gives the process its own view of one thing: mounts, names, queues, network, cgroups.",
            "namespaces",
        ),
        Phase::BuildRoot { .. } => (
            fixed("Build the root file system"),
            "The process still sees the host's files. It gets the image's files, a few file systems that the kernel makes, and a new `/`.",
            "root",
        ),
        Phase::HidePaths { .. } => (
            fixed("Hide and protect paths"),
            "Some files in /proc and /sys tell of the whole host or act on it. They are covered or made read-only.",
            "hidden",
        ),
        Phase::DropPrivileges { .. } => (
            fixed("Drop privileges"),
            "Root in the container is to have less power than root on the host. What is dropped here cannot be taken back.",
            "privileges",
        ),
        Phase::RunProgram { .. } => (
            fixed("Run the program"),
            "Everything up to here was the engine's code. Now your program takes the process over.",
            "program",
        ),
        Phase::ExecInContainer { .. } => (
            fixed("Run a further process in the container"),
            "There is no container to go into, only namespaces and a cgroup to join. The new process joins those of the first one.",
            "process",
        ),
        Phase::StopContainer { .. } => (
            fixed("Stop the container"),
            "A program gets a signal and time to end in order. Only then is it ended by force.",
            "end",
        ),
        Phase::KillIfRunning { .. } => {
            (fixed("End it by force, if it still runs"), "A program can ignore the first signal. It cannot ignore SIGKILL.", "end")
        }
        Phase::CleanUpContainer { .. } => (
            fixed("Clean up after the container"),
            "Its first process has ended, and the kernel has ended all others in its pid namespace. What was made for them goes too.",
            "end",
        ),
        Phase::RemoveContainer { .. } => (
            fixed("Remove the container"),
            "Its record, its log and every file that it changed are deleted. The image stays as it was.",
            "end",
        ),
    }
}
