//! The word cutter.

use std::{collections::BTreeSet, ops::Range};

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation as _;

/// Longer words are known by their beginning.
pub(super) const WORD_MAX: usize = 64;

/// How the characters of a run make words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The run is one word.
    Word,
    /// Written without spaces: each character, and each pair, is a word.
    Unspaced,
}

/// Characters of one kind without a break between them.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) kind: Kind,
    /// Normalised and case folded.
    pub(super) chars: Vec<char>,
    /// For each of `chars`, the bytes of the text that it came from.
    spans: Vec<Range<usize>>,
}

impl Run {
    const fn new() -> Self {
        Self {
            kind: Kind::Word,
            chars: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// The bytes of the text that these characters came from.
    pub(super) fn span(&self, chars: Range<usize>) -> Range<usize> {
        match self.spans.get(chars) {
            Some([first, .., last]) => first.start..last.end,
            Some([only]) => only.clone(),
            _ => 0..0,
        }
    }

    /// The characters that a word is known by.
    pub(super) fn known(&self) -> &[char] {
        self.chars.get(..WORD_MAX).unwrap_or(&self.chars)
    }

    fn clear(&mut self) {
        self.chars.clear();
        self.spans.clear();
    }
}

/// Gives each run of `text` to `seen`, in order.
pub(super) fn each_run(text: &str, mut seen: impl FnMut(&Run)) {
    let mut run = Run::new();
    // A grapheme keeps together what normalisation composes.
    for (start, grapheme) in text.grapheme_indices(true) {
        let span = start..start + grapheme.len();
        fold(grapheme, |folded| {
            let kind = match class(folded) {
                Class::Ignored => return,
                Class::Mark if run.chars.is_empty() => return,
                Class::Mark => run.kind,
                Class::Of(kind) => kind,
                Class::Break => {
                    if !run.chars.is_empty() {
                        seen(&run);
                        run.clear();
                    }
                    return;
                }
            };
            if kind != run.kind && !run.chars.is_empty() {
                seen(&run);
                run.clear();
            }
            run.kind = kind;
            run.chars.push(folded);
            run.spans.push(span.clone());
        });
    }
    if !run.chars.is_empty() {
        seen(&run);
    }
}

/// All words of `text`.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    each_run(text, |run| match run.kind {
        Kind::Word => {
            words.insert(run.known().iter().collect());
        }
        Kind::Unspaced => {
            words.extend(run.chars.iter().map(char::to_string));
            words.extend(pairs(&run.chars));
        }
    });
    words
}

/// The overlapping pairs of an unspaced run.
pub(super) fn pairs(chars: &[char]) -> impl Iterator<Item = String> {
    chars.windows(2).map(|pair| pair.iter().collect())
}

/// NFKC, and letters that differ only in case made equal: lower, upper and
/// lower again, since one way alone leaves some apart (both sharp s and `ss`,
/// both small sigmas).
fn fold(grapheme: &str, each: impl FnMut(char)) {
    if let [byte] = grapheme.as_bytes() {
        let mut each = each;
        each(char::from(byte.to_ascii_lowercase()));
        return;
    }
    grapheme
        .nfkc()
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfkc()
        .for_each(each);
}

enum Class {
    Of(Kind),
    /// Belongs to what stands before it.
    Mark,
    /// Neither a part of a word nor its end.
    Ignored,
    Break,
}

fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() {
            Class::Of(Kind::Word)
        } else {
            Class::Break
        };
    }
    match c {
        // Soft hyphen, joiners, variation selectors.
        '\u{ad}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{e0100}'..='\u{e01ef}' => Class::Ignored,
        c if is_combining_mark(c) => Class::Mark,
        c if !c.is_alphanumeric() => Class::Break,
        c if is_unspaced(c) => Class::Of(Kind::Unspaced),
        _ => Class::Of(Kind::Word),
    }
}

/// Whether words of this character's script are not told apart by spaces, or,
/// as in Korean, grow endings that nobody searches for.
const fn is_unspaced(c: char) -> bool {
    matches!(c,
        // Thai and Lao; Myanmar; Khmer.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        // Hangul.
        | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        // Kana, Bopomofo and their neighbours; Han.
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{312f}'
        | '\u{31a0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{1aff0}'..='\u{1b16f}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        words(text).into_iter().collect()
    }

    #[test]
    fn korean_is_cut_into_syllables_and_pairs() {
        assert_eq!(
            cut("회의록을"),
            ["록", "록을", "을", "의", "의록", "회", "회의"]
        );
    }

    #[test]
    fn japanese_and_chinese_are_cut_into_characters_and_pairs() {
        assert_eq!(cut("東京都"), ["京", "京都", "東", "東京", "都"]);
        assert_eq!(cut("カタ"), ["カ", "カタ", "タ"]);
        assert_eq!(cut("你好"), ["你", "你好", "好"]);
    }

    #[test]
    fn other_words_stay_whole_and_scripts_part_them() {
        assert_eq!(cut("GPT-4로 Don't"), ["4", "don", "gpt", "t", "로"]);
    }

    #[test]
    fn forms_and_cases_of_a_word_are_one() {
        for (a, b) in [
            ("STRASSE", "straße"),
            ("STRAẞE", "strasse"),
            ("ΟΔΟΣ", "οδος"),
            ("Ｆｕｌｌ", "full"),
            ("ｶﾞｽ", "ガス"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("Cafe\u{301}", "CAFÉ"),
            ("soft\u{ad}ware", "software"),
        ] {
            assert_eq!(cut(a), cut(b), "{a} {b}");
        }
    }

    #[test]
    fn a_long_word_is_known_by_its_beginning() {
        assert_eq!(cut(&"x".repeat(5000)), ["x".repeat(WORD_MAX)]);
    }

    #[test]
    fn what_holds_no_word_gives_none() {
        assert!(cut(" \n-- ... \u{301} 🙂 ()").is_empty());
    }
}
