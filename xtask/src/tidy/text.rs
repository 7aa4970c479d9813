//! Rules on the text of files: sizes, left-overs, what belongs to one machine.

use std::path::Path;

use super::Source;
use crate::cache;

/// The most lines that a file of code may have; 500 is the aim.
const MAX_LINES: usize = 800;
/// The same for the web app, whose lines do more.
const MAX_LINES_WEB: usize = 400;
/// What counts as code.
const CODE: [&str; 10] = [
    "rs", "ts", "tsx", "mts", "mjs", "js", "css", "sh", "sql", "py",
];
/// Files whose content a tool decides, by a part of their path.
const GENERATED: [&str; 5] = [
    "Cargo.lock",
    "package-lock.json",
    ".gen.ts",
    "openapi.json",
    ".sqlx/",
];

// Written in parts, so that this file does not break its own rules.
/// Notes to oneself, which an issue should hold.
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
];
/// Hosts of package registries: a mirror's user must not meet them.
const REGISTRIES: [&str; 5] = [
    concat!("registry.", "npmjs"),
    concat!("pypi.", "org"),
    concat!("python", "hosted"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
];
/// Directories of the machine that somebody worked on.
const MACHINE: [&str; 3] = [
    concat!("/work", "/main"),
    concat!("/work", "/shared"),
    concat!("/root", "/."),
];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let checkout = cache::workspace().to_string_lossy().into_owned();
    sources
        .iter()
        .filter(|source| !GENERATED.iter().any(|path| source.path.contains(path)))
        .flat_map(|source| check_one(source, &checkout))
        .collect()
}

fn check_one(source: &Source, checkout: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let is_code = Path::new(&source.path)
        .extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|e| CODE.contains(&e));
    let lines = source.text.lines().count();
    let most = if source.path.starts_with("web/") {
        MAX_LINES_WEB
    } else {
        MAX_LINES
    };
    if is_code && lines > most {
        problems.push(format!(
            "{}: {lines} lines, and {most} are the most: split it by its jobs",
            source.path
        ));
    }
    for (number, line) in source.text.lines().enumerate() {
        let mut report =
            |what: &str| problems.push(format!("{}:{}: {what}", source.path, number + 1));
        if is_code && let Some(word) = UNFINISHED.iter().find(|word| line.contains(*word)) {
            report(&format!("`{word}` is left over: do it, or file an issue"));
        }
        if let Some(host) = REGISTRIES.iter().find(|host| line.contains(*host)) {
            report(&format!(
                "names the registry host `{host}`, which a mirror replaces"
            ));
        }
        if line.contains(checkout) || MACHINE.iter().any(|place| line.contains(place)) {
            report("names a directory of one machine");
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        check_one(
            &Source {
                path: path.to_owned(),
                text: text.to_owned(),
            },
            "/checkout/here",
        )
    }

    #[test]
    fn a_long_file_of_code_is_refused_and_a_long_text_is_not() {
        let long = "x\n".repeat(MAX_LINES + 1);
        assert_eq!(problems("a.rs", &long).len(), 1);
        assert_eq!(problems("docs/a.md", &long).len(), 0);
        assert_eq!(problems("a.rs", &"x\n".repeat(MAX_LINES)).len(), 0);
        assert_eq!(
            problems("web/src/a.ts", &"x\n".repeat(MAX_LINES_WEB + 1)).len(),
            1
        );
    }

    #[test]
    fn left_overs_and_machines_are_found() {
        assert_eq!(
            problems("a.ts", &format!("// {}: later", UNFINISHED[0])).len(),
            1
        );
        assert_eq!(
            problems("a.md", &format!("say {} if", UNFINISHED[0])).len(),
            0
        );
        assert_eq!(problems("a.toml", "path = \"/checkout/here/x\"").len(), 1);
        assert_eq!(
            problems("a.md", &format!("see {}/x", REGISTRIES[0])).len(),
            1
        );
    }
}
