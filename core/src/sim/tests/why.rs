//! What `why` finds out from a container's record is what the model kernel answers when a program makes the call.

use super::bench::Bench;
use crate::host::HostFacts;
use crate::model::Container;
use crate::userland::Attempt;
use crate::why::{Layer, judge, text};

/// The flags under which every attempt is judged and made.
const FLAGS: &[&str] = &[
    "",
    "--cap-drop ALL",
    "--cap-add SYS_ADMIN",
    "--cap-add ALL",
    "--security-opt seccomp=unconfined",
    "--security-opt seccomp=unconfined --cap-add SYS_ADMIN",
    "--security-opt seccomp=unconfined --cap-drop ALL",
    "--security-opt systempaths=unconfined",
    "--privileged",
    "--read-only",
    "--read-only --tmpfs /tmp",
    "-u nobody",
    "-u 1000 --cap-add SYS_ADMIN",
    "-u nobody --security-opt seccomp=unconfined",
    "--cap-add SYS_BOOT --cap-add SYS_TIME --cap-add SYS_NICE",
    "--cap-drop MKNOD --cap-drop NET_RAW --cap-drop SYS_CHROOT",
    "--device-cgroup-rule 'c 1:* rw'",
    "--security-opt apparmor=unconfined --cap-add SYS_ADMIN",
];

fn hosts() -> Vec<HostFacts> {
    let ordinary = HostFacts { uid: 1000, gid: 1000, ..HostFacts::example() };
    let apparmor = HostFacts { apparmor: Some(["docker-default".to_string()].into()), ..HostFacts::example() };
    vec![HostFacts::example(), ordinary, apparmor]
}

/// The line of `syscall` for one attempt, in a container of its own, and that container.
fn made(bench: &mut Bench, flags: &str, attempt: Attempt) -> (String, Container) {
    let word = attempt.demand().word;
    let shown = bench.run(&format!("docker run --name made --network none {flags} toolbox syscall {word}"));
    let container = bench.state.container("made").cloned();
    bench.run("docker rm made");
    (shown.out.trim_end().to_string(), container.unwrap_or_else(|_| panic!("{flags}: {shown:?}")))
}

#[test]
fn what_is_found_out_is_what_the_model_kernel_answers() {
    let mut compared = 0;
    for host in hosts() {
        // An ordinary user's container can be given no device, and knows one user.
        for flags in FLAGS.iter().filter(|flags| host.uid == 0 || !flags.contains("device") && !flags.contains("-u ")) {
            let mut bench = Bench::on(host.clone());
            for attempt in Attempt::ALL {
                let (shown, container) = made(&mut bench, flags, attempt);
                let told = text(&container, &host, attempt);
                assert_eq!(told.lines().next(), Some(shown.as_str()), "uid {}, {flags}: {told}", host.uid);
                compared += 1;
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn the_layers_are_named_in_the_kernels_order() {
    let host = HostFacts::example();
    let mut bench = Bench::on(host.clone());
    let (_, container) = made(&mut bench, "", Attempt::Mount);
    let layers = |host: &HostFacts, attempt| -> Vec<Layer> {
        judge(&container, host, attempt).iter().map(|refusal| refusal.layer).collect()
    };
    assert_eq!(layers(&host, Attempt::Mount), [Layer::Seccomp, Layer::Capability]);
    assert_eq!(layers(&host, Attempt::WriteProcSys), [Layer::ReadOnly]);
    assert_eq!(layers(&host, Attempt::OpenDevice), [Layer::DeviceCgroup]);
    assert_eq!(layers(&host, Attempt::Chroot), []);
    assert_eq!(layers(&hosts()[2], Attempt::Mount), [Layer::Seccomp, Layer::Capability, Layer::AppArmor]);
    let shown = text(&container, &host, Attempt::Keyctl);
    assert!(shown.contains("never allows keyctl"), "{shown}");
}
