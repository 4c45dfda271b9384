//! Programs on the model kernel, without the engine's steps.

use super::bench::Bench;

#[test]
fn a_clone_of_the_world_goes_its_own_way() {
    let mut bench = Bench::new();
    bench.run("docker run -d --name one toolbox sleep 5");
    let kept = bench.kernel.clone();
    bench.run("docker exec one touch /tmp/x");
    assert_eq!(bench.run("docker exec one ls /tmp").out, "x\n");
    bench.kernel = kept;
    assert_eq!(bench.run("docker exec one ls /tmp").out, "");
}

#[test]
fn the_same_commands_give_the_same_events() {
    let events = || {
        let mut bench = Bench::new();
        bench.run("docker run --name one -m 64m toolbox ls -l /");
        bench.run("docker run toolbox cat /proc/self/mountinfo");
        bench.events
    };
    assert_eq!(events(), events());
}
