//! What is sent, and what lists say.

use std::time::Duration;

use bytes::Bytes;
use openmake_models::{
    AnswerFormat, ChatMessage, ChatOptions, ChatRequest, EmbedRequest, Image, KeepAlive, Role,
    Strictness, ThinkingLevel, ToolChoice, ToolSpec,
    wire::{
        ollama,
        openai::{self, Dialect},
    },
};
use openmake_types::{TokenCounts, ToolCall};
use serde_json::{Value, json};

fn full_request() -> ChatRequest {
    let call = ToolCall {
        id: "c1".into(),
        name: "calculator".into(),
        arguments: r#"{"expression":"1+1"}"#.into(),
    };
    let mut question = ChatMessage::text(Role::User, "무엇이 보여?");
    question.images.push(Image {
        media_type: "image/png".into(),
        bytes: Bytes::from_static(b"\x89PNG"),
    });
    let mut asking = ChatMessage::text(Role::Assistant, "");
    asking.tool_calls.push(call.clone());
    asking.thinking = Some("I should compute.".into());
    ChatRequest {
        tools: vec![
            ToolSpec {
                name: "calculator".into(),
                description: "Computes.".into(),
                parameters: json!({"type": "object"}),
                strictness: Strictness::Usual,
            },
            ToolSpec {
                name: "current_time".into(),
                description: "Tells.".into(),
                parameters: json!({"type": "object"}),
                strictness: Strictness::Usual,
            },
        ],
        thinking: Some(ThinkingLevel::High),
        options: ChatOptions {
            temperature: Some(0.5),
            top_p: Some(0.9),
            max_tokens: Some(100),
            context_length: Some(8192),
            stop: vec!["END".into()],
            seed: Some(7),
            top_k: Some(40),
            min_p: Some(0.05),
            repeat_penalty: Some(1.1),
            presence_penalty: Some(0.2),
            frequency_penalty: Some(0.3),
        },
        format: AnswerFormat::Schema(json!({"type": "object"})),
        keep_alive: Some(KeepAlive::For(Duration::from_mins(5))),
        ..ChatRequest::new(
            "qwen3:8b",
            vec![
                ChatMessage::text(Role::System, "Be brief."),
                question,
                asking,
                ChatMessage::tool_result(&call, "2"),
            ],
        )
    }
}

fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("JSON")
}

fn tool(name: &str, description: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": {"type": "object"}}})
}

#[test]
fn ollama_gets_every_field() {
    let body = parsed(&ollama::chat_body(&full_request()));
    assert_eq!(
        body,
        json!({
            "model": "qwen3:8b",
            "stream": true,
            "think": true,
            "keep_alive": "300s",
            "format": {"type": "object"},
            "options": {
                "temperature": 0.5, "top_p": 0.9, "num_predict": 100, "num_ctx": 8192, "stop": ["END"], "seed": 7,
                "top_k": 40, "min_p": 0.05, "repeat_penalty": 1.1,
                "presence_penalty": 0.2, "frequency_penalty": 0.3,
            },
            "tools": [tool("calculator", "Computes."), tool("current_time", "Tells.")],
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "무엇이 보여?", "images": ["iVBORw=="]},
                {
                    "role": "assistant", "content": "", "thinking": "I should compute.",
                    "tool_calls": [{"id": "c1", "function": {"name": "calculator", "arguments": {"expression": "1+1"}}}],
                },
                {"role": "tool", "content": "2", "tool_name": "calculator", "tool_call_id": "c1"},
            ],
        })
    );
}

#[test]
fn ollama_gets_nothing_that_was_not_set() {
    let request = ChatRequest::new("m", vec![ChatMessage::text(Role::User, "hi")]);
    assert_eq!(
        parsed(&ollama::chat_body(&request)),
        json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]})
    );
}

#[test]
fn ollama_thinks_by_level_only_where_the_model_knows_levels() {
    for (model, level, expected) in [
        ("qwen3:8b", ThinkingLevel::Off, json!(false)),
        ("qwen3:8b", ThinkingLevel::Low, json!(true)),
        ("gpt-oss:20b", ThinkingLevel::High, json!("high")),
        ("gpt-oss:120b-cloud", ThinkingLevel::Off, json!("low")),
    ] {
        let request = ChatRequest {
            thinking: Some(level),
            ..ChatRequest::new(model, Vec::new())
        };
        assert_eq!(
            parsed(&ollama::chat_body(&request))["think"],
            expected,
            "{model} {level:?}"
        );
    }
}

#[test]
fn ollama_is_offered_only_the_tools_that_may_be_used() {
    for (choice, expected) in [
        (ToolChoice::None, Value::Null),
        (
            ToolChoice::Named("current_time".into()),
            json!([tool("current_time", "Tells.")]),
        ),
    ] {
        let request = ChatRequest {
            tool_choice: choice,
            ..full_request()
        };
        assert_eq!(parsed(&ollama::chat_body(&request))["tools"], expected);
    }
}

#[test]
fn what_a_server_cannot_be_told_is_known_before_it_is_asked() {
    let told = |host, request: &ChatRequest| openai::unsupported(request, Dialect::of_host(host));
    let request = full_request();
    assert_eq!(told("localhost", &request), None);
    assert_eq!(told("openrouter.ai", &request), None);
    assert_eq!(told("api.openai.com", &request), Some("top_k"));
    let plain = ChatRequest::new("m", Vec::new());
    assert_eq!(told("api.openai.com", &plain), None);
}

#[test]
fn ollama_gets_arguments_that_are_no_object_as_text() {
    let mut message = ChatMessage::text(Role::Assistant, "");
    message.tool_calls.push(ToolCall {
        id: "c".into(),
        name: "t".into(),
        arguments: "not json".into(),
    });
    let body = parsed(&ollama::chat_body(&ChatRequest::new("m", vec![message])));
    assert_eq!(
        body["messages"][0]["tool_calls"][0]["function"]["arguments"],
        json!({"arguments": "not json"})
    );
}

#[test]
fn openai_gets_every_field() {
    let body = parsed(&openai::chat_body(&full_request(), Dialect::STRICT));
    assert_eq!(
        body,
        json!({
            "model": "qwen3:8b",
            "stream": true,
            "stream_options": {"include_usage": true},
            "temperature": 0.5, "top_p": 0.9, "max_tokens": 100, "stop": ["END"], "seed": 7,
            "top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1, "repeat_penalty": 1.1,
            "presence_penalty": 0.2, "frequency_penalty": 0.3,
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
            "tools": [tool("calculator", "Computes."), tool("current_time", "Tells.")],
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "무엇이 보여?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
                ]},
                {
                    "role": "assistant", "content": null,
                    "tool_calls": [{
                        "id": "c1", "type": "function",
                        "function": {"name": "calculator", "arguments": "{\"expression\":\"1+1\"}"},
                    }],
                },
                {"role": "tool", "content": "2", "tool_call_id": "c1"},
            ],
        })
    );
}

#[test]
fn each_kind_of_server_is_told_to_think_in_its_own_way() {
    let body = |host: &str, model: &str, level| {
        let request = ChatRequest {
            thinking: Some(level),
            options: ChatOptions {
                temperature: Some(1.0),
                max_tokens: Some(9),
                ..ChatOptions::default()
            },
            ..ChatRequest::new(model, Vec::new())
        };
        parsed(&openai::chat_body(&request, Dialect::of_host(host)))
    };
    let own = body("localhost", "qwen3-8b", ThinkingLevel::Off);
    assert_eq!(own["chat_template_kwargs"]["enable_thinking"], json!(false));
    assert_eq!(own["reasoning_effort"], Value::Null);
    assert_eq!(
        body("10.0.0.5", "gpt-oss-20b", ThinkingLevel::High)["reasoning_effort"],
        json!("high")
    );

    let openai = body("api.openai.com", "gpt-5-mini", ThinkingLevel::Medium);
    assert_eq!(
        (
            &openai["reasoning_effort"],
            &openai["max_completion_tokens"]
        ),
        (&json!("medium"), &json!(9))
    );
    assert_eq!(
        (&openai["max_tokens"], &openai["temperature"]),
        (&Value::Null, &Value::Null)
    );
    let older = body("api.openai.com", "gpt-4.1", ThinkingLevel::Medium);
    assert_eq!(
        (&older["reasoning_effort"], &older["temperature"]),
        (&Value::Null, &json!(1.0))
    );

    assert_eq!(
        body("openrouter.ai", "x/y", ThinkingLevel::Off)["reasoning"],
        json!({"enabled": false})
    );
    assert_eq!(
        body("openrouter.ai", "x/y", ThinkingLevel::Low)["reasoning"],
        json!({"effort": "low"})
    );
    let mistral = body("api.mistral.ai", "mistral-large", ThinkingLevel::High);
    assert_eq!(
        (&mistral["stream_options"], &mistral["reasoning_effort"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn embeddings() {
    let request = EmbedRequest {
        model: "e".into(),
        inputs: vec!["a".into(), "b".into()],
        dimensions: Some(2),
    };
    assert_eq!(
        parsed(&ollama::embed_body(&request)),
        json!({"model": "e", "input": ["a", "b"], "truncate": false, "dimensions": 2})
    );
    assert_eq!(
        parsed(&openai::embed_body(&request)),
        json!({"model": "e", "input": ["a", "b"], "encoding_format": "float", "dimensions": 2})
    );
    let answer = br#"{"model":"e","embeddings":[[0.5,1],[0,-0.25]],"total_duration":1,"prompt_eval_count":4}"#;
    let ollama = ollama::parse_embeddings(answer).expect("vectors");
    let answer = br#"{"object":"list","data":[{"index":1,"embedding":[0,-0.25]},{"index":0,"embedding":[0.5,1]}],"usage":{"prompt_tokens":4,"total_tokens":4}}"#;
    let openai = openai::parse_embeddings(answer).expect("vectors");
    assert_eq!(ollama, openai);
    assert_eq!(ollama.vectors, [[0.5, 1.0], [0.0, -0.25]]);
    assert_eq!(
        ollama.tokens,
        TokenCounts {
            input: 4,
            output: 0
        }
    );
    assert!(openai::parse_embeddings(br#"{"data":[{"index":0,"embedding":[null]}]}"#).is_err());
}

#[test]
fn ollama_lists() {
    let models =
        ollama::parse_list(include_bytes!("../fixtures/ollama/tags.json")).expect("a list");
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(
        names,
        ["qwen3:8b", "embeddinggemma:latest", "gpt-oss:120b-cloud"]
    );
    assert_eq!(models[0].details.parameters, Some(8_200_000_000));
    assert_eq!(models[0].details.quantization.as_deref(), Some("Q4_K_M"));
    assert!(models[1].details.capabilities.embedding && !models[1].details.capabilities.chat);

    let details = ollama::parse_details("qwen3:8b", include_bytes!("../fixtures/ollama/show.json"))
        .expect("details");
    assert_eq!(details.context_length, Some(40960));
    assert_eq!(details.parameters, Some(8_190_735_360));
    assert_eq!(details.capabilities.names(), ["tools", "thinking"]);

    let loaded =
        ollama::parse_loaded(include_bytes!("../fixtures/ollama/ps.json")).expect("a list");
    assert_eq!(
        (loaded[0].name.as_str(), loaded[0].context_length),
        ("qwen3:8b", Some(8192))
    );
    assert_eq!(ollama::parse_loaded(br#"{"models":null}"#), Ok(Vec::new()));
    assert!(
        ollama::parse_list(br#"{"data":[]}"#).is_err(),
        "another protocol's list"
    );
}

#[test]
fn openai_lists() {
    let llama = openai::parse_list(include_bytes!("../fixtures/openai/models-llama-cpp.json"))
        .expect("a list");
    assert_eq!(
        (llama[0].details.context_length, llama[0].details.parameters),
        (Some(2048), Some(268_098_176))
    );
    assert_eq!(
        llama[0].details.quantization.as_deref(),
        Some("Q4_K - Medium")
    );
    let props =
        openai::parse_llama_props(include_bytes!("../fixtures/openai/props-llama-cpp.json"))
            .expect("props");
    assert_eq!(
        (props.context_length, props.vision, props.version.as_deref()),
        (Some(2048), Some(false), Some("b7801-5f2e"))
    );
    assert_eq!(props.tools, Some(true));

    let vllm =
        openai::parse_list(include_bytes!("../fixtures/openai/models-vllm.json")).expect("a list");
    assert_eq!(
        (vllm[0].name.as_str(), vllm[0].details.context_length),
        ("Qwen/Qwen3-8B", Some(40960))
    );

    let router = openai::parse_list(include_bytes!("../fixtures/openai/models-openrouter.json"))
        .expect("a list");
    assert_eq!(
        router[0].details.capabilities.names(),
        ["tools", "vision", "thinking"]
    );
    assert_eq!(router[0].details.context_length, Some(1_048_576));
    assert!(router[1].details.capabilities.names().is_empty());
    assert!(
        openai::parse_list(br#"{"models":[]}"#).is_err(),
        "another protocol's list"
    );
}
