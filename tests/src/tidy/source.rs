//! One Rust file, parsed: its paths and its tokens, with lines. Comments and the insides of strings are in neither.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::Visit;

use super::Finding;

/// A Rust file of the workspace.
pub struct Source {
    /// Relative to the workspace, with `/`.
    pub path: String,
    /// As it is on disk.
    pub text: String,
    /// The syntax tree, or why there is none.
    pub tree: Result<syn::File, String>,
    /// Every path that is named, with groups written out: `use a::{b, c::d}` gives `a::b` and `a::c::d`. A lone word is a path, too.
    pub paths: Vec<Named>,
}

impl Source {
    /// Parses the text.
    pub fn new(path: &str, text: &str) -> Source {
        let tree = syn::parse_file(text).map_err(|error| error.to_string());
        let mut paths = Vec::new();
        name_all(text.parse().unwrap_or_default(), &[], &mut paths);
        Source { path: path.into(), text: text.into(), tree, paths }
    }

    /// A finding in this file.
    pub fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, message: message.into() }
    }

    /// As `paths`, of what is compiled outside of tests.
    pub fn product_paths(&self) -> Vec<&Named> {
        if self.is_test() {
            return Vec::new();
        }
        let tests = self.test_lines();
        self.paths.iter().filter(|named| !tests.iter().any(|lines| lines.contains(&named.line))).collect()
    }

    /// Whether the whole file is a test.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name == "tests.rs" || name.ends_with("_tests.rs") || self.path.split('/').rev().skip(1).any(|folder| folder == "tests")
    }

    fn test_lines(&self) -> Vec<std::ops::RangeInclusive<usize>> {
        let mut modules = TestModules(Vec::new());
        if let Ok(tree) = &self.tree {
            modules.visit_file(tree);
        }
        modules.0
    }
}

/// A path in the source.
#[derive(Debug, PartialEq)]
pub struct Named {
    /// Its segments: `["std", "fs", "read"]`; a macro's name ends in `!`.
    pub segments: Vec<String>,
    /// Where its last segment stands.
    pub line: usize,
}

impl Named {
    /// Whether it is `path` or below it.
    pub fn is_under(&self, path: &str) -> bool {
        let mut segments = self.segments.iter();
        path.split("::").all(|wanted| segments.next().is_some_and(|segment| segment == wanted))
    }

    /// Whether one of its segments is `word`.
    pub fn has(&self, word: &str) -> bool {
        self.segments.iter().any(|segment| segment == word)
    }
}

fn name_all(stream: TokenStream, prefix: &[String], paths: &mut Vec<Named>) {
    let mut current: Vec<String> = prefix.to_vec();
    let mut tokens = stream.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) => {
                current.push(ident.to_string());
                if followed_by(&mut tokens, '!') {
                    let last = current.len() - 1;
                    current[last].push('!');
                }
                if !joins(&mut tokens) {
                    let segments = std::mem::replace(&mut current, prefix.to_vec());
                    paths.push(Named { segments, line: ident.span().start().line });
                }
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && current.len() > prefix.len() => {
                name_all(group.stream(), &current, paths);
                current = prefix.to_vec();
            }
            TokenTree::Group(group) => name_all(group.stream(), &[], paths),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

type Tokens = std::iter::Peekable<proc_macro2::token_stream::IntoIter>;

fn followed_by(tokens: &mut Tokens, mark: char) -> bool {
    matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// Takes a `::`, if one is next.
fn joins(tokens: &mut Tokens) -> bool {
    let mut after = tokens.clone();
    let is_colon = |token: Option<TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    let joined = is_colon(after.next()) && is_colon(after.next());
    if joined {
        *tokens = after;
    }
    joined
}

struct TestModules(Vec<std::ops::RangeInclusive<usize>>);

impl<'ast> Visit<'ast> for TestModules {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.attrs.iter().any(is_cfg_test) {
            let end = module.content.as_ref().map_or(0, |(brace, _)| brace.span.close().end().line);
            self.0.push(module.mod_token.span.start().line..=end);
        } else {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.attrs.iter().any(is_cfg_test) {
            self.0.push(item.use_token.span.start().line..=item.semi_token.span.end().line);
        }
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        Source::new("core/src/x.rs", text).paths.iter().map(|named| named.segments.join("::")).collect()
    }

    #[test]
    fn groups_are_written_out_and_macros_are_looked_into() {
        let found = paths("use std::{io, fs::{self, File}}; fn f() { println!(\"{}\", std::env::var(\"x\")); }");
        for wanted in ["std::io", "std::fs::self", "std::fs::File", "println!", "std::env::var"] {
            assert!(found.iter().any(|path| path == wanted), "{wanted} is not in {found:?}");
        }
    }

    #[test]
    fn comments_and_strings_name_nothing() {
        assert_eq!(paths("// std::fs\nconst A: u8 = b\"std::fs\"[0];"), ["const", "A", "u8"]);
    }

    #[test]
    fn test_modules_are_no_product() {
        let source = Source::new("core/src/x.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n");
        assert!(source.product_paths().iter().all(|named| !named.is_under("std")));
        assert!(source.paths.iter().any(|named| named.is_under("std::fs")));
        assert!(Source::new("core/src/cli/tests/run.rs", "").is_test());
    }
}
