//! Flags that stand before a command's name: Docker's, and Glassbox's own, which may stand after it as well.

use super::{FlagRow, Kind};

const ALL: &[&str] = &[];

const fn docker(long: &'static str, kind: Kind, help: &'static str, example: &'static str) -> FlagRow {
    FlagRow::new(long, kind, ALL, help, example)
}

/// Docker's: they choose a daemon, and Glassbox has none.
pub(crate) const GLOBAL: &[FlagRow] = &[
    docker("config", Kind::Text, "Directory of the client's configuration", "--config ~/.docker"),
    docker("context", Kind::Text, "The context, and so the daemon, to talk to", "-c remote").short('c'),
    docker("debug", Kind::Bool, "Say more about what goes on", "-D").short('D'),
    docker("host", Kind::List, "The daemon's socket", "-H unix:///run/docker.sock").short('H'),
    docker("log-level", Kind::Text, "How much is logged", "-l debug").short('l').default("info"),
    docker("tls", Kind::Bool, "Talk to the daemon over TLS", "--tls"),
    docker("tlscacert", Kind::Text, "Certificate of the authority to trust", "--tlscacert ca.pem"),
    docker("tlscert", Kind::Text, "Certificate of the client", "--tlscert cert.pem"),
    docker("tlskey", Kind::Text, "Key of the client", "--tlskey key.pem"),
    docker("tlsverify", Kind::Bool, "Talk over TLS and check the daemon's certificate", "--tlsverify"),
    docker("version", Kind::Bool, "Print the version and end", "--version").short('v').carried_out(),
];

/// Glassbox's own.
pub(crate) const OWN: &[FlagRow] = &[
    docker("plan", Kind::PlanFormat, "Show the steps and do nothing: text, or with --plan=json JSON", "--plan").carried_out(),
    docker("explain", Kind::Bool, "Do it and tell each step", "--explain").carried_out(),
    docker("step", Kind::Bool, "Do it in the step debugger", "--step").carried_out(),
];
