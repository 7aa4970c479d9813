//! What mathematics looks like. A digit alone is no arithmetic: dates, versions
//! and amounts are everywhere.

use super::{Shape, Shapes};

const SIGNS: [char; 20] = [
    '∫', '∑', '√', '∞', '≤', '≥', '≠', '∂', '∈', '∏', '±', 'π', '∠', '△', '²', '³', '⁴', 'θ', '≡',
    '∀',
];

/// A piece of the text.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    /// Digits, with points and commas between them.
    Number {
        /// Four digits that are likely a year.
        year: bool,
    },
    /// One Latin letter on its own.
    Letter,
    Open,
    Close,
    Operator(char),
    Percent,
    /// Any other run of letters.
    Word,
    Space,
    Other,
}

impl Token {
    const fn is_operand(self) -> bool {
        matches!(self, Self::Number { .. } | Self::Letter | Self::Percent)
    }
}

pub(super) fn look(text: &str, shapes: &mut Shapes) {
    shapes.note(Shape::MathSigns, text.contains(SIGNS));
    shapes.note(Shape::PercentageOf, has_percentage_of(text));
    shapes.note(Shape::SectionNumber, has_section_number(text));
    let tokens = tokens(text);
    let numbers = tokens
        .iter()
        .filter(|token| **token == Token::Number { year: false })
        .count();
    shapes.note(Shape::Number, numbers >= 1);
    shapes.note(Shape::SeveralNumbers, numbers >= 2);
    let operations = operations(&tokens);
    let is_expression = operations.halves >= 2 && operations.has_number;
    shapes.note(Shape::Expression, is_expression);
    shapes.note(
        Shape::Equation,
        is_expression && operations.equates && operations.has_letter,
    );
    shapes.note(Shape::BareExpression, is_expression && is_bare(&tokens));
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().map(narrow).peekable();
    while let Some(letter) = letters.next() {
        let token = if letter.is_ascii_digit() {
            let mut digits = String::from(letter);
            while let Some(next) = letters.next_if(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
            {
                digits.push(next);
            }
            let digits = digits.trim_end_matches(['.', ',']);
            Token::Number {
                year: is_year(digits),
            }
        } else if letter.is_alphabetic() {
            let mut length = 1;
            while letters.next_if(|c| c.is_alphabetic()).is_some() {
                length += 1;
            }
            if length == 1 && letter.is_ascii() {
                Token::Letter
            } else {
                Token::Word
            }
        } else {
            match letter {
                '(' | '[' => Token::Open,
                ')' | ']' => Token::Close,
                '%' => Token::Percent,
                '+' | '*' | '×' | '÷' | '/' | '^' | '=' | '-' => Token::Operator(letter),
                '\u{2212}' => Token::Operator('-'),
                _ if letter.is_whitespace() => Token::Space,
                _ => Token::Other,
            }
        };
        // A run of blanks is one.
        if !(token == Token::Space && tokens.last() == Some(&Token::Space)) {
            tokens.push(token);
        }
    }
    tokens
}

/// Full-width forms as their plain ones.
fn narrow(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        _ => letter,
    }
}

fn is_year(digits: &str) -> bool {
    digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"))
}

#[derive(Debug, Default)]
struct Operations {
    /// Twice the number of operations: those that may be something else, such
    /// as the stroke of `24/7`, count half.
    halves: usize,
    has_number: bool,
    has_letter: bool,
    equates: bool,
}

fn operations(tokens: &[Token]) -> Operations {
    let mut all = Operations::default();
    for (place, token) in tokens.iter().enumerate() {
        let Token::Operator(sign) = *token else {
            continue;
        };
        let spaced = place > 0
            && tokens[place - 1] == Token::Space
            && tokens.get(place + 1) == Some(&Token::Space);
        let left = tokens[..place]
            .iter()
            .rev()
            .find(|token| **token != Token::Space);
        let mut following = tokens[place + 1..]
            .iter()
            .filter(|token| **token != Token::Space);
        let mut right = following.next();
        // A sign in front of a number.
        if matches!(right, Some(Token::Operator('-' | '+'))) && sign != '-' && sign != '+' {
            right = following.next();
        }
        let (Some(left), Some(right)) = (left, right) else {
            continue;
        };
        let holds_left = left.is_operand() || *left == Token::Close;
        let holds_right = right.is_operand() || *right == Token::Open;
        if !(holds_left && holds_right) {
            continue;
        }
        let brackets = *left == Token::Close || *right == Token::Open;
        all.halves += match sign {
            '-' if !spaced && !brackets => 0,
            '/' if !spaced && !brackets => 1,
            _ => 2,
        };
        all.equates |= sign == '=';
        for operand in [left, right] {
            all.has_number |= matches!(operand, Token::Number { .. });
            all.has_letter |= *operand == Token::Letter;
        }
    }
    // `2x`: the letter stands right behind its number.
    all.has_letter |= tokens
        .windows(2)
        .any(|pair| matches!(pair, [Token::Number { .. }, Token::Letter]));
    all
}

/// Whether there is little else than the expression.
fn is_bare(tokens: &[Token]) -> bool {
    let other = tokens
        .iter()
        .filter(|token| matches!(token, Token::Word | Token::Other))
        .count();
    other * 5 <= tokens.len()
}

/// `17% of 2,340`.
fn has_percentage_of(text: &str) -> bool {
    text.match_indices('%').any(|(place, _)| {
        let before = text[..place].trim_end();
        let after = text[place + 1..].trim_start();
        let amount = after
            .strip_prefix("of ")
            .map(|amount| amount.trim_start_matches(['$', '€', '£']));
        before.ends_with(|c: char| c.is_ascii_digit())
            && amount.is_some_and(|amount| amount.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// `제3조`, `12쪽`, `section 4.2`.
fn has_section_number(text: &str) -> bool {
    const BEFORE: [&str; 6] = [
        "section",
        "clause",
        "article",
        "page",
        "appendix",
        "paragraph",
    ];
    const AFTER: [&str; 5] = ["조 ", "쪽", "페이지", "항의", "조의"];
    text.char_indices().any(|(place, letter)| {
        if !letter.is_ascii_digit() {
            return false;
        }
        let (before, from) = text.split_at(place);
        let after = from.trim_start_matches(|c: char| c.is_ascii_digit());
        let word = before
            .trim_end()
            .rsplit(|c: char| !c.is_ascii_alphabetic())
            .next();
        let named = before.ends_with(' ')
            && word.is_some_and(|word| BEFORE.iter().any(|b| b.eq_ignore_ascii_case(word)));
        let article = before.ends_with('제') && after.starts_with(['조', '항', '장', '절']);
        named || article || AFTER.iter().any(|end| after.starts_with(end))
    })
}
