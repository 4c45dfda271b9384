//! Steps on control groups: plain files and directories in a cgroup file system, cgroups(7).

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use glassbox_core::device::DeviceRule;
use glassbox_core::errno::Errno;
use glassbox_core::host::Controller;
use glassbox_core::step::{CgroupStep, CpuShares, freezer_word};

use super::{Done, Failure, NameCall};
use crate::sys::device_program;
use crate::{journal, sys};

/// Between two looks.
const FREEZER_PAUSE: Duration = Duration::from_millis(1);

/// So often the cgroups above are made again during one step.
const REMOVALS_MAX: u32 = 100;

/// Carries the step out; `JoinCgroup` in the process that joins.
pub fn carry_out(step: &CgroupStep) -> Done {
    match step {
        CgroupStep::EnableControllers { directory, controllers } => {
            let file = format!("{directory}/cgroup.subtree_control");
            with_those_above(&file, controllers, || enable(directory, controllers))
        }
        CgroupStep::CreateCgroup { directory, controllers, .. } => with_those_above(directory, controllers, || create(directory)),
        CgroupStep::WriteLimit { file, value, .. } if CpuShares::are_read_again(file) => {
            write(file, value)?;
            let kept = fs::read_to_string(file).call("read")?;
            if kept.trim() == value { Ok(()) } else { Err(Failure::of("read", Errno::ERANGE)) }
        }
        CgroupStep::WriteLimit { file, value, limit, .. } => with_those_above(file, &[limit.controller()], || write(file, value)),
        CgroupStep::RestrictDevices { directory, rules, program: true } => restrict_by_program(directory, rules),
        CgroupStep::RestrictDevices { directory, rules, program: false } => restrict(directory, rules),
        CgroupStep::JoinCgroup { directory } => write(&format!("{directory}/tasks"), "0"),
        CgroupStep::SetFreezer { file, frozen, patience_ns } => set_freezer(file, *frozen, *patience_ns),
        CgroupStep::RemoveCgroup { directory, shared: false } => remove(directory),
        CgroupStep::RemoveCgroup { directory, shared: true } => {
            journal::remove_empty_cgroup(Path::new(directory)).map(drop).call("rmdir")
        }
    }
}

fn enable(directory: &str, controllers: &[Controller]) -> Done {
    let words: Vec<String> = controllers.iter().map(|controller| format!("+{}", controller.name())).collect();
    write(&format!("{directory}/cgroup.subtree_control"), &words.join(" "))
}

/// `--cgroup-parent`: as long as nothing is in the cgroups above, an engine with another data root, whose last container in them has
/// ended, may remove them between any two steps. Then they are made again, as they were, and the step is tried again.
fn with_those_above(path: &str, controllers: &[Controller], mut step: impl FnMut() -> Done) -> Done {
    for _ in 0..REMOVALS_MAX {
        match step() {
            Err(failure) if failure.errno == Errno::ENOENT && make_above(Path::new(path), controllers) => {}
            answer => return answer,
        }
    }
    step()
}

/// `false`: what is above is there, or is no parent of ours to make.
fn make_above(path: &Path, controllers: &[Controller]) -> bool {
    let Some(above) = path.parent().filter(|above| !journal::is_of_container(above)) else { return false };
    if above.is_dir() {
        return false;
    }
    let there = above.ancestors().find(|ancestor| ancestor.is_dir());
    if !there.is_some_and(|ancestor| ancestor.join("cgroup.procs").is_file()) {
        return false;
    }
    // Whatever fails here, the step will fail on again, and tell it.
    let _ = make_again(above, controllers);
    true
}

fn make_again(directory: &Path, controllers: &[Controller]) -> std::io::Result<()> {
    let Some(above) = directory.parent() else { return Ok(()) };
    if !above.is_dir() {
        make_again(above, controllers)?;
    }
    match DirBuilder::new().mode(0o755).create(directory) {
        Err(error) if sys::errno_of(&error) != Errno::EEXIST => return Err(error),
        _ => {}
    }
    if directory.join("cgroup.subtree_control").is_file() {
        // The devices are no controller of version 2: a program keeps them.
        let real: Vec<Controller> = controllers.iter().copied().filter(|one| *one != Controller::Devices).collect();
        let _ = enable(&directory.display().to_string(), &real);
    }
    for name in ["cpuset.cpus", "cpuset.mems"].iter().filter(|_| above.join("cpuset.sched_load_balance").is_file()) {
        fs::write(directory.join(name), fs::read(above.join(name))?)?;
    }
    Ok(())
}

/// An empty cgroup that a former start has left serves as well: its limits are written next.
fn create(directory: &str) -> Done {
    match DirBuilder::new().mode(0o755).create(directory) {
        Err(error) if sys::errno_of(&error) == Errno::EEXIST => Ok(()),
        answer => answer.call("mkdir"),
    }
}

/// One write(2) with everything in it: that is how cgroup files take a value.
fn write(file: &str, value: &str) -> Done {
    let mut open = OpenOptions::new().write(true).open(file).call("openat")?;
    open.write_all(value.as_bytes()).call("write")
}

/// v1: everything is denied, then each rule allowed.
fn restrict(directory: &str, rules: &[DeviceRule]) -> Done {
    write(&format!("{directory}/devices.deny"), "a")?;
    let mut allow = OpenOptions::new().write(true).open(format!("{directory}/devices.allow")).call("openat")?;
    rules.iter().try_for_each(|rule| allow.write_all(rule.to_string().as_bytes()).call("write"))
}

/// v2: a program that is asked on every use.
fn restrict_by_program(directory: &str, rules: &[DeviceRule]) -> Done {
    let program = device_program::compile(rules).call("bpf")?;
    let cgroup = fs::File::open(directory).call("openat")?;
    device_program::attach(&cgroup, &program).call("bpf")
}

/// Freezing takes as long as the last process needs to come to a halt.
fn set_freezer(file: &str, frozen: bool, patience_ns: u64) -> Done {
    match write(file, freezer_word(file, frozen)) {
        // What was to go on has ended meanwhile, and its monitor has cleaned up.
        Err(failure) if matches!(failure.errno, Errno::ENOENT | Errno::ENODEV) && !frozen => return Ok(()),
        answer => answer?,
    }
    let is = |text: &str| {
        text.lines().any(|line| matches!((line, frozen), ("frozen 1" | "FROZEN", true) | ("frozen 0" | "THAWED", false)))
    };
    let told_by =
        file.strip_suffix("/cgroup.freeze").map_or_else(|| file.to_string(), |directory| format!("{directory}/cgroup.events"));
    let deadline = Instant::now() + Duration::from_nanos(patience_ns);
    loop {
        match fs::read_to_string(&told_by) {
            Ok(text) if is(&text) => return Ok(()),
            Ok(_) if Instant::now() < deadline => thread::sleep(FREEZER_PAUSE),
            Ok(_) => return Err(Failure::of("read", Errno::EBUSY)),
            // What was thawed has ended meanwhile, and its monitor has cleaned up.
            Err(_) if !frozen => return Ok(()),
            Err(error) => return Err(Failure::of("read", sys::errno_of(&error))),
        }
    }
}

/// Most often it is empty, since all that ran in it ended with the first process: then rmdir(2) is all.
fn remove(directory: &str) -> Done {
    if fs::remove_dir(directory).is_ok() {
        return Ok(());
    }
    journal::remove_cgroup(Path::new(directory)).map(drop).call("rmdir")
}
