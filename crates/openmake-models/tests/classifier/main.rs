//! The classifier against the labelled questions, and against anything.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests, outside of the functions that clippy knows as tests"
)]

#[expect(unreachable_pub, reason = "shared with an example")]
mod report;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use openmake_models::classifier::{Category, Classification, Classifier, Question, TableError};
use proptest::prelude::*;

use self::report::{Evaluation, evaluate, labelled};

static CLASSIFIER: LazyLock<Classifier> =
    LazyLock::new(|| Classifier::builtin().expect("the embedded cues"));

fn classify(text: &str) -> Classification {
    CLASSIFIER.classify(&Question::text(text))
}

fn print(split: &str, evaluation: &Evaluation) {
    println!(
        "{split}: {} of {}",
        evaluation.overall.right, evaluation.overall.all
    );
    println!(
        "{:>12} {}",
        "",
        Category::ALL
            .map(|category| format!("{category:>11}"))
            .concat()
    );
    for (category, row) in Category::ALL.iter().zip(evaluation.confusion) {
        println!(
            "{category:>12} {}",
            row.map(|count| format!("{count:>11}")).concat()
        );
    }
}

#[test]
fn accuracy_holds_on_each_split() {
    let questions = labelled();
    for (split, overall, of_a_language, of_a_category) in
        [("tuning", 0.97, 0.95, 0.90), ("held", 0.93, 0.90, 0.80)]
    {
        let evaluation = evaluate(&CLASSIFIER, &questions, split);
        print(split, &evaluation);
        assert!(evaluation.overall.of_one() >= overall, "{split}");
        for (language, share) in &evaluation.by_language {
            assert!(
                share.of_one() >= of_a_language,
                "{split} {language}: {share:?}"
            );
        }
        for (category, row) in Category::ALL.iter().zip(evaluation.confusion) {
            let all: usize = row.iter().sum();
            let right = row[Category::ALL
                .iter()
                .position(|c| c == category)
                .expect("itself")];
            #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
            let recall = right as f64 / all as f64;
            assert!(
                recall >= of_a_category,
                "{split} {category}: {right} of {all}"
            );
        }
    }
}

#[test]
fn the_labelled_set_is_what_it_says() {
    let questions = labelled();
    assert!(questions.len() >= 300, "{}", questions.len());
    let texts: BTreeSet<&str> = questions
        .iter()
        .map(|question| question.text.as_str())
        .collect();
    assert_eq!(
        texts.len(),
        questions.len(),
        "a question stands there twice"
    );
    for split in ["tuning", "held"] {
        let of_split = || questions.iter().filter(|question| question.split == split);
        assert!(of_split().count() >= 120, "{split}");
        for category in Category::ALL {
            for language in ["ko", "en"] {
                let count = of_split()
                    .filter(|question| {
                        question.category == category && question.language == language
                    })
                    .count();
                assert!(count >= 10, "{split} {category} {language}: {count}");
            }
        }
    }
    assert!(
        questions
            .iter()
            .all(|question| ["tuning", "held"].contains(&&*question.split))
    );
}

#[test]
fn the_report_is_true() {
    let page = include_str!("../../../../docs/classifier.md");
    assert!(
        page == report::report(),
        "docs/classifier.md is out of date: cargo run -p openmake-models --example classifier_report",
    );
}

#[test]
fn what_the_predecessor_got_wrong() {
    // A digit made it mathematics, and nothing matched next to Hangul.
    assert_eq!(
        classify("2024년 사업 계획서 요약").category,
        Category::Document
    );
    assert_eq!(classify("hi").category, Category::Chat);
    assert!(classify("hi").confidence > 0.5);
    for text in [
        "python으로 크롤러 짜줘",
        "파이썬으로 크롤러 짜줘",
        "크롤러는 Python이 좋아?",
    ] {
        assert_eq!(classify(text).category, Category::Code, "{text}");
    }
}

#[test]
fn an_attached_image_decides() {
    for text in ["", "이 코드 뭐가 틀렸어?", "translate this", "안녕"] {
        let question = Question {
            text,
            images: 1,
            documents: 0,
        };
        let got = CLASSIFIER.classify(&question);
        assert_eq!(got.category, Category::Vision, "{text}");
        assert_eq!(&*got.cues[0].name, "image attached");
    }
}

#[test]
fn nothing_to_go_by_is_not_sure() {
    for text in [
        "zxcvb qwerty asdfgh lkjhg poiuy",
        "…",
        "그것은 저것과 마찬가지로 그러하다고 하겠다 하더라",
    ] {
        let got = classify(text);
        assert!(got.confidence < 0.5, "{text}: {got:?}");
    }
    let got = classify("");
    assert_eq!(got.category, Category::Chat);
}

#[test]
fn cues_say_why() {
    let got = classify("Translate this Python script into Go");
    assert_eq!(got.category, Category::Code);
    let names: Vec<&str> = got.cues.iter().map(|cue| &*cue.name).collect();
    assert!(
        names.contains(&"between programming languages"),
        "{names:?}"
    );
    assert!(
        got.cues
            .windows(2)
            .all(|pair| pair[0].weight >= pair[1].weight)
    );
}

#[test]
fn width_and_case_do_not_matter() {
    for (plain, other) in [
        (
            "translate this into korean",
            "ＴＲＡＮＳＬＡＴＥ ｔｈｉｓ into KOREAN",
        ),
        ("이 보고서 요약해줘", "이\u{a0}보고서\n요약해줘"),
        (
            "번역해줘",
            "\u{1107}\u{1165}\u{11ab}\u{110b}\u{1167}\u{11a8}해줘",
        ),
    ] {
        assert_eq!(
            classify(plain).category,
            classify(other).category,
            "{other}"
        );
    }
}

#[test]
fn only_the_beginning_and_the_end_of_a_long_text_are_read() {
    let filler = "라면 물 올려놓고 ".repeat(5_000);
    let asked_first = format!("다음 글을 영어로 번역해줘: {filler}");
    let asked_last = format!("{filler} 위 글을 영어로 번역해줘");
    let hidden = format!("{filler} 파이썬 코드 짜줘 {filler}");
    assert_eq!(classify(&asked_first).category, Category::Translation);
    assert_eq!(classify(&asked_last).category, Category::Translation);
    assert_eq!(classify(&hidden), classify(&format!("{filler} {filler}")));
}

#[test]
fn a_wrong_table_is_refused() {
    let table = |cue: &str| {
        format!(
            "[bias]\nchat = 1.0\n[lists]\n{cue}\n[[rule]]\nname = \"r\"\nwhen = []\nweights = {{}}"
        )
    };
    for (cue, part) in [
        (
            "[[cue]]\nname = \"a\"\nweights = {}",
            "neither words nor a shape",
        ),
        (
            "[[cue]]\nname = \"a\"\nweights = {}\nwords = [\"\"]",
            "the empty word",
        ),
        (
            "[[cue]]\nname = \"a\"\nweights = {}\nwords = [\"{x}\"]",
            "the list \"x\"",
        ),
        (
            "[[cue]]\nname = \"a\"\nweights = {}\nwords = [\"{x\"]",
            "an open brace",
        ),
        (
            "[[cue]]\nname = \"a\"\nweights = {}\nshape = \"round\"",
            "round",
        ),
        (
            "[[cue]]\nname = \"a\"\nweights = { poetry = 1 }\nwords = [\"x\"]",
            "poetry",
        ),
        (
            "[[cue]]\nname = \"a\"\nweights = {}\nwords = [\"x\"]\n[[cue]]\nname = \"a\"\nweights = {}\nwords = [\"y\"]",
            "twice",
        ),
        (
            "[[cue]]\nname = \"a\"\nweights = {}\nwords = [\"x\"]\n[[rule]]\nname = \"r\"\nwhen = [\"b\"]\nweights = {}",
            "no cue",
        ),
    ] {
        let error = Classifier::parse(&table(cue)).expect_err(part);
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    assert!(matches!(
        Classifier::parse("?"),
        Err(TableError::Unreadable(_))
    ));
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,300}",
        proptest::collection::vec(any::<char>(), 0..300).prop_map(String::from_iter),
        "[가-힣ㄱ-ㅎa-z0-9 +*/^=()\"'.%-]{0,200}",
        ".{1,40}".prop_map(|part| part.repeat(600)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_a_category(text in any_text(), images in 0_usize..2, documents in 0_usize..2) {
        let got = CLASSIFIER.classify(&Question { text: &text, images, documents });
        prop_assert!((0.0..=1.0).contains(&got.confidence), "{}", got.confidence);
        prop_assert!(got.cues.len() <= 4);
        prop_assert!(got.cues.iter().all(|cue| cue.weight > 0.0));
        prop_assert!(images == 0 || got.category == Category::Vision);
    }
}
