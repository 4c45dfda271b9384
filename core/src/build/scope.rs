//! `Scope`: what a stage has at a line: the configuration so far, and variables. Instructions are applied to it in their order.

use super::history;
use super::mounts::{Mounted, Place, RunMount, resolve};
use super::remote::{Remote, Repository};
use super::work::{Copy, CopySource, Run, Work};
use crate::dockerfile::expand::expand;
use crate::dockerfile::instruction::{Arguments as Form, Healthcheck, Heredoc, Instruction, Kind, Transfer};
use crate::dockerfile::{Fault, Lines, check, mounts};
use crate::model::{ImageConfig, ImageHealthcheck, Nothing};
use crate::plan::clean;

/// What a stage upon nothing has.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SHELL: [&str; 2] = ["/bin/sh", "-c"];
const MODE_MAX: u32 = 0o7777;
/// Where BuildKit puts scripts that name their interpreter.
const SCRIPTS: &str = "/dev/pipes";

/// What holds for the whole build.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// `--build-arg`: names with values.
    pub build_args: &'a [(String, String)],
    /// The arguments above the first stage.
    pub global: &'a check::Arguments,
    /// `--network`: what `RUN` has unless it says otherwise.
    pub network: &'a str,
    /// What escapes a character: `\` or a backtick.
    pub escape: char,
    /// The number of the stage that a name or a number stands for; `None`: it is an image's name.
    pub stage: &'a dyn Fn(&str) -> Option<usize>,
}

/// What a stage has at a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// What the image says so far.
    pub config: ImageConfig,
    /// `MAINTAINER`
    pub author: String,
    /// Of `ENV` and `ARG`, in the order in which they were set.
    variables: Vec<(String, String)>,
    /// `ARG` that have a value.
    args: Vec<(String, String)>,
    /// This stage has said `CMD`.
    has_cmd: bool,
}

/// What came of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What is to be done.
    pub work: Work,
    /// What the image's history says of it.
    pub created_by: String,
    /// How progress names it.
    pub shown: String,
}

type Answer<T> = Result<T, Fault>;

/// A variable's name and value of a line of the configuration.
fn pair(entry: &str) -> (String, String) {
    let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
    (name.to_string(), value.to_string())
}

fn set(variables: &mut Vec<(String, String)>, name: &str, value: &str) {
    match variables.iter_mut().find(|(known, _)| known == name) {
        Some(known) => known.1 = value.to_string(),
        None => variables.push((name.to_string(), value.to_string())),
    }
}

/// `name=value`, as history shows pairs.
fn pairs_shown(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

impl Scope {
    /// Upon nothing.
    pub fn scratch() -> Scope {
        let config = ImageConfig { env: vec![PATH.to_string()], working_dir: "/".to_string(), ..ImageConfig::default() };
        Scope::upon(config)
    }

    /// Upon an image, or another stage. Its `ONBUILD` is for this stage to carry out, and is not handed on.
    pub fn upon(config: ImageConfig) -> Scope {
        let variables = config.env.iter().map(|entry| pair(entry)).collect();
        Scope { config: ImageConfig { on_build: Vec::new(), ..config }, variables, ..Scope::default() }
    }

    /// For a stage upon this one.
    pub fn handed_on(self) -> Scope {
        Scope { has_cmd: false, ..self }
    }

    /// Of a variable, as RUN has it and as words are expanded.
    pub fn value(&self, name: &str) -> Option<String> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    fn expanded(&self, word: &str, given: &Given<'_>, lines: Lines) -> Answer<String> {
        let expansion = expand(word, given.escape, &|name| self.value(name)).map_err(|why| Fault::at(lines, why))?;
        Ok(expansion.text)
    }

    fn all(&self, words: &[String], given: &Given<'_>, lines: Lines) -> Answer<Vec<String>> {
        words.iter().map(|word| self.expanded(word, given, lines)).collect()
    }

    fn pairs(&self, pairs: &[(String, String)], given: &Given<'_>, lines: Lines) -> Answer<Vec<(String, String)>> {
        pairs.iter().map(|(name, value)| Ok((self.expanded(name, given, lines)?, self.expanded(value, given, lines)?))).collect()
    }

    /// Where the stage stands.
    pub fn directory(&self) -> String {
        if self.config.working_dir.is_empty() { "/".to_string() } else { self.config.working_dir.clone() }
    }

    fn shell(&self) -> Vec<String> {
        if self.config.shell.is_empty() { SHELL.map(str::to_string).to_vec() } else { self.config.shell.clone() }
    }

    /// Program and arguments of a form.
    fn argv(&self, form: &Form) -> Vec<String> {
        match form {
            Form::Exec(words) => words.clone(),
            Form::Shell(line) => self.shell().into_iter().chain([line.clone()]).collect(),
        }
    }

    /// Variables that are set put in, all else as it stands there.
    fn shown(&self, text: &str) -> String {
        let mut shown = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            shown.push_str(&rest[..at]);
            rest = &rest[at..];
            let (name, length) = variable(rest);
            match self.value(name).filter(|_| !name.is_empty()) {
                Some(value) => shown.push_str(&value),
                None => shown.push_str(&rest[..length]),
            }
            rest = &rest[length..];
        }
        shown + rest
    }

    /// Applies the next instruction.
    pub fn apply(&mut self, instruction: &Instruction, given: &Given<'_>) -> Answer<Done> {
        let shown = self.shown(&named_in_capitals(instruction)) + &summary(instruction);
        let (work, created_by) = self.work(instruction, given)?;
        Ok(Done { work, created_by, shown })
    }

    fn work(&mut self, instruction: &Instruction, given: &Given<'_>) -> Answer<(Work, String)> {
        let lines = instruction.lines;
        match &instruction.kind {
            Kind::Run(_) => return self.run(instruction, given),
            Kind::Copy(transfer) => return self.copy("COPY", transfer, given, lines),
            Kind::Add(transfer) => return self.copy("ADD", transfer, given, lines),
            Kind::Workdir(path) => {
                let path = self.expanded(path, given, lines)?;
                let path = clean(&self.below_directory(&path));
                self.config.working_dir.clone_from(&path);
                return Ok((Work::MakeDirectory { path: path.clone() }, format!("WORKDIR {path}")));
            }
            _ => {}
        }
        self.configure(instruction, given).map(|created_by| (Work::Configure, created_by))
    }

    fn below_directory(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_string() } else { format!("{}/{path}", self.directory().trim_end_matches('/')) }
    }

    /// What history says of it.
    fn configure(&mut self, instruction: &Instruction, given: &Given<'_>) -> Answer<String> {
        let lines = instruction.lines;
        Ok(match &instruction.kind {
            Kind::Arg(args) => self.declare(args, given, lines)?,
            Kind::Env(pairs) => {
                let pairs = self.pairs(pairs, given, lines)?;
                for (name, value) in &pairs {
                    set(&mut self.variables, name, value);
                    let entry = format!("{name}={value}");
                    match self.config.env.iter_mut().find(|known| pair(known).0 == *name) {
                        Some(known) => *known = entry,
                        None => self.config.env.push(entry),
                    }
                }
                format!("ENV {}", pairs_shown(&pairs))
            }
            Kind::Label(pairs) => {
                let pairs = self.pairs(pairs, given, lines)?;
                self.config.labels.extend(pairs.iter().cloned());
                format!("LABEL {}", pairs_shown(&pairs))
            }
            Kind::Cmd(form) => {
                self.has_cmd = true;
                self.config.cmd = self.argv(form);
                format!("CMD {}", history::quoted_list(&self.config.cmd))
            }
            Kind::Entrypoint(form) => {
                self.config.entrypoint = self.argv(form);
                if !self.has_cmd {
                    // It was made for the program of the base.
                    self.config.cmd.clear();
                }
                format!("ENTRYPOINT {}", history::quoted_list(&self.config.entrypoint))
            }
            Kind::Expose(ports) => {
                let ports = exposed(&self.all(ports, given, lines)?, lines)?;
                self.config.exposed_ports.extend(ports.iter().map(|port| (port.clone(), Nothing {})));
                format!("EXPOSE [{}]", ports.join(" "))
            }
            Kind::Volume(paths) => {
                let paths = self.all(paths, given, lines)?;
                self.config.volumes.extend(paths.iter().map(|path| (path.clone(), Nothing {})));
                format!("VOLUME [{}]", paths.join(" "))
            }
            Kind::User(user) => {
                self.config.user = self.expanded(user, given, lines)?;
                format!("USER {}", self.config.user)
            }
            Kind::Stopsignal(signal) => {
                let signal = self.expanded(signal, given, lines)?;
                self.config.stop_signal = Some(signal.clone());
                format!("STOPSIGNAL {signal}")
            }
            Kind::Shell(words) => {
                self.config.shell.clone_from(words);
                format!("SHELL [{}]", words.join(" "))
            }
            Kind::Healthcheck(check) => self.healthcheck(check.as_ref()),
            Kind::Maintainer(name) => {
                self.author = self.expanded(name, given, lines)?;
                format!("MAINTAINER {}", self.author)
            }
            Kind::Onbuild(trigger) => {
                self.config.on_build.push(trigger.clone());
                format!("ONBUILD {trigger}")
            }
            Kind::Run(_) | Kind::Copy(_) | Kind::Add(_) | Kind::Workdir(_) => String::new(),
        })
    }

    /// What the command says comes first, then the default, then what stands above the first stage.
    fn declare(&mut self, args: &[(String, Option<String>)], given: &Given<'_>, lines: Lines) -> Answer<String> {
        let mut told = Vec::new();
        for (name, default) in args {
            let default = default.as_ref().map(|word| self.expanded(word, given, lines)).transpose()?;
            let asked = given.build_args.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            let above = given.global.iter().rev().find(|(known, _)| known == name).and_then(|(_, value)| value.clone());
            let value = asked.or(default).or(above);
            if let Some(value) = &value {
                set(&mut self.variables, name, value);
                set(&mut self.args, name, value);
            }
            told.push(value.map_or_else(|| name.clone(), |value| format!("{name}={value}")));
        }
        Ok(format!("ARG {}", told.join(" ")))
    }

    fn healthcheck(&mut self, check: Option<&Healthcheck>) -> String {
        let set = match check {
            None => ImageHealthcheck { test: vec!["NONE".into()], ..ImageHealthcheck::default() },
            Some(check) => {
                let test = match &check.command {
                    Form::Exec(words) => ["CMD".to_string()].into_iter().chain(words.iter().cloned()).collect(),
                    Form::Shell(line) => vec!["CMD-SHELL".to_string(), line.clone()],
                };
                ImageHealthcheck {
                    test,
                    interval: check.interval_ns,
                    timeout: check.timeout_ns,
                    start_period: check.start_period_ns,
                    start_interval: check.start_interval_ns,
                    retries: u64::from(check.retries),
                }
            }
        };
        let times =
            [set.interval, set.timeout, set.start_period, set.start_interval].map(|time| format!("{:?}", history::duration(time)));
        let told =
            format!("HEALTHCHECK &{{{} {} {}}}", history::quoted_list(&set.test), times.join(" "), history::rune(set.retries));
        self.config.healthcheck = Some(set);
        told
    }

    fn run(&mut self, instruction: &Instruction, given: &Given<'_>) -> Answer<(Work, String)> {
        let Kind::Run(run) = &instruction.kind else { return Ok((Work::Configure, String::new())) };
        let lines = instruction.lines;
        let mut mounts = self.mounts(&run.mounts, given).map_err(|why| Fault::at(lines, why))?;
        let (command, script) = with_heredocs(&run.command, &run.heredocs);
        let argv = self.argv(&command);
        mounts.extend(script);
        let network = run.network.clone().unwrap_or_else(|| given.network.to_string());
        let mut told: Vec<String> = self.args.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !told.is_empty() {
            told.insert(0, format!("|{}", told.len()));
        }
        told.extend(argv.iter().cloned());
        let env = self.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let work = Run { argv, env, directory: self.directory(), user: self.config.user.clone(), network, mounts };
        Ok((Work::Run(work), format!("RUN {} # buildkit", told.join(" "))))
    }

    fn mounts(&self, texts: &[String], given: &Given<'_>) -> Result<Vec<RunMount>, String> {
        let value = |word: &str| expand(word, given.escape, &|name| self.value(name)).map(|found| found.text);
        let mut all: Vec<RunMount> = Vec::new();
        for text in texts {
            let mount = mounts::read(text, value)?;
            let agents = all.iter().filter(|mount| matches!(mount.what, Mounted::Agent { .. })).count();
            all.push(resolve(mount, &Place { directory: &self.directory(), agents, stage: given.stage }));
        }
        Ok(all)
    }

    fn copy(&mut self, name: &str, transfer: &Transfer, given: &Given<'_>, lines: Lines) -> Answer<(Work, String)> {
        let sources = self.all(&transfer.sources, given, lines)?;
        let checksum = transfer.checksum.as_deref().map_or(Ok(String::new()), |word| self.expanded(word, given, lines))?;
        let Fetched { remote, repositories } = if name == "ADD" {
            fetched(&sources, transfer, &checksum).map_err(|what| Fault::at(lines, what))?
        } else {
            Fetched::default()
        };
        let is_fetched = !remote.is_empty() || !repositories.is_empty();
        let typed = self.expanded(&transfer.destination, given, lines)?;
        let is_directory = typed.is_empty() || typed == "." || typed.ends_with('/') || typed.ends_with("/.");
        let path = clean(&self.below_directory(&typed));
        let destination = if is_directory && path != "/" { format!("{path}/") } else { path };
        let owner = transfer.owner.as_deref().map_or(Ok(String::new()), |owner| self.expanded(owner, given, lines))?;
        let mode = transfer.mode.as_deref().map(|mode| self.expanded(mode, given, lines)).transpose()?;
        let from = match transfer.from.as_deref() {
            None if is_fetched => CopySource::Web,
            None => CopySource::Context,
            Some(from) => (given.stage)(from).map_or_else(|| CopySource::Image(from.to_string()), CopySource::Stage),
        };
        let inline = transfer.heredocs.iter().map(|file| Ok((file.name.clone(), self.content(file, given, lines)?)));
        let inline = inline.collect::<Answer<Vec<_>>>()?;
        let flags = [
            ("checksum", Some(&checksum).filter(|checksum| !checksum.is_empty())),
            ("chown", Some(&owner).filter(|owner| !owner.is_empty())),
            ("chmod", mode.as_ref()),
        ];
        let mut flags =
            flags.iter().filter_map(|(flag, value)| value.map(|value| format!("--{flag}={value} "))).collect::<String>();
        for (flag, _) in
            [("--parents ", transfer.parents), ("--keep-git-dir ", transfer.keep_git)].iter().filter(|(_, given)| *given)
        {
            flags.push_str(flag);
        }
        let named: Vec<String> = sources.iter().cloned().chain(inline.iter().map(|(name, _)| format!("<<{name}"))).collect();
        let told = format!("{name} {flags}{} {typed} # buildkit", named.join(" "));
        let mode = mode.map(|mode| permission_bits(&mode, lines)).transpose()?;
        let sources = match () {
            () if !remote.is_empty() => remote.iter().map(|file| file.name.clone()).collect(),
            () if !repositories.is_empty() => (0..repositories.len()).map(|number| format!("repository-{number}")).collect(),
            () => sources,
        };
        let exclude = self.all(&transfer.exclude, given, lines)?;
        // What was fetched stays as it is, unless it is said.
        let unpack = name == "ADD" && transfer.unpack.unwrap_or(!is_fetched);
        let parents = transfer.parents;
        Ok((
            Work::Copy(Copy { from, sources, inline, destination, owner, mode, exclude, remote, repositories, unpack, parents }),
            told,
        ))
    }

    fn content(&self, file: &Heredoc, given: &Given<'_>, lines: Lines) -> Answer<String> {
        let text = chomped(file);
        if !file.expand {
            return Ok(text);
        }
        // Quotes in it are text.
        let word: String = text
            .chars()
            .map(|letter| if matches!(letter, '"' | '\'') { format!("{}{letter}", given.escape) } else { letter.to_string() })
            .collect();
        self.expanded(&word, given, lines)
    }
}

fn chomped(file: &Heredoc) -> String {
    if !file.chomp {
        return file.content.clone();
    }
    file.content.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
}

/// The name of a variable at the beginning of `text`, and how long its mention is.
fn variable(text: &str) -> (&str, usize) {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    match text.strip_prefix("${") {
        Some(rest) => match rest.find('}') {
            Some(end) if rest[..end].chars().all(inside) => (&rest[..end], end + 3),
            _ => ("", 1),
        },
        None => {
            let rest = &text[1..];
            let end = rest.find(|letter| !inside(letter)).unwrap_or(rest.len());
            (&rest[..end], end + 1)
        }
    }
}

fn named_in_capitals(instruction: &Instruction) -> String {
    let rest = instruction.text.get(instruction.word.len()..).unwrap_or_default();
    format!("{}{rest}", instruction.word.to_uppercase())
}

/// A script is all that the shell is given, and needs no line before it.
fn is_script(line: &str) -> bool {
    line.trim_start().starts_with("<<") && line.split_whitespace().count() == 1
}

/// What progress shows of a script: its first line.
fn summary(instruction: &Instruction) -> String {
    let Kind::Run(run) = &instruction.kind else { return String::new() };
    let (Form::Shell(line), [first, ..]) = (&run.command, run.heredocs.as_slice()) else { return String::new() };
    let mut lines = first.content.trim().lines();
    let shown = lines.next().unwrap_or_default();
    let more = if lines.next().is_some() { "..." } else { "" };
    if is_script(line) { format!(" ({shown}{more})") } else { String::new() }
}

/// What the shell gets to read: the script itself, or a line with what it reads behind it. A script that names its interpreter is a file,
/// which is mounted.
fn with_heredocs(form: &Form, heredocs: &[Heredoc]) -> (Form, Option<RunMount>) {
    let (Form::Shell(line), [first, ..]) = (form, heredocs) else { return (form.clone(), None) };
    if !is_script(line) {
        let behind: String = heredocs.iter().map(|file| format!("\n{}{}", file.content, file.name)).collect();
        return (Form::Shell(format!("{line}{behind}")), None);
    }
    let content = chomped(first);
    if !content.starts_with("#!") {
        return (Form::Shell(content), None);
    }
    let name = first.name.clone();
    let command = Form::Shell(format!("{SCRIPTS}/{name}"));
    (command, Some(RunMount { target: SCRIPTS.to_string(), read_only: true, what: Mounted::Script { name, content } }))
}

/// What `ADD` has to fetch.
#[derive(Default)]
struct Fetched {
    remote: Vec<Remote>,
    repositories: Vec<Repository>,
}

/// Files, or repositories; what the caller has beside them is an `ADD` of its own.
fn fetched(sources: &[String], transfer: &Transfer, checksum: &str) -> Result<Fetched, String> {
    let mut fetched = Fetched::default();
    for source in sources {
        match Repository::parse(source)? {
            Some(mut repository) => {
                repository.keep_git |= transfer.keep_git;
                if !checksum.is_empty() {
                    repository.checksum = checksum.to_string();
                    repository.check()?;
                }
                fetched.repositories.push(repository);
            }
            None if ["http://", "https://"].iter().any(|scheme| source.starts_with(scheme)) => {
                fetched.remote.push(Remote::of(source, checksum));
            }
            None => {}
        }
    }
    let (files, trees, all) = (fetched.remote.len(), fetched.repositories.len(), sources.len() + transfer.heredocs.len());
    if files + trees > 0 && files.max(trees) < all {
        return Err(
            "glassbox: an ADD takes URLs, or repositories, or files, and not some of each: write an ADD for each".to_string()
        );
    }
    Ok(fetched)
}

fn permission_bits(mode: &str, lines: Lines) -> Answer<u32> {
    let bits = u32::from_str_radix(mode, 8).ok().filter(|bits| *bits <= MODE_MAX);
    bits.ok_or_else(|| {
        Fault::at(lines, format!("invalid chmod parameter: '{mode}'. it should be octal string and between 0 and 07777"))
    })
}

/// `80`, `80/udp`, `8000-8002/tcp`, each port alone.
fn exposed(words: &[String], lines: Lines) -> Answer<Vec<String>> {
    let mut all = Vec::new();
    for word in words {
        let (ports, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let number = |text: &str| text.parse::<u16>().map_err(|_| Fault::at(lines, format!("invalid containerPort: {word}")));
        let (first, last) = (number(first)?, number(last)?);
        all.extend((first..=last).map(|port| format!("{port}/{}", protocol.to_lowercase())));
    }
    all.sort();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::read;

    /// What all instructions of a stage come to.
    fn built(text: &str, build_args: &[(&str, &str)]) -> Result<(Scope, Vec<Done>), Fault> {
        let file = read(&format!("FROM scratch\n{text}"));
        assert_eq!(file.faults, []);
        let build_args: Vec<(String, String)> =
            build_args.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let given = Given {
            build_args: &build_args,
            global: &Vec::new(),
            network: "default",
            escape: '\\',
            stage: &|word| (word == "one").then_some(0),
        };
        let mut scope = Scope::scratch();
        let done: Result<Vec<Done>, Fault> =
            file.stages[0].instructions.iter().map(|instruction| scope.apply(instruction, &given)).collect();
        done.map(|done| (scope, done))
    }

    fn told(text: &str) -> Vec<String> {
        built(text, &[]).unwrap().1.into_iter().map(|done| done.created_by).collect()
    }

    #[test]
    fn history_is_told_as_buildkit_tells_it() {
        let text = "ENV A=1 B=\"x y\"\nCMD echo hi\nENTRYPOINT [\"a\", \"b\"]\nEXPOSE 80 53/udp\nWORKDIR app\nCOPY --chown=1:2 --from=one x /y\n\
                    HEALTHCHECK --retries=3 --interval=90s CMD true\nSTOPSIGNAL SIGQUIT\nUSER 7\nVOLUME /data\nLABEL a=b";
        let all = told(text);
        let wanted = [
            "ENV A=1 B=x y",
            "CMD [\"/bin/sh\" \"-c\" \"echo hi\"]",
            "ENTRYPOINT [\"a\" \"b\"]",
            "EXPOSE [53/udp 80/tcp]",
            "WORKDIR /app",
            "COPY --chown=1:2 x /y # buildkit",
            "HEALTHCHECK &{[\"CMD-SHELL\" \"true\"] \"1m30s\" \"0s\" \"0s\" \"0s\" '\\x03'}",
            "STOPSIGNAL SIGQUIT",
            "USER 7",
            "VOLUME [/data]",
            "LABEL a=b",
        ];
        assert_eq!(all, wanted);
    }

    #[test]
    fn arguments_reach_run_and_no_configuration() {
        let (scope, done) = built("ARG V=1\nARG W\nENV E=$V\nRUN echo $V", &[("W", "2")]).unwrap();
        assert_eq!(done[3].created_by, "RUN |2 V=1 W=2 /bin/sh -c echo $V # buildkit");
        assert_eq!(done[3].shown, "RUN echo 1");
        let Work::Run(run) = &done[3].work else { panic!("no run") };
        assert_eq!(run.env[1..], ["V=1", "W=2", "E=1"]);
        assert_eq!(scope.config.env[1..], ["E=1"]);
    }

    #[test]
    fn an_entrypoint_drops_the_command_of_the_base_and_no_other() {
        let base = ImageConfig { cmd: vec!["sh".into()], ..ImageConfig::default() };
        let given = Given { build_args: &[], global: &Vec::new(), network: "default", escape: '\\', stage: &|_| None };
        for (text, cmd) in [("ENTRYPOINT [\"a\"]", vec![]), ("CMD [\"b\"]\nENTRYPOINT [\"a\"]", vec!["b".to_string()])] {
            let mut scope = Scope::upon(base.clone());
            for instruction in &read(&format!("FROM x\n{text}")).stages[0].instructions {
                scope.apply(instruction, &given).unwrap();
            }
            assert_eq!(scope.config.cmd, cmd, "{text}");
        }
    }

    #[test]
    fn a_destination_is_below_the_working_directory() {
        let (_, done) = built("WORKDIR /app\nCOPY a .\nCOPY a b\nCOPY a ../c/\nCOPY a /", &[]).unwrap();
        let all: Vec<&str> = done
            .iter()
            .filter_map(|done| match &done.work {
                Work::Copy(copy) => Some(copy.destination.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(all, ["/app/", "/app/b", "/c/", "/"]);
    }

    #[test]
    fn heredocs_are_scripts_and_files() {
        let (_, done) =
            built("RUN <<E\na\nb\nE\nRUN cat <<E\nx\nE\nENV N=1\nCOPY <<one <<-\"two\" /d/\n$N\none\n\t$N\ntwo", &[]).unwrap();
        let argv = |at: usize| match &done[at].work {
            Work::Run(run) => run.argv[2].clone(),
            _ => String::new(),
        };
        assert_eq!((argv(0).as_str(), argv(1).as_str()), ("a\nb\n", "cat <<E\nx\nE"));
        assert_eq!((done[0].shown.as_str(), done[1].shown.as_str()), ("RUN <<E (a...)", "RUN cat <<E"));
        let Work::Copy(copy) = &done[3].work else { panic!("no copy") };
        assert_eq!(copy.inline, [("one".to_string(), "1\n".to_string()), ("two".to_string(), "$N\n".to_string())]);
    }

    #[test]
    fn a_script_with_an_interpreter_is_mounted() {
        let (_, done) = built("RUN <<E\n#!/bin/python\nprint()\nE", &[]).unwrap();
        let Work::Run(run) = &done[0].work else { panic!("no run") };
        assert_eq!(run.argv, ["/bin/sh", "-c", "/dev/pipes/E"]);
        let content = "#!/bin/python\nprint()\n".to_string();
        assert_eq!(run.mounts[0].what, Mounted::Script { name: "E".into(), content });
    }

    #[test]
    fn what_add_fetches_is_named_by_its_url() {
        let sum = format!("sha256:{}", "0".repeat(64));
        let (_, done) = built(&format!("ADD --checksum={sum} https://a.b/c/d.tgz?x=1 /e/\nADD http://a /f"), &[]).unwrap();
        let Work::Copy(copy) = &done[0].work else { panic!("no copy") };
        assert_eq!((copy.from.clone(), copy.sources.as_slice(), copy.unpack), (CopySource::Web, &["d.tgz".to_string()][..], false));
        assert_eq!((copy.remote[0].checksum.as_str(), copy.mode), (sum.as_str(), None));
        assert_eq!(done[0].created_by, format!("ADD --checksum={sum} https://a.b/c/d.tgz?x=1 /e/ # buildkit"));
        let Work::Copy(copy) = &done[1].work else { panic!("no copy") };
        assert_eq!(copy.remote[0].name, "__unnamed__");
        assert!(copy.remote[0].mismatch("sha256:1").is_none() && copy.remote[0].refused(404).unwrap().ends_with("status 404"));
    }

    #[test]
    fn what_is_not_carried_out_is_said() {
        assert!(built("ADD https://a/b.git#v1 https://a/b /c/", &[]).unwrap_err().message.starts_with("glassbox: "));
        assert!(built("ADD https://a/b x /c/", &[]).unwrap_err().message.starts_with("glassbox: "));
        assert!(built("COPY --chmod=9 a /", &[]).unwrap_err().message.starts_with("invalid chmod parameter: '9'"));
    }
}
