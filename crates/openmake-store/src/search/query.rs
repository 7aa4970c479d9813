//! What is searched for.

use std::{fmt::Write as _, ops::Range};

use openmake_types::UserId;

use super::words::{Kind, each_run, pairs};

/// Longer queries are cut.
const QUERY_MAX: usize = 200;
/// More words are left out.
const PARTS_MAX: usize = 16;
/// The last word of a query may still be being typed, from this length on.
const PREFIX_MIN: usize = 2;
/// The same where every message is looked at: all that begins with two letters
/// is nearly every message of everybody.
const PREFIX_MIN_ALL: usize = 3;
/// More places in one text are not kept.
const OCCURRENCES_MAX: usize = 1000;

/// A lexeme of a split message, which no word can be.
pub(super) const SPLIT: &str = "p:";

/// The lexeme of what belongs to `owner`, which no word can be.
pub(super) fn owner_lexeme(owner: UserId) -> String {
    format!("u:{}", owner.as_uuid().simple())
}

/// Which messages are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Some, one by one.
    Newest,
    /// All of them, by the index.
    All,
}

/// Words that must all occur.
#[derive(Debug)]
pub(super) struct Query {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// A word as a whole.
    Word(Vec<char>),
    /// The beginning of a word.
    Beginning(Vec<char>),
    /// Somewhere in an unspaced run.
    Inside(Vec<char>),
}

/// A place in a text where a part of the query occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Occurrence {
    /// Which part, from 0.
    pub(super) part: usize,
    /// Bytes of the text.
    pub(super) span: Range<usize>,
}

impl Query {
    /// None when there is no word in `text`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().take(QUERY_MAX).collect();
        let mut parts = Vec::new();
        let mut end = 0;
        each_run(&text, |run| {
            let part = match run.kind {
                Kind::Word => Part::Word(run.known().to_vec()),
                Kind::Unspaced => Part::Inside(run.chars.clone()),
            };
            end = run.span(0..run.chars.len()).end;
            if !parts.contains(&part) && parts.len() < PARTS_MAX {
                parts.push(part);
            }
        });
        if end == text.len()
            && let Some(last) = parts.last_mut()
            && let Part::Word(word) = last
            && word.len() >= PREFIX_MIN
        {
            *last = Part::Beginning(std::mem::take(word));
        }
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// A `tsquery` for each lexeme that must be there.
    pub(super) fn terms(&self, reach: Reach) -> Vec<String> {
        let is_short = |word: &[char]| reach == Reach::All && word.len() < PREFIX_MIN_ALL;
        let mut terms = Vec::new();
        for part in &self.parts {
            match part {
                Part::Word(word) => terms.push(quoted(&word.iter().collect::<String>())),
                Part::Beginning(word) if is_short(word) => {
                    terms.push(quoted(&word.iter().collect::<String>()));
                }
                Part::Beginning(word) => {
                    terms.push(format!("{}:*", quoted(&word.iter().collect::<String>())));
                }
                Part::Inside(chars) => match chars.as_slice() {
                    [single] => terms.push(quoted(&single.to_string())),
                    run => terms.extend(pairs(run).map(|pair| quoted(&pair))),
                },
            }
        }
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// The `tsquery` for what is `owner`'s and has all of `terms`.
    pub(super) fn all(owner: UserId, terms: &[String]) -> String {
        let mut query = quoted(&owner_lexeme(owner));
        for term in terms {
            let _ = write!(query, " & {term}");
        }
        query
    }

    /// The `tsquery` for pieces of split messages that are `owner`'s. There are
    /// few, and each is asked for every term.
    pub(super) fn split(owner: UserId) -> String {
        format!("{} & {}", quoted(&owner_lexeme(owner)), quoted(SPLIT))
    }

    /// Where the parts of the query occur in `text`, in order. None when one
    /// does not.
    pub(super) fn occurrences(&self, text: &str) -> Option<Vec<Occurrence>> {
        let mut places: Vec<Vec<Range<usize>>> = vec![Vec::new(); self.parts.len()];
        each_run(text, |run| {
            for (wanted, places) in self.parts.iter().zip(&mut places) {
                let room = OCCURRENCES_MAX.saturating_sub(places.len());
                let found = wanted.places(run.kind, &run.chars, run.known());
                places.extend(found.into_iter().take(room).map(|chars| run.span(chars)));
            }
        });
        if places.iter().any(Vec::is_empty) {
            return None;
        }
        let mut found: Vec<Occurrence> = places
            .into_iter()
            .enumerate()
            .flat_map(|(part, spans)| spans.into_iter().map(move |span| Occurrence { part, span }))
            .collect();
        found.sort_by_key(|one| (one.span.start, one.span.end));
        Some(found)
    }
}

impl Part {
    /// The ranges of a run's characters where this stands.
    fn places(&self, kind: Kind, chars: &[char], known: &[char]) -> Vec<Range<usize>> {
        match (self, kind) {
            (Self::Word(word), Kind::Word) if word == known => {
                std::iter::once(0..chars.len()).collect()
            }
            (Self::Beginning(word), Kind::Word) if known.starts_with(word) => {
                std::iter::once(0..word.len()).collect()
            }
            (Self::Inside(wanted), Kind::Unspaced) => chars
                .windows(wanted.len())
                .enumerate()
                .filter(|(_, window)| window == wanted)
                .map(|(start, _)| start..start + wanted.len())
                .take(OCCURRENCES_MAX)
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// A lexeme as `tsquery` reads it.
fn quoted(lexeme: &str) -> String {
    let escaped = lexeme.replace('\\', r"\\").replace('\'', "''");
    format!("'{escaped}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans<'t>(query: &str, text: &'t str) -> Option<Vec<&'t str>> {
        let query = Query::parse(query).expect("a query with words");
        let found = query.occurrences(text)?;
        Some(found.into_iter().map(|one| &text[one.span]).collect())
    }

    #[test]
    fn two_syllables_are_found_inside_a_longer_word() {
        assert_eq!(spans("회의", "오늘회의록을 보자"), Some(vec!["회의"]));
        assert_eq!(spans("회의록", "회의와 의록"), None);
    }

    #[test]
    fn every_word_must_be_there() {
        assert_eq!(
            spans("red blue ", "Blue, green, RED"),
            Some(vec!["Blue", "RED"])
        );
        assert_eq!(spans("red blue ", "only red"), None);
    }

    #[test]
    fn the_last_word_may_be_unfinished_and_others_may_not() {
        assert_eq!(spans("migrat", "two migrations"), Some(vec!["migrat"]));
        assert_eq!(spans("migrat ", "two migrations"), None);
        assert_eq!(spans("migrat two", "two migrations"), None);
        assert_eq!(spans("m", "two migrations"), None);
    }

    #[test]
    fn what_is_shown_is_the_text_as_it_was_written() {
        assert_eq!(spans("ガス ", "ｶﾞｽ代"), Some(vec!["ｶﾞｽ"]));
        assert_eq!(spans("strasse ", "Lange Straße"), Some(vec!["Straße"]));
    }

    #[test]
    fn a_sign_that_is_several_words_is_found() {
        assert_eq!(spans("½ ", "add ½ cup"), Some(vec!["½", "½"]));
        assert_eq!(spans("1/2 ", "add ½ cup"), Some(vec!["½", "½"]));
    }

    #[test]
    fn no_words_are_no_query() {
        assert!(Query::parse(" ?!\u{0} ").is_none());
    }

    #[test]
    fn two_letters_begin_a_word_only_where_messages_are_read_one_by_one() {
        let terms = |query: &str, reach| Query::parse(query).expect("words").terms(reach);
        assert_eq!(terms("co", Reach::Newest), ["'co':*"]);
        assert_eq!(terms("co", Reach::All), ["'co'"]);
        assert_eq!(terms("com", Reach::All), ["'com':*"]);
    }

    #[test]
    fn lexemes_are_quoted() {
        assert_eq!(quoted(r"a'b\c"), r"'a''b\\c'");
    }
}
