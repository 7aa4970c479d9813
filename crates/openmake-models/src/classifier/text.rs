//! Text as the words are written in the table.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

/// How much of the beginning is read, in bytes: people ask first and paste
/// after.
const HEAD_BYTES: usize = 4096;

/// How much of the end is read: or they paste first.
const TAIL_BYTES: usize = 1024;

/// The part of a text that is looked at.
pub(super) fn window(text: &str) -> Cow<'_, str> {
    if text.len() <= HEAD_BYTES + TAIL_BYTES {
        return Cow::Borrowed(text);
    }
    let head = &text[..text.floor_char_boundary(HEAD_BYTES)];
    let tail = &text[text.ceil_char_boundary(text.len() - TAIL_BYTES)..];
    Cow::Owned(format!("{head}\n{tail}"))
}

/// The text in one form of each letter: compatibility-composed, lower case,
/// typographic apostrophes as plain ones, every run of white space one space.
pub(super) fn normalise(text: &str) -> String {
    let mut normalised = String::with_capacity(text.len());
    let mut space = true;
    let mut push = |letter: char| {
        if letter.is_whitespace() || letter.is_control() {
            if !space {
                normalised.push(' ');
            }
            space = true;
        } else {
            normalised.push(if matches!(letter, '\u{2018}' | '\u{2019}') {
                '\''
            } else {
                letter
            });
            space = false;
        }
    };
    if text.is_ascii() {
        text.chars()
            .for_each(|letter| push(letter.to_ascii_lowercase()));
    } else {
        text.nfkc().flat_map(char::to_lowercase).for_each(&mut push);
    }
    if normalised.ends_with(' ') {
        normalised.pop();
    }
    normalised
}

/// A Hangul syllable or letter.
pub(super) fn is_hangul(letter: char) -> bool {
    matches!(letter, '\u{ac00}'..='\u{d7a3}' | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}')
}

/// A letter that only Japanese has.
pub(super) fn is_kana(letter: char) -> bool {
    matches!(letter, '\u{3041}'..='\u{30ff}')
}

/// A Chinese character, as Japanese and Chinese share them.
pub(super) fn is_han(letter: char) -> bool {
    matches!(letter, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}')
}

/// A letter, digit or underscore of the words that spaces are put between.
pub(super) fn is_latin_word_part(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || matches!(letter, '\u{c0}'..='\u{24f}')
}
