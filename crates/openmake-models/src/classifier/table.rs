//! The words, their weights and the rules, and the search for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use serde::Deserialize;

use super::shape::{Shape, Shapes};
use super::text::{is_hangul, is_latin_word_part, normalise};
use super::{Category, MAX_REPEATED, REPEATED, Scores};

/// Why a table of cues cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is not the TOML that it should be.
    #[error("the table of cues cannot be read: {0}")]
    Unreadable(#[from] toml::de::Error),
    /// A cue or rule is wrong in itself.
    #[error("in the table of cues, {name:?} {problem}")]
    Invalid {
        /// The cue or rule.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The search cannot be built.
    #[error("the table of cues is too large: {0}")]
    TooLarge(#[from] aho_corasick::BuildError),
}

/// The data file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    bias: BTreeMap<Category, f32>,
    lists: BTreeMap<String, Vec<String>>,
    cue: Vec<CueEntry>,
    rule: Vec<RuleEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CueEntry {
    name: String,
    weights: BTreeMap<Category, f32>,
    #[serde(default)]
    words: Vec<String>,
    shape: Option<Shape>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    name: String,
    when: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
    weights: BTreeMap<Category, f32>,
}

/// What stands next to a word for it to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// Anything.
    Any,
    /// No Latin letter or digit.
    LatinWord,
    /// No Hangul.
    HangulWord,
}

impl Edge {
    fn allows(self, neighbour: Option<char>) -> bool {
        neighbour.is_none_or(|letter| match self {
            Self::Any => true,
            Self::LatinWord => !is_latin_word_part(letter),
            Self::HangulWord => !is_hangul(letter),
        })
    }
}

#[derive(Debug)]
struct Word {
    cue: usize,
    before: Edge,
    after: Edge,
}

#[derive(Debug)]
struct Cue {
    name: Arc<str>,
    weights: Scores,
}

#[derive(Debug)]
struct Rule {
    name: Arc<str>,
    when: Vec<usize>,
    unless: Vec<usize>,
    weights: Scores,
}

/// How often each cue was found, in the order of the table's cues.
#[derive(Debug)]
pub(super) struct Found(Vec<u8>);

/// The compiled data file.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) bias: Scores,
    search: AhoCorasick,
    words: Vec<Word>,
    cues: Vec<Cue>,
    rules: Vec<Rule>,
    shapes: Vec<(Shape, usize)>,
}

impl Table {
    pub(super) fn parse(text: &str) -> Result<Self, TableError> {
        let file: File = toml::from_str(text)?;
        let mut cues = Vec::with_capacity(file.cue.len());
        let mut places = HashMap::new();
        let mut shapes = Vec::new();
        let mut patterns = Vec::new();
        let mut words = Vec::new();
        for entry in &file.cue {
            let place = cues.len();
            let invalid = |problem: String| TableError::Invalid {
                name: entry.name.clone(),
                problem,
            };
            if places.insert(entry.name.as_str(), place).is_some() {
                return Err(invalid("stands there twice".to_owned()));
            }
            if entry.words.is_empty() && entry.shape.is_none() {
                return Err(invalid("has neither words nor a shape".to_owned()));
            }
            shapes.extend(entry.shape.map(|shape| (shape, place)));
            for written in &entry.words {
                for (pattern, word) in spell_out(written, place, &file.lists).map_err(invalid)? {
                    patterns.push(pattern);
                    words.push(word);
                }
            }
            cues.push(Cue {
                name: entry.name.as_str().into(),
                weights: scores(&entry.weights),
            });
        }
        let mut rules = Vec::with_capacity(file.rule.len());
        for entry in &file.rule {
            let named = |names: &[String]| -> Result<Vec<usize>, TableError> {
                names
                    .iter()
                    .map(|name| {
                        places
                            .get(name.as_str())
                            .copied()
                            .ok_or_else(|| TableError::Invalid {
                                name: entry.name.clone(),
                                problem: format!("names {name:?}, which is no cue"),
                            })
                    })
                    .collect()
            };
            rules.push(Rule {
                name: entry.name.as_str().into(),
                when: named(&entry.when)?,
                unless: named(&entry.unless)?,
                weights: scores(&entry.weights),
            });
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&patterns)?;
        Ok(Self {
            bias: scores(&file.bias),
            search,
            words,
            cues,
            rules,
            shapes,
        })
    }

    /// Finds the words of all cues in a normalised text.
    pub(super) fn search(&self, text: &str) -> Found {
        let mut found = vec![0_u8; self.cues.len()];
        for hit in self.search.find_overlapping_iter(text) {
            let word = &self.words[hit.pattern().as_usize()];
            // The patterns are whole characters, so their ends are boundaries.
            let before = text[..hit.start()].chars().next_back();
            let after = text[hit.end()..].chars().next();
            if word.before.allows(before) && word.after.allows(after) {
                found[word.cue] = found[word.cue].saturating_add(1);
            }
        }
        Found(found)
    }

    /// Adds the cues of what the text looks like.
    pub(super) fn add_shapes(&self, shapes: &Shapes, found: &mut Found) {
        for (shape, cue) in &self.shapes {
            if shapes.contains(*shape) {
                found.0[*cue] = found.0[*cue].saturating_add(1);
            }
        }
    }

    /// What every cue and rule that fired is worth.
    pub(super) fn weigh(&self, found: &Found) -> Vec<(&Arc<str>, Scores)> {
        let fired = |place: &usize| found.0[*place] > 0;
        let cues = self
            .cues
            .iter()
            .zip(&found.0)
            .filter(|(_, times)| **times > 0)
            .map(|(cue, times)| {
                let further = f32::from((times - 1).min(MAX_REPEATED));
                (
                    &cue.name,
                    cue.weights
                        .map(|weight| weight * (1.0 + REPEATED * further)),
                )
            });
        let rules = self
            .rules
            .iter()
            .filter(|rule| rule.when.iter().all(fired) && !rule.unless.iter().any(fired))
            .map(|rule| (&rule.name, rule.weights));
        cues.chain(rules).collect()
    }
}

fn scores(weights: &BTreeMap<Category, f32>) -> Scores {
    Category::ALL.map(|category| weights.get(&category).copied().unwrap_or(0.0))
}

/// All patterns that one word of the data file stands for.
fn spell_out(
    written: &str,
    cue: usize,
    lists: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<(String, Word)>, String> {
    let (written, starts) = match written.strip_prefix('^') {
        Some(rest) => (rest, true),
        None => (written, false),
    };
    let (written, ends) = match written.strip_suffix('$') {
        Some(rest) => (rest, true),
        None => (written, false),
    };
    let (written, stem) = match written.strip_suffix('*') {
        Some(rest) => (rest, true),
        None => (written, false),
    };
    let mut spelled = Vec::new();
    for listed in fill_in(written, lists)? {
        for spaced in with_and_without_spaces(&listed) {
            let pattern = normalise(&spaced);
            let (Some(first), Some(last)) = (pattern.chars().next(), pattern.chars().next_back())
            else {
                return Err(format!("has the empty word {written:?}"));
            };
            let word = Word {
                cue,
                before: edge(first, starts),
                after: if stem { Edge::Any } else { edge(last, ends) },
            };
            spelled.push((pattern, word));
        }
    }
    Ok(spelled)
}

/// Latin words end where their letters end. Hangul words carry particles and
/// endings, and Chinese and Japanese have no spaces: those count anywhere,
/// unless the table says that they begin or end a word.
fn edge(letter: char, anchored: bool) -> Edge {
    if letter.is_ascii_alphanumeric() {
        Edge::LatinWord
    } else if anchored {
        Edge::HangulWord
    } else {
        Edge::Any
    }
}

fn fill_in(written: &str, lists: &BTreeMap<String, Vec<String>>) -> Result<Vec<String>, String> {
    let Some((before, rest)) = written.split_once('{') else {
        return Ok(vec![written.to_owned()]);
    };
    let (name, after) = rest
        .split_once('}')
        .ok_or_else(|| format!("has an open brace in {written:?}"))?;
    let list = lists
        .get(name)
        .ok_or_else(|| format!("names the list {name:?}, which is not there"))?;
    Ok(list
        .iter()
        .map(|item| format!("{before}{item}{after}"))
        .collect())
}

fn with_and_without_spaces(written: &str) -> Vec<String> {
    let mut parts = written.split('~');
    let mut spelled = vec![parts.next().unwrap_or_default().to_owned()];
    for part in parts {
        spelled = spelled
            .iter()
            .flat_map(|so_far| [format!("{so_far}{part}"), format!("{so_far} {part}")])
            .collect();
    }
    spelled
}
