//! How well the classifier does on the labelled questions: shared by the test
//! that holds the numbers and the example that writes `docs/classifier.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use openmake_models::classifier::{Category, Classification, Classifier, Question};

/// A line of `data/classifier/labelled.tsv`.
pub struct Labelled {
    pub split: String,
    pub language: String,
    pub category: Category,
    pub images: usize,
    pub documents: usize,
    pub text: String,
}

impl Labelled {
    pub fn question(&self) -> Question<'_> {
        Question {
            text: &self.text,
            images: self.images,
            documents: self.documents,
        }
    }
}

/// All labelled questions.
pub fn labelled() -> Vec<Labelled> {
    include_str!("../../data/classifier/labelled.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [split, language, category, attached, text] = fields[..] else {
                panic!("five fields, not {}: {line}", fields.len())
            };
            assert!(["-", "image", "document"].contains(&attached), "{line}");
            Labelled {
                split: split.to_owned(),
                language: language.to_owned(),
                category: category.parse().expect("a category"),
                images: usize::from(attached == "image"),
                documents: usize::from(attached == "document"),
                text: text.replace("\\n", "\n"),
            }
        })
        .collect()
}

/// A share of questions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Share {
    pub right: usize,
    pub all: usize,
}

impl Share {
    fn add(&mut self, right: bool) {
        self.right += usize::from(right);
        self.all += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    pub fn of_one(self) -> f64 {
        self.right as f64 / self.all as f64
    }

    fn spelled(self) -> String {
        format!(
            "{} of {} ({:.1} %)",
            self.right,
            self.all,
            100.0 * self.of_one()
        )
    }
}

/// What came of one split.
pub struct Evaluation {
    pub overall: Share,
    pub by_language: BTreeMap<String, Share>,
    /// Rows are what a person says, columns what the classifier says.
    pub confusion: [[usize; 8]; 8],
    /// By confidence, in fifths.
    pub by_confidence: [Share; 5],
    pub mistakes: Vec<(String, Category, Classification)>,
}

/// Classifies the questions of a split.
pub fn evaluate(classifier: &Classifier, questions: &[Labelled], split: &str) -> Evaluation {
    let mut evaluation = Evaluation {
        overall: Share::default(),
        by_language: BTreeMap::new(),
        confusion: [[0; 8]; 8],
        by_confidence: [Share::default(); 5],
        mistakes: Vec::new(),
    };
    for labelled in questions.iter().filter(|labelled| labelled.split == split) {
        let got = classifier.classify(&labelled.question());
        let right = got.category == labelled.category;
        evaluation.overall.add(right);
        evaluation
            .by_language
            .entry(labelled.language.clone())
            .or_default()
            .add(right);
        evaluation.confusion[place(labelled.category)][place(got.category)] += 1;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 5"
        )]
        let fifth = ((got.confidence * 5.0) as usize).min(4);
        evaluation.by_confidence[fifth].add(right);
        if !right {
            evaluation
                .mistakes
                .push((labelled.text.clone(), labelled.category, got));
        }
    }
    evaluation
}

fn place(category: Category) -> usize {
    Category::ALL
        .iter()
        .position(|other| *other == category)
        .expect("one of all")
}

/// `docs/classifier.md`.
pub fn report() -> String {
    let classifier = Classifier::builtin().expect("the embedded cues");
    let questions = labelled();
    let mut text = String::from(INTRODUCTION);
    for (split, heading) in [
        ("held", "Held-out questions"),
        ("tuning", "Tuning questions"),
    ] {
        let evaluation = evaluate(&classifier, &questions, split);
        write_evaluation(&mut text, heading, &evaluation);
    }
    text
}

const INTRODUCTION: &str = "\
# How well questions are told apart

<!-- Generated: cargo run -p openmake-models --example classifier_report -->

`openmake_auto` takes its profile by the kind of question. The classifier \
(`crates/openmake-models/src/classifier`) asks no model: it searches the text for \
the words of `data/classifier/cues.toml` and looks at its shape, which takes \
microseconds. This page is what comes of it on the questions of \
`data/classifier/labelled.tsv`, and a test fails when it is no longer true.

The cues were written and weighed against the *tuning* questions. The *held-out* \
questions were written before there were any cues, and no mistake on them was \
mended. Both were written by the same hand, and words that stood in held-out \
questions only were taken out of the cues where they were not plainly part of \
their field; all the same, expect less on questions of a style that neither set \
has. A question of low confidence goes to `openmake_llm`, which does for anything.
";

fn write_evaluation(text: &mut String, heading: &str, evaluation: &Evaluation) {
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\n## {heading}\n\nRight: {}.\n",
        evaluation.overall.spelled()
    );
    let _ = writeln!(text, "| language | right |\n|---|---|");
    for (language, share) in &evaluation.by_language {
        let _ = writeln!(text, "| {language} | {} |", share.spelled());
    }
    let _ = write!(
        text,
        "\nRows are what a person says, columns what the classifier says.\n\n|  |"
    );
    for category in Category::ALL {
        let _ = write!(text, " {category} |");
    }
    let _ = write!(text, "\n|---|");
    let _ = writeln!(text, "{}", "--:|".repeat(Category::ALL.len()));
    for (category, row) in Category::ALL.iter().zip(&evaluation.confusion) {
        let _ = write!(text, "| **{category}** |");
        for count in row {
            let _ = if *count == 0 {
                write!(text, " |")
            } else {
                write!(text, " {count} |")
            };
        }
        text.push('\n');
    }
    let _ = writeln!(text, "\n| confidence | right |\n|---|---|");
    for (fifth, share) in evaluation.by_confidence.iter().enumerate() {
        if share.all > 0 {
            let (from, to) = (fifth * 20, fifth * 20 + 20);
            let _ = writeln!(text, "| {from} to {to} % | {} |", share.spelled());
        }
    }
    if !evaluation.mistakes.is_empty() {
        let _ = writeln!(text, "\nMistakes:\n");
    }
    for (question, category, got) in &evaluation.mistakes {
        let cues: Vec<&str> = got.cues.iter().map(|cue| &*cue.name).collect();
        let cues = if cues.is_empty() {
            "nothing found".to_owned()
        } else {
            cues.join(", ")
        };
        let question = question.replace('\n', " ");
        let _ = writeln!(
            text,
            "- {question}\\\n  {category}, taken for {} ({cues})",
            got.category,
        );
    }
}
