//! What a build fetches from elsewhere: a file by its URL, or the files of a git repository at one commit. For both kernels.
//!
//! ```text
//! https://example.com/team/app.git#v1.2:web      scheme://…/NAME.git[#REFERENCE[:SUBDIRECTORY]]
//! https://example.com/team/app.git?tag=v1.2&subdir=web
//! git@example.com:team/app.git                   the same over ssh
//! ```
//! A reference moves: which commit it names is asked first, and the commit is what the cache knows the files by.
//! Sources: the Dockerfile reference (ADD), Docker's "Build context"; git-ls-remote(1).

use serde::{Deserialize, Serialize};

/// A file that `ADD` fetches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Where it is: `http://` or `https://`.
    pub url: String,
    /// What it is called then.
    pub name: String,
    /// `--checksum`: `sha256:…`; empty: whatever comes is taken.
    pub checksum: String,
}

impl Remote {
    /// Named as BuildKit names it: by the last part of the URL's path.
    pub fn of(url: &str, checksum: &str) -> Remote {
        let path = url.split(['?', '#']).next().unwrap_or(url).split_once("://").map_or("", |(_, rest)| rest);
        let name = path.split_once('/').map_or("", |(_, path)| path).trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let name = if matches!(name, "" | "." | "..") { "__unnamed__" } else { name };
        Remote { url: url.to_string(), name: name.to_string(), checksum: checksum.to_string() }
    }

    /// BuildKit's words for another content than the one that was asked for; `None`: it is the same.
    pub fn mismatch(&self, found: &str) -> Option<String> {
        let wrong = !self.checksum.is_empty() && self.checksum != found;
        wrong.then(|| self.framed(&format!("digest mismatch {found}: {}", self.checksum)))
    }

    /// BuildKit's words for an answer that is no success; `None`: it is one.
    pub fn refused(&self, status: u16) -> Option<String> {
        (!(200..400).contains(&status)).then(|| self.framed(&format!("invalid response status {status}")))
    }

    /// What has gone wrong, in BuildKit's frame.
    pub fn framed(&self, why: &str) -> String {
        format!("failed to load cache key: {why}")
    }
}

/// The files of a git repository at one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// As it was written.
    pub text: String,
    /// What git is given.
    pub url: String,
    /// A branch, a tag, another reference, or a commit in full; empty: what the repository has for its `HEAD`.
    pub reference: String,
    /// The directory in it whose files are meant, without `/` at either end; empty: the topmost.
    pub subdirectory: String,
    /// `--keep-git-dir`: `.git` is taken, too.
    pub keep_git: bool,
    /// The commit that it has to be, or how that begins; empty: any.
    pub checksum: String,
}

/// As git writes a commit: SHA-1, or SHA-256.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && is_hexadecimal(text)
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl Repository {
    /// Tells a repository from a file, as BuildKit does. `Ok(None)`: it is none. `Err`: why it cannot be one, in BuildKit's words.
    pub fn parse(text: &str) -> Result<Option<Repository>, String> {
        let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (address, query) = address.split_once('?').unwrap_or((address, ""));
        let is_ours = match address.split_once("://") {
            Some(("http" | "https", path)) => path.ends_with(".git"),
            Some(("git" | "ssh", _)) => true,
            Some(_) => false,
            None => address.starts_with("git@"),
        };
        if !is_ours {
            return Ok(None);
        }
        let (reference, subdirectory) = fragment.split_once(':').unwrap_or((fragment, ""));
        let mut repository = Repository {
            text: text.to_string(),
            url: address.to_string(),
            reference: reference.to_string(),
            subdirectory: subdirectory.to_string(),
            ..Repository::default()
        };
        query.split('&').filter(|field| !field.is_empty()).try_for_each(|field| repository.take(field))?;
        // git would take it for an option.
        if repository.reference.starts_with('-') || repository.url.starts_with('-') {
            return Err(format!("invalid git ref: {}", repository.reference));
        }
        let subdirectory = crate::plan::clean(&format!("/{}", repository.subdirectory));
        repository.subdirectory = subdirectory.trim_matches('/').to_string();
        repository.check()?;
        Ok(Some(repository))
    }

    fn take(&mut self, field: &str) -> Result<(), String> {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let named = match name {
            "ref" => value.to_string(),
            "branch" => format!("refs/heads/{value}"),
            "tag" => format!("refs/tags/{value}"),
            "subdir" => {
                self.subdirectory = value.to_string();
                return Ok(());
            }
            "checksum" | "commit" => {
                self.checksum = value.to_string();
                return Ok(());
            }
            "keep-git-dir" => {
                self.keep_git = !matches!(value, "false" | "0");
                return Ok(());
            }
            _ => return Err(format!("unexpected query {}", crate::cli::quoted(name))),
        };
        if !self.reference.is_empty() {
            return Err(format!("ref conflict: {} vs {}", crate::cli::quoted(&self.reference), crate::cli::quoted(&named)));
        }
        self.reference = named;
        Ok(())
    }

    /// What `--checksum` says is that of a commit.
    pub fn check(&self) -> Result<(), String> {
        let sum = &self.checksum;
        let fits = sum.is_empty() || is_hexadecimal(sum) && (7..=64).contains(&sum.len());
        let next = "glassbox: of a repository it is a commit, in hexadecimal digits: git ls-remote tells which there are";
        if fits { Ok(()) } else { Err(format!("invalid checksum {}\n{next}", crate::cli::quoted(sum))) }
    }

    /// How the directory is called that its files are fetched to.
    pub fn name(&self) -> String {
        let last = self.url.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default().trim_end_matches(".git");
        if matches!(last, "" | "." | "..") { "repository".to_string() } else { last.to_string() }
    }

    /// The commit, where the address names one: nobody need be asked.
    pub fn commit(&self) -> Option<&str> {
        Some(self.reference.as_str()).filter(|reference| is_commit(reference))
    }

    /// What `git ls-remote` is asked for: with `--symref` where there is no reference.
    pub fn patterns(&self) -> Vec<String> {
        match self.reference.as_str() {
            "" => vec!["HEAD".to_string()],
            reference => vec![reference.to_string(), format!("{reference}^{{}}")],
        }
    }

    /// The commit among the lines that `git ls-remote` has answered: `COMMIT<tab>REFERENCE`. A branch goes before a tag of the same name,
    /// as with `git checkout`; of a tag with a message it is the commit that it is about. `Err`: there is none.
    pub fn found(&self, answer: &str) -> Result<String, String> {
        let lines: Vec<(&str, &str)> = answer.lines().filter_map(|line| line.split_once('\t')).collect();
        let of = |name: &str| lines.iter().find(|(sum, found)| *found == name && is_commit(sum)).map(|(sum, _)| (*sum).to_string());
        let reference = match self.reference.as_str() {
            "" => "HEAD",
            reference => reference,
        };
        let short = |prefix: &str| reference.strip_prefix(prefix).unwrap_or(reference).to_string();
        let (branch, tag) = (format!("refs/heads/{}", short("refs/heads/")), format!("refs/tags/{}", short("refs/tags/")));
        let others = [format!("{tag}^{{}}"), tag, reference.to_string(), format!("refs/{}", short("refs/"))];
        let found = [branch].iter().chain(&others).find_map(|name| of(name));
        let found = found.ok_or_else(|| {
            let next = format!("glassbox: what there is: git ls-remote {}", self.redacted());
            framed(&format!("repository does not contain ref {reference}, output: {}\n{next}", crate::cli::quoted(answer)))
        })?;
        self.is_meant(&found)?;
        Ok(found)
    }

    /// `Err`: it is not the commit that `--checksum` says.
    pub fn is_meant(&self, commit: &str) -> Result<(), String> {
        if commit.starts_with(&self.checksum) {
            return Ok(());
        }
        Err(framed(&format!("expected checksum to match {}, got {commit}", self.checksum)))
    }

    /// The address without a password.
    pub fn redacted(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else { return self.url.clone() };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        match authority.rsplit_once('@') {
            Some((account, host)) if account.contains(':') => {
                let user = account.split(':').next().unwrap_or_default();
                format!("{scheme}://{user}:xxxxx@{host}/{path}")
            }
            _ => self.url.clone(),
        }
    }

    /// BuildKit's words for a git that has failed; `told`: what it wrote on stderr.
    pub fn failed(&self, told: &str, status: &str) -> String {
        let told = told.replace(&self.url, &self.redacted());
        framed(&format!("failed to fetch remote {}: git stderr:\n{}\n: {status}", self.redacted(), told.trim_end()))
    }
}

/// What goes wrong before the cache is looked into, in BuildKit's frame.
fn framed(why: &str) -> String {
    format!("failed to load cache key: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";

    fn read(text: &str) -> Repository {
        Repository::parse(text).unwrap().unwrap()
    }

    #[test]
    fn a_repository_is_told_from_a_file() {
        for file in
            ["https://example.com/a", "https://example.com/a.git/info", "a.git", "/a.git", "file:///a.git", "user@host:a.git"]
        {
            assert_eq!(Repository::parse(file), Ok(None), "{file}");
        }
        for address in ["git@host:a/b.git", "ssh://git@host/b", "git://127.0.0.1:1/b", "http://h/b.git", "https://h/b.git?tag=v1"] {
            assert_eq!(read(address).name(), "b", "{address}");
        }
    }

    #[test]
    fn the_reference_and_the_directory_follow() {
        let named = read("https://h/a.git#v1:/web/../site/");
        assert_eq!((named.url.as_str(), named.reference.as_str(), named.subdirectory.as_str()), ("https://h/a.git", "v1", "site"));
        let asked = read("https://h/a.git?tag=v1&subdir=web&keep-git-dir=1");
        assert_eq!((asked.reference.as_str(), asked.subdirectory.as_str(), asked.keep_git), ("refs/tags/v1", "web", true));
        assert_eq!(read(&format!("https://h/a.git#{COMMIT}")).commit(), Some(COMMIT));
        assert_eq!(read("https://h/a.git#0123456").commit(), None);
        assert_eq!(read("https://h/a.git#:../../etc").subdirectory, "etc");
        assert_eq!(Repository::parse("https://h/a.git?bank=1").unwrap_err(), "unexpected query \"bank\"");
        assert_eq!(Repository::parse("https://h/a.git?branch=a#b").unwrap_err(), "ref conflict: \"b\" vs \"refs/heads/a\"");
        assert_eq!(Repository::parse("https://h/a.git#--upload-pack=x").unwrap_err(), "invalid git ref: --upload-pack=x");
        assert!(Repository::parse("https://h/a.git?commit=x").unwrap_err().starts_with("invalid checksum \"x\""));
    }

    #[test]
    fn a_branch_goes_before_a_tag_and_a_tag_with_a_message_is_its_commit() {
        let answer = format!("{OTHER}\trefs/tags/v1\n{COMMIT}\trefs/tags/v1^{{}}\n");
        assert_eq!(read("https://h/a.git#v1").found(&answer).unwrap(), COMMIT);
        let both = format!("{OTHER}\trefs/tags/v1\n{COMMIT}\trefs/heads/v1\n{OTHER}\trefs/heads/old/v1\n");
        assert_eq!(read("https://h/a.git#v1").found(&both).unwrap(), COMMIT);
        assert_eq!(read("https://h/a.git?tag=v1").found(&both).unwrap(), OTHER);
        let head = format!("ref: refs/heads/main\tHEAD\n{COMMIT}\tHEAD\n");
        assert_eq!(read("https://h/a.git").found(&head).unwrap(), COMMIT);
        let none = read("https://me:secret@h/a.git#no").found("").unwrap_err();
        assert!(none.starts_with("failed to load cache key: repository does not contain ref no, output: \"\"\n"), "{none}");
        assert!(!none.contains("secret"), "{none}");
        let meant = Repository { checksum: OTHER[..12].to_string(), ..read("https://h/a.git") };
        assert!(meant.found(&head).unwrap_err().contains(&format!("expected checksum to match {}, got {COMMIT}", &OTHER[..12])));
    }

    #[test]
    fn no_password_is_told() {
        let repository = read("https://me:secret@h/a.git");
        let told = repository.failed("fatal: unable to access 'https://me:secret@h/a.git/': no\n", "exit status 128");
        assert!(!told.contains("secret") && told.ends_with("no\n: exit status 128"), "{told}");
    }
}
