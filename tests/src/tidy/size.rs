//! Lengths: of files, of functions, and the median over all files. Long things are split, not excused.

use syn::spanned::Spanned;
use syn::visit::Visit;

use super::limits::Limits;
use super::{Finding, Source};

/// The file's length and its functions' lengths.
pub fn check(source: &Source, limits: &Limits) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = source.text.lines().count();
    if lines > limits.file_lines_max {
        findings.push(source.finding(lines, format!("{lines} lines: at most {}; split it", limits.file_lines_max)));
    }
    for (line, length) in functions(source) {
        if length > limits.function_lines_max {
            findings.push(source.finding(line, format!("a function of {length} lines: at most {}", limits.function_lines_max)));
        }
    }
    if let Err(error) = &source.tree {
        findings.push(source.finding(1, format!("does not parse: {error}")));
    }
    findings
}

/// The median of the files' lengths against its limit.
pub fn median(sources: &[Source], limits: &Limits) -> Option<Finding> {
    let median = measure(sources).file_lines_median_max;
    let message = format!("the median file has {median} lines: at most {}", limits.file_lines_median_max);
    (median > limits.file_lines_median_max).then(|| Finding { path: "(all files)".into(), line: 0, message })
}

/// The longest and the median that there are.
pub fn measure(sources: &[Source]) -> Limits {
    let mut lengths: Vec<_> = sources.iter().map(|source| source.text.lines().count()).collect();
    lengths.sort_unstable();
    let functions = sources.iter().flat_map(functions).map(|(_, length)| length);
    Limits {
        file_lines_max: lengths.last().copied().unwrap_or_default(),
        file_lines_median_max: lengths.get(lengths.len() / 2).copied().unwrap_or_default(),
        function_lines_max: functions.max().unwrap_or_default(),
    }
}

fn functions(source: &Source) -> Vec<(usize, usize)> {
    let mut lengths = Lengths(Vec::new());
    if let Ok(tree) = &source.tree {
        lengths.visit_file(tree);
    }
    lengths.0
}

/// Line and length of each function, from its `fn` to its closing brace.
struct Lengths(Vec<(usize, usize)>);

impl Lengths {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.span().start().line;
        self.0.push((first, block.brace_token.span.close().end().line + 1 - first));
    }
}

impl<'ast> Visit<'ast> for Lengths {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::CEILING;
    use super::*;

    fn function(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_71_lines_is_found_wherever_it_stands() {
        let long = function(71);
        for text in
            [long.clone(), format!("impl A {{\n{long}}}\n"), format!("trait A {{\n{long}}}\n"), format!("mod a {{\n{long}}}\n")]
        {
            let found = check(&Source::new("a.rs", &text), &CEILING);
            assert!(found.len() == 1 && found[0].message.contains("71 lines"), "{found:?}");
        }
        assert!(check(&Source::new("a.rs", &function(70)), &CEILING).is_empty());
    }

    #[test]
    fn a_file_of_801_lines_is_found() {
        assert_eq!(check(&Source::new("a.rs", &"//\n".repeat(801)), &CEILING).len(), 1);
        assert!(check(&Source::new("a.rs", &"//\n".repeat(800)), &CEILING).is_empty());
    }

    #[test]
    fn a_median_of_201_lines_is_found() {
        let files = |lengths: [usize; 3]| lengths.map(|length| Source::new("a.rs", &"//\n".repeat(length)));
        assert!(median(&files([1, 201, 700]), &CEILING).is_some());
        assert!(median(&files([1, 200, 700]), &CEILING).is_none());
    }

    #[test]
    fn a_file_that_does_not_parse_is_found() {
        assert!(check(&Source::new("a.rs", "fn {"), &CEILING)[0].message.contains("does not parse"));
    }
}
