//! A generated file: what of an answer belongs into it, and how it gets onto
//! the disk whole or not at all.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::failure::Failure;

/// What to do with a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and nothing is written.
    Keep,
    /// It is replaced.
    Replace,
}

/// The longest fenced block of an answer; all of it when it has none.
pub(crate) fn content(answer: &str) -> String {
    let mut longest: Option<String> = None;
    let mut open: Option<String> = None;
    for event in Parser::new(answer) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => open = Some(String::new()),
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some(block) = open.take()
                    && longest
                        .as_ref()
                        .is_none_or(|other| other.len() < block.len())
                {
                    longest = Some(block);
                }
            }
            _ => {}
        }
    }
    let mut content = longest.unwrap_or_else(|| answer.trim().to_owned());
    if !content.ends_with('\n') {
        content.push('\n');
    }
    content
}

/// An error when there is something at `path`.
pub(crate) fn check_absent(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(exists(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::file(path, error)),
    }
}

fn exists(path: &Path) -> Failure {
    Failure::usage(
        format!("{} exists", path.display()),
        "--force overwrites it; nothing was written",
    )
}

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, content: &str, existing: Existing) -> Result<(), Failure> {
    // What a link points to is replaced, not the link.
    let path = match existing {
        Existing::Replace => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
        Existing::Keep => path.to_owned(),
    };
    let fresh = beside(&path)?;
    let placed = fill(&fresh, &path, content)
        .and_then(|()| match existing {
            Existing::Replace => fs::rename(&fresh, &path),
            // Unlike a rename, this fails when there is a file by now.
            Existing::Keep => fs::hard_link(&fresh, &path).and_then(|()| fs::remove_file(&fresh)),
        })
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(&path),
            _ => Failure::file(&path, error),
        });
    if placed.is_err() {
        // It may not even have been made.
        let _ = fs::remove_file(&fresh);
    }
    placed
}

/// A name in the same directory, so that moving it is one step.
fn beside(path: &Path) -> Result<PathBuf, Failure> {
    let name = path
        .file_name()
        .ok_or_else(|| Failure::file(path, io::Error::other("it is no file's name")))?;
    let name = format!(".{}.{}.new", name.to_string_lossy(), std::process::id());
    Ok(path.with_file_name(name))
}

fn fill(fresh: &Path, path: &Path, content: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(fresh)?;
    if let Ok(before) = fs::metadata(path) {
        file.set_permissions(before.permissions())?;
    }
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_block_is_the_file() {
        let answer = "Here:\n\n```sh\nrun it\n```\n\n```rust\nfn main() {}\nfn b() {}\n```\nDone.";
        assert_eq!(content(answer), "fn main() {}\nfn b() {}\n");
        assert_eq!(content("````md\n```\na\n```\n````"), "```\na\n```\n");
        assert_eq!(content("  just text "), "just text\n");
    }

    #[test]
    fn a_file_is_replaced_only_when_that_is_wanted() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.txt");
        check_absent(&path).expect("absent");
        write(&path, "one\n", Existing::Keep).expect("written");
        assert!(check_absent(&path).is_err());
        let refused = write(&path, "two\n", Existing::Keep).expect_err("kept");
        assert_eq!(refused.exit_number(), 2);
        assert_eq!(fs::read_to_string(&path).expect("there"), "one\n");
        write(&path, "two\n", Existing::Replace).expect("replaced");
        assert_eq!(fs::read_to_string(&path).expect("there"), "two\n");
        // Nothing else is left behind.
        assert_eq!(fs::read_dir(directory.path()).expect("read").count(), 1);
    }
}
