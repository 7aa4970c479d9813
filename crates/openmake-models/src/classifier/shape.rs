//! What a text looks like, where no word says it: code, arithmetic, scripts,
//! length, and what is attached.

use serde::Deserialize;

use super::Question;
use super::text::{is_han, is_hangul, is_kana};

mod arithmetic;
mod code;

/// Something that a text can look like. The data file names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shape {
    ImageAttached,
    DocumentAttached,
    Tiny,
    Short,
    Long,
    MixedScript,
    Quoted,
    Fence,
    CodeLines,
    CodeOperators,
    Call,
    Identifier,
    ErrorName,
    Json,
    SourceFile,
    OfficeFile,
    ImageFile,
    Expression,
    BareExpression,
    Equation,
    MathSigns,
    SeveralNumbers,
    Number,
    PercentageOf,
    SectionNumber,
}

/// The shapes that a text has.
#[derive(Debug, Default)]
pub(super) struct Shapes(u32);

impl Shapes {
    pub(super) fn contains(&self, shape: Shape) -> bool {
        self.0 & (1 << shape as u32) != 0
    }

    /// Notes a shape when the text has it.
    fn note(&mut self, shape: Shape, has: impl Into<Has>) {
        if has.into().0 {
            self.0 |= 1 << shape as u32;
        }
    }
}

/// Whether the text has a shape.
struct Has(bool);

impl From<bool> for Has {
    fn from(has: bool) -> Self {
        Self(has)
    }
}

/// Up to this width a question is a few words, to that it is short. Hangul and
/// Chinese characters say about as much as two Latin letters.
const TINY_WIDTH: usize = 14;
const SHORT_WIDTH: usize = 30;
const LONG_WIDTH: usize = 700;

/// Looks at the text, as it was typed.
pub(super) fn look(text: &str, question: &Question<'_>) -> Shapes {
    let mut shapes = Shapes::default();
    shapes.note(Shape::ImageAttached, question.images > 0);
    shapes.note(Shape::DocumentAttached, question.documents > 0);
    let width: usize = text.trim().chars().map(width).sum();
    shapes.note(Shape::Tiny, width <= TINY_WIDTH);
    shapes.note(Shape::Short, width <= SHORT_WIDTH);
    shapes.note(Shape::Long, width > LONG_WIDTH);
    shapes.note(Shape::MixedScript, is_mixed(text));
    shapes.note(Shape::Quoted, is_quoted(text));
    code::look(text, &mut shapes);
    arithmetic::look(text, &mut shapes);
    shapes
}

fn width(letter: char) -> usize {
    if is_hangul(letter) || is_han(letter) || is_kana(letter) {
        2
    } else {
        1
    }
}

/// Whether a text in one script has a phrase of another: three Latin words in
/// a row in a Korean, Japanese or Chinese text, or the other way round.
fn is_mixed(text: &str) -> bool {
    let (mut hangul, mut kana, mut han, mut latin) = (0_usize, 0_usize, 0_usize, 0_usize);
    let (mut words_in_a_row, mut most_in_a_row) = (0_usize, 0_usize);
    let mut in_word = false;
    for letter in text.chars() {
        if letter.is_ascii_alphabetic() || matches!(letter, '\u{c0}'..='\u{24f}') {
            latin += 1;
            if !in_word {
                words_in_a_row += 1;
                most_in_a_row = most_in_a_row.max(words_in_a_row);
            }
            in_word = true;
            continue;
        }
        // An apostrophe belongs to its word.
        if in_word && matches!(letter, '\'' | '\u{2019}') {
            continue;
        }
        in_word = false;
        if is_hangul(letter) {
            hangul += 1;
            words_in_a_row = 0;
        } else if is_kana(letter) {
            kana += 1;
            words_in_a_row = 0;
        } else if is_han(letter) {
            han += 1;
            words_in_a_row = 0;
        } else if letter != ' ' && letter != ',' {
            words_in_a_row = 0;
        }
    }
    let east_asian = hangul + kana + han;
    let latin_phrase = east_asian >= 2 && most_in_a_row >= 3;
    let east_asian_phrase = east_asian >= 2 && latin > east_asian;
    let korean_with_another = hangul >= 2 && (kana >= 2 || han >= 2);
    latin_phrase || (east_asian_phrase && most_in_a_row >= 2) || korean_with_another
}

fn is_quoted(text: &str) -> bool {
    const PAIRS: [(char, char); 5] = [
        ('"', '"'),
        ('\u{201c}', '\u{201d}'),
        ('\u{2018}', '\u{2019}'),
        ('「', '」'),
        ('『', '』'),
    ];
    let paired = PAIRS.iter().any(|&(open, close)| {
        text.split_once(open)
            .is_some_and(|(_, rest)| rest.trim_start().contains(close))
    });
    // A plain apostrophe opens a quotation only before a word.
    let single = text.match_indices('\'').any(|(place, _)| {
        let opens = text[..place]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace);
        opens && text[place + 1..].contains('\'')
    });
    paired || single
}
