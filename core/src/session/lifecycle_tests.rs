//! Restart policies on the virtual clock: what a person sees while a container waits to be started again, which on Linux passes too fast.

use super::*;
use crate::model::Status;
use crate::step::{ClientStep, Step};

/// A machine with a container that fails at once and is started again and again.
fn crashing() -> Session {
    let mut session = Session::new(HostFacts::example());
    session.command("docker run -d --restart always --name box --network none toolbox false");
    session
}

fn answer(session: &mut Session, line: &str) -> String {
    let before: usize = session.world().output().iter().count();
    session.command(line);
    session.world().output().iter().skip(before + 1).map(|chunk| chunk.text().into_owned()).collect()
}

fn status(session: &Session) -> Option<Status> {
    session.world().state().containers.values().next().map(|container| container.state.status)
}

#[test]
fn while_it_waits_to_be_started_again_commands_say_so() {
    let mut session = crashing();
    assert_eq!(status(&session), Some(Status::Restarting));
    let id = session.world().state().containers.keys().next().unwrap().to_string();
    let wait = format!("Error response from daemon: Container {id} is restarting, wait until the container is running\n");
    assert_eq!(answer(&mut session, "docker exec box true"), wait);
    assert_eq!(answer(&mut session, "docker pause box"), wait);
    let removal = "Error response from daemon: cannot remove container \"box\": container is restarting: stop the container before \
                   removing or force remove\n";
    assert_eq!(answer(&mut session, "docker rm box"), removal);
    assert_eq!(answer(&mut session, "docker ps --format '{{.Names}} {{.State}}'"), "box restarting\n");
    assert!(answer(&mut session, "docker ps").contains("Restarting (1) Less than a second ago"));
    assert_eq!(answer(&mut session, "docker start box"), "box\n");
    assert_eq!(answer(&mut session, "docker wait box"), "1\n");
}

#[test]
fn stop_and_rm_end_the_wait() {
    let mut session = crashing();
    assert_eq!(answer(&mut session, "docker stop box"), "box\n");
    assert_eq!(status(&session), Some(Status::Exited));
    let mut session = crashing();
    assert_eq!(answer(&mut session, "docker rm -f box"), "box\n");
    assert_eq!(status(&session), None);
}

#[test]
fn the_waits_double() {
    let mut session = crashing();
    session.command("docker run --rm --network none toolbox sleep 2");
    let waits = session.timeline().iter().filter_map(|entry| match entry.node.as_ref()?.step {
        Step::Client(ClientStep::AwaitRestart { delay_ns, .. }) => Some(delay_ns / 1_000_000),
        _ => None,
    });
    assert_eq!(waits.collect::<Vec<_>>(), [100, 200, 400, 800]);
}

#[test]
fn the_detach_keys_let_go_of_a_terminal_and_the_program_goes_on() {
    let mut session = Session::new(HostFacts::example());
    let progress = session.command("docker run -it --name box --network none toolbox cat");
    assert_eq!(progress, Progress::NeedsInput);
    session.give(&Input::Bytes(b"one\r".to_vec()));
    assert_eq!(session.run(1000), Progress::NeedsInput);
    session.give(&Input::Bytes(b"\x10\x11".to_vec()));
    assert_eq!(session.run(1000), Progress::Ready(0));
    assert_eq!(status(&session), Some(Status::Running));
    assert_eq!(session.command("docker attach --detach-keys ctrl-x,x box"), Progress::NeedsInput);
    session.give(&Input::Bytes(b"two\r\x10\x11".to_vec()));
    assert_eq!(session.run(1000), Progress::NeedsInput);
    session.give(&Input::Bytes(b"\x18x".to_vec()));
    assert_eq!(session.run(1000), Progress::Ready(1));
    let shown: String = session.world().output().iter().map(|chunk| chunk.text().into_owned()).collect();
    assert!(shown.contains("two") && shown.ends_with("read escape sequence\n"), "{shown}");
    assert_eq!(shown.matches("one\r\n").count(), 2, "typed and written once, and not shown again by attach: {shown}");
}

#[test]
fn the_detach_keys_let_go_of_an_exec_and_its_program_goes_on() {
    let mut session = Session::new(HostFacts::example());
    session.command("docker run -d --name box --network none toolbox sleep 1000");
    let line = "docker exec -it --detach-keys ctrl-x,x box sh -c 'read word; echo $word > /tmp/word'";
    assert_eq!(session.command(line), Progress::NeedsInput);
    session.give(&Input::Bytes(b"wo".to_vec()));
    assert_eq!(session.run(1000), Progress::NeedsInput);
    session.give(&Input::Bytes(b"\x10\x11\x18x".to_vec()));
    assert_eq!(session.run(1000), Progress::Ready(1));
    let shown: String = session.world().output().iter().map(|chunk| chunk.text().into_owned()).collect();
    assert!(shown.ends_with("read escape sequence\n"), "{shown}");
    let top = answer(&mut session, "docker top box");
    assert!(top.contains("sh -c"), "{top}");
    let refused = answer(&mut session, "docker exec --detach-keys xyz box true");
    assert!(refused.starts_with("Error response from daemon: Invalid escape keys (xyz) provided\n"), "{refused}");
}

#[test]
fn stats_go_on_with_the_clock_until_they_are_interrupted() {
    let mut session = Session::new(HostFacts::example());
    session.command("docker run -d --name box --network none toolbox sh -c 'for n in 1 2 3; do sleep 2; done; exec sleep 1000'");
    session.submit("docker stats --format '{{.Name}} {{.PIDs}}' box");
    let tables = |session: &Session| {
        let shown: String = session.world().output().iter().map(|chunk| chunk.text().into_owned()).collect();
        (shown.matches("box 2\n").count(), shown.matches("box 1\n").count(), shown.matches("box 0\n").count())
    };
    // One after a second, then one with each sleep that ends, and the last with the container's end; then nothing goes on.
    assert_eq!(session.run(1000), Progress::Stuck);
    let (with_sleep, alone, ended) = tables(&session);
    assert!(with_sleep + alone >= 3 && ended >= 1, "{with_sleep} {alone} {ended}");
    session.give(&Input::Interrupt);
    assert_eq!(session.run(1000), Progress::Ready(130));
}

#[test]
fn who_does_not_pass_signals_on_ends_alone() {
    let mut session = Session::new(HostFacts::example());
    session.submit("docker run --sig-proxy=false --name box --network none toolbox sleep 1000");
    for _ in 0..500 {
        if status(&session) == Some(Status::Running) {
            break;
        }
        session.step();
    }
    session.step();
    session.give(&Input::Interrupt);
    assert_eq!(session.run(1000), Progress::Ready(130));
    assert_eq!(status(&session), Some(Status::Running));
}

#[test]
fn attach_needs_a_container_that_runs() {
    let mut session = crashing();
    let restarting = "You cannot attach to a restarting container, wait until it is running\n";
    assert_eq!(answer(&mut session, "docker attach box"), restarting);
}
