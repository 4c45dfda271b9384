//! The interpreter: takes the frame on top and does it. It never recurses: what comes later is a frame.

use std::sync::Arc;

use super::expand::{Expander, Stop};
use super::frame::{After, Frame, Source};
use super::shell::Shell;
use super::syntax::Node;
use crate::errno::Errno;
use crate::userland::output::Flush;
use crate::userland::pattern::{glob_matches, parse_glob};
use crate::userland::sys::{Disposition, Fd, Resume, Signal, Sys};

/// Frames done in one resume before others are let run.
const STEPS_MAX: usize = 256;
/// The most frames: a function that calls itself for ever meets this limit.
const FRAMES_MAX: usize = 10_000;
/// The most bytes that a command substitution may yield.
const SUBSTITUTION_BYTES_MAX: usize = 1 << 20;

/// How a step ended, where it was not simply done.
pub(crate) enum Pause {
    /// The kernel answered RESTART.
    Waiting,
    /// Let others run.
    Yield,
    /// This process has become another program.
    Replaced,
}

impl From<Pause> for Resume {
    fn from(pause: Pause) -> Resume {
        match pause {
            Pause::Waiting => Resume::Waiting,
            Pause::Yield => Resume::Yield,
            Pause::Replaced => Resume::Replaced,
        }
    }
}

/// What a call that failed to come through means for the step.
pub(crate) fn pause_for(errno: Errno) -> Option<Pause> {
    match errno {
        Errno::RESTART => Some(Pause::Waiting),
        Errno::EINTR => Some(Pause::Yield),
        _ => None,
    }
}

impl Shell {
    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if !self.started {
            self.start_up(sys);
        }
        for _ in 0..STEPS_MAX {
            match self.out.flush(sys) {
                Flush::Done => {}
                Flush::Waiting => return Resume::Waiting,
                Flush::Interrupted => return Resume::Yield,
                Flush::Failed(errno) => {
                    self.status = 1;
                    self.complain(&format!("write error: {errno}"));
                    continue;
                }
            }
            self.look_for_signals(sys);
            if self.frames.len() > FRAMES_MAX {
                self.fail_hard(sys, &format!("nested deeper than {FRAMES_MAX}"));
            }
            let Some(frame) = self.frames.pop() else {
                match self.leave() {
                    Some(status) => return Resume::Exit(status),
                    None => continue,
                }
            };
            if let Err(pause) = self.step(frame, sys) {
                return pause.into();
            }
        }
        Resume::Yield
    }

    /// There is nothing left to do: the EXIT trap, or the end.
    fn leave(&mut self) -> Option<i32> {
        let status = self.ending.take().unwrap_or(self.status);
        match self.exit_trap.take() {
            Some(action) => {
                self.status = status;
                self.frames.push(Frame::Exit { status });
                self.push_text(&action);
                None
            }
            None if self.out.is_empty() => Some(status & 0xff),
            None => {
                self.ending = Some(status);
                None
            }
        }
    }

    /// Runs a text before anything else.
    pub(crate) fn push_text(&mut self, text: &str) {
        let source = Source { text: text.to_string(), line: 1, ended: true, ..Source::default() };
        self.frames.push(Frame::Source(Box::new(source)));
    }

    /// The shell ends, after its EXIT trap. Redirections are undone on the way.
    pub(crate) fn exit(&mut self, sys: &mut dyn Sys, status: i32) {
        while let Some(frame) = self.frames.pop() {
            self.unwind(frame, sys);
        }
        self.status = status;
        self.ending = Some(status);
    }

    /// An error that ends a shell unless it is interactive: POSIX 2.8.1.
    pub(crate) fn fail_hard(&mut self, sys: &mut dyn Sys, message: &str) {
        self.complain(message);
        self.substituted.clear();
        if self.interactive {
            self.abandon(sys);
            self.status = 2;
        } else {
            self.exit(sys, 2);
        }
    }

    /// Back to the prompt.
    pub(crate) fn abandon(&mut self, sys: &mut dyn Sys) {
        while let Some(frame) = self.frames.pop() {
            match frame {
                Frame::Source(source) if source.prompts => {
                    let fresh = Source { text: String::new(), at: 0, inside: false, prompted: false, ..*source };
                    self.frames.push(Frame::Source(Box::new(fresh)));
                    break;
                }
                other => self.unwind(other, sys),
            }
        }
        self.substituted.clear();
    }

    /// Takes a frame off the stack without doing it.
    pub(crate) fn unwind(&mut self, frame: Frame, sys: &mut dyn Sys) {
        match frame {
            Frame::Restore(mut redirections) => redirections.restore(sys),
            Frame::Redirect { mut redirections, .. } => redirections.restore(sys),
            Frame::RestoreVariables(saved) => self.restore_variables(saved),
            Frame::Call { params, locals } => {
                self.params = params;
                self.restore_variables(locals);
            }
            Frame::Substitute { fd, .. } => {
                let _ = sys.close(fd);
            }
            _ => {}
        }
    }

    /// Whether a failure now is in a condition, so that `set -e` does not look at it.
    pub(crate) fn failure_ignored(&self) -> bool {
        let condition = |frame: &Frame| {
            matches!(frame, Frame::If { .. } | Frame::Negate | Frame::AndOr { .. } | Frame::Loop { in_body: false, .. })
        };
        self.ignore_failure || self.frames.iter().any(condition)
    }

    /// A command has ended with this status.
    pub(crate) fn completed(&mut self, sys: &mut dyn Sys, status: i32) {
        self.status = status;
        if status != 0 && self.options.exit_on_error && !self.failure_ignored() {
            self.exit(sys, status);
        }
    }

    fn step(&mut self, frame: Frame, sys: &mut dyn Sys) -> Result<(), Pause> {
        match frame {
            Frame::Source(source) => self.source(source, sys)?,
            Frame::Run(node) => return self.run(node, sys),
            Frame::Sequence { node, next } => self.sequence(node, next),
            Frame::AndOr { node, next } => self.and_or(node, next),
            Frame::Negate => self.status = i32::from(self.status == 0),
            Frame::If { node, arm } => self.chosen(&node, arm),
            Frame::Loop { node, in_body, status } => self.looped(node, in_body, status)?,
            Frame::For { node, items, next } => self.next_item(sys, node, items, next)?,
            Frame::Wait { pids, substitution } => self.wait_for(sys, pids, substitution)?,
            Frame::Substitute { fd, pid, bytes } => self.substitute(sys, fd, pid, bytes)?,
            Frame::Begin { redirections, dispositions } => self.begin(sys, redirections, dispositions)?,
            Frame::Redirect { redirections, then } => self.redirect(sys, redirections, *then)?,
            Frame::Restore(mut redirections) => redirections.restore(sys),
            Frame::Call { .. } | Frame::RestoreVariables(_) => self.unwind(frame, sys),
            Frame::Read(read) => self.read_line(sys, read)?,
            Frame::WaitBuiltin(pids) => self.wait_builtin(sys, pids)?,
            Frame::TrapEnd { status } => self.status = status,
            Frame::Exit { status } => self.ending = Some(status),
        }
        Ok(())
    }

    fn run(&mut self, node: Arc<Node>, sys: &mut dyn Sys) -> Result<(), Pause> {
        match &*node {
            Node::Simple { .. } => self.simple(node, sys),
            Node::Pipeline { stages, negate } => {
                if *negate {
                    self.frames.push(Frame::Negate);
                }
                if let [stage] = &stages[..] {
                    self.frames.push(Frame::Run(stage.clone()));
                } else {
                    self.pipeline(sys, stages);
                }
                Ok(())
            }
            Node::AndOr { first, .. } => {
                let first = first.clone();
                self.frames.push(Frame::AndOr { node, next: 0 });
                self.frames.push(Frame::Run(first));
                Ok(())
            }
            Node::Background(body) => {
                self.background(sys, body);
                Ok(())
            }
            Node::Sequence(_) => {
                self.sequence(node, 0);
                Ok(())
            }
            Node::Subshell(body) => {
                self.subshell_command(sys, body);
                Ok(())
            }
            Node::If { arms, .. } => {
                let condition = arms[0].0.clone();
                self.frames.push(Frame::If { node, arm: 0 });
                self.frames.push(Frame::Run(condition));
                Ok(())
            }
            Node::Loop { condition, .. } => {
                let condition = condition.clone();
                self.frames.push(Frame::Loop { node, in_body: false, status: 0 });
                self.frames.push(Frame::Run(condition));
                Ok(())
            }
            Node::Function { name, body } => {
                self.functions.insert(name.clone(), body.clone());
                self.status = 0;
                Ok(())
            }
            Node::Redirected { .. } | Node::For { .. } | Node::Case { .. } => self.run_expanding(node, sys),
        }
    }

    /// Commands that expand words before they begin.
    fn run_expanding(&mut self, node: Arc<Node>, sys: &mut dyn Sys) -> Result<(), Pause> {
        match &*node {
            Node::Redirected { body, redirects } => {
                let expanded = self.expand(sys, |expander| super::command::redirections(expander, redirects));
                let Some(list) = self.expanded(expanded, &node, sys) else { return Ok(()) };
                let redirections = self.prepare(sys, list);
                let then = Box::new(After::Run(body.clone()));
                self.frames.push(Frame::Redirect { redirections: Box::new(redirections), then });
            }
            Node::For { words, .. } => {
                let expanded = match words {
                    Some(words) => self.expand(sys, |expander| expander.words(words)),
                    None => Ok(self.params.clone()),
                };
                let Some(items) = self.expanded(expanded, &node, sys) else { return Ok(()) };
                self.status = 0;
                self.frames.push(Frame::For { node, items: Arc::new(items), next: 0 });
            }
            Node::Case { word, arms } => {
                let expanded = self.expand(sys, |expander| chosen_arm(expander, word, arms));
                let Some(body) = self.expanded(expanded, &node, sys) else { return Ok(()) };
                self.status = 0;
                self.frames.extend(body.map(Frame::Run));
            }
            _ => {}
        }
        Ok(())
    }

    /// Runs one attempt of an expansion; where it comes through, what it assigned is kept.
    pub(crate) fn expand<T>(
        &mut self,
        sys: &mut dyn Sys,
        attempt: impl FnOnce(&mut Expander<'_>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let mut expander = Expander::new(self, sys);
        let value = attempt(&mut expander)?;
        for (name, text) in std::mem::take(&mut expander.set) {
            self.set(&name, &text).map_err(Stop::Fail)?;
        }
        Ok(value)
    }

    /// The value of an expansion that came through. Otherwise the frames say what is next: the substitution and then `node`
    /// again, or the end.
    pub(crate) fn expanded<T>(&mut self, result: Result<T, Stop>, node: &Arc<Node>, sys: &mut dyn Sys) -> Option<T> {
        match result {
            Ok(value) => {
                self.substituted.clear();
                return Some(value);
            }
            Err(Stop::Substitute(body)) => {
                self.frames.push(Frame::Run(node.clone()));
                self.start_substitution(sys, &body);
            }
            Err(Stop::Fail(message)) => self.fail_hard(sys, &message),
        }
        None
    }

    fn sequence(&mut self, node: Arc<Node>, next: usize) {
        let Node::Sequence(nodes) = &*node else { return };
        let Some(first) = nodes.get(next).cloned() else { return };
        if next + 1 < nodes.len() {
            self.frames.push(Frame::Sequence { node, next: next + 1 });
        }
        self.frames.push(Frame::Run(first));
    }

    fn and_or(&mut self, node: Arc<Node>, mut next: usize) {
        let Node::AndOr { rest, .. } = &*node else { return };
        while let Some((and, command)) = rest.get(next) {
            next += 1;
            if *and == (self.status == 0) {
                let command = command.clone();
                if next < rest.len() {
                    self.frames.push(Frame::AndOr { node, next });
                }
                return self.frames.push(Frame::Run(command));
            }
        }
    }

    fn chosen(&mut self, node: &Arc<Node>, arm: usize) {
        let Node::If { arms, otherwise } = &**node else { return };
        if self.status == 0 {
            return self.frames.push(Frame::Run(arms[arm].1.clone()));
        }
        match (arms.get(arm + 1), otherwise) {
            (Some((condition, _)), _) => {
                let condition = condition.clone();
                self.frames.push(Frame::If { node: node.clone(), arm: arm + 1 });
                self.frames.push(Frame::Run(condition));
            }
            (None, Some(body)) => self.frames.push(Frame::Run(body.clone())),
            (None, None) => self.status = 0,
        }
    }

    fn looped(&mut self, node: Arc<Node>, in_body: bool, status: i32) -> Result<(), Pause> {
        let Node::Loop { condition, body, until } = &*node else { return Ok(()) };
        let (condition, body, until) = (condition.clone(), body.clone(), *until);
        if in_body {
            let status = self.status;
            self.frames.push(Frame::Loop { node, in_body: false, status });
            self.frames.push(Frame::Run(condition));
            return Err(Pause::Yield);
        }
        if (self.status == 0) != until {
            self.frames.push(Frame::Loop { node, in_body: true, status });
            self.frames.push(Frame::Run(body));
        } else {
            self.status = status;
        }
        Ok(())
    }

    fn next_item(&mut self, sys: &mut dyn Sys, node: Arc<Node>, items: Arc<Vec<String>>, next: usize) -> Result<(), Pause> {
        let Node::For { name, body, .. } = &*node else { return Ok(()) };
        let Some(item) = items.get(next).cloned() else { return Ok(()) };
        let (name, body) = (name.clone(), body.clone());
        self.frames.push(Frame::For { node, items, next: next + 1 });
        match self.set(&name, &item) {
            Ok(()) => self.frames.push(Frame::Run(body)),
            Err(message) => self.fail_hard(sys, &message),
        }
        if next == 0 { Ok(()) } else { Err(Pause::Yield) }
    }

    fn substitute(&mut self, sys: &mut dyn Sys, fd: Fd, pid: i32, mut bytes: Vec<u8>) -> Result<(), Pause> {
        let result = sys.read(fd, 1 << 16);
        let chunk = match result {
            Ok(chunk) => chunk,
            Err(errno) => {
                if let Some(pause) = pause_for(errno) {
                    self.frames.push(Frame::Substitute { fd, pid, bytes });
                    return Err(pause);
                }
                Vec::new()
            }
        };
        if !chunk.is_empty() && bytes.len() + chunk.len() <= SUBSTITUTION_BYTES_MAX {
            bytes.extend_from_slice(&chunk);
            self.frames.push(Frame::Substitute { fd, pid, bytes });
            return Ok(());
        }
        let _ = sys.close(fd);
        if !chunk.is_empty() {
            self.fail_hard(sys, &format!("command substitution: more than {SUBSTITUTION_BYTES_MAX} bytes"));
            return Ok(());
        }
        bytes.retain(|byte| *byte != 0);
        self.substituted.push(String::from_utf8_lossy(&bytes).into_owned());
        self.frames.push(Frame::Wait { pids: vec![pid], substitution: true });
        Ok(())
    }

    fn begin(
        &mut self,
        sys: &mut dyn Sys,
        mut redirections: Box<crate::userland::redirect::Redirections>,
        dispositions: Vec<(Signal, Disposition)>,
    ) -> Result<(), Pause> {
        for (signal, disposition) in dispositions {
            let _ = sys.set_disposition(signal, disposition);
        }
        match redirections.apply(sys, false) {
            Ok(()) => Ok(()),
            Err(None) => {
                self.frames.push(Frame::Begin { redirections, dispositions: Vec::new() });
                Err(Pause::Waiting)
            }
            Err(Some(message)) => {
                self.complain(&message);
                self.exit(sys, 1);
                Ok(())
            }
        }
    }
}

fn chosen_arm(
    expander: &mut Expander<'_>,
    word: &super::syntax::Word,
    arms: &[(Vec<super::syntax::Word>, Arc<Node>)],
) -> Result<Option<Arc<Node>>, Stop> {
    let text: Vec<char> = expander.single(word)?.chars().collect();
    for (patterns, body) in arms {
        for pattern in patterns {
            if glob_matches(&parse_glob(&expander.chars(pattern)?), &text) {
                return Ok(Some(body.clone()));
            }
        }
    }
    Ok(None)
}
