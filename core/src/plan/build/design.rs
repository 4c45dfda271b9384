//! `Design`: a Dockerfile with what its bases say, asked for what stands at a line.

use std::ops::Deref;
use std::rc::Rc;

use super::super::architecture;
use super::super::origin::{need, planned};
use super::super::{Cause, CommandError, Context, Planned};
use super::check::{input_of, platform_of};
use super::contexts;
use super::fetch::{self, Named};
use crate::build::{Done, Given, Scope, Work};
use crate::cli::BuildImage;
use crate::dockerfile::check::{Base, Resolved, resolve};
use crate::dockerfile::{Dockerfile, Fault, Instruction, read};
use crate::model::{BuildResult, Image, Slot};
use crate::step::{BuildStep, Phase, Step};
use crate::view::build_check;

/// A Dockerfile, and for what it is built.
pub(super) struct Design<'a> {
    pub(super) build: &'a BuildImage,
    read: Rc<Read>,
}

/// What comes of reading it. Kept with the invocation: each expansion asks for it again.
pub(super) struct Read {
    pub(super) resolved: Resolved,
    /// Of each stage: what is done in it, the triggers of its base first.
    stages: Vec<Vec<Instruction>>,
    images: Vec<Named>,
    /// Of each stage: the named context that it begins with, where that is a directory.
    own_directories: Vec<Option<String>>,
    /// Of each stage that is wanted: what comes of its instructions.
    done: Vec<Rc<Vec<Done>>>,
    from: ReadFrom,
}

/// All that the reading depends on, besides the command line.
#[derive(PartialEq)]
struct ReadFrom {
    text: String,
    processor: String,
    /// The images that are named, with the ids of those that are here.
    images: Vec<(String, Option<String>)>,
}

impl ReadFrom {
    fn fits(&self, build: &BuildImage, context: &Context<'_>) -> bool {
        let is_here = |(name, id): &(String, Option<String>)| image(name, context).map(|image| &image.id) == id.as_ref();
        self.text == build.input.files.dockerfile
            && self.processor == architecture(&context.host.machine)
            && self.images.iter().all(is_here)
    }
}

impl Deref for Design<'_> {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

/// Called with each instruction, what comes of it, and what the stage has then.
pub(super) type Visitor<'v> = &'v mut dyn FnMut(&Instruction, Done, &Scope);

/// BuildKit's refusal, with the place in the file.
pub(super) fn refused(fault: &Fault, build: &BuildImage) -> CommandError {
    let files = &build.input.files;
    let place = fault.lines.map(|lines| build_check::place(&files.dockerfile, &files.name, lines)).unwrap_or_default();
    let (what, ours) =
        fault.message.split_once("\nglassbox: ").map_or((fault.message.as_str(), None), |(what, ours)| (what, Some(ours)));
    let ours = ours.map(|ours| format!("glassbox: {ours}\n")).unwrap_or_default();
    let message = format!("{place}ERROR: failed to build: failed to solve: {what}\n{ours}");
    CommandError { message, exit_code: 1, span: None }
}

pub(super) fn number(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

impl<'a> Design<'a> {
    /// Reads it, and each instruction that is wanted once; where that has been done for this command, and nothing has changed that it
    /// depends on, the answer is the same.
    pub(super) fn of(build: &'a BuildImage, context: &Context<'_>) -> Result<Design<'a>, Fault> {
        let kept = context.invocation.kept.get::<Read>().filter(|read| read.from.fits(build, context));
        if let Some(read) = kept {
            return Ok(Design { build, read });
        }
        let read = Rc::new(Design::read(build, context)?);
        context.invocation.kept.keep(Rc::clone(&read));
        Ok(Design { build, read })
    }

    fn read(build: &'a BuildImage, context: &Context<'_>) -> Result<Read, Fault> {
        let platform = platform_of(&build.input, context.host);
        let mut resolved = resolve(&input_of(&build.input, &platform, &|_| None))?;
        let own_directories = contexts::apply(&build.contexts, &mut resolved);
        let processor = architecture(&context.host.machine).to_string();
        let from = ReadFrom { text: build.input.files.dockerfile.clone(), processor, images: Vec::new() };
        let done = vec![Rc::default(); resolved.file.stages.len()];
        let read = Read { resolved, stages: Vec::new(), images: Vec::new(), own_directories, done, from };
        let mut design = Design { build, read: Rc::new(read) };
        let stages = design.all_instructions(context)?;
        design.change(|read| read.stages = stages);
        for stage in design.order() {
            let (images, done) = design.find_images(stage, context)?;
            design.change(|read| {
                read.images.extend(images);
                read.done[stage] = Rc::new(done);
            });
        }
        fetch::check(&design.images)?;
        design.change(|read| {
            let bases = read.resolved.bases.iter().filter_map(|base| match base {
                Base::Image(name) => Some(name.clone()),
                Base::Scratch | Base::Stage(_) => None,
            });
            let names: Vec<String> = bases.chain(read.images.iter().map(|named| named.name.clone())).collect();
            let id = |name: &String| image(name, context).map(|image| image.id.clone());
            read.from.images = names.iter().map(|name| (name.clone(), id(name))).collect();
        });
        Rc::try_unwrap(design.read).map_err(|_| Fault::nowhere("the Dockerfile is being read elsewhere"))
    }

    /// While nobody else has it.
    fn change(&mut self, change: impl FnOnce(&mut Read)) {
        if let Some(read) = Rc::get_mut(&mut self.read) {
            change(read);
        }
    }

    fn file(&self) -> &Dockerfile {
        &self.resolved.file
    }

    /// Each stage that is wanted, after those that it needs.
    pub(super) fn order(&self) -> Vec<usize> {
        (0..self.file().stages.len()).filter(|stage| self.resolved.wanted[*stage]).collect()
    }

    fn all_instructions(&self, context: &Context<'_>) -> Result<Vec<Vec<Instruction>>, Fault> {
        let mut all = Vec::new();
        for (at, stage) in self.file().stages.iter().enumerate() {
            let mut instructions = Vec::new();
            if self.resolved.wanted[at]
                && let Some(image) = self.base_image(at, context)
            {
                for trigger in &image.config.on_build {
                    let text = format!("FROM scratch\n{trigger}\n");
                    let read = read(&text);
                    let fault = |fault: &Fault| Fault::at(stage.lines, format!("in a trigger of the base: {}", fault.message));
                    read.faults.first().map_or(Ok(()), |first| Err(fault(first)))?;
                    let triggered = read.stages.into_iter().flat_map(|stage| stage.instructions);
                    instructions.extend(triggered.map(|found| Instruction { lines: stage.lines, ..found }));
                }
            }
            if let Some(name) = &self.own_directories[at] {
                let copied = read(&format!("FROM scratch\nCOPY --from={name} . /\n"))
                    .stages
                    .into_iter()
                    .flat_map(|stage| stage.instructions);
                instructions.extend(copied.map(|found| Instruction { lines: stage.lines, ..found }));
            }
            instructions.extend(stage.instructions.iter().cloned());
            all.push(instructions);
        }
        Ok(all)
    }

    /// The images that a stage is built upon and takes files from, and what comes of its instructions. As long as its base is not here, what its instructions come to is
    /// not known for certain, but for the images that they name.
    fn find_images(&self, stage: usize, context: &Context<'_>) -> Result<(Vec<Named>, Vec<Done>), Fault> {
        let platform = self.build.input.platform.clone();
        let mut found = Vec::new();
        if let Base::Image(name) = &self.resolved.bases[stage] {
            let from = &self.file().stages[stage];
            let own = self.resolved.platforms[stage].as_deref();
            let named = Named::of(name, from.lines, &format!("FROM {}", from.base), own.unwrap_or(&platform), context)?;
            found.push(Named { by_platform: own.is_some(), ..named });
        }
        let base_is_here = found.is_empty() || self.base_image(stage, context).is_some();
        let mut all = Vec::new();
        match self.walk(stage, self.stages[stage].len(), context, &mut |_, done, _| all.push(done)) {
            Err(fault) if base_is_here => return Err(fault),
            _ => {}
        }
        for (done, instruction) in all.iter().zip(&self.stages[stage]) {
            for name in done.work.images() {
                found.push(Named::of(name, instruction.lines, &instruction.text, &platform, context)?);
            }
        }
        Ok((found, all))
    }

    /// All images that are wanted, as the file names them.
    pub(super) fn images(&self) -> &[Named] {
        &self.images
    }

    /// The names of its stages, in small letters.
    pub(super) fn stage_names(&self) -> Vec<String> {
        self.file().stages.iter().map(|stage| stage.name.clone()).filter(|name| !name.is_empty()).collect()
    }

    /// The image that a stage is built upon; `None`: it is none, or not here yet.
    pub(super) fn base_image<'s>(&self, stage: usize, context: &Context<'s>) -> Option<&'s Image> {
        match &self.resolved.bases[stage] {
            Base::Image(name) => image(name, context),
            Base::Scratch | Base::Stage(_) => None,
        }
    }

    fn stage_of(&self, stage: usize, word: &str) -> Option<usize> {
        let by_number = word.parse::<usize>().ok().filter(|number| *number < self.file().stages.len());
        let name = word.to_lowercase();
        by_number.or_else(|| self.file().stages[..stage].iter().rposition(|before| before.name == name))
    }

    /// What a stage has before its instruction number `upto`, counted from 0.
    pub(super) fn scope(&self, stage: usize, upto: usize, context: &Context<'_>) -> Result<Scope, Fault> {
        self.walk(stage, upto, context, &mut |_, _, _| {})
    }

    /// The same, and what comes of each instruction, with what the stage has behind it.
    pub(super) fn walk(&self, stage: usize, upto: usize, context: &Context<'_>, visit: Visitor<'_>) -> Result<Scope, Fault> {
        let mut scope = match &self.resolved.bases[stage] {
            Base::Scratch => Scope::scratch(),
            Base::Stage(before) => self.scope(*before, self.stages[*before].len(), context)?.handed_on(),
            Base::Image(_) => {
                self.base_image(stage, context).map_or_else(Scope::scratch, |image| Scope::upon(image.config.clone()))
            }
        };
        let named = &self.build.contexts;
        let by_name = |word: &str| self.stage_of(stage, word).filter(|_| contexts::find(named, word).is_none());
        let given = Given {
            build_args: &self.build.input.files.build_args,
            global: &self.resolved.global,
            network: &self.build.network,
            escape: self.file().directives.escape,
            stage: &by_name,
        };
        for instruction in self.stages[stage].iter().take(upto) {
            let mut done = scope.apply(instruction, &given)?;
            done.work.sources_mut().into_iter().for_each(|source| contexts::redirect(named, source, &context.host.cwd));
            visit(instruction, done, &scope);
        }
        Ok(scope)
    }

    /// Every instruction of a stage.
    pub(super) fn done(&self, stage: usize, context: &Context<'_>) -> Rc<Vec<Done>> {
        if self.resolved.wanted[stage] {
            return Rc::clone(&self.done[stage]);
        }
        let mut all = Vec::new();
        let end = self.stages[stage].len();
        // It was walked without a fault before.
        let _ = self.walk(stage, end, context, &mut |_, done, _| all.push(done));
        Rc::new(all)
    }

    /// An instruction.
    pub(super) fn found(&self, slot: Slot, context: &Context<'_>) -> Option<Done> {
        let all = self.done(usize::from(slot.stage), context);
        all.get(usize::from(slot.instruction).checked_sub(1)?).cloned()
    }

    /// `[build 2/3] RUN make`
    fn shown(&self, stage: usize, all: &[Done], at: usize) -> String {
        let makes = |done: &&Done| done.work != Work::Configure;
        let total = 1 + all.iter().filter(makes).count();
        let index = 1 + all.iter().take(at).filter(makes).count();
        let what = match at.checked_sub(1).and_then(|at| all.get(at)) {
            Some(done) if done.work == Work::Configure => return done.shown.clone(),
            Some(done) => done.shown.clone(),
            None => format!("FROM {}", self.base_name(stage)),
        };
        let name = self.stage_name(stage).map(|name| format!("{name} ")).unwrap_or_default();
        let width = total.to_string().len();
        format!("[{name}{index:width$}/{total}] {what}")
    }

    pub(super) fn stage_name(&self, stage: usize) -> Option<String> {
        let stages = &self.file().stages;
        match stages[stage].name.as_str() {
            "" if stages.len() > 1 => Some(format!("stage-{stage}")),
            "" => None,
            name => Some(name.to_string()),
        }
    }

    pub(super) fn base_name(&self, stage: usize) -> String {
        match &self.resolved.bases[stage] {
            Base::Scratch => "scratch".to_string(),
            Base::Stage(before) => self.stage_name(*before).unwrap_or_default(),
            Base::Image(name) => {
                crate::reference::Reference::parse(name).map_or_else(|_| name.clone(), |name| name.tagged().to_string())
            }
        }
    }

    pub(super) fn cause(&self, lines: crate::dockerfile::Lines, text: &str) -> Cause {
        Cause::Dockerfile { file: self.build.input.files.name.clone(), line: lines.first, text: text.to_string() }
    }

    pub(super) fn cause_of(&self, slot: Slot) -> Cause {
        let stage = usize::from(slot.stage);
        match usize::from(slot.instruction).checked_sub(1).and_then(|at| self.stages[stage].get(at)) {
            Some(instruction) => self.cause(instruction.lines, &instruction.text),
            None => self.cause(self.file().stages[stage].lines, &format!("FROM {}", self.file().stages[stage].base)),
        }
    }

    pub(super) fn lines_of(&self, slot: Slot) -> Option<crate::dockerfile::Lines> {
        let at = usize::from(slot.instruction).checked_sub(1)?;
        self.stages[usize::from(slot.stage)].get(at).map(|instruction| instruction.lines)
    }

    /// The step with which a stage begins.
    pub(super) fn base(&self, stage: usize, context: &Context<'_>) -> Planned {
        let slot = Slot { stage: number(stage), instruction: 0 };
        let base = match &self.resolved.bases[stage] {
            Base::Scratch => BuildResult::default(),
            // What that stage has come to is known when it is built: see `layers_below`.
            Base::Stage(_) => BuildResult::default(),
            Base::Image(_) => self.base_image(stage, context).map(of_image).unwrap_or_default(),
        };
        let all = self.done(stage, context);
        let step = BuildStep::UseBase { slot, name: self.shown(stage, &all, 0), base };
        planned(Step::Build(step), self.cause_of(slot))
    }

    /// The top-level steps of its instructions, of each those that belong to it.
    pub(super) fn instructions(&self, stage: usize, context: &Context<'_>) -> Vec<Vec<Planned>> {
        let all = self.done(stage, context);
        let of = |at: usize| {
            let slot = Slot { stage: number(stage), instruction: number(at) };
            let phase = Phase::BuildInstruction { slot, shown: self.shown(stage, &all, at) };
            let mut steps = vec![planned(Step::Phase(phase), self.cause_of(slot))];
            let work = all.get(at - 1).map(|done| &done.work);
            if work.is_some_and(|work| *work != Work::Configure) {
                steps.push(planned(Step::Phase(Phase::PackResult { slot }), self.cause_of(slot)));
            }
            if let Some(Work::Run(run)) = work {
                // By itself: where it fails, what is kept of the program's doing stays.
                let check = BuildStep::CheckExit { slot, argv: run.argv.clone() };
                let why = "The build goes on only if the program says that it has done what it was to do.";
                steps.push(planned(Step::Build(check), self.cause_of(slot)).with(need("BuildInstruction", why)));
            }
            steps
        };
        (1..=self.stages[stage].len()).map(of).collect()
    }

    /// No instruction of its stage changes files after it.
    pub(super) fn is_last(&self, slot: Slot, context: &Context<'_>) -> bool {
        let all = self.done(usize::from(slot.stage), context);
        all.iter().skip(usize::from(slot.instruction)).all(|done| done.work == Work::Configure)
    }

    /// What stands below an instruction: by what it is known, and all layers.
    pub(super) fn below(&self, slot: Slot, context: &Context<'_>) -> (String, Vec<crate::model::Layer>) {
        let results = &context.state.building.results;
        let stage = usize::from(slot.stage);
        let (mut key, mut layers) = match &self.resolved.bases[stage] {
            Base::Stage(before) => {
                let end = number(self.stages[*before].len() + 1);
                self.below(Slot { stage: number(*before), instruction: end }, context)
            }
            _ => Default::default(),
        };
        for at in 0..slot.instruction {
            if let Some(result) = results.get(&Slot { instruction: at, ..slot }) {
                if !result.key.is_empty() {
                    key.clone_from(&result.key);
                }
                layers.extend(result.layers.iter().cloned());
            }
        }
        (key, layers)
    }

    /// All that a stage has come to.
    pub(super) fn whole(&self, stage: usize, context: &Context<'_>) -> (String, Vec<crate::model::Layer>) {
        let end = number(self.stages[stage].len() + 1);
        self.below(Slot { stage: number(stage), instruction: end }, context)
    }

    /// The slots of a stage, and of the stages that it is built upon, in order; the image at the bottom, where there is one.
    pub(super) fn chain(&self, stage: usize) -> Vec<usize> {
        let mut chain = match &self.resolved.bases[stage] {
            Base::Stage(before) => self.chain(*before),
            _ => Vec::new(),
        };
        chain.push(stage);
        chain
    }

    /// How many instructions a stage has, those that its base triggers included.
    pub(super) fn count(&self, stage: usize) -> usize {
        self.stages[stage].len()
    }
}

/// The image that a name means here; one that this command has fetched has taken the name.
pub(super) fn image<'s>(name: &str, context: &Context<'s>) -> Option<&'s Image> {
    context.state.image(name)
}

/// The layers of an image, known by what they hold: another configuration upon the same layers changes no result.
pub(super) fn of_image(image: &Image) -> BuildResult {
    let chain: Vec<&str> = image.layers.iter().map(|layer| layer.diff_id.as_str()).collect();
    BuildResult { key: crate::oci::digest::of(chain.join("\n").as_bytes()), layers: image.layers.clone(), created_ns: 0 }
}
