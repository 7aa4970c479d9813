//! From what a model writes to steps that are safe to evaluate.
//!
//! The evaluator's language has more than arithmetic: definitions, which can
//! recurse without end; bit shifts, which can ask for any amount of memory;
//! dates and dice. Its parser also tries alternatives inside brackets over and
//! over, so that time grows exponentially with their depth, and it cannot be
//! interrupted. So the expression is read here first: only arithmetic passes,
//! and every bracketed group becomes a step of its own, the innermost first,
//! whose result the outer one names. No step has brackets.
//!
//! A name right before a bracket is a call and belongs to the group, so that
//! `sin(x)^2` is the square of the sine, as everyone writes it.

/// What names a step's result. Not to be used by an expression itself.
const RESULT_PREFIX: &str = "group_";

/// Words that are operators: a bracket after them opens no call.
const OPERATORS: [&str; 15] = [
    "to", "as", "in", "per", "of", "mod", "xor", "XOR", "and", "AND", "or", "OR", "nCr", "nPr",
    "choose",
];

/// Why an expression is not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExpressionError {
    #[error("the expression is empty")]
    Empty,
    #[error("the brackets do not match")]
    Unbalanced,
    #[error("there is nothing between the brackets")]
    EmptyGroup,
    #[error("`{0}` is not arithmetic: write one expression without definitions or comparisons")]
    Forbidden(char),
    #[error("dice are not supported")]
    Dice,
    #[error("`{0}` is not a name that can be used")]
    ReservedName(String),
}

/// What is to be evaluated, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Steps {
    assignments: Vec<String>,
    last: String,
}

impl Steps {
    /// The groups, each giving its result a name.
    pub(super) fn assignments(&self) -> impl Iterator<Item = &str> {
        self.assignments.iter().map(String::as_str)
    }

    /// The expression whose value is the answer.
    pub(super) fn last(&self) -> &str {
        &self.last
    }
}

/// Reads an expression into steps.
pub(super) fn flatten(expression: &str) -> Result<Steps, ExpressionError> {
    let text = normalise(expression);
    refuse_dice(&text)?;
    let mut assignments = Vec::new();
    // One text for each bracket that is open, and the whole at the bottom.
    let mut open = vec![String::new()];
    let mut rest = text.as_str();
    while let Some(next) = rest.chars().next() {
        let token = &rest[..token_len(rest, next)];
        rest = &rest[token.len()..];
        match next {
            '(' => open.push(String::new()),
            ')' => {
                let group = open.pop().ok_or(ExpressionError::Unbalanced)?;
                let outer = open.last_mut().ok_or(ExpressionError::Unbalanced)?;
                close(&group, outer, &mut assignments)?;
            }
            _ => {
                if !is_allowed(next) {
                    return Err(ExpressionError::Forbidden(next));
                }
                if token.starts_with(RESULT_PREFIX) {
                    return Err(ExpressionError::ReservedName(token.to_owned()));
                }
                if let Some(current) = open.last_mut() {
                    current.push_str(token);
                }
            }
        }
    }
    let last = open.pop().ok_or(ExpressionError::Unbalanced)?;
    if !open.is_empty() {
        return Err(ExpressionError::Unbalanced);
    }
    if last.trim().is_empty() {
        return Err(ExpressionError::Empty);
    }
    Ok(Steps { assignments, last })
}

/// Ends a group: puts its result's name where the brackets stood.
fn close(
    group: &str,
    outer: &mut String,
    assignments: &mut Vec<String>,
) -> Result<(), ExpressionError> {
    let group = group.trim();
    if group.is_empty() {
        return Err(ExpressionError::EmptyGroup);
    }
    // An exponent that is just a negative number stays as it is: the evaluator
    // takes `sin^-1` for the inverse function.
    if outer.trim_end().ends_with('^') && is_negative_number(group) {
        outer.push_str(group);
        outer.push(' ');
        return Ok(());
    }
    let mut result = assign(group, assignments);
    let called = outer.len() - trailing_name_len(outer);
    let name = &outer[called..];
    if !name.is_empty() && !OPERATORS.contains(&name) {
        result = assign(&format!("{name} {result}"), assignments);
        outer.truncate(called);
    }
    outer.push(' ');
    outer.push_str(&result);
    outer.push(' ');
    Ok(())
}

fn assign(expression: &str, assignments: &mut Vec<String>) -> String {
    let name = format!("{RESULT_PREFIX}{}", assignments.len());
    assignments.push(format!("{name} = {expression}"));
    name
}

/// The bytes of the name that a text ends with, 0 where it ends otherwise.
fn trailing_name_len(text: &str) -> usize {
    let tail = text
        .char_indices()
        .rev()
        .take_while(|&(_, letter)| is_name_part(letter))
        .last()
        .map_or(text.len(), |(start, _)| start);
    // Digits in front belong to a number: in `2sin` only `sin` is a name.
    let word = &text[tail..];
    let name = word.trim_start_matches(|letter: char| !letter.is_alphabetic());
    if name.starts_with(|letter: char| letter.is_alphabetic()) {
        name.len()
    } else {
        0
    }
}

fn is_negative_number(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|digits| {
        let digits = digits.trim();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The length of the token that begins with `next`: a word, or one character.
fn token_len(rest: &str, next: char) -> usize {
    if !next.is_alphabetic() {
        return next.len_utf8();
    }
    rest.find(|letter: char| !is_name_part(letter))
        .unwrap_or(rest.len())
}

fn is_name_part(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn is_allowed(letter: char) -> bool {
    letter.is_alphabetic()
        || letter.is_ascii_digit()
        || matches!(
            letter,
            ' ' | '.'
                | ','
                | '_'
                | '+'
                | '-'
                | '*'
                | '/'
                | '^'
                | '!'
                | '%'
                | '&'
                | '|'
                | '°'
                | '‰'
                | '$'
                | '¢'
                | '£'
                | '€'
                | '₩'
                | '℃'
                | '℉'
        )
}

/// Refuses `d6` and `3d6`, which the evaluator reads as dice, with all
/// outcomes of every throw in memory.
fn refuse_dice(text: &str) -> Result<(), ExpressionError> {
    let bytes = text.as_bytes();
    for (place, pair) in bytes.windows(2).enumerate() {
        if pair[0] != b'd' || !pair[1].is_ascii_digit() {
            continue;
        }
        let word = bytes[..place]
            .iter()
            .rposition(|byte| !byte.is_ascii_alphanumeric())
            .map_or(0, |before| before + 1);
        let before = &bytes[word..place];
        let hexadecimal = before.starts_with(b"0x");
        let other_base = before.starts_with(b"0b") || before.starts_with(b"0o");
        let inside_a_name = bytes[..place]
            .last()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        if other_base || !(hexadecimal || inside_a_name) {
            return Err(ExpressionError::Dice);
        }
    }
    Ok(())
}

/// Writes the signs that people and models use as the ones that are
/// evaluated.
fn normalise(expression: &str) -> String {
    let mut text = String::with_capacity(expression.len());
    let mut in_power = false;
    for letter in expression.trim().chars() {
        if let Some(digit) = superscript(letter) {
            if !in_power {
                text.push('^');
            }
            text.push(digit);
            in_power = true;
            continue;
        }
        in_power = false;
        match letter {
            // Full-width forms, as East Asian input methods write them.
            '\u{ff01}'..='\u{ff5e}' => {
                text.push(char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter));
            }
            '×' | '✕' | '·' | '⋅' => text.push('*'),
            '÷' | '∕' => text.push('/'),
            '\u{2212}' | '\u{2013}' => text.push('-'),
            '√' => text.push_str(" sqrt "),
            letter if letter.is_whitespace() => text.push(' '),
            letter => text.push(letter),
        }
    }
    text
}

fn superscript(letter: char) -> Option<char> {
    Some(match letter {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴' => '4',
        '⁵' => '5',
        '⁶' => '6',
        '⁷' => '7',
        '⁸' => '8',
        '⁹' => '9',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(expression: &str) -> Vec<String> {
        let steps = flatten(expression).expect("an expression");
        let mut all: Vec<String> = steps.assignments().map(str::to_owned).collect();
        all.push(
            steps
                .last()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        );
        all
    }

    #[test]
    fn brackets_become_steps() {
        assert_eq!(steps("1 + 2"), ["1 + 2"]);
        assert_eq!(steps("2(3 + 4)"), ["group_0 = 3 + 4", "2 group_0"]);
        assert_eq!(
            steps("((1)) * (2)"),
            [
                "group_0 = 1",
                "group_1 = group_0",
                "group_2 = 2",
                "group_1 * group_2"
            ],
        );
    }

    #[test]
    fn a_call_is_one_step() {
        assert_eq!(
            steps("2sin(x)^2"),
            ["group_0 = x", "group_1 = sin group_0", "2 group_1 ^2"],
        );
        assert_eq!(
            steps("5 km per (2 h)"),
            ["group_0 = 2 h", "5 km per group_0"]
        );
        assert_eq!(steps("1 km in(m)"), ["group_0 = m", "1 km in group_0"]);
    }

    #[test]
    fn an_inverse_function_stays_one() {
        assert_eq!(steps("sin^(-1)(0.5)"), ["group_0 = 0.5", "sin^-1 group_0"]);
        assert_eq!(steps("2 (-1)"), ["group_0 = -1", "2 group_0"]);
    }

    #[test]
    fn what_is_not_arithmetic_is_refused() {
        for (expression, error) in [
            ("", ExpressionError::Empty),
            ("  ", ExpressionError::Empty),
            ("()", ExpressionError::EmptyGroup),
            ("(1", ExpressionError::Unbalanced),
            ("1)", ExpressionError::Unbalanced),
            ("f = 3", ExpressionError::Forbidden('=')),
            ("x: x + 1", ExpressionError::Forbidden(':')),
            ("\\x. x", ExpressionError::Forbidden('\\')),
            ("1; 2", ExpressionError::Forbidden(';')),
            ("1 << 9", ExpressionError::Forbidden('<')),
            ("@2024-01-01", ExpressionError::Forbidden('@')),
            ("\"a\"", ExpressionError::Forbidden('"')),
            ("d6", ExpressionError::Dice),
            ("3d6 + 1", ExpressionError::Dice),
            ("0b1d6", ExpressionError::Dice),
            ("0od6", ExpressionError::Dice),
            ("πd6", ExpressionError::Dice),
            (
                "group_0 + 1",
                ExpressionError::ReservedName("group_0".to_owned()),
            ),
        ] {
            assert_eq!(flatten(expression), Err(error), "{expression}");
        }
        assert!(flatten("0xd6 + abcd6").is_ok());
    }

    #[test]
    fn signs_are_normalised() {
        assert_eq!(normalise("３×４÷２−1"), "3*4/2-1");
        assert_eq!(normalise("m²·10¹²"), "m^2*10^12");
        assert_eq!(normalise("√2\n+ 1"), " sqrt 2 + 1");
    }
}
