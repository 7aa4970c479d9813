//! What a request for a model runs on.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, outside of the functions that clippy knows as tests"
)]

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use openmake_models::classifier::{Category, Classifier, Question};
use openmake_models::profiles::{
    AvailableModel, Chosen, EngineOverrides, Profiles, ProfilesError, PublicModel, Requirement,
    Resolution, ResolveError, WorkingSettings,
};
use openmake_models::{ModelCapabilities, ThinkingLevel};

const DATA: &str = include_str!("../data/profiles.toml");

/// `name` with what it can do in letters: t(ools), v(ision), r(easoning).
fn model(name: &str, can: &str) -> AvailableModel {
    AvailableModel {
        name: name.to_owned(),
        capabilities: ModelCapabilities {
            chat: true,
            tools: can.contains('t'),
            vision: can.contains('v'),
            thinking: can.contains('r'),
            embedding: false,
        },
        context_length: None,
        parameters: None,
        loaded: false,
    }
}

fn embedder() -> AvailableModel {
    let mut embedder = model("nomic-embed-text:latest", "");
    embedder.capabilities.chat = false;
    embedder.capabilities.embedding = true;
    embedder
}

/// A shelf such as people have at home.
fn shelf() -> Vec<AvailableModel> {
    vec![
        embedder(),
        model("qwen3:8b", "tr"),
        model("qwen3:32b", "tr"),
        model("qwen3:0.6b", "tr"),
        model("qwen3-coder:30b", "t"),
        model("qwen3-vl:8b", "tvr"),
        model("tinyllama:latest", ""),
    ]
}

/// Made once: the tests read many files of profiles.
static CLASSIFIER: LazyLock<Arc<Classifier>> =
    LazyLock::new(|| Arc::new(Classifier::builtin().expect("the embedded cues")));

fn parse(text: &str, engines: EngineOverrides) -> Result<Profiles, ProfilesError> {
    Profiles::parse(text, engines, Arc::clone(&CLASSIFIER))
}

fn with_engines(engines: EngineOverrides) -> Profiles {
    parse(DATA, engines).expect("the embedded profiles")
}

fn profiles() -> Profiles {
    with_engines(EngineOverrides::default())
}

#[test]
fn the_embedded_profiles_are_the_file() {
    let builtin = Profiles::builtin(EngineOverrides::default()).expect("the embedded profiles");
    assert_eq!(everything_seen(&builtin), everything_seen(&profiles()));
}

fn resolve(name: &str, text: &str) -> Resolution {
    profiles()
        .resolve(name, &shelf(), &Question::text(text))
        .expect(name)
}

#[test]
fn each_profile_has_its_model() {
    for (name, expected) in [
        ("openmake_llm", "qwen3:8b"),
        ("openmake_pro", "qwen3:32b"),
        ("openmake_fast", "qwen3:0.6b"),
        ("openmake_think", "qwen3:32b"),
        ("openmake_code", "qwen3-coder:30b"),
        ("openmake_vision", "qwen3-vl:8b"),
        // v1's names.
        ("openmake_llm_pro", "qwen3:32b"),
        ("openmake_llm_code", "qwen3-coder:30b"),
    ] {
        let resolution = resolve(name, "");
        assert_eq!(resolution.model, expected, "{name}: {}", resolution.why);
        assert_eq!(
            profiles().real_model(name, &shelf()).as_deref(),
            Some(expected)
        );
        assert_eq!(profiles().lookup(name), resolution.profile.as_deref());
    }
}

#[test]
fn auto_goes_by_the_question() {
    for (text, profile) in [
        ("이 파이썬 코드 에러 고쳐줘", "openmake_code"),
        ("∫ x^2 dx 를 계산해줘", "openmake_think"),
        ("2024년 사업 계획서 요약", "openmake_pro"),
        ("Translate this letter into Korean", "openmake_pro"),
        ("이 사진에 뭐가 보여?", "openmake_vision"),
        ("안녕!", "openmake_fast"),
        ("zxcvb qwerty asdfgh lkjhg poiuy", "openmake_llm"),
    ] {
        let resolution = resolve("openmake_auto", text);
        assert_eq!(
            resolution.profile.as_deref(),
            Some(profile),
            "{text}: {}",
            resolution.why
        );
        assert_eq!(resolution.requested, "openmake_auto");
        assert!(resolution.why.classified.is_some());
    }
    let why = resolve("openmake_llm_auto", "이 파이썬 코드 에러 고쳐줘")
        .why
        .to_string();
    assert!(why.starts_with("a question of code ("), "{why}");
    assert!(why.ends_with("; preferred as qwen3-coder*"), "{why}");
    assert_eq!(profiles().real_model("openmake_auto", &shelf()), None);
    assert_eq!(profiles().route(Category::Math), "openmake_think");
}

#[test]
fn an_image_needs_a_model_that_sees() {
    let seen = Question {
        text: "explain this",
        images: 1,
        documents: 0,
    };
    for name in ["openmake_auto", "openmake_vision", "openmake_fast"] {
        let resolution = profiles().resolve(name, &shelf(), &seen).expect(name);
        assert_eq!(resolution.model, "qwen3-vl:8b", "{name}");
        assert_eq!(resolution.settings.requires, [Requirement::Vision]);
        let blind = [model("qwen3:8b", "tr")];
        let error = profiles().resolve(name, &blind, &seen).expect_err(name);
        assert!(
            matches!(&error, ResolveError::NoCapableModel { .. }),
            "{name}: {error}"
        );
        assert!(error.hint().contains("sees images"), "{}", error.hint());
    }
    // An image that is only spoken of can be spoken about.
    let spoken = Question::text("Can you explain this image");
    let blind = [model("qwen3:8b", "tr")];
    let resolution = profiles()
        .resolve("openmake_auto", &blind, &spoken)
        .expect("a model");
    assert_eq!(resolution.profile.as_deref(), Some("openmake_llm"));
}

#[test]
fn the_model_that_a_person_names_answers() {
    for text in ["hi", "이 파이썬 코드 에러 고쳐줘", "이 사진에 뭐가 보여?"] {
        for (name, model) in [
            ("tinyllama", "tinyllama:latest"),
            ("tinyllama:latest", "tinyllama:latest"),
            ("qwen3:0.6b", "qwen3:0.6b"),
        ] {
            let resolution = resolve(name, text);
            assert_eq!(resolution.model, model);
            assert_eq!(resolution.profile, None);
            assert_eq!(resolution.why.chosen, Chosen::ByUser);
        }
    }
    let seen = Question {
        text: "",
        images: 1,
        documents: 0,
    };
    let resolution = profiles()
        .resolve("tinyllama", &shelf(), &seen)
        .expect("as named");
    assert_eq!(resolution.model, "tinyllama:latest");
    assert_eq!(resolution.lacks, [Requirement::Vision]);
    for (name, error) in [
        (
            "qwen3",
            ResolveError::UnknownModel {
                name: "qwen3".to_owned(),
            },
        ),
        (
            "QWEN3:8B",
            ResolveError::UnknownModel {
                name: "QWEN3:8B".to_owned(),
            },
        ),
        (
            "nomic-embed-text",
            ResolveError::NotForChat {
                name: "nomic-embed-text:latest".to_owned(),
            },
        ),
    ] {
        let refused = profiles().resolve(name, &shelf(), &Question::default());
        assert_eq!(refused, Err(error));
    }
}

#[test]
fn an_administrators_model_is_behind_its_profile() {
    let engines = |code: &str| EngineOverrides {
        code: Some(code.to_owned()),
        llm: Some("  ".to_owned()),
        ..EngineOverrides::default()
    };
    let mapped = with_engines(engines("tinyllama"));
    let question = Question::text("이 파이썬 코드 에러 고쳐줘");
    for name in ["openmake_code", "openmake_auto"] {
        let resolution = mapped.resolve(name, &shelf(), &question).expect(name);
        assert_eq!(resolution.model, "tinyllama:latest");
        assert_eq!(resolution.why.chosen, Chosen::ByAdministrator);
    }
    let other = mapped
        .resolve("openmake_llm", &shelf(), &question)
        .expect("a model");
    assert_eq!(other.model, "qwen3:8b");
    let gone = with_engines(engines("gone:7b"));
    let error = gone
        .resolve("openmake_code", &shelf(), &question)
        .expect_err("gone");
    assert!(matches!(&error, ResolveError::EngineMissing { engine, .. } if engine == "gone:7b"));
}

#[test]
fn every_override_reaches_its_profile() {
    let all = EngineOverrides {
        llm: Some("m-llm".to_owned()),
        pro: Some("m-pro".to_owned()),
        fast: Some("m-fast".to_owned()),
        think: Some("m-think".to_owned()),
        code: Some("m-code".to_owned()),
        vision: Some("m-vision".to_owned()),
    };
    let profiles = with_engines(all);
    let kinds = ["llm", "pro", "fast", "think", "code", "vision"];
    let available = kinds.map(|kind| model(&format!("m-{kind}"), "v"));
    for kind in kinds {
        let resolution = profiles
            .resolve(
                &format!("openmake_{kind}"),
                &available,
                &Question::default(),
            )
            .expect(kind);
        assert_eq!(resolution.model, format!("m-{kind}"));
    }
}

#[test]
fn a_model_for_vectors_is_never_talked_to() {
    let only = [embedder()];
    for public in profiles().list() {
        let error = profiles().resolve(public.id, &only, &Question::text("hi"));
        assert!(
            matches!(error, Err(ResolveError::NoCapableModel { .. })),
            "{}",
            public.id
        );
    }
    let none = profiles().resolve("openmake_auto", &[], &Question::text("hi"));
    assert_eq!(none, Err(ResolveError::NoModels));
}

#[test]
fn any_model_will_do_when_no_preferred_one_is_there() {
    let mut odd = model("house-model", "t");
    odd.parameters = Some(7_000_000_000);
    let mut loaded = model("house-model-2", "t");
    loaded.parameters = Some(7_000_000_000);
    loaded.loaded = true;
    for public in profiles()
        .list()
        .filter(|public| public.requires().is_empty())
    {
        let resolution = profiles()
            .resolve(
                public.id,
                &[odd.clone(), loaded.clone()],
                &Question::text("안녕"),
            )
            .expect(public.id);
        assert_eq!(resolution.model, "house-model-2", "the one that is loaded");
        assert_eq!(resolution.why.chosen, Chosen::Capable);
    }
}

#[test]
fn the_way_of_working_stays_within_the_model() {
    let mut small = model("qwen3:4b", "");
    small.context_length = Some(8_192);
    let fast = profiles()
        .resolve("openmake_fast", &[small.clone()], &Question::default())
        .expect("a model");
    assert_eq!(
        fast.settings,
        WorkingSettings {
            thinking: None,
            temperature: Some(0.7),
            context_tokens: 8_192,
            tool_turns: 0,
            time_budget: Some(Duration::from_mins(1)),
            requires: Vec::new(),
        },
    );
    small.capabilities.tools = true;
    small.capabilities.thinking = true;
    small.context_length = None;
    let named = profiles()
        .resolve("qwen3:4b", &[small], &Question::default())
        .expect("as named");
    assert_eq!(
        named.settings,
        WorkingSettings {
            thinking: Some(ThinkingLevel::Medium),
            temperature: None,
            context_tokens: 32_768,
            tool_turns: 5,
            time_budget: None,
            requires: Vec::new(),
        },
    );
}

/// What is asked of `openmake_auto`: one of each kind. The first is asked of the
/// others too, which do not look at it.
const ASKED: [&str; 10] = [
    "",
    "이 파이썬 코드 에러 고쳐줘",
    "3x + 7 = 22를 풀어줘",
    "장단점을 비교 분석해줘",
    "시 한 편 써줘",
    "영어로 번역해줘",
    "보고서를 요약해줘",
    "이 사진 설명해줘",
    "안녕!",
    "nginx 설정",
];

/// All that can be seen of the profiles from outside: what is listed, and what
/// requests of every kind come to on several shelves.
fn everything_seen(profiles: &Profiles) -> String {
    let mut seen = String::new();
    let listed = |public: PublicModel<'_>| {
        ["en", "ko-KR", "ja", "zh_CN"].map(|language| {
            (
                public.name(language).to_owned(),
                public.description(language).to_owned(),
            )
        })
    };
    for public in profiles.list() {
        let _ = writeln!(
            seen,
            "{} {:?} {:?}",
            public.id,
            listed(public),
            public.thinking()
        );
        let _ = writeln!(seen, "{:?} {}", public.requires(), public.is_auto());
    }
    let shelves = [
        shelf(),
        vec![
            model("qwen3:8b", "tvr"),
            model("other:1b", "tvr"),
            model("other:300b", "tvr"),
            model("mutant:14b", "tvr"),
        ],
        vec![
            model("odd:1b", "tvr"),
            model("odd:14b", "tvr"),
            model("odd:300b", "tvr"),
        ],
        vec![model("deaf:7b", "v")],
    ];
    let names = profiles.list().map(|public| public.id.to_owned());
    let names = names.chain(["qwen3:8b", "openmake_mutant"].map(str::to_owned));
    for name in names {
        let _ = writeln!(seen, "{name} is {:?}", profiles.lookup(&name));
        for shelf in &shelves {
            let asked = if name.starts_with("openmake_auto") {
                &ASKED[..]
            } else {
                &ASKED[..1]
            };
            for text in asked {
                let resolved = profiles.resolve(&name, shelf, &Question::text(text));
                let resolved = resolved.map(|resolution| {
                    // Spelled out, so that a new part of either is put here.
                    let Resolution {
                        requested: _,
                        profile,
                        model,
                        settings,
                        lacks,
                        why,
                    } = resolution;
                    let WorkingSettings {
                        thinking,
                        temperature,
                        context_tokens,
                        tool_turns,
                        time_budget,
                        requires,
                    } = settings;
                    format!(
                        "{profile:?} {model} {lacks:?} {:?} {thinking:?} {temperature:?} \
                         {context_tokens} {tool_turns} {time_budget:?} {requires:?}",
                        why.chosen,
                    )
                });
                let _ = writeln!(seen, "{resolved:?}");
            }
        }
    }
    seen
}

/// Another value for a setting of the data file. A setting that this does not
/// know fails the test: say here how it changes, and it has to show.
fn changed(key: &str, value: &toml::Value) -> toml::Value {
    let list = |item: &str| {
        let mut list = value.as_array().expect("a list").clone();
        list.insert(0, toml::Value::from(item));
        toml::Value::Array(list)
    };
    match key {
        "id" => toml::Value::from(format!("{}_x", value.as_str().expect("a name"))),
        "aliases" => list("openmake_mutant"),
        "name" | "description" => {
            let mut texts = value.as_table().expect("texts").clone();
            texts.insert("ko".to_owned(), toml::Value::from("다른 말"));
            toml::Value::Table(texts)
        }
        "prefer" => list("mutant*"),
        "avoid" => list("qwen3*"),
        "size" if value.as_str() == Some("smallest") => toml::Value::from("largest"),
        "size" => toml::Value::from("smallest"),
        "requires" => list("tools"),
        "thinking" if value.as_str() == Some("low") => toml::Value::from("high"),
        "thinking" => toml::Value::from("low"),
        "temperature" => toml::Value::from(1.75),
        "context_tokens" => toml::Value::from(2_048),
        "tool_turns" => toml::Value::from(77),
        "time_budget_seconds" => toml::Value::from(99),
        "minimum_confidence" => toml::Value::from(1.0),
        "unsure" => toml::Value::from("openmake_think"),
        other => panic!("{other} is a new setting: say how it changes"),
    }
}

#[test]
fn every_setting_is_used() {
    let file: toml::Table = DATA.parse().expect("the data file");
    let seen = |file: &toml::Table| {
        let profiles = parse(&file.to_string(), EngineOverrides::default()).expect("profiles");
        everything_seen(&profiles)
    };
    let before = seen(&file);
    let mut paths: Vec<Vec<String>> = Vec::new();
    for (part, value) in &file {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    match value {
                        toml::Value::Table(routes) if key == "routes" => {
                            paths.extend(
                                routes
                                    .keys()
                                    .map(|route| vec![part.clone(), key.clone(), route.clone()]),
                            );
                        }
                        _ => paths.push(vec![part.clone(), key.clone()]),
                    }
                }
            }
            toml::Value::Array(entries) => {
                for (place, entry) in entries.iter().enumerate() {
                    let keys = entry.as_table().expect("a profile").keys();
                    paths
                        .extend(keys.map(|key| vec![part.clone(), place.to_string(), key.clone()]));
                }
            }
            other => panic!("{part} is a new part: {other}"),
        }
    }
    assert!(paths.len() > 80, "{}", paths.len());
    for path in paths {
        // The six ids are promised to clients; changing one is refused below.
        if path[0] == "profile" && path[2] == "id" {
            continue;
        }
        let mut file = file.clone();
        let mut value = file.get_mut(&path[0]).expect("a part");
        for key in &path[1..] {
            value = match value {
                toml::Value::Array(entries) => entries
                    .get_mut(key.parse::<usize>().expect("a place"))
                    .expect("an entry"),
                other => other.get_mut(key).expect("a setting"),
            };
        }
        let key = path.last().expect("a setting");
        *value = if path.contains(&"routes".to_owned()) {
            toml::Value::from(match value.as_str() {
                Some("openmake_llm") => "openmake_pro",
                _ => "openmake_llm",
            })
        } else {
            changed(key, value)
        };
        assert!(before != seen(&file), "{} changes nothing", path.join("."));
    }
}

#[test]
fn a_wrong_file_is_refused() {
    for (from, to, part) in [
        (
            "id = \"openmake_pro\"",
            "id = \"openmake_best\"",
            "openmake_pro is missing",
        ),
        (
            "id = \"openmake_pro\"",
            "id = \"pro\"",
            "does not begin with",
        ),
        ("[\"openmake_llm_pro\"]", "[\"openmake_llm_fast\"]", "twice"),
        ("temperature = 0.5", "temperature = 2.5", "temperature"),
        (
            "context_tokens = 32768",
            "context_tokens = 100",
            "context_tokens",
        ),
        ("tool_turns = 5", "tool_turns = 500", "tool_turns"),
        (
            "time_budget_seconds = 60",
            "time_budget_seconds = 100000",
            "time_budget_seconds",
        ),
        (
            "minimum_confidence = 0.4",
            "minimum_confidence = 4.0",
            "minimum_confidence",
        ),
        (
            "unsure = \"openmake_llm\"",
            "unsure = \"openmake_x\"",
            "openmake_x",
        ),
        ("math = \"openmake_think\"\n", "", "no route for math"),
        ("thinking = \"off\"", "thinking = \"some\"", "some"),
        ("requires = [\"vision\"]", "requires = [\"taste\"]", "taste"),
        ("size = \"largest\"", "size = \"huge\"", "huge"),
        (
            "avoid = [\"moondream*\"]",
            "avoid = [\" \"]",
            "empty pattern",
        ),
        (", zh = \"OpenMake 专业\"", "", "translation into \"zh\""),
        (
            "tool_turns = 5",
            "tool_turns = 5\ntool_turn = 5",
            "tool_turn",
        ),
    ] {
        assert!(DATA.contains(from), "{from}");
        let text = DATA.replacen(from, to, 1);
        let error = parse(&text, EngineOverrides::default()).expect_err(part);
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[test]
fn the_list_is_for_people() {
    let profiles = profiles();
    let ids: Vec<_> = profiles.list().map(|public| public.id).collect();
    assert_eq!(
        ids,
        [
            "openmake_auto",
            "openmake_llm",
            "openmake_pro",
            "openmake_fast",
            "openmake_think",
            "openmake_code",
            "openmake_vision",
        ],
    );
    let code = profiles
        .list()
        .find(|public| public.id == "openmake_code")
        .expect("listed");
    assert_eq!(code.name("ko-KR"), "OpenMake 코드");
    assert_eq!(code.name("fr"), "OpenMake Code");
    assert_eq!(code.thinking(), Some(ThinkingLevel::Medium));
    assert!(!code.is_auto() && code.requires().is_empty());
    assert_eq!(profiles.lookup("qwen3:8b"), None);
}
