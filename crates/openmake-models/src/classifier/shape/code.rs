//! What programs look like.

use super::{Shape, Shapes};

/// Signs that are rare outside of programs.
const OPERATORS: [&str; 14] = [
    "==", "!=", "=>", "::", "&&", "||", "+=", "-=", "</", "/>", "()", "[]", "{}", "/*",
];

/// How lines of programs begin.
const STARTS: [&str; 20] = [
    "def ",
    "#include",
    "import ",
    "from ",
    "fn ",
    "func ",
    "public ",
    "private ",
    "const ",
    "let ",
    "var ",
    "return ",
    "if (",
    "for (",
    "while (",
    "function ",
    "function(",
    "class ",
    "print(",
    "<?php",
];

/// Names that mathematics writes like calls.
const MATH_FUNCTIONS: [&str; 20] = [
    "sin", "cos", "tan", "sec", "csc", "cot", "log", "ln", "exp", "sqrt", "lim", "max", "min",
    "gcd", "lcm", "det", "arcsin", "arccos", "arctan", "mod",
];

const SOURCE_FILES: [&str; 22] = [
    "py", "js", "ts", "tsx", "jsx", "java", "rs", "go", "cpp", "cs", "rb", "php", "sh", "sql",
    "html", "css", "yml", "yaml", "json", "toml", "ipynb", "kt",
];
const OFFICE_FILES: [&str; 10] = [
    "pdf", "docx", "doc", "hwp", "hwpx", "pptx", "ppt", "xlsx", "xls", "txt",
];
const IMAGE_FILES: [&str; 8] = ["png", "jpg", "jpeg", "gif", "webp", "heic", "bmp", "tiff"];

/// Names of products that are written like identifiers.
const PRODUCTS: [&str; 4] = ["macOS", "watchOS", "LaTeX", "arXiv"];

pub(super) fn look(text: &str, shapes: &mut Shapes) {
    shapes.note(Shape::Fence, text.contains("```"));
    shapes.note(Shape::CodeLines, has_code_lines(text));
    shapes.note(
        Shape::CodeOperators,
        OPERATORS.iter().any(|sign| text.contains(sign)),
    );
    shapes.note(Shape::Json, text.contains("{\"") || text.contains("{ \""));
    shapes.note(Shape::ErrorName, text.contains("error[E"));
    for (place, word) in words(text) {
        let rest = &text[place + word.len()..];
        shapes.note(Shape::Call, is_call(word, rest));
        shapes.note(Shape::Identifier, is_identifier(word));
        shapes.note(Shape::ErrorName, is_error_name(word));
        if let Some(extension) = extension(rest) {
            let is_one_of = |known: &[&str]| {
                known
                    .iter()
                    .any(|ending| ending.eq_ignore_ascii_case(extension))
            };
            shapes.note(Shape::SourceFile, is_one_of(&SOURCE_FILES));
            shapes.note(Shape::OfficeFile, is_one_of(&OFFICE_FILES));
            shapes.note(Shape::ImageFile, is_one_of(&IMAGE_FILES));
        }
    }
}

/// Every run of ASCII letters, digits and underscores, and where it begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut rest_at = 0;
    std::iter::from_fn(move || {
        let start = rest_at + text[rest_at..].find(is_part)?;
        let end = text[start..]
            .find(|c| !is_part(c))
            .map_or(text.len(), |length| start + length);
        rest_at = end;
        Some((start, &text[start..end]))
    })
}

fn has_code_lines(text: &str) -> bool {
    let braces = text.contains(") {") || text.contains("){") || text.contains("; }");
    braces || text.lines().any(is_code_line)
}

fn is_code_line(line: &str) -> bool {
    let line = line.trim();
    let bracketed = line.ends_with("):") || line.ends_with(");") || line.ends_with("};");
    if bracketed || (line.ends_with(';') && line.contains(['=', '('])) {
        return true;
    }
    // Words such as `from` and `let` begin sentences too: then there are none of
    // the signs that a program has in such a line.
    STARTS.iter().any(|start| line.starts_with(start))
        && line.contains(['(', '=', '{', ':', '<', '"', ';'])
        && !line.ends_with(['.', '?', '!'])
}

/// `name(...)`, but neither `f(x)` nor `log(x)` nor `photo(s)`.
fn is_call(word: &str, rest: &str) -> bool {
    let Some(inside) = rest.strip_prefix('(') else {
        return false;
    };
    let named = word.len() > 1 && word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let plural = inside.starts_with("s)") || inside.starts_with("es)");
    named && !plural && inside.contains(')') && !MATH_FUNCTIONS.contains(&word)
}

/// `snake_case`, `camelCase`, `NameOfThreeParts`; not `YouTube` or `iPhone`.
fn is_identifier(word: &str) -> bool {
    if PRODUCTS.contains(&word) {
        return false;
    }
    let inner = word.trim_matches('_');
    if inner.contains('_') && inner.contains(|c: char| c.is_ascii_alphabetic()) {
        return true;
    }
    let bytes = word.as_bytes();
    let humps = bytes
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
        .count();
    let lower_start = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_lowercase())
        .count();
    match lower_start {
        0 => humps >= 2,
        1 => false,
        _ => humps >= 1,
    }
}

/// `TypeError`, `NullPointerException`.
fn is_error_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && ["Error", "Exception"]
            .iter()
            .any(|end| word.ends_with(end) && word.len() > end.len())
}

/// `py` of what follows a name in `main.py, please`.
fn extension(rest: &str) -> Option<&str> {
    let after = rest.strip_prefix('.')?;
    let end = after
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(after.len());
    (1..=5).contains(&end).then(|| &after[..end])
}
