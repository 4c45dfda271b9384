//! How much of what people write in RUN is known.

use super::programs::is_known;
use crate::userland::NAMES;

/// What the shell itself carries out.
const BUILTINS: &str =
    "cd set export . source : [ true false exit echo printf test read unset shift trap umask eval exec wait type ulimit alias";

/// `apt-get 61, npm 41`
fn commands(line: &str) -> Vec<(String, u64)> {
    let pairs = line.split(", ").filter_map(|pair| {
        let (name, count) = pair.trim().rsplit_once(' ')?;
        Some((name.to_string(), count.parse().ok()?))
    });
    pairs.collect()
}

/// Scripts and programs by path are what the image or the context holds: carried out, or opaque.
fn is_carried_out(name: &str) -> bool {
    let by_path = name.starts_with('<') || name.starts_with('/') || name.starts_with('.');
    by_path || BUILTINS.split(' ').any(|known| known == name) || NAMES.contains(&name) || is_known(name)
}

#[test]
fn most_of_what_people_run_is_known() {
    // The sample lies beside the project, or beside the directory of its work trees, and not everywhere.
    let beside = ["/../../shared", "/../../../shared"].map(|up| format!("{}{up}/data/frequencies.md", env!("CARGO_MANIFEST_DIR")));
    let Some(text) = beside.iter().find_map(|path| std::fs::read_to_string(path).ok()) else { return };
    let section = text.split("## Commands in RUN").nth(1).unwrap().split("## ").next().unwrap();
    for (sample, wanted) in [("- recent: ", 95), ("- real: ", 85)] {
        let line = section.lines().find_map(|line| line.strip_prefix(sample)).unwrap();
        let all = commands(line);
        let total: u64 = all.iter().map(|(_, count)| count).sum();
        let known: u64 = all.iter().filter(|(name, _)| is_carried_out(name)).map(|(_, count)| count).sum();
        let unknown: Vec<&String> = all.iter().filter(|(name, _)| !is_carried_out(name)).map(|(name, _)| name).collect();
        assert!(known * 100 >= total * wanted, "{sample}{known} of {total}; not known: {unknown:?}");
    }
}
