//! Which element of a path is at fault: the way of path_resolution(7) is walked again, element by element.

use std::collections::VecDeque;

use super::{Diagnosis, Files, kind_name};
use crate::errno::Errno;
use crate::userland::FileKind;

/// Links followed before the kernel gives up: path_resolution(7).
const LINKS_MAX: usize = 40;
/// Elements looked at; no path of PATH_MAX bytes with its links has more.
const ELEMENTS_MAX: usize = 4096;

/// What is wrong with an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It has something below it in the path, and is no directory.
    NotADirectory(FileKind),
    /// More links than the kernel follows.
    Loop,
    /// A directory that this user may not search.
    Closed,
}

/// The element at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Up to and with it, links resolved.
    pub path: String,
    /// What is wrong with it.
    pub fault: Fault,
    /// The link by which one got there, and what it says.
    pub link: Option<(String, String)>,
    /// It is the last element of the path.
    pub last: bool,
}

/// The element of `path` that cannot be passed; `None`: all can be.
pub fn element(files: &dyn Files, path: &str) -> Option<Element> {
    let mut walk = Walk { files, at: start(path), rest: names(path), link: None, after_link: 0, links: 0 };
    for _ in 0..ELEMENTS_MAX {
        let Some(name) = walk.rest.pop_front() else { break };
        if walk.rest.len() < walk.after_link {
            walk.link = None;
        }
        if let Some(found) = walk.step(&name) {
            return Some(found);
        }
    }
    None
}

/// In words: which element of `path` it was.
pub fn fault(files: &dyn Files, path: &str) -> Option<Diagnosis> {
    element(files, path).map(|element| element.told(path))
}

impl Element {
    /// In words, for somebody who has written `path`.
    pub fn told(&self, path: &str) -> Diagnosis {
        let at = &self.path;
        let through = self.link.as_ref().map(|(link, target)| format!(" ({link} is a link to {target})")).unwrap_or_default();
        match self.fault {
            Fault::Missing => {
                let there = if self.last || self.link.is_some() {
                    String::new()
                } else {
                    format!(": of {path} only {} is there", or_here(&above(at)))
                };
                Diagnosis::new(format!("{at} does not exist{through}{there}"), "")
            }
            Fault::NotADirectory(kind) => {
                let what = format!("{at} is {}, not a directory{through}: nothing can be below it", kind_name(kind));
                Diagnosis::new(what, "")
            }
            Fault::Loop => {
                let (link, target) = self.link.clone().unwrap_or_default();
                Diagnosis::new(format!("{link} is a link to {target}, and that leads back to it"), format!("see: ls -l {link}"))
            }
            Fault::Closed => {
                let advice = format!("searching takes the x bit of the directory; see: ls -ld {at}");
                Diagnosis::new(format!("the directory {at} may not be searched by this user"), advice)
            }
        }
    }
}

fn or_here(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

fn start(path: &str) -> String {
    if path.starts_with('/') { "/".to_string() } else { String::new() }
}

fn names(path: &str) -> VecDeque<String> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".").map(str::to_string).collect()
}

struct Walk<'a> {
    files: &'a dyn Files,
    /// Without links; empty: the working directory.
    at: String,
    rest: VecDeque<String>,
    /// The link whose text the element at hand comes from.
    link: Option<(String, String)>,
    /// How many elements come after that text.
    after_link: usize,
    links: usize,
}

impl Walk<'_> {
    fn step(&mut self, name: &str) -> Option<Element> {
        if name == ".." {
            self.at = above(&self.at);
            return None;
        }
        let next = below(&self.at, name);
        match self.files.look(&next) {
            Err(Errno::ENOENT) => Some(self.found(next, Fault::Missing)),
            Err(Errno::ENOTDIR) => Some(self.found(self.at.clone(), Fault::NotADirectory(FileKind::File))),
            Err(Errno::EACCES) => Some(self.found(or_here(&self.at).to_string(), Fault::Closed)),
            Err(_) => None,
            Ok(seen) => match seen.link {
                Some(target) => self.follow(next, target),
                None if seen.kind != FileKind::Directory && !self.rest.is_empty() => {
                    Some(self.found(next, Fault::NotADirectory(seen.kind)))
                }
                None => {
                    self.at = next;
                    None
                }
            },
        }
    }

    fn follow(&mut self, link: String, target: String) -> Option<Element> {
        self.links += 1;
        if self.links > LINKS_MAX {
            // The link that is come to again and again.
            self.link = Some((link.clone(), target));
            return Some(self.found(link, Fault::Loop));
        }
        if target.starts_with('/') {
            self.at = "/".to_string();
        }
        self.after_link = self.rest.len();
        for name in names(&target).into_iter().rev() {
            self.rest.push_front(name);
        }
        self.link = Some((link, target));
        None
    }

    fn found(&self, path: String, fault: Fault) -> Element {
        Element { path, fault, link: self.link.clone(), last: self.rest.is_empty() }
    }
}

fn above(at: &str) -> String {
    match at.rsplit_once('/') {
        Some(("", _)) => "/".to_string(),
        Some((parent, last)) if last != ".." => parent.to_string(),
        None if !at.is_empty() && at != ".." => String::new(),
        _ if at.is_empty() => "..".to_string(),
        _ => format!("{at}/.."),
    }
}

fn below(at: &str, name: &str) -> String {
    match at {
        "" => name.to_string(),
        "/" => format!("/{name}"),
        _ => format!("{at}/{name}"),
    }
}
