//! Docker's commands for Swarm that are not carried out yet: enough of their grammar to judge a line.
//!
//! One row each; flags as `name/letter=kind`.

use super::super::{Arity, CommandRow};

/// The rows.
pub(in crate::cli::table) const ROWS: &[CommandRow] = &[
    CommandRow::new("config create", &["config create"], "[OPTIONS] CONFIG file|-", Arity::Exact(2))
        .specs("label/l=list template-driver=text"),
    CommandRow::new("config inspect", &["config inspect"], "[OPTIONS] CONFIG [CONFIG...]", Arity::AtLeast(1))
        .specs("format/f=text pretty=bool"),
    CommandRow::new("config ls", &["config ls"], "[OPTIONS]", Arity::None)
        .aliases(&[("config list", "config ls")])
        .specs("filter/f=filter format=text quiet/q=bool"),
    CommandRow::new("config rm", &["config rm"], "CONFIG [CONFIG...]", Arity::AtLeast(1))
        .aliases(&[("config remove", "config rm")]),
    CommandRow::new("node demote", &["node demote"], "NODE [NODE...]", Arity::AtLeast(1)),
    CommandRow::new("node inspect", &["node inspect"], "[OPTIONS] self|NODE [NODE...]", Arity::AtLeast(1))
        .specs("format/f=text pretty=bool"),
    CommandRow::new("node ls", &["node ls"], "[OPTIONS]", Arity::None)
        .aliases(&[("node list", "node ls")])
        .specs("filter/f=filter format=text quiet/q=bool"),
    CommandRow::new("node promote", &["node promote"], "NODE [NODE...]", Arity::AtLeast(1)),
    CommandRow::new("node ps", &["node ps"], "[OPTIONS] [NODE...]", Arity::Any)
        .specs("filter/f=filter format=text no-resolve=bool no-trunc=bool quiet/q=bool"),
    CommandRow::new("node rm", &["node rm"], "[OPTIONS] NODE [NODE...]", Arity::AtLeast(1))
        .aliases(&[("node remove", "node rm")])
        .specs("force/f=bool"),
    CommandRow::new("node update", &["node update"], "[OPTIONS] NODE", Arity::Exact(1))
        .specs("availability=text label-add=list label-rm=list role=text"),
    CommandRow::new("secret create", &["secret create"], "[OPTIONS] SECRET [file|-]", Arity::Between(1, 2))
        .specs("driver/d=text label/l=list template-driver=text"),
    CommandRow::new("secret inspect", &["secret inspect"], "[OPTIONS] SECRET [SECRET...]", Arity::AtLeast(1))
        .specs("format/f=text pretty=bool"),
    CommandRow::new("secret ls", &["secret ls"], "[OPTIONS]", Arity::None)
        .aliases(&[("secret list", "secret ls")])
        .specs("filter/f=filter format=text quiet/q=bool"),
    CommandRow::new("secret rm", &["secret rm"], "SECRET [SECRET...]", Arity::AtLeast(1))
        .aliases(&[("secret remove", "secret rm")]),
    CommandRow::new("service create", &["service create"], "[OPTIONS] IMAGE [COMMAND] [ARG...]", Arity::AtLeast(1))
        .flags_first()
        .specs(
            "cap-add=list cap-drop=list config=list constraint=list container-label=list credential-spec=list \
             detach/d=bool dns=list dns-option=list dns-search=list endpoint-mode=text entrypoint=list env/e=list \
             env-file=list generic-resource=list group=list health-cmd=text health-interval=duration health-retries=int \
             health-start-interval=duration health-start-period=duration health-timeout=duration host=list hostname=text \
             init=bool isolation=text label/l=list limit-cpu=decimal limit-memory=bytes limit-pids=int log-driver=text \
             log-opt=list max-concurrent=uint mode=text mount=mount name=text network=network no-healthcheck=bool \
             no-resolve-image=bool oom-score-adj=int placement-pref=list publish/p=list quiet/q=bool read-only=bool \
             replicas=uint replicas-max-per-node=uint reserve-cpu=decimal reserve-memory=bytes restart-condition=text \
             restart-delay=duration restart-max-attempts=uint restart-window=duration rollback-delay=duration \
             rollback-failure-action=text rollback-max-failure-ratio=float rollback-monitor=duration rollback-order=text \
             rollback-parallelism=uint secret=list stop-grace-period=duration stop-signal=text sysctl=list tty/t=bool \
             ulimit=ulimit update-delay=duration update-failure-action=text update-max-failure-ratio=float \
             update-monitor=duration update-order=text update-parallelism=uint user/u=text with-registry-auth=bool \
             workdir/w=text",
        ),
    CommandRow::new("service inspect", &["service inspect"], "[OPTIONS] SERVICE [SERVICE...]", Arity::AtLeast(1))
        .specs("format/f=text pretty=bool"),
    CommandRow::new("service logs", &["service logs"], "[OPTIONS] SERVICE|TASK", Arity::Exact(1)).specs(
        "details=bool follow/f=bool no-resolve=bool no-task-ids=bool no-trunc=bool raw=bool since=text tail/n=text \
             timestamps/t=bool",
    ),
    CommandRow::new("service ls", &["service ls"], "[OPTIONS]", Arity::None)
        .aliases(&[("service list", "service ls")])
        .specs("filter/f=filter format=text quiet/q=bool"),
    CommandRow::new("service ps", &["service ps"], "[OPTIONS] SERVICE [SERVICE...]", Arity::AtLeast(1))
        .specs("filter/f=filter format=text no-resolve=bool no-trunc=bool quiet/q=bool"),
    CommandRow::new("service rm", &["service rm"], "SERVICE [SERVICE...]", Arity::AtLeast(1))
        .aliases(&[("service remove", "service rm")]),
    CommandRow::new("service rollback", &["service rollback"], "[OPTIONS] SERVICE", Arity::Exact(1))
        .specs("detach/d=bool quiet/q=bool"),
    CommandRow::new("service scale", &["service scale"], "SERVICE=REPLICAS [SERVICE=REPLICAS...]", Arity::AtLeast(1))
        .specs("detach/d=bool"),
    CommandRow::new("service update", &["service update"], "[OPTIONS] SERVICE", Arity::Exact(1)).specs(
        "args=list cap-add=list cap-drop=list config-add=list config-rm=list constraint-add=list constraint-rm=list \
             container-label-add=list container-label-rm=list credential-spec=list detach/d=bool dns-add=list \
             dns-option-add=list dns-option-rm=list dns-rm=list dns-search-add=list dns-search-rm=list endpoint-mode=text \
             entrypoint=list env-add=list env-rm=list force=bool generic-resource-add=list generic-resource-rm=list \
             group-add=list group-rm=list health-cmd=text health-interval=duration health-retries=int \
             health-start-interval=duration health-start-period=duration health-timeout=duration host-add=list \
             host-rm=list hostname=text image=text init=bool isolation=text label-add=list label-rm=list \
             limit-cpu=decimal limit-memory=bytes limit-pids=int log-driver=text log-opt=list max-concurrent=uint \
             mount-add=mount mount-rm=list network-add=network network-rm=list no-healthcheck=bool no-resolve-image=bool \
             oom-score-adj=int placement-pref-add=list placement-pref-rm=list publish-add=list publish-rm=list \
             quiet/q=bool read-only=bool replicas=uint replicas-max-per-node=uint reserve-cpu=decimal \
             reserve-memory=bytes restart-condition=text restart-delay=duration restart-max-attempts=uint \
             restart-window=duration rollback=bool rollback-delay=duration rollback-failure-action=text \
             rollback-max-failure-ratio=float rollback-monitor=duration rollback-order=text rollback-parallelism=uint \
             secret-add=list secret-rm=list stop-grace-period=duration stop-signal=text sysctl-add=list sysctl-rm=list \
             tty/t=bool ulimit-add=ulimit ulimit-rm=list update-delay=duration update-failure-action=text \
             update-max-failure-ratio=float update-monitor=duration update-order=text update-parallelism=uint user/u=text \
             with-registry-auth=bool workdir/w=text",
    ),
    CommandRow::new("stack config", &["stack config"], "[OPTIONS]", Arity::None)
        .specs("compose-file/c=strings skip-interpolation=bool"),
    CommandRow::new("stack deploy", &["stack deploy"], "[OPTIONS] STACK", Arity::Exact(1))
        .aliases(&[("stack up", "stack deploy")])
        .specs("compose-file/c=strings detach/d=bool prune=bool quiet/q=bool resolve-image=text with-registry-auth=bool"),
    CommandRow::new("stack ls", &["stack ls"], "[OPTIONS]", Arity::None)
        .aliases(&[("stack list", "stack ls")])
        .specs("format=text"),
    CommandRow::new("stack ps", &["stack ps"], "[OPTIONS] STACK", Arity::Exact(1))
        .specs("filter/f=filter format=text no-resolve=bool no-trunc=bool quiet/q=bool"),
    CommandRow::new("stack rm", &["stack rm"], "[OPTIONS] STACK [STACK...]", Arity::AtLeast(1))
        .aliases(&[("stack remove", "stack rm"), ("stack down", "stack rm")])
        .specs("detach/d=bool"),
    CommandRow::new("stack services", &["stack services"], "[OPTIONS] STACK", Arity::Exact(1))
        .specs("filter/f=filter format=text quiet/q=bool"),
    CommandRow::new("swarm ca", &["swarm ca"], "[OPTIONS]", Arity::None)
        .specs("ca-cert=list ca-key=list cert-expiry=duration detach/d=bool external-ca=list quiet/q=bool rotate=bool"),
    CommandRow::new("swarm init", &["swarm init"], "[OPTIONS]", Arity::None).specs(
        "advertise-addr=text autolock=bool availability=text cert-expiry=duration data-path-addr=text \
             data-path-port=uint32 default-addr-pool=list default-addr-pool-mask-length=uint32 \
             dispatcher-heartbeat=duration external-ca=list force-new-cluster=bool listen-addr=list max-snapshots=uint \
             snapshot-interval=uint task-history-limit=int",
    ),
    CommandRow::new("swarm join", &["swarm join"], "[OPTIONS] HOST:PORT", Arity::Exact(1))
        .specs("advertise-addr=text availability=text data-path-addr=text listen-addr=list token=text"),
    CommandRow::new("swarm join-token", &["swarm join-token"], "[OPTIONS] (worker|manager)", Arity::Exact(1))
        .specs("quiet/q=bool rotate=bool"),
    CommandRow::new("swarm leave", &["swarm leave"], "[OPTIONS]", Arity::None).specs("force/f=bool"),
    CommandRow::new("swarm unlock", &["swarm unlock"], "", Arity::None),
    CommandRow::new("swarm unlock-key", &["swarm unlock-key"], "[OPTIONS]", Arity::None).specs("quiet/q=bool rotate=bool"),
    CommandRow::new("swarm update", &["swarm update"], "[OPTIONS]", Arity::None).specs(
        "autolock=bool cert-expiry=duration dispatcher-heartbeat=duration external-ca=list max-snapshots=uint \
             snapshot-interval=uint task-history-limit=int",
    ),
];
