//! The kinds of value that a flag takes: each has a check in `values` and a word in the help.

/// What a flag's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true`, `false`, `1`, `0`, …; `true` without a value.
    Bool,
    /// Glassbox's own `--plan[=text|json]`.
    PlanFormat,
    /// Any text.
    Text,
    /// A whole number of 64 bits, decimal, `0x`, `0o`, `0b`.
    Int,
    /// A whole number, not negative, of 64 bits.
    Uint,
    /// The same of 16 bits.
    Uint16,
    /// The same of 32 bits.
    Uint32,
    /// A number with a fraction.
    Float,
    /// A number of processors, exact to a billionth.
    Decimal,
    /// A span of time: `1m30s`.
    Duration,
    /// A size: `64m`, `1.5GiB`.
    Bytes,
    /// A size, or -1 for no limit.
    SwapBytes,
    /// Any text, several times.
    List,
    /// Comma-separated texts, several times.
    Strings,
    /// `NAME=value` or `NAME`.
    Env,
    /// `key=value` or `key`.
    Label,
    /// `stdin`, `stdout`, `stderr`.
    Attach,
    /// `host:ip`
    AddHost,
    /// An address of a name server.
    Dns,
    /// A domain, or `.`.
    DnsSearch,
    /// `name[:alias]`
    Link,
    /// `key=value` pairs.
    Map,
    /// `key=value` pairs of a namespaced kernel setting.
    Sysctl,
    /// `name=soft[:hard]`
    Ulimit,
    /// `type=…,source=…,target=…`
    Mount,
    /// A network, or `name=…,alias=…`.
    Network,
    /// `all`, a number, or fields.
    Gpus,
    /// `device:weight`
    BlkioWeight,
    /// `device:bytes`
    DeviceBytes,
    /// `device:number`
    DeviceRate,
    /// `c 1:3 rwm`
    DeviceCgroupRule,
    /// `name=value`
    Filter,
    /// An address.
    Ip,
    /// Driver options `key=value`.
    LogOpt,
}

impl Kind {
    /// The value of the flag where it is typed without one.
    pub(crate) fn implied(self) -> Option<&'static str> {
        match self {
            Kind::Bool => Some("true"),
            Kind::PlanFormat => Some("text"),
            _ => None,
        }
    }

    /// The word for the value in the help; empty for a switch.
    pub(crate) fn placeholder(self) -> &'static str {
        match self {
            Kind::Bool | Kind::PlanFormat => "",
            Kind::Text | Kind::Ip => "string",
            Kind::Int => "int",
            Kind::Uint => "uint",
            Kind::Uint16 => "uint16",
            Kind::Uint32 => "uint32",
            Kind::Float => "float",
            Kind::Decimal => "decimal",
            Kind::Duration => "duration",
            Kind::Bytes | Kind::SwapBytes => "bytes",
            Kind::Strings => "strings",
            Kind::Map | Kind::Sysctl => "map",
            Kind::Ulimit => "ulimit",
            Kind::Mount => "mount",
            Kind::Network => "network",
            Kind::Gpus => "gpu-request",
            Kind::Filter => "filter",
            _ => "list",
        }
    }

    /// The kind by its name in the compact rows of `other`.
    pub(crate) fn named(name: &str) -> Option<Kind> {
        Some(match name {
            "bool" => Kind::Bool,
            "text" => Kind::Text,
            "int" => Kind::Int,
            "uint" => Kind::Uint,
            "uint16" => Kind::Uint16,
            "uint32" => Kind::Uint32,
            "float" => Kind::Float,
            "decimal" => Kind::Decimal,
            "duration" => Kind::Duration,
            "bytes" => Kind::Bytes,
            "list" => Kind::List,
            "strings" => Kind::Strings,
            "map" => Kind::Map,
            "ulimit" => Kind::Ulimit,
            "mount" => Kind::Mount,
            "network" => Kind::Network,
            "gpus" => Kind::Gpus,
            "filter" => Kind::Filter,
            _ => return None,
        })
    }
}
