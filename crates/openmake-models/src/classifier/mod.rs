//! What kind of question is this? Answered here, in microseconds, without a
//! model: `openmake_llm_auto` takes its profile by it.
//!
//! The text is normalised and searched once for some two thousand words
//! ([`table`]), and looked at for what has a shape instead of a word: code,
//! arithmetic, other scripts ([`shape`]). Each find is a *cue* that is worth
//! something to some categories, and *rules* say what cues mean together
//! (`docker` makes an `image` a thing of programming). Words, weights and rules
//! are data, in `data/classifier/cues.toml`; how well they do is measured on
//! `data/classifier/labelled.tsv` and written down in `docs/classifier.md`.

mod shape;
mod table;
mod text;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;

use self::table::Table;
pub use self::table::TableError;

/// How many cues a classification names.
const TOP_CUES: usize = 4;

/// How steeply confidence rises with the distance to the second best. Chosen so
/// that on the tuning questions confidence is about the share that is right.
const STEEPNESS: f32 = 0.7;

/// What a further find of the same cue adds, in shares of its weight.
const REPEATED: f32 = 0.25;

/// How many further finds count.
const MAX_REPEATED: u8 = 2;

/// What a question is about, or what it asks to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Programs, queries, configuration, their errors and their tools.
    Code,
    /// Something to compute, solve or prove.
    Math,
    /// Compare, evaluate, causes and effects, strategy.
    Analysis,
    /// Stories, verse, names, slogans, ideas.
    Creative,
    /// Between human languages.
    Translation,
    /// Summarise, draft, edit or search reports, letters, contracts.
    Document,
    /// About an image.
    Vision,
    /// Small talk and quick everyday questions.
    Chat,
}

impl Category {
    /// All of them, in the order of their scores.
    pub const ALL: [Self; 8] = [
        Self::Code,
        Self::Math,
        Self::Analysis,
        Self::Creative,
        Self::Translation,
        Self::Document,
        Self::Vision,
        Self::Chat,
    ];

    /// The name in data files and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Math => "math",
            Self::Analysis => "analysis",
            Self::Creative => "creative",
            Self::Translation => "translation",
            Self::Document => "document",
            Self::Vision => "vision",
            Self::Chat => "chat",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no category.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a category of questions")]
pub struct UnknownCategory(pub String);

impl FromStr for Category {
    type Err = UnknownCategory;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|category| category.as_str() == text)
            .ok_or_else(|| UnknownCategory(text.to_owned()))
    }
}

/// A score for each category, in the order of [`Category::ALL`].
type Scores = [f32; Category::ALL.len()];

/// What is to be classified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Question<'a> {
    /// The person's text.
    pub text: &'a str,
    /// How many images come with it.
    pub images: usize,
    /// How many documents come with it.
    pub documents: usize,
}

impl<'a> Question<'a> {
    /// A question of nothing but text.
    pub const fn text(text: &'a str) -> Self {
        Self {
            text,
            images: 0,
            documents: 0,
        }
    }
}

/// What a question was taken for, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// The category with the highest score.
    pub category: Category,
    /// From 0 to 1: low when nothing was found, or when two categories are
    /// nearly as likely.
    pub confidence: f32,
    /// What spoke for the category, the strongest first.
    pub cues: Vec<FoundCue>,
}

/// A cue that spoke for the category that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundCue {
    /// What was found, in words.
    pub name: Arc<str>,
    /// What it was worth.
    pub weight: f32,
}

/// Tells questions apart. Made once and shared.
#[derive(Debug)]
pub struct Classifier {
    table: Table,
}

impl Classifier {
    /// The classifier of the embedded cues.
    pub fn builtin() -> Result<Self, TableError> {
        Self::parse(include_str!("../../data/classifier/cues.toml"))
    }

    /// A classifier of other cues, in the form that the embedded file
    /// describes.
    pub fn parse(cues: &str) -> Result<Self, TableError> {
        Ok(Self {
            table: Table::parse(cues)?,
        })
    }

    /// The category of a question. Looks at the beginning and the end of a
    /// long text only, so that the time that it takes is bounded.
    pub fn classify(&self, question: &Question<'_>) -> Classification {
        let window = text::window(question.text);
        let normalised = text::normalise(&window);
        let mut found = self.table.search(&normalised);
        self.table
            .add_shapes(&shape::look(&window, question), &mut found);
        let contributions = self.table.weigh(&found);
        let mut scores = self.table.bias;
        for (_, weights) in &contributions {
            for (score, weight) in scores.iter_mut().zip(weights) {
                *score += weight;
            }
        }
        let (best, confidence) = decide(&scores);
        let mut cues: Vec<FoundCue> = contributions
            .into_iter()
            .filter(|(_, weights)| weights[best] > 0.0)
            .map(|(name, weights)| FoundCue {
                name: Arc::clone(name),
                weight: weights[best],
            })
            .collect();
        cues.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        cues.truncate(TOP_CUES);
        Classification {
            category: Category::ALL[best],
            confidence,
            cues,
        }
    }
}

/// The place of the highest score, and the share that softmax gives it.
fn decide(scores: &Scores) -> (usize, f32) {
    let mut best = 0;
    for (place, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = place;
        }
    }
    let total: f32 = scores
        .iter()
        .map(|score| (STEEPNESS * (score - scores[best])).exp())
        .sum();
    (best, 1.0 / total)
}
