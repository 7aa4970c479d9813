//! Against a real server of OpenAI's protocol, such as llama.cpp's.
//!
//! Built only with the feature `real-model`, and run by `make test-real-model`
//! with the server's address in `OPENMAKE_REAL_MODEL_URL`.

#![expect(clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::sync::Arc;

use futures_util::StreamExt as _;
use openmake_egress::{Egress, EgressSettings, SystemResolver};
use openmake_models::{
    BaseUrl, ChatDelta, ChatMessage, ChatOptions, ChatRequest, FinishReason, ModelError,
    NodeConfig, NodePool, PoolParts, PoolSettings, ProviderKind, ProviderLimits, ProviderParts,
    Role, pool::NodeHealth,
};
use openmake_types::{Ids as _, NodeId, RandomIds, SystemClock};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[expect(
    clippy::disallowed_methods,
    reason = "the server is given to the test, not to the program"
)]
async fn real_pool() -> (NodePool, String) {
    let url = std::env::var("OPENMAKE_REAL_MODEL_URL").expect("OPENMAKE_REAL_MODEL_URL is set");
    let base_url = BaseUrl::parse(ProviderKind::OpenAi, &url).expect("an address");
    let provider = ProviderParts {
        egress: Egress::new(EgressSettings::default(), SystemResolver).expect("a client"),
        limits: ProviderLimits::default(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
    };
    let parts = PoolParts {
        provider,
        settings: PoolSettings::default(),
        tracker: TaskTracker::new(),
        stop: CancellationToken::new(),
    };
    let id = NodeId::from_uuid(RandomIds.uuid(chrono::DateTime::UNIX_EPOCH));
    let pool = NodePool::start(parts, vec![NodeConfig::new(id, "real", base_url)]);
    pool.refresh().await;
    let node = pool.snapshot().remove(0);
    assert_eq!(node.health, NodeHealth::Healthy, "{:?}", node.last_error);
    assert!(node.version.is_some_and(|version| !version.is_empty()));
    let model = node.models.first().expect("a model").clone();
    assert!(
        model
            .details
            .context_length
            .is_some_and(|length| length > 0)
    );
    (pool, model.name)
}

fn short(model: &str, tokens: u32) -> ChatRequest {
    ChatRequest {
        options: ChatOptions {
            max_tokens: Some(tokens),
            temperature: Some(0.8),
            ..ChatOptions::default()
        },
        ..ChatRequest::new(
            model,
            vec![ChatMessage::text(Role::User, "Tell me a story.")],
        )
    }
}

#[tokio::test]
async fn a_real_answer_streams_and_is_counted() {
    let (pool, model) = real_pool().await;
    let stream = pool.chat(short(&model, 24)).await.expect("an answer");
    let deltas: Vec<ChatDelta> = stream.map(|delta| delta.expect("no error")).collect().await;
    let pieces = deltas
        .iter()
        .filter(|delta| matches!(delta, ChatDelta::Text(_) | ChatDelta::Thinking(_)))
        .count();
    assert!(pieces > 1, "it comes in pieces: {deltas:?}");
    let Some([ChatDelta::Usage(tokens), ChatDelta::Finish(reason)]) = deltas.last_chunk() else {
        unreachable!("an answer ends with its counts: {deltas:?}");
    };
    assert!(
        tokens.input > 0 && (1..=24).contains(&tokens.output),
        "{tokens:?}"
    );
    assert!(matches!(reason, FinishReason::Length | FinishReason::Stop));
}

#[tokio::test]
async fn a_real_answer_that_is_dropped_is_stopped() {
    let (pool, model) = real_pool().await;
    let mut stream = pool.chat(short(&model, 2000)).await.expect("an answer");
    assert!(stream.next().await.is_some_and(|delta| delta.is_ok()));
    drop(stream);
    assert_eq!(pool.snapshot()[0].in_flight, 0);
    // The server has one slot: it can answer again only after it has stopped.
    let stream = pool.chat(short(&model, 4)).await.expect("another answer");
    assert!(stream.all(|delta| std::future::ready(delta.is_ok())).await);
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_said_to_be() {
    let (pool, model) = real_pool().await;
    let length = pool.models()[0].details.context_length.expect("known");
    let mut request = short(&model, 4);
    let words = usize::try_from(length).expect("a size") * 2;
    request.messages[0].content = "word ".repeat(words);
    let error = match pool.chat(request).await {
        Err(error) => error,
        Ok(mut stream) => loop {
            if let Err(error) = stream.next().await.expect("an error") {
                break error;
            }
        },
    };
    assert!(
        matches!(error, ModelError::ContextTooLong { .. }),
        "{error:?}"
    );
}
