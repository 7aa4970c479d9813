//! Vectors, trying nodes, finding servers, and the watchdog.

use std::time::Duration;

use crate::support::{Reply, Scripted, limits, node_id, pool, provider_parts};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use openmake_models::{
    BaseUrl, Candidate, ChatDelta, EmbedRequest, FinishReason, ModelError, NodeConfig,
    ProviderKind, ProviderLimits, TimeoutKind, discover, provider::decode_stream,
    wire::openai::OpenAiDecoder,
};
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

fn texts(count: usize) -> EmbedRequest {
    EmbedRequest {
        model: "e".into(),
        inputs: vec!["text".into(); count],
        dimensions: None,
    }
}

#[tokio::test]
async fn vectors_come_one_for_each_text_or_not_at_all() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["e:latest"]).await;
    let pool = pool(vec![server.node("here", &[])]).await;
    assert!(
        pool.embed(texts(0))
            .await
            .expect("nothing")
            .vectors
            .is_empty()
    );

    server.always(Reply::Json(
        json!({ "embeddings": [[0.5, 1.0], [1.0, 0.0]], "prompt_eval_count": 4 }),
    ));
    let answer = pool.embed(texts(2)).await.expect("vectors");
    assert_eq!((answer.vectors.len(), answer.tokens.input), (2, 4));
    assert!(matches!(
        pool.embed(texts(3)).await,
        Err(ModelError::Protocol { .. })
    ));
    server.always(Reply::Json(json!({ "embeddings": [[0.5, 1.0], [1.0]] })));
    assert!(matches!(
        pool.embed(texts(2)).await,
        Err(ModelError::Protocol { .. })
    ));
}

#[tokio::test]
async fn a_node_is_tried_before_it_is_added() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    let pool = pool(Vec::new()).await;
    let probe = pool
        .probe(&server.node("new", &[]))
        .await
        .expect("a server");
    assert_eq!(probe.version.as_deref(), Some("0.15.1"));
    assert_eq!(probe.models[0].name, "m");

    server.takes_keys(&["good-key"]);
    assert!(pool.probe(&server.node("new", &["good-key"])).await.is_ok());
    let error = pool
        .probe(&server.node("new", &["good-key", "bad-key"]))
        .await
        .expect_err("refused");
    assert!(
        matches!(&error, ModelError::Unauthorized { message } if message.starts_with("key 2")),
        "{error}"
    );

    server.takes_keys(&[]);
    let wrong = BaseUrl::parse(ProviderKind::OpenAi, &server.url()).expect("an address");
    let error = pool
        .probe(&NodeConfig::new(node_id(), "wrong kind", wrong))
        .await
        .expect_err("wrong");
    assert!(error.to_string().contains("protocol of Ollama"), "{error}");
    assert!(pool.snapshot().is_empty(), "nothing was added");
}

#[tokio::test]
async fn servers_on_this_machine_are_found_and_others_are_not_taken_for_them() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    let url = server.url();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let candidates = [
        Candidate {
            name: "Ollama",
            kind: ProviderKind::Ollama,
            base_url: &url,
        },
        Candidate {
            name: "vLLM",
            kind: ProviderKind::OpenAi,
            base_url: &url,
        },
        Candidate {
            name: "Jan",
            kind: ProviderKind::OpenAi,
            base_url: &closed,
        },
    ];
    let found = discover(&provider_parts(limits()), &candidates).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].name.as_str(), found[0].models.as_slice()),
        ("Ollama", ["m".to_owned()].as_slice())
    );
    assert_eq!(found[0].version.as_deref(), Some("0.15.1"));
}

fn event(delta: &str) -> Bytes {
    format!("data: {{\"choices\":[{{\"delta\":{delta},\"finish_reason\":null}}]}}\n\n").into()
}

/// Decodes pieces that come after these many seconds each.
async fn timed(
    pieces: Vec<(u64, Bytes)>,
    limits: ProviderLimits,
) -> Vec<Result<ChatDelta, ModelError>> {
    let body = stream::iter(pieces)
        .then(async |(seconds, piece)| {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(piece)
        })
        .chain(stream::pending());
    let decoder = Box::new(OpenAiDecoder::new("m", "call_"));
    decode_stream(body, decoder, limits, Instant::now() + limits.first_token)
        .collect()
        .await
}

#[tokio::test(start_paused = true)]
async fn comments_and_empty_deltas_do_not_feed_the_watchdog() {
    let limits = ProviderLimits::default();
    let keep_alive: Vec<(u64, Bytes)> = (0..100)
        .map(|turn| {
            (
                5,
                if turn % 2 == 0 {
                    Bytes::from_static(b": ping\n\n")
                } else {
                    event("{}")
                },
            )
        })
        .collect();
    let first_token = Err(ModelError::Timeout(TimeoutKind::FirstToken(
        limits.first_token,
    )));
    assert_eq!(timed(keep_alive.clone(), limits).await, [first_token]);

    let mut begun = vec![
        (100, event(r#"{"content":"a"}"#)),
        (59, event(r#"{"reasoning":"b"}"#)),
    ];
    begun.extend(keep_alive);
    assert_eq!(
        timed(begun, limits).await,
        [
            Ok(ChatDelta::Text("a".into())),
            Ok(ChatDelta::Thinking("b".into())),
            Err(ModelError::Timeout(TimeoutKind::Idle(limits.idle))),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn fragments_of_a_tool_call_feed_the_watchdog() {
    let mut pieces: Vec<(u64, Bytes)> = (0..10)
        .map(|_| (50, event(r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"t","arguments":"1"}}]}"#)))
        .collect();
    pieces.push((50, Bytes::from_static(b"data: [DONE]\n\n")));
    let deltas = timed(pieces, ProviderLimits::default()).await;
    assert!(
        matches!(&deltas[0], Ok(ChatDelta::ToolCall { call, .. }) if call.arguments == "1111111111")
    );
    assert_eq!(deltas[1], Ok(ChatDelta::Finish(FinishReason::ToolCalls)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_complete_needs_no_counts_to_end() {
    let end = Bytes::from_static(
        b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
    );
    let deltas = timed(vec![(1, end)], ProviderLimits::default()).await;
    assert_eq!(
        deltas,
        [
            Ok(ChatDelta::Text("a".into())),
            Ok(ChatDelta::Finish(FinishReason::Stop))
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_end_is_cut_by_its_size() {
    let limits = ProviderLimits {
        max_stream_bytes: 1000,
        ..ProviderLimits::default()
    };
    let deltas = timed(vec![(0, event(r#"{"content":"a"}"#)); 100], limits).await;
    assert!(deltas.len() < 30);
    assert!(matches!(
        deltas.last(),
        Some(Err(ModelError::Protocol { .. }))
    ));
}
