//! Pieces of a message around what was searched for.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::query::Occurrence;

/// The longest excerpt, in characters, its two ellipses included.
const EXCERPT_MAX: usize = 200;
/// How much of the text stands before what was found.
const BEFORE: usize = 40;
/// More places are not compared.
const ANCHORS_MAX: usize = 100;
const ELLIPSIS: char = '…';

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) text: String,
    /// Byte ranges of `text`.
    pub(super) highlights: Vec<(usize, usize)>,
}

/// Cuts the piece of `text` that shows the most parts of the query. The
/// occurrences are in order.
pub(super) fn cut(text: &str, occurrences: &[Occurrence]) -> Excerpt {
    let anchor = anchor(text, occurrences);
    let start = window_start(text, anchor);
    let end = window_end(text, start);
    render(text, start..end, &merged(occurrences))
}

/// The place from which on the most parts of the query follow closely.
fn anchor(text: &str, occurrences: &[Occurrence]) -> usize {
    let mut most = 0;
    let mut anchor = 0;
    for (index, first) in occurrences.iter().take(ANCHORS_MAX).enumerate() {
        let near = chars_after(text, first.span.start, EXCERPT_MAX - BEFORE - 2);
        let mut parts: Vec<usize> = occurrences
            .iter()
            .skip(index)
            .take_while(|one| one.span.end <= near)
            .map(|one| one.part)
            .collect();
        parts.sort_unstable();
        parts.dedup();
        if parts.len() > most || index == 0 {
            most = parts.len();
            anchor = first.span.start;
        }
    }
    anchor
}

/// The byte `count` characters after `start`.
fn chars_after(text: &str, start: usize, count: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    rest.char_indices()
        .nth(count)
        .map_or(text.len(), |(offset, _)| start + offset)
}

/// Some characters before the anchor, at the beginning of a word if there is
/// one in between.
fn window_start(text: &str, anchor: usize) -> usize {
    let before = text.get(..anchor).unwrap_or_default();
    let mut start = anchor;
    let mut left = BEFORE;
    for (offset, grapheme) in before.grapheme_indices(true).rev() {
        let chars = grapheme.chars().count();
        if chars > left {
            // Somewhere in the text: the half word in front is left out.
            let shown = text.get(start..anchor).unwrap_or_default();
            return shown
                .find(char::is_whitespace)
                .map_or(start, |space| start + space);
        }
        left -= chars;
        start = offset;
    }
    start
}

fn window_end(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let limit = EXCERPT_MAX - 2;
    let mut left = limit;
    let mut end = start;
    for (offset, grapheme) in rest.grapheme_indices(true) {
        let chars = grapheme.chars().count();
        if chars > left {
            break;
        }
        left -= chars;
        end = start + offset + grapheme.len();
    }
    if end == start {
        // One grapheme that is longer than an excerpt.
        chars_after(text, start, limit)
    } else {
        end
    }
}

/// The ranges of the text to highlight, in order and apart.
fn merged(occurrences: &[Occurrence]) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for one in occurrences {
        match merged.last_mut() {
            Some(last) if one.span.start <= last.end => last.end = last.end.max(one.span.end),
            _ => merged.push(one.span.clone()),
        }
    }
    merged
}

/// The window as one line, with ellipses where it was cut.
fn render(text: &str, window: Range<usize>, found: &[Range<usize>]) -> Excerpt {
    let is_blank = |part: Option<&str>| part.unwrap_or_default().trim().is_empty();
    let mut out = String::new();
    if !is_blank(text.get(..window.start)) {
        out.push(ELLIPSIS);
    }
    // Where each character of the window went.
    let mut places = Vec::new();
    let mut after_space = true;
    let shown = text.get(window.clone()).unwrap_or_default();
    for (offset, c) in shown.char_indices() {
        places.push((window.start + offset, out.len()));
        let is_space = c.is_whitespace() || c.is_control();
        if !is_space {
            out.push(c);
        } else if !after_space {
            out.push(' ');
        }
        after_space = is_space;
    }
    let body = out.trim_end().len();
    out.truncate(body);
    if !is_blank(text.get(window.end..)) {
        out.push(ELLIPSIS);
    }
    let place = |source: usize| {
        let index = places.partition_point(|(from, _)| *from < source);
        places.get(index).map_or(body, |(_, to)| *to).min(body)
    };
    let highlights = found
        .iter()
        .filter(|range| range.start < window.end && range.end > window.start)
        .map(|range| (place(range.start), place(range.end)))
        .filter(|(start, end)| start < end)
        .collect();
    Excerpt {
        text: out,
        highlights,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{
        query::{Query, Reach},
        words::{self, Kind},
    };
    use super::*;

    fn excerpt(query: &str, text: &str) -> Option<Excerpt> {
        let found = Query::parse(query)?.occurrences(text)?;
        Some(cut(text, &found))
    }

    fn highlighted(excerpt: &Excerpt) -> Vec<&str> {
        excerpt
            .highlights
            .iter()
            .map(|(start, end)| &excerpt.text[*start..*end])
            .collect()
    }

    #[test]
    fn a_short_text_is_shown_whole_in_one_line() {
        let shown = excerpt("둘째", "첫째 줄\n\n  둘째 줄").expect("found");
        assert_eq!(shown.text, "첫째 줄 둘째 줄");
        assert_eq!(highlighted(&shown), ["둘째"]);
    }

    #[test]
    fn a_long_text_is_cut_around_the_place_with_most_words() {
        let filler = "lorem ipsum ".repeat(40);
        let text = format!("apple {filler}apple and pear {filler}");
        let shown = excerpt("apple pear ", &text).expect("found");
        assert_eq!(highlighted(&shown), ["apple", "pear"]);
        assert!(shown.text.starts_with('…') && shown.text.ends_with('…'));
    }

    /// Text of many scripts, with marks, emoji and what is invisible.
    fn any_text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-zA-Z0-9ßΣς' .,\\n\\t-]{1,12}",
            "[가-힣]{1,6}",
            "[ぁ-んァ-ヶ一-龥ｦ-ﾟ]{1,6}",
            "[ก-๛]{1,4}",
            "[\u{300}-\u{310}\u{200d}\u{fe0f}\u{1100}-\u{1112}\u{1161}-\u{1175}]{1,3}",
            "[😀-😎👩👨👧]{1,3}",
            any::<String>(),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn cutting_and_searching_never_panic(query in any_text(), text in any_text()) {
            let _ = words::words(&text);
            if let Some(shown) = excerpt(&query, &text) {
                prop_assert!(shown.text.chars().count() <= EXCERPT_MAX);
            }
        }

        #[test]
        fn every_word_of_a_text_is_found_in_it(text in any_text()) {
            let mut spans = Vec::new();
            words::each_run(&text, |run| {
                spans.push((run.kind, run.span(0..run.chars.len()), run.chars.len()));
            });
            let indexed = words::words(&text);
            for (kind, span, length) in spans.into_iter().take(20) {
                let word = &text[span];
                // A sign such as ½ is several words, and stands for all.
                let mut runs = 0;
                words::each_run(word, |_| runs += 1);
                if runs != 1 {
                    continue;
                }
                // What is longer than a query can be is cut by it.
                if word.chars().count() > 100 || (kind == Kind::Unspaced && length > 100) {
                    continue;
                }
                let query = Query::parse(&format!("{word} ")).expect("a word is a query");
                let found = query.occurrences(&text).expect("the word is there");
                let shown = cut(&text, &found);
                prop_assert!(shown.text.chars().count() <= EXCERPT_MAX);
                prop_assert!(!shown.highlights.is_empty());
                let mut last = 0;
                for (start, end) in &shown.highlights {
                    prop_assert!(last <= *start && start < end);
                    prop_assert!(shown.text.get(*start..*end).is_some());
                    last = *end;
                }
                for term in query.terms(Reach::Newest) {
                    let lexeme = term.trim_matches('\'');
                    prop_assert!(indexed.contains(lexeme), "{lexeme:?} is not indexed");
                }
            }
        }

        #[test]
        fn any_two_syllables_of_a_korean_text_find_it(text in "[가-힣]{2,30}") {
            let syllables: Vec<char> = text.chars().collect();
            for pair in syllables.windows(2) {
                let word: String = pair.iter().collect();
                let shown = excerpt(&word, &text).expect("the pair is there");
                prop_assert!(highlighted(&shown)[0].contains(&word));
            }
        }
    }
}
