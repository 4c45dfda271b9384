//! The rules of `cp` on paths.

use super::paths::{Destination, Source, place};
use super::*;

#[test]
fn a_container_stands_before_a_colon() {
    assert_eq!(split_argument("box:/etc"), (Some("box"), "/etc"));
    assert_eq!(split_argument("box:"), (Some("box"), ""));
    assert_eq!(split_argument("/etc:x"), (None, "/etc:x"));
    assert_eq!(split_argument("./a:b"), (None, "./a:b"));
    assert_eq!(split_argument("plain"), (None, "plain"));
    assert_eq!(split_argument(":x").0, None);
}

#[test]
fn what_stands_at_the_end_of_a_path_is_kept() {
    assert_eq!(absolute("a/b", "/srv"), "/srv/a/b");
    assert_eq!(absolute("a/../b/", "/srv"), "/srv/b/");
    assert_eq!(absolute("/a/.", "/srv"), "/a/.");
    assert_eq!((absolute(".", "/srv"), absolute("/", "/srv"), absolute("", "/")), ("/srv/.".into(), "/".into(), "/".into()));
}

/// The table of docker-cp(1).
#[test]
fn a_place_is_chosen_as_docker_chooses_it() {
    let file = Source { path: "/h/f".into(), name: "f".into(), is_directory: false };
    let directory = Source { path: "/h/d".into(), name: "d".into(), is_directory: true };
    let content = Source { path: "/h/d/.".into(), name: ".".into(), is_directory: true };
    let to = |path: &str, exists, is_directory| Destination { path: path.into(), exists, is_directory };
    let into = |directory: &str, name: Option<&str>| Ok((directory.to_string(), name.map(str::to_string)));
    assert_eq!(place(&file, &to("/c/new", false, false)), into("/c", Some("new")));
    assert_eq!(place(&file, &to("/c/new/", false, false)), Err(Refusal::NoSuchDirectory));
    assert_eq!(place(&file, &to("/c/old", true, false)), into("/c", Some("old")));
    assert_eq!(place(&file, &to("/c", true, true)), into("/c", Some("f")));
    assert_eq!(place(&directory, &to("/c/new/", false, false)), into("/c", Some("new")));
    assert_eq!(place(&directory, &to("/c/old", true, false)), Err(Refusal::DirectoryOverFile));
    assert_eq!(place(&directory, &to("/c", true, true)), into("/c", Some("d")));
    assert_eq!(place(&content, &to("/c", true, true)), into("/c", None));
    assert_eq!(place(&content, &to("/c/new", false, false)), into("/c", Some("new")));
}
