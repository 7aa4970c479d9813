//! Recorded answers, cut at every byte.

use std::collections::VecDeque;

use openmake_models::{
    ChatDelta, FinishReason, ModelError,
    wire::{ChatDecoder, Stage, ollama::OllamaDecoder, openai::OpenAiDecoder},
};
use openmake_types::{TokenCounts, ToolCall};
use proptest::prelude::*;

const OLLAMA: &[(&str, &[u8])] = &[
    ("text", include_bytes!("../fixtures/ollama/text.ndjson")),
    (
        "thinking",
        include_bytes!("../fixtures/ollama/thinking.ndjson"),
    ),
    ("tools", include_bytes!("../fixtures/ollama/tools.ndjson")),
    ("error", include_bytes!("../fixtures/ollama/error.ndjson")),
];

const OPENAI: &[(&str, &[u8])] = &[
    ("text", include_bytes!("../fixtures/openai/text.sse")),
    ("tools", include_bytes!("../fixtures/openai/tools.sse")),
    (
        "gemini-tools",
        include_bytes!("../fixtures/openai/gemini-tools.sse"),
    ),
    (
        "llama-cpp",
        include_bytes!("../fixtures/openai/llama-cpp.sse"),
    ),
    (
        "llama-cpp-error",
        include_bytes!("../fixtures/openai/llama-cpp-error.sse"),
    ),
    (
        "llama-cpp-recorded",
        include_bytes!("../fixtures/openai/llama-cpp-recorded.sse"),
    ),
    ("vllm", include_bytes!("../fixtures/openai/vllm.sse")),
    (
        "vllm-error",
        include_bytes!("../fixtures/openai/vllm-error.sse"),
    ),
    (
        "openrouter",
        include_bytes!("../fixtures/openai/openrouter.sse"),
    ),
    (
        "openrouter-error",
        include_bytes!("../fixtures/openai/openrouter-error.sse"),
    ),
    (
        "crlf-multi-line",
        include_bytes!("../fixtures/openai/crlf-multi-line.sse"),
    ),
    (
        "think-tags",
        include_bytes!("../fixtures/openai/think-tags.sse"),
    ),
    ("mistral", include_bytes!("../fixtures/openai/mistral.sse")),
];

fn ollama() -> Box<dyn ChatDecoder> {
    Box::new(OllamaDecoder::new("m", "call_x_"))
}

fn openai() -> Box<dyn ChatDecoder> {
    Box::new(OpenAiDecoder::new("m", "call_x_"))
}

/// What a whole answer comes to: its pieces joined, and its error.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    thinking: String,
    text: String,
    calls: Vec<(usize, ToolCall)>,
    usage: Option<TokenCounts>,
    finish: Option<FinishReason>,
    error: Option<ModelError>,
}

fn decode<'a>(
    mut decoder: Box<dyn ChatDecoder>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Answer {
    let mut answer = Answer::default();
    let mut deltas = VecDeque::new();
    let mut result = Ok(());
    for piece in pieces {
        result = decoder.push(piece, &mut deltas).map(drop);
        if result.is_err() || decoder.stage() == Stage::Ended {
            break;
        }
    }
    answer.error = result.and_then(|()| decoder.end(&mut deltas)).err();
    for delta in deltas {
        assert_eq!(answer.finish, None, "nothing follows the end");
        match delta {
            ChatDelta::Text(text) => answer.text += &text,
            ChatDelta::Thinking(text) => answer.thinking += &text,
            ChatDelta::ToolCall { index, call } => answer.calls.push((index, call)),
            ChatDelta::Usage(counts) => {
                assert_eq!(answer.usage.replace(counts), None, "counted once");
            }
            ChatDelta::Finish(reason) => answer.finish = Some(reason),
        }
    }
    assert_ne!(
        answer.finish.is_some(),
        answer.error.is_some(),
        "either an end or an error: {answer:?}"
    );
    answer
}

/// Decodes a recording whole, cut in two at every byte, and byte by byte; all
/// have to come to the same.
fn recorded(name: &str) -> Answer {
    let ollama_kind = OLLAMA
        .iter()
        .find(|(other, _)| name.strip_prefix("ollama/") == Some(other));
    let openai_kind = OPENAI
        .iter()
        .find(|(other, _)| name.strip_prefix("openai/") == Some(other));
    let decoder = if ollama_kind.is_some() {
        ollama
    } else {
        openai
    };
    let (_, bytes) = ollama_kind.or(openai_kind).expect("a fixture");
    let whole = decode(decoder(), [*bytes]);
    for at in 0..=bytes.len() {
        let (start, end) = bytes.split_at(at);
        assert_eq!(decode(decoder(), [start, end]), whole, "{name} cut at {at}");
    }
    assert_eq!(
        decode(decoder(), bytes.chunks(1)),
        whole,
        "{name} byte by byte"
    );
    whole
}

fn tokens(input: u64, output: u64) -> TokenCounts {
    TokenCounts { input, output }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    }
}

#[test]
fn ollama_text() {
    assert_eq!(
        recorded("ollama/text"),
        Answer {
            text: "안녕하세요! \"반갑\\n습니다\" 😀".into(),
            usage: Some(tokens(26, 12)),
            finish: Some(FinishReason::Stop),
            ..Answer::default()
        }
    );
}

#[test]
fn ollama_thinking_and_a_cut_answer() {
    assert_eq!(
        recorded("ollama/thinking"),
        Answer {
            thinking: "The user greets.".into(),
            text: "Hello!".into(),
            usage: Some(tokens(70, 8)),
            finish: Some(FinishReason::Length),
            ..Answer::default()
        }
    );
}

#[test]
fn ollama_tools_with_and_without_ids() {
    assert_eq!(
        recorded("ollama/tools"),
        Answer {
            calls: vec![
                (
                    0,
                    call("call_zx81", "current_time", r#"{"zone":"Asia/Seoul"}"#)
                ),
                (
                    1,
                    call("call_x_1", "calculator", r#"{"expression":"3 * (4 + 5)"}"#)
                ),
            ],
            usage: Some(tokens(214, 41)),
            finish: Some(FinishReason::ToolCalls),
            ..Answer::default()
        }
    );
}

#[test]
fn ollama_error_within_the_stream_keeps_what_came_before() {
    let answer = recorded("ollama/error");
    assert_eq!(answer.text, "Once upon");
    assert!(
        matches!(answer.error, Some(ModelError::Upstream { status: None, message }) if message.contains("CUDA"))
    );
}

#[test]
fn openai_text_with_its_counts() {
    assert_eq!(
        recorded("openai/text"),
        Answer {
            text: "안녕하세요 👋".into(),
            usage: Some(tokens(19, 10)),
            finish: Some(FinishReason::Stop),
            ..Answer::default()
        }
    );
}

#[test]
fn openai_tools_in_interleaved_fragments() {
    assert_eq!(
        recorded("openai/tools"),
        Answer {
            calls: vec![
                (
                    0,
                    call(
                        "call_DdmO9pD3xa9XTPNJ32zg2hcA",
                        "current_time",
                        r#"{"zone":"서울"}"#
                    )
                ),
                (1, call("call_2", "calculator", r#"{"expression":"1+1"}"#)),
            ],
            usage: Some(tokens(97, 33)),
            finish: Some(FinishReason::ToolCalls),
            ..Answer::default()
        }
    );
}

#[test]
fn openai_tools_without_an_index() {
    let answer = recorded("openai/gemini-tools");
    assert_eq!(
        answer.calls,
        [
            (
                0,
                call("function-call-1", "current_time", r#"{"zone":"UTC"}"#)
            ),
            (
                1,
                call("function-call-2", "calculator", r#"{"expression":"2^10"}"#)
            ),
        ]
    );
    assert_eq!(answer.finish, Some(FinishReason::ToolCalls));
}

#[test]
fn llama_cpp_thinks_and_runs_into_its_limit() {
    assert_eq!(
        recorded("openai/llama-cpp"),
        Answer {
            thinking: "생각 중".into(),
            text: "답".into(),
            usage: Some(tokens(11, 4)),
            finish: Some(FinishReason::Length),
            ..Answer::default()
        }
    );
    let broken = recorded("openai/llama-cpp-error");
    assert_eq!(broken.text, "Half");
    assert!(
        matches!(broken.error, Some(ModelError::ContextTooLong { .. })),
        "{broken:?}"
    );
}

#[test]
fn llama_cpp_as_recorded() {
    let answer = recorded("openai/llama-cpp-recorded");
    assert_eq!(answer.text, "서울은<|im_");
    assert_eq!(answer.usage, Some(tokens(26, 6)));
    assert_eq!(answer.finish, Some(FinishReason::Length));
}

#[test]
fn vllm_says_each_thought_once_though_it_sends_it_twice() {
    assert_eq!(
        recorded("openai/vllm"),
        Answer {
            thinking: "Let me see.".into(),
            text: "42".into(),
            usage: Some(tokens(14, 7)),
            finish: Some(FinishReason::Stop),
            ..Answer::default()
        }
    );
    let broken = recorded("openai/vllm-error");
    assert_eq!(broken.text, "4");
    assert!(
        matches!(broken.error, Some(ModelError::Upstream { message, .. }) if message.contains("EngineCore"))
    );
}

#[test]
fn openrouter_with_comments() {
    assert_eq!(
        recorded("openai/openrouter"),
        Answer {
            thinking: "음, ".into(),
            text: "네.".into(),
            usage: Some(tokens(9, 6)),
            finish: Some(FinishReason::Stop),
            ..Answer::default()
        }
    );
    let broken = recorded("openai/openrouter-error");
    assert_eq!(broken.text, "Par");
    assert!(
        matches!(broken.error, Some(ModelError::Upstream { message, .. }) if message.contains("disconnected"))
    );
}

#[test]
fn odd_but_legal_streams() {
    assert_eq!(recorded("openai/crlf-multi-line").text, "여러 줄");
    let tagged = recorded("openai/think-tags");
    assert_eq!(
        (tagged.thinking.as_str(), tagged.text.as_str()),
        ("\n고민 끝", "<b>답</b>")
    );
    let mistral = recorded("openai/mistral");
    assert_eq!(
        (mistral.thinking.as_str(), mistral.text.as_str()),
        ("Hm", "Bonjour")
    );
}

#[test]
fn an_answer_that_stops_anywhere_is_an_error_and_never_an_end() {
    for (decoder, recordings) in [(ollama as fn() -> _, OLLAMA), (openai, OPENAI)] {
        for (name, bytes) in recordings {
            // The end of an answer is its last `done` or finish reason.
            let end = [
                "\"done\":true",
                "\"finish_reason\":\"",
                "\"error\"",
                "error:",
            ]
            .iter()
            .filter_map(|mark| {
                bytes
                    .windows(mark.len())
                    .position(|window| window == mark.as_bytes())
            })
            .min()
            .expect("an end");
            for at in 0..end {
                let answer = decode(decoder(), [&bytes[..at]]);
                assert!(
                    matches!(
                        answer.error,
                        Some(ModelError::Connection { .. } | ModelError::Protocol { .. })
                    ),
                    "{name} cut at {at}: {answer:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_answer_is_said_to_be_none() {
    for body in [
        "<!DOCTYPE html><html>\n",
        "hello\n",
        "{\"done\":",
        "[1,2]\n",
        "{\"message\":5}\n",
    ] {
        let answer = decode(ollama(), [body.as_bytes()]);
        assert!(answer.error.is_some(), "{body}");
    }
    let error = decode(
        openai(),
        [b"{\"error\":{\"message\":\"quota\",\"code\":429}}".as_slice()],
    )
    .error;
    assert_eq!(error, Some(ModelError::RateLimited { retry_after: None }));
    let error = decode(openai(), [b"<html>\n".as_slice()]).error;
    assert!(matches!(error, Some(ModelError::Protocol { .. })));
    let error = decode(openai(), [b"data: {\"choices\": 7}\n\n".as_slice()]).error;
    assert!(matches!(error, Some(ModelError::Protocol { .. })));
}

#[test]
fn a_line_that_never_ends_is_refused_before_memory_is() {
    for decoder in [ollama, openai] {
        let mut decoder = decoder();
        let mut deltas = VecDeque::new();
        let piece = vec![b'a'; 1 << 20];
        let result: Result<Vec<_>, _> = (0..6).map(|_| decoder.push(&piece, &mut deltas)).collect();
        assert!(matches!(result, Err(ModelError::Protocol { .. })));
    }
}

/// Bytes that are nearly right: a recording with some of them changed.
fn damaged() -> impl Strategy<Value = (bool, Vec<u8>)> {
    let recordings: Vec<(bool, &'static [u8])> = OLLAMA
        .iter()
        .map(|(_, bytes)| (true, *bytes))
        .chain(OPENAI.iter().map(|(_, bytes)| (false, *bytes)))
        .collect();
    (
        prop::sample::select(recordings),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    )
        .prop_map(|((kind, bytes), changes)| {
            let mut bytes = bytes.to_vec();
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            (kind, bytes)
        })
}

proptest! {
    #[test]
    fn arbitrary_bytes_end_in_an_answer_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        size in 1_usize..50,
    ) {
        for decoder in [ollama, openai] {
            prop_assert_eq!(decode(decoder(), bytes.chunks(size)), decode(decoder(), [bytes.as_slice()]));
        }
    }

    #[test]
    fn damaged_recordings_decode_alike_however_they_are_cut((kind, bytes) in damaged(), size in 1_usize..200) {
        let decoder = if kind { ollama } else { openai };
        prop_assert_eq!(decode(decoder(), bytes.chunks(size)), decode(decoder(), [bytes.as_slice()]));
    }
}
