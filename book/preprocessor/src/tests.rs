//! The notation, the HTML, and the book itself: it builds, and every explanation's place in it exists.

use std::fs;
use std::path::{Path, PathBuf};

use glassbox_core::explain::explain;
use glassbox_core::host::HostFacts;
use glassbox_core::session::{Input, Progress, Recording, Session, Stream};
use glassbox_core::step::samples;
use glassbox_tests::fixture::Fixture;
use glassbox_tests::kernels::Model;
use glassbox_tests::suite;

use super::*;

const CHAPTER: &str = "# A\n\nWords.\n\n```transcript\n$ docker run --rm toolbox sh -c 'echo <b>'\n<b>\n\nx\n! oops\n? 3\n```\n\nMore.\n\n```transcript\n$ docker ps -q\n```\n";

fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn transcripts_are_read_with_their_lines() {
    let all = transcripts(CHAPTER).unwrap();
    assert_eq!(all.iter().map(|one| one.line).collect::<Vec<_>>(), [5, 16]);
    let first = &all[0].exchanges[0];
    assert_eq!((first.stdout.as_str(), first.stderr.as_str(), first.exit_code), ("<b>\n\nx\n", "oops\n", 3));
    assert_eq!(all[1].exchanges[0].stdout, "");
}

#[test]
fn what_is_no_transcript_is_refused_with_its_line() {
    let error = |text: &str| format!("{:#}", transcripts(text).unwrap_err());
    assert!(error("a\n```transcript\nwords\n```\n").contains("the transcript on line 2"));
    assert!(error("```transcript\n@ requires root\n$ docker ps\n```\n").contains("no comments or requirements"));
    assert!(error("```transcript\n$ docker run -i toolbox cat\n< a\na\n```\n").contains("types commands and no input"));
    assert!(error("```transcript\n$ docker ps\n").contains("not closed"));
    assert!(error(&"x".repeat(CHAPTER_BYTES_MAX + 1)).contains("CHAPTER_BYTES_MAX"));
    assert_eq!(transcripts("```text\n$ docker ps\n```\n").unwrap(), []);
}

#[test]
fn a_transcript_becomes_one_line_of_html_with_a_link_to_that_point() {
    let text = rendered(CHAPTER, 1).unwrap();
    let blocks: Vec<&str> = text.lines().filter(|line| line.starts_with("<figure")).collect();
    assert_eq!(blocks.len(), 2);
    assert!(blocks[0].contains("$ <kbd>docker run --rm toolbox sh -c 'echo &lt;b&gt;'</kbd>&#10;<samp>&lt;b&gt;</samp>"), "{text}");
    assert!(blocks[0].contains("(stderr) oops") && blocks[0].contains("(exit code 3)"), "{text}");
    assert!(blocks[1].contains("href=\"../../index.html#run=docker%20run"), "{text}");
    assert!(blocks[1].contains("%0Adocker%20ps%20-q\""), "{text}");
    assert!(text.starts_with("# A\n\nWords.\n\n<figure") && text.contains("\nMore.\n"), "{text}");
}

/// The chapter named by an explanation, and the anchor in it.
fn places() -> Vec<(String, String)> {
    let all = samples::all();
    assert!(all.len() > 20);
    let places = all.iter().map(|step| explain(step).book);
    places.map(|place| place.split_once('#').map(|(file, anchor)| (file.to_string(), anchor.to_string())).unwrap()).collect()
}

#[test]
fn the_book_builds_and_has_every_place_that_an_explanation_names() {
    let folder = tempfile::tempdir().unwrap();
    build(&book(), folder.path()).unwrap();
    for (file, anchor) in places() {
        let page = fs::read_to_string(folder.path().join(file.replace(".md", ".html"))).unwrap();
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{file} has no #{anchor}");
    }
    let page = fs::read_to_string(folder.path().join("what-is-a-container.html")).unwrap();
    assert!(page.contains("href=\"../index.html#run="), "no link to the playground");
    assert!(!page.contains("language-transcript"), "a transcript was left as it is");
}

#[test]
fn every_picture_of_the_book_has_words() {
    for (name, chapter) in chapters() {
        assert!(!chapter.contains("![]("), "{name}");
    }
}

/// What a chapter's commands show in the model kernel, in the notation of the chapter.
fn shown(fixture: &Fixture) -> String {
    let mut model = Model::new(&HostFacts::example());
    let (shown, _) = suite::run(&mut model, fixture).unwrap();
    suite::rendered(&model, fixture, &shown)
}

#[test]
fn every_transcript_shows_in_the_model_what_the_chapter_says() {
    let mut commands = 0;
    for (name, chapter) in chapters() {
        let fixture = fixture(&name, &chapter).unwrap();
        assert_eq!(shown(&fixture), fixture.render(&fixture.commands), "{name}");
        commands += fixture.commands.len();
    }
    assert!(commands >= 15, "only {commands} commands in the whole book");
}

#[test]
fn a_transcript_that_is_not_true_is_found() {
    let chapter = "```transcript\n$ docker run --rm --network none --hostname web toolbox hostname\nwob\n```\n";
    let fixture = fixture("planted", chapter).unwrap();
    assert!(shown(&fixture).ends_with("hostname\nweb\n"));
    assert_ne!(shown(&fixture), fixture.render(&fixture.commands));
}

/// The files of `book/src`, by name.
fn chapters() -> Vec<(String, String)> {
    let folder = book().join("src");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    files.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())).collect()
}

/// The page replays the commands of a link as a recording: that has to end at the prompt.
#[test]
fn a_link_into_the_playground_ends_at_the_prompt() {
    for (name, chapter) in chapters() {
        let commands = fixture(&name, &chapter).unwrap().commands;
        let inputs: Vec<Input> = commands.iter().map(|exchange| Input::Line(exchange.line.clone())).collect();
        let count = inputs.len();
        let session = Session::replay(HostFacts::example(), &Recording { format: 1, inputs }).unwrap();
        assert!(matches!(session.progress(), Progress::Ready(_)), "{name}: {:?}", session.progress());
        let prompts = session.world().output().iter().filter(|chunk| chunk.stream == Stream::Prompt).count();
        assert_eq!(prompts, count, "{name}: a command went to another's input");
    }
}
