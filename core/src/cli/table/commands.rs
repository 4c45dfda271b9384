//! The commands, a row each, and how one is found by the words typed.

use super::other;
use super::{FlagSpec, Kind};

/// How many positional arguments a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// None.
    None,
    /// So many.
    Exact(usize),
    /// So many or more.
    AtLeast(usize),
    /// So many or fewer.
    AtMost(usize),
    /// From the first to the second.
    Between(usize, usize),
    /// Any number.
    Any,
}

impl Arity {
    /// Docker's words for a wrong number, and the word that leads its last line; `None`: the number is right.
    pub(crate) fn refusal(self, count: usize) -> Option<(String, &'static str)> {
        let plural = |number: usize| if number == 1 { "argument" } else { "arguments" };
        let refused = match self {
            Arity::None if count > 0 => ("accepts no arguments".to_string(), "Run"),
            Arity::Exact(wanted) if count != wanted => (format!("requires {wanted} {}", plural(wanted)), "Run"),
            Arity::AtLeast(least) if count < least => (format!("requires at least {least} {}", plural(least)), "See"),
            Arity::AtMost(most) if count > most => (format!("requires at most {most} {}", plural(most)), "SRun"),
            Arity::Between(least, most) if count < least || count > most => {
                (format!("requires at least {least} and at most {most} {}", plural(most)), "Run")
            }
            _ => return None,
        };
        Some(refused)
    }
}

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandRow {
    /// The shortest of its names, by which flags refer to it.
    pub key: &'static str,
    /// Its names as Docker shows them: `run`, `container run`.
    pub names: &'static [&'static str],
    /// Other names: as typed, and as Docker then shows the command.
    pub aliases: &'static [(&'static str, &'static str)],
    /// The usage line after the name.
    pub usage: &'static str,
    /// The number of its arguments.
    pub arity: Arity,
    /// Flags may stand after arguments.
    pub interspersed: bool,
    /// What it does, in our words.
    pub about: &'static str,
    /// Glassbox does it.
    pub carried_out: bool,
    /// Docker does not know it.
    pub own: bool,
    /// The flags of a command that is not carried out, as `name/letter=kind`.
    specs: &'static str,
}

impl CommandRow {
    pub(super) const fn new(key: &'static str, names: &'static [&'static str], usage: &'static str, arity: Arity) -> Self {
        let (aliases, interspersed, about, carried_out, specs): (&'static [_], _, _, _, _) = (&[], true, "", false, "");
        CommandRow { key, names, aliases, usage, arity, interspersed, about, carried_out, own: false, specs }
    }

    pub(super) const fn aliases(mut self, aliases: &'static [(&'static str, &'static str)]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn flags_first(mut self) -> Self {
        self.interspersed = false;
        self
    }

    pub(super) const fn specs(mut self, specs: &'static str) -> Self {
        self.specs = specs;
        self
    }

    const fn carried_out(mut self, about: &'static str) -> Self {
        self.carried_out = true;
        self.about = about;
        self
    }

    const fn own(mut self) -> Self {
        self.own = true;
        self
    }

    /// The program that has it.
    pub(crate) fn program(&self) -> &'static str {
        if self.own { "glassbox" } else { "docker" }
    }

    /// The flags of the compact notation.
    pub(crate) fn other_flags(&self) -> impl Iterator<Item = FlagSpec> + use<> {
        self.specs.split_whitespace().filter_map(|spec| {
            let (name, kind) = spec.split_once('=')?;
            let (long, short) = name.split_once('/').map_or((name, None), |(long, short)| (long, short.chars().next()));
            Some(FlagSpec { long, short, kind: Kind::named(kind)? })
        })
    }
}

/// `container` words that hold no command of their own but a group of them.
const GROUPS: &[&str] = &[
    "builder",
    "buildx",
    "checkpoint",
    "completion",
    "config",
    "container",
    "context",
    "image",
    "manifest",
    "network",
    "node",
    "plugin",
    "secret",
    "service",
    "stack",
    "swarm",
    "system",
    "trust",
    "trust key",
    "trust signer",
    "volume",
];

const MANY: &str = "[OPTIONS] CONTAINER [CONTAINER...]";

/// The commands that Glassbox carries out.
const CARRIED_OUT: &[CommandRow] = &[
    CommandRow::new("why", &["why"], "CONTAINER [CALL|PATH]", Arity::Between(1, 2))
        .carried_out("Say which layer refuses a system call, or a file of the host, in a container (Glassbox's own)"),
    CommandRow::new("run", &["container run", "run"], "[OPTIONS] IMAGE [COMMAND] [ARG...]", Arity::AtLeast(1))
        .flags_first()
        .carried_out("Make a new container from an image and start it"),
    CommandRow::new("exec", &["container exec", "exec"], "[OPTIONS] CONTAINER COMMAND [ARG...]", Arity::AtLeast(2))
        .flags_first()
        .carried_out("Start one more program in a running container"),
    CommandRow::new("ps", &["container ls", "ps"], "[OPTIONS]", Arity::None)
        .aliases(&[("container list", "container ls"), ("container ps", "container ls")])
        .carried_out("Show the containers, the running ones unless told otherwise"),
    CommandRow::new("create", &["container create", "create"], "[OPTIONS] IMAGE [COMMAND] [ARG...]", Arity::AtLeast(1))
        .flags_first()
        .carried_out("Make a new container without starting it"),
    CommandRow::new(
        "cp",
        &["container cp", "cp"],
        "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
        Arity::Exact(2),
    )
    .carried_out("Copy files into a container or out of it"),
    CommandRow::new("start", &["container start", "start"], MANY, Arity::AtLeast(1))
        .carried_out("Start containers that are not running"),
    CommandRow::new("attach", &["container attach", "attach"], "[OPTIONS] CONTAINER", Arity::Exact(1))
        .carried_out("Connect this terminal to a container that runs"),
    CommandRow::new("stop", &["container stop", "stop"], MANY, Arity::AtLeast(1))
        .carried_out("Ask containers to end, and end them if they do not"),
    CommandRow::new("kill", &["container kill", "kill"], MANY, Arity::AtLeast(1))
        .carried_out("Send a signal to running containers"),
    CommandRow::new("rm", &["container rm", "rm"], MANY, Arity::AtLeast(1))
        .aliases(&[("container remove", "container rm")])
        .carried_out("Delete containers"),
    CommandRow::new("pause", &["container pause", "pause"], "CONTAINER [CONTAINER...]", Arity::AtLeast(1))
        .carried_out("Freeze all processes of containers"),
    CommandRow::new("unpause", &["container unpause", "unpause"], "CONTAINER [CONTAINER...]", Arity::AtLeast(1))
        .carried_out("Let the processes of frozen containers go on"),
    CommandRow::new("update", &["container update", "update"], MANY, Arity::AtLeast(1))
        .carried_out("Change the limits of containers, while they run"),
    CommandRow::new("restart", &["container restart", "restart"], MANY, Arity::AtLeast(1))
        .carried_out("End containers and start them again"),
    CommandRow::new("rename", &["container rename", "rename"], "CONTAINER NEW_NAME", Arity::Exact(2))
        .carried_out("Give a container another name"),
    CommandRow::new("port", &["container port", "port"], "CONTAINER [PRIVATE_PORT[/PROTO]]", Arity::Between(1, 2))
        .carried_out("Show where on the host a container's ports are published"),
    CommandRow::new("container prune", &["container prune"], "[OPTIONS]", Arity::None)
        .carried_out("Delete all containers that do not run"),
    CommandRow::new("wait", &["container wait", "wait"], "CONTAINER [CONTAINER...]", Arity::AtLeast(1))
        .carried_out("Wait until containers have ended and print their exit codes"),
    CommandRow::new("top", &["container top", "top"], "CONTAINER [ps OPTIONS]", Arity::AtLeast(1))
        .flags_first()
        .carried_out("Show the processes of a container as the host sees them"),
    CommandRow::new("logs", &["container logs", "logs"], "[OPTIONS] CONTAINER", Arity::Exact(1))
        .carried_out("Print what a container has written"),
    CommandRow::new("inspect", &["inspect"], "[OPTIONS] NAME|ID [NAME|ID...]", Arity::AtLeast(1))
        .carried_out("Print all that is known of containers, as JSON"),
    CommandRow::new("container inspect", &["container inspect"], MANY, Arity::AtLeast(1))
        .carried_out("Print all that is known of containers, as JSON"),
    CommandRow::new("volume create", &["volume create"], "[OPTIONS] [VOLUME]", Arity::AtMost(1))
        .carried_out("Make a volume: a directory that outlives containers"),
    CommandRow::new("volume inspect", &["volume inspect"], "[OPTIONS] VOLUME [VOLUME...]", Arity::AtLeast(1))
        .carried_out("Print all that is known of volumes, as JSON"),
    CommandRow::new("volume ls", &["volume ls"], "[OPTIONS]", Arity::None)
        .aliases(&[("volume list", "volume ls")])
        .carried_out("Show the volumes"),
    CommandRow::new("volume prune", &["volume prune"], "[OPTIONS]", Arity::None)
        .carried_out("Delete the volumes that no container has"),
    CommandRow::new("volume rm", &["volume rm"], "[OPTIONS] VOLUME [VOLUME...]", Arity::AtLeast(1))
        .aliases(&[("volume remove", "volume rm")])
        .carried_out("Delete volumes"),
    CommandRow::new("volume update", &["volume update"], "[OPTIONS] [VOLUME]", Arity::Exact(1))
        .carried_out("Change a volume of a cluster, of which there is none"),
    CommandRow::new("network connect", &["network connect"], "[OPTIONS] NETWORK CONTAINER", Arity::Exact(2))
        .carried_out("Connect a container to one more network"),
    CommandRow::new("network create", &["network create"], "[OPTIONS] NETWORK", Arity::Exact(1))
        .carried_out("Make a network: a bridge, and a range of addresses"),
    CommandRow::new("network disconnect", &["network disconnect"], "[OPTIONS] NETWORK CONTAINER", Arity::Exact(2))
        .carried_out("Take a container off a network"),
    CommandRow::new("network inspect", &["network inspect"], "[OPTIONS] NETWORK [NETWORK...]", Arity::AtLeast(1))
        .carried_out("Print all that is known of networks, as JSON"),
    CommandRow::new("network ls", &["network ls"], "[OPTIONS]", Arity::None)
        .aliases(&[("network list", "network ls")])
        .carried_out("Show the networks"),
    CommandRow::new("network prune", &["network prune"], "[OPTIONS]", Arity::None)
        .carried_out("Delete the networks that no container is connected to"),
    CommandRow::new("network rm", &["network rm"], "NETWORK [NETWORK...]", Arity::AtLeast(1))
        .aliases(&[("network remove", "network rm")])
        .carried_out("Delete networks"),
    CommandRow::new("ns", &["ns"], "[OPTIONS] [CONTAINER...]", Arity::Any)
        .own()
        .carried_out("Compare the namespaces of the host and of running containers"),
    CommandRow::new("completion bash", &["completion bash"], "", Arity::None).carried_out("Print the completion script for bash"),
    CommandRow::new("completion fish", &["completion fish"], "", Arity::None).carried_out("Print the completion script for fish"),
    CommandRow::new("completion zsh", &["completion zsh"], "", Arity::None).carried_out("Print the completion script for zsh"),
    CommandRow::new("stats", &["container stats", "stats"], "[OPTIONS] [CONTAINER...]", Arity::Any)
        .carried_out("Show what containers use, over and over"),
    CommandRow::new("events", &["system events", "events"], "[OPTIONS]", Arity::None)
        .carried_out("Tell what is done to containers and volumes, as it happens"),
    CommandRow::new("system df", &["system df"], "[OPTIONS]", Arity::None).carried_out("Show what lies on the disk"),
    CommandRow::new("system prune", &["system prune"], "[OPTIONS]", Arity::None).carried_out("Delete all that is not in use"),
    CommandRow::new("info", &["system info", "info"], "[OPTIONS]", Arity::None)
        .carried_out("Show what the machine offers, and how much there is of everything"),
    CommandRow::new("version", &["version"], "[OPTIONS]", Arity::None).carried_out("Print the version of Glassbox"),
    CommandRow::new("images", &["image ls", "images"], "[OPTIONS] [REPOSITORY[:TAG]]", Arity::AtMost(1))
        .aliases(&[("image list", "image ls")])
        .specs("tree=bool")
        .carried_out("Show the images"),
    CommandRow::new("history", &["image history", "history"], "[OPTIONS] IMAGE", Arity::Exact(1))
        .specs("platform=text")
        .carried_out("Show the instructions that an image was made by"),
    CommandRow::new("tag", &["image tag", "tag"], "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", Arity::Exact(2))
        .flags_first()
        .carried_out("Give an image one more name"),
    CommandRow::new("rmi", &["image rm", "rmi"], "[OPTIONS] IMAGE [IMAGE...]", Arity::AtLeast(1))
        .aliases(&[("image remove", "image rm")])
        .specs("platform=strings")
        .carried_out("Take names from images, and delete those that have none left"),
    CommandRow::new("image inspect", &["image inspect"], "[OPTIONS] IMAGE [IMAGE...]", Arity::AtLeast(1))
        .specs("platform=text")
        .carried_out("Print all that is known of images, as JSON"),
    CommandRow::new("builder prune", &["builder prune", "buildx prune"], "", Arity::None)
        .carried_out("Delete what earlier builds have left for later ones"),
    CommandRow::new("image prune", &["image prune"], "[OPTIONS]", Arity::None).carried_out("Delete the images that have no name"),
    CommandRow::new("pull", &["image pull", "pull"], "[OPTIONS] NAME[:TAG|@DIGEST]", Arity::Exact(1))
        .carried_out("Fetch an image from a registry"),
    CommandRow::new("push", &["image push", "push"], "[OPTIONS] NAME[:TAG]", Arity::Exact(1))
        .carried_out("Give an image away to a registry"),
    CommandRow::new("login", &["login"], "[OPTIONS] [SERVER]", Arity::AtMost(1))
        .carried_out("Keep a name and a password for a registry, if it takes them"),
    CommandRow::new("logout", &["logout"], "[SERVER]", Arity::AtMost(1)).carried_out("Keep them no more"),
    CommandRow::new("save", &["image save", "save"], "[OPTIONS] IMAGE [IMAGE...]", Arity::AtLeast(1))
        .specs("platform=text")
        .carried_out("Write images as an archive"),
    CommandRow::new("load", &["image load", "load"], "[OPTIONS]", Arity::None)
        .specs("platform=text")
        .carried_out("Read images from an archive"),
    CommandRow::new("commit", &["container commit", "commit"], "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]", Arity::Between(1, 2))
        .flags_first()
        .carried_out("Make an image of what a container changed"),
    CommandRow::new("diff", &["container diff", "diff"], "CONTAINER", Arity::Exact(1))
        .carried_out("Show which files a container added, changed or deleted"),
    CommandRow::new("export", &["container export", "export"], "[OPTIONS] CONTAINER", Arity::Exact(1))
        .carried_out("Write the files of a container as an archive"),
    CommandRow::new("import", &["image import", "import"], "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]", Arity::AtLeast(1))
        .carried_out("Make an image of an archive of files"),
    CommandRow::new("fsck", &["fsck"], "[OPTIONS]", Arity::None)
        .own()
        .carried_out("Look whether all images, layers and records are whole"),
    CommandRow::new("layers", &["layers"], "[OPTIONS] IMAGE", Arity::Exact(1))
        .own()
        .carried_out("Show what each layer of an image brings, and what of it nobody sees"),
    CommandRow::new("argv", &["argv"], "[OPTIONS] IMAGE [COMMAND] [ARG...]", Arity::AtLeast(1))
        .own()
        .flags_first()
        .carried_out("Show which words a container's process is made of, and where each comes from"),
    CommandRow::new("tags", &["tags"], "[OPTIONS] [NAME[:TAG]]", Arity::AtMost(1))
        .own()
        .carried_out("Show which images a tag leads to and has led to, and the way back"),
    CommandRow::new("dockerfile", &["dockerfile"], "[OPTIONS] PATH | -", Arity::Exact(1))
        .own()
        .carried_out("Show where the values of ARG and ENV are visible, what becomes of each stage, and what the image runs"),
    CommandRow::new(
        "build",
        &["image build", "build", "builder build", "buildx build"],
        "[OPTIONS] PATH | URL | -",
        Arity::Exact(1),
    )
    .specs(
        "add-host=list cgroup-parent=text compress=bool cpu-period=int \
             cpu-quota=int cpu-shares/c=int cpuset-cpus=text cpuset-mems=text disable-content-trust=bool \
             force-rm=bool isolation=text memory/m=bytes memory-swap=bytes \
             rm=bool security-opt=strings shm-size=bytes squash=bool \
             ulimit=ulimit",
    )
    .carried_out("Build an image from a Dockerfile; with --check only say what is wrong with it"),
];

/// Every command.
pub(crate) fn rows() -> impl Iterator<Item = &'static CommandRow> {
    use other::{containers, images, swarm, system};
    let all = [CARRIED_OUT, containers::ROWS, images::ROWS, system::ROWS, swarm::ROWS];
    all.into_iter().flatten()
}

/// The command of this name or alias, and the name by which Docker shows it.
pub(crate) fn command(path: &str) -> Option<(&'static CommandRow, &'static str)> {
    rows().find_map(|row| {
        let name = row.names.iter().copied().find(|name| *name == path);
        let shown = name.or_else(|| row.aliases.iter().find(|(typed, _)| *typed == path).map(|(_, shown)| *shown))?;
        Some((row, shown))
    })
}

/// Whether these words name a group of commands.
pub(crate) fn is_group(path: &str) -> bool {
    GROUPS.contains(&path)
}
