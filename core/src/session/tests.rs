use super::*;

fn shown(session: &Session) -> String {
    session.world().output().iter().map(|chunk| chunk.text().into_owned()).collect()
}

fn session() -> Session {
    Session::new(HostFacts::example())
}

#[test]
fn a_container_runs_and_leaves_nothing() {
    let mut session = session();
    let progress = session.command("docker run --rm --network none --hostname web toolbox hostname");
    assert_eq!(progress, Progress::Ready(0), "{}", shown(&session));
    assert!(shown(&session).ends_with("\nweb\n"), "{}", shown(&session));
    assert!(session.timeline().len() > 40);
    assert!(session.timeline().iter().all(|entry| entry.errno.is_none()));
    session.command("docker ps -a -q");
    assert!(session.world().state().containers.is_empty());
}

#[test]
fn back_and_forward_show_the_same_world_and_a_new_command_branches() {
    let mut session = session();
    session.command("docker run -d --name box --network none toolbox sleep 1000");
    let end = session.position();
    session.jump(3);
    assert!(session.world().state().containers.is_empty());
    session.jump(end);
    assert_eq!(session.world().state().containers.size(), 1);
    session.jump(0);
    session.command("docker ps -a -q");
    assert!(session.timeline().len() < end);
    assert_eq!(session.recording().inputs.len(), 1);
}

#[test]
fn a_recording_replays_to_the_same_events() {
    let mut session = session();
    session.command("docker run -d --name box --network none -m 64m toolbox sh -c 'while true; do sleep 1; done'");
    session.command("docker exec box sh -c 'echo hi > /tmp/x; cat /tmp/x'");
    session.command("docker stop -t 1 box");
    session.command("docker rm box");
    let replayed = Session::replay(HostFacts::example(), session.recording()).unwrap();
    assert_eq!(replayed.timeline(), session.timeline());
    assert_eq!(shown(&replayed), shown(&session));
    assert!(shown(&session).contains("\nhi\n"), "{}", shown(&session));
}

#[test]
fn a_shell_at_a_terminal_takes_lines() {
    let mut session = session();
    assert_eq!(session.command("docker run --rm -it --network none toolbox sh"), Progress::NeedsInput, "{}", shown(&session));
    session.give(&Input::Bytes(b"echo $((6 * 7))\n".to_vec()));
    assert_eq!(session.run(100), Progress::NeedsInput, "{}", shown(&session));
    assert!(shown(&session).replace('\r', "").contains("\n42\n"), "{}", shown(&session));
    session.give(&Input::Bytes(b"exit 3\n".to_vec()));
    assert_eq!(session.run(100), Progress::Ready(3), "{}", shown(&session));
}

#[test]
fn failures_are_dockers_and_roll_back() {
    let mut session = session();
    assert_eq!(session.command("docker run --rm --network none toolbox nothere"), Progress::Ready(127), "{}", shown(&session));
    assert!(shown(&session).contains("executable file not found in $PATH"), "{}", shown(&session));
    assert!(session.world().state().containers.is_empty());
    assert_eq!(session.command("docker run --frobnicate toolbox"), Progress::Ready(125));
    assert_eq!(session.command("docker stop nobody"), Progress::Ready(1));
}

#[test]
fn an_interrupt_ends_a_wait_that_would_not_end() {
    let mut session = session();
    session.command("docker run -d --name box --network none toolbox sh -c 'while true; do sleep 5; done'");
    session.submit("docker wait box");
    session.run(5);
    session.give(&Input::Interrupt);
    assert_eq!(session.run(50), Progress::Ready(130));
}

#[test]
fn an_archive_goes_out_by_stdout_and_in_by_stdin() {
    let mut session = session();
    let made = "mkdir -p /data/deep; echo hi > /data/deep/file; ln -s file /data/deep/link; chmod 640 /data/deep/file";
    session.command(&format!("docker run --name box --network none toolbox sh -c '{made}'"));
    session.command(
        "docker create --name other --network none toolbox sh -c 'cat /tmp/data/deep/link; ls -l /tmp/data/deep/file | grep -o ^-rw-r-----'",
    );
    let before = shown(&session).len();
    assert_eq!(session.command("docker cp box:/data -"), Progress::Ready(0), "{}", shown(&session));
    let archive = shown(&session)[before..].split_once('\n').unwrap().1.as_bytes().to_vec();
    assert_eq!((archive.len() % 512, &archive[257..262]), (0, &b"ustar"[..]));
    assert_eq!(session.command("docker cp - other:/tmp"), Progress::NeedsInput, "{}", shown(&session));
    let (first, rest) = archive.split_at(700);
    for part in [first, rest] {
        session.give(&Input::Bytes(part.to_vec()));
        assert_eq!(session.run(100), Progress::NeedsInput);
    }
    session.give(&Input::End);
    assert_eq!(session.run(100), Progress::Ready(0), "{}", shown(&session));
    session.command("docker start -a other");
    assert!(shown(&session).ends_with("hi\n-rw-r-----\n"), "{}", shown(&session));
    let recorded = Session::replay(HostFacts::example(), session.recording()).unwrap();
    assert_eq!(shown(&recorded), shown(&session));
}

#[test]
fn an_archive_of_many_megabytes_is_refused_by_the_model() {
    let mut session = session();
    session.command("docker create --name box --network none toolbox true");
    session.submit("docker cp - box:/tmp");
    session.run(100);
    session.give(&Input::Bytes(vec![0; (16 << 20) + 1]));
    assert_eq!(session.run(100), Progress::Ready(1));
    assert!(shown(&session).contains("glassbox: the model takes archives of at most 16777216 bytes"), "{}", shown(&session));
}

#[test]
fn exec_reads_what_is_typed_only_with_interactive() {
    let mut session = session();
    session.command("docker run -d --name box --network none toolbox sleep 1000");
    assert_eq!(session.command("docker exec box cat"), Progress::Ready(0), "{}", shown(&session));
    assert_eq!(session.command("docker exec -i box cat"), Progress::NeedsInput, "{}", shown(&session));
}

/// A probe that shows other bytes than were written.
struct Altered<'a>(crate::sim::SimProbe<'a>);

impl crate::query::Probe for Altered<'_> {
    fn ask(&self, query: &crate::query::Query) -> Result<crate::query::Answer, crate::errno::Errno> {
        match self.0.ask(query)? {
            crate::query::Answer::Bytes(bytes) => {
                let text = String::from_utf8_lossy(&bytes).replace("\"name\":\"web\"", "\"name\":\"other\"");
                Ok(crate::query::Answer::Bytes(text.into_bytes()))
            }
            answer => Ok(answer),
        }
    }
}

#[test]
fn events_tell_what_was_seen_and_not_what_the_step_says() {
    use crate::observe::{Actors, Outcome, Sent, observe};
    use crate::step::{ClientStep, ProcessStep, Step, StoreStep};
    let mut session = session();
    session.command("docker create --name web toolbox true");
    let recorded = session.timeline().iter().find_map(|entry| match &entry.node.as_ref()?.step {
        step @ Step::Store(StoreStep::RecordContainer { .. }) => Some(step.clone()),
        _ => None,
    });
    let probe = Altered(session.world().probe());
    let (none, actors) = (Outcome::default(), Actors::default());
    let events = observe(&recorded.unwrap(), &none, actors, &probe).unwrap();
    assert!(matches!(&events[..], [Event::ContainerRecorded { container }] if container.name == "other"), "{events:?}");

    let id = session.world().state().containers.keys().next().unwrap().clone();
    let signal = Step::Process(ProcessStep::SendSignal { id: id.clone(), signal: 15 });
    assert!(observe(&signal, &none, actors, &probe).is_err(), "no kernel took it");
    let took = Outcome { sent: Some(Sent { pid: 7, signal: 9 }), ..Outcome::default() };
    assert_eq!(observe(&signal, &took, actors, &probe).unwrap(), [Event::SignalSent { id: id.clone(), signal: 9 }]);

    let records = [
        StoreStep::RecordPause { id: id.clone(), paused: true },
        StoreStep::RecordStopAsked { id: id.clone() },
        StoreStep::RecordRestartCancelled { id: id.clone() },
        StoreStep::RecordFailure { id: id.clone(), exit_code: 127, error: "none of it is on record".into() },
    ];
    for step in records.map(Step::Store) {
        assert_eq!(observe(&step, &none, actors, &probe).unwrap(), [], "{step:?}");
    }

    let print = Step::Client(ClientStep::Print { text: "all of it".into() });
    assert_eq!(observe(&print, &none, actors, &probe).unwrap(), [], "stdout is closed");
    let half = Outcome { printed: "all".into(), ..Outcome::default() };
    assert_eq!(observe(&print, &half, actors, &probe).unwrap(), [Event::Printed { stderr: false, text: "all".into() }]);
}

#[test]
fn the_record_of_the_model_says_what_the_state_says() {
    use crate::query::{Answer, Probe, Query};
    let mut session = session();
    let lines = [
        "docker run -d --name web --restart on-failure --network none toolbox sleep 100",
        "docker pause web",
        "docker unpause web",
        "docker stop -t 0 web",
        "docker start web",
        "docker kill web",
        "docker create --name bad --network none toolbox nothing",
        "docker start bad",
    ];
    for line in lines {
        session.command(line);
        for container in session.world().state().containers.values() {
            let record = session.world().probe().ask(&Query::Record(container.id.clone())).unwrap();
            assert_eq!(record, Answer::Record(Some(Box::new(container.state.clone()))), "{line}");
        }
    }
    let gone = Query::Record(crate::model::ContainerId("0".repeat(64)));
    assert_eq!(session.world().probe().ask(&gone), Ok(Answer::Record(None)));
}

#[test]
fn bytes_that_are_no_text_are_kept_and_a_character_is_put_together() {
    let mut session = Session::new(HostFacts::example());
    let before = session.world().output().len() + 1;
    session.command(r#"docker run --rm --network none toolbox sh -c 'printf "\303"; printf "\251\377"'"#);
    let bytes: Vec<u8> = session.world().output().iter().skip(before).flat_map(|chunk| chunk.bytes.clone()).collect();
    assert_eq!(bytes, [0xc3, 0xa9, 0xff]);
    let text: String = joined(session.world().output().iter().skip(before)).iter().map(|chunk| chunk.text().into_owned()).collect();
    assert_eq!(text, "é\u{fffd}");
    let [text, bytes] = ["text\n".as_bytes(), b"\xff"].map(|bytes| Chunk { stream: Stream::Stdout, bytes: bytes.to_vec() });
    assert!(!text.is_binary() && bytes.is_binary());
}
