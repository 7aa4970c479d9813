//! A question put together from words, standard input and files.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openmake_api::turns::{Content, Part};

use super::failure::Failure;

/// Characters that the server takes in one question.
const MOST_CHARACTERS: usize = 200_000;
/// Bytes of a picture that the server takes.
const LARGEST_PICTURE: usize = 8 << 20;
/// No text that the server takes has more bytes.
const LARGEST_TEXT: usize = 4 * MOST_CHARACTERS;
/// Parts of one question.
const MOST_PARTS: usize = 20;

/// Beginnings of the pictures that the server takes.
const PICTURES: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
];

/// What goes along with the words.
#[derive(Debug, Default)]
pub(crate) struct Material {
    texts: Vec<(String, String)>,
    pictures: Vec<String>,
}

impl Material {
    /// Reads files: texts and pictures.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut material = Self::default();
        for path in files {
            material.add(path)?;
        }
        Ok(material)
    }

    fn add(&mut self, path: &Path) -> Result<(), Failure> {
        let limit = LARGEST_PICTURE.max(LARGEST_TEXT) as u64;
        let mut bytes = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
            .map_err(|error| Failure::file(path, error))?;
        let name = path.display().to_string();
        if let Some(media_type) = picture(&bytes) {
            if bytes.len() > LARGEST_PICTURE {
                return Err(too_large(&name, "8 MiB for a picture"));
            }
            let data = format!("data:{media_type};base64,{}", STANDARD.encode(&bytes));
            self.pictures.push(data);
            return Ok(());
        }
        if bytes.len() > LARGEST_TEXT {
            return Err(too_large(&name, "200,000 characters in all"));
        }
        let text = String::from_utf8(bytes).map_err(|_| {
            Failure::usage(
                format!("{name} is neither a text in UTF-8 nor a picture"),
                "pictures are PNG, JPEG, WebP or GIF",
            )
        })?;
        self.texts.push((name, text));
        Ok(())
    }

    /// Adds what comes on standard input, when it is no terminal.
    pub(crate) fn add_stdin(&mut self) -> Result<(), Failure> {
        if let Some(text) = read_stdin()?.filter(|text| !text.trim().is_empty()) {
            self.texts.push(("standard input".to_owned(), text));
        }
        Ok(())
    }

    /// The question with its material.
    pub(crate) fn question(self, words: &str) -> Result<Content, Failure> {
        let mut text = words.trim().to_owned();
        for (name, content) in &self.texts {
            text.push_str("\n\n");
            text.push_str(&fenced(name, content));
        }
        let characters = text.chars().count();
        if characters > MOST_CHARACTERS {
            return Err(Failure::usage(
                format!("the question has {characters} characters with its files"),
                "200,000 can be asked at once: leave files out",
            ));
        }
        if self.pictures.is_empty() {
            return Ok(Content::Text(text));
        }
        if self.pictures.len() >= MOST_PARTS {
            return Err(Failure::usage(
                "there are too many pictures",
                "19 can be asked about at once",
            ));
        }
        let mut parts = vec![Part::Text { text }];
        parts.extend(self.pictures.into_iter().map(|data| Part::Image { data }));
        Ok(Content::Parts(parts))
    }
}

/// All of standard input; none when a person would have to type it.
pub(crate) fn read_stdin() -> Result<Option<String>, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    stdin
        .lock()
        .take(LARGEST_TEXT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::file("standard input", error))?;
    if bytes.len() > LARGEST_TEXT {
        return Err(too_large("standard input", "200,000 characters in all"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Failure::usage(
            "standard input is no text in UTF-8",
            "pass a picture with --file",
        )),
    }
}

fn too_large(name: &str, limit: &str) -> Failure {
    Failure::usage(
        format!("{name} is too large"),
        format!("the server takes {limit}"),
    )
}

fn picture(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    PICTURES
        .iter()
        .find(|(beginning, _)| bytes.starts_with(beginning))
        .map(|(_, media_type)| *media_type)
}

/// A text under its name, between fences that it does not contain.
fn fenced(name: &str, content: &str) -> String {
    let longest = content
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let content = content.strip_suffix('\n').unwrap_or(content);
    format!("{name}:\n{fence}\n{content}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_own_fence() {
        let text = fenced("a.md", "```rust\n```\n");
        assert_eq!(text, "a.md:\n````\n```rust\n```\n````");
    }

    #[test]
    fn texts_are_quoted_and_pictures_are_parts() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, bytes: &[u8]| {
            let path = directory.path().join(name);
            fs::write(&path, bytes).expect("written");
            path
        };
        let text = write("a.txt", "안녕\n".as_bytes());
        let picture = write("b.png", b"\x89PNG\r\n\x1a\n....");
        let content = Material::read(std::slice::from_ref(&text))
            .and_then(|material| material.question("What?"))
            .expect("good");
        let quoted = format!("What?\n\n{}:\n```\n안녕\n```", text.display());
        assert_eq!(content, Content::Text(quoted));
        let both = Material::read(&[text, picture]).expect("good");
        let Ok(Content::Parts(parts)) = both.question("What?") else {
            panic!("parts");
        };
        assert!(
            matches!(parts.as_slice(), [Part::Text { .. }, Part::Image { data }]
            if data.starts_with("data:image/png;base64,"))
        );
        let binary = write("c.bin", &[0xff, 0xfe, 0]);
        let refused = Material::read(&[binary]).expect_err("refused");
        assert_eq!(refused.exit_number(), 2);
    }
}
