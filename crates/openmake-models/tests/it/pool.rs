//! The pool with scripted servers: who is asked, with which key, and what
//! happens when something fails.

use std::time::Duration;

use crate::support::{Reply, Scripted, limits, pool, question, stoppable_pool};
use futures_util::StreamExt as _;
use openmake_models::{
    ChatDelta, ChatStream, FinishReason, ModelError, NodePool, ProviderLimits, ThinkingLevel,
    TimeoutKind,
    pool::{NodeHealth, RestReason},
};
use openmake_types::TokenCounts;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

async fn text(mut stream: ChatStream) -> Result<String, ModelError> {
    let mut text = String::new();
    while let Some(delta) = stream.next().await {
        if let ChatDelta::Text(more) = delta? {
            text += &more;
        }
    }
    Ok(text)
}

async fn ask(pool: &NodePool, model: &str) -> Result<String, ModelError> {
    text(pool.chat(question(model)).await?).await
}

fn in_flight(pool: &NodePool) -> usize {
    pool.snapshot().iter().map(|node| node.in_flight).sum()
}

#[tokio::test]
async fn an_answer_says_who_gives_it_and_what_it_cost() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["llama3:latest"]).await;
    let node = server.node("here", &[]);
    let pool = pool(vec![node.clone()]).await;

    let stream = pool.chat(question("llama3")).await.expect("an answer");
    assert_eq!(
        (stream.node_id(), stream.node_name(), stream.model()),
        (node.id, "here", "llama3:latest")
    );
    assert_eq!(in_flight(&pool), 1);
    let deltas: Vec<_> = stream.map(|delta| delta.expect("no error")).collect().await;
    assert_eq!(
        deltas,
        [
            ChatDelta::Text("Hello".into()),
            ChatDelta::Text(" there".into()),
            ChatDelta::Usage(TokenCounts {
                input: 7,
                output: 2
            }),
            ChatDelta::Finish(FinishReason::Stop),
        ]
    );
    assert_eq!(in_flight(&pool), 0);
    assert_eq!(server.asked()[0].body["model"], "llama3:latest");
}

#[tokio::test]
async fn what_fails_before_the_first_token_is_asked_elsewhere() {
    let mut tasks = JoinSet::new();
    let (bad, good) = (
        Scripted::start(&mut tasks, &["m"]).await,
        Scripted::start(&mut tasks, &["m"]).await,
    );
    for reply in [
        Reply::Status(500, r#"{"error":"crashed"}"#),
        Reply::Cut(&[]),
        Reply::Status(404, r#"{"error":"model 'm' not found"}"#),
    ] {
        bad.has_loaded(&["m"]).then([reply.clone()]);
        let pool = pool(vec![bad.node("bad", &[]), good.node("good", &[])]).await;
        let stream = pool.chat(question("m")).await.expect("an answer");
        assert_eq!(stream.node_name(), "good", "{reply:?}");
        assert_eq!(text(stream).await.as_deref(), Ok("Hello there"));
    }
    assert_eq!((bad.asked().len(), good.asked().len()), (3, 3));
}

#[tokio::test]
async fn what_fails_after_the_first_token_is_never_asked_again() {
    let mut tasks = JoinSet::new();
    let (first, second) = (
        Scripted::start(&mut tasks, &["m"]).await,
        Scripted::start(&mut tasks, &["m"]).await,
    );
    first
        .has_loaded(&["m"])
        .always(Reply::Cut(&["Once", " upon"]));
    let pool = pool(vec![first.node("first", &[]), second.node("second", &[])]).await;

    let mut stream = pool.chat(question("m")).await.expect("an answer");
    assert_eq!(
        stream.next().await,
        Some(Ok(ChatDelta::Text("Once".into())))
    );
    assert_eq!(
        stream.next().await,
        Some(Ok(ChatDelta::Text(" upon".into())))
    );
    assert!(matches!(
        stream.next().await,
        Some(Err(ModelError::Connection { .. }))
    ));
    assert_eq!(stream.next().await, None);
    assert_eq!((first.asked().len(), second.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_server_that_does_not_begin_is_given_up() {
    let mut tasks = JoinSet::new();
    let (slow, good) = (
        Scripted::start(&mut tasks, &["m"]).await,
        Scripted::start(&mut tasks, &["m"]).await,
    );
    slow.has_loaded(&["m"]).always(Reply::Hang);
    let short = ProviderLimits {
        first_token: Duration::from_millis(80),
        ..limits()
    };
    let only = stoppable_pool(
        vec![slow.node("slow", &[])],
        short,
        CancellationToken::new(),
    )
    .await;
    let error = ask(&only, "m").await.expect_err("too slow");
    assert_eq!(
        error,
        ModelError::Timeout(TimeoutKind::FirstToken(short.first_token))
    );
    slow.wait_for_open(0).await;

    // A stream that begins with nothing is no beginning either.
    slow.always(Reply::Stall(&[""]));
    let error = ask(&only, "m").await.expect_err("too slow");
    assert_eq!(
        error,
        ModelError::Timeout(TimeoutKind::FirstToken(short.first_token))
    );
    slow.wait_for_open(0).await;
    assert!(good.asked().is_empty());
}

#[tokio::test]
async fn a_question_that_is_wrong_is_wrong_everywhere() {
    let mut tasks = JoinSet::new();
    let (first, second) = (
        Scripted::start(&mut tasks, &["m"]).await,
        Scripted::start(&mut tasks, &["m"]).await,
    );
    first.has_loaded(&["m"]);
    first.then([
        Reply::Status(
            400,
            r#"{"error":"prompt too long; exceeded max context length by 100 tokens"}"#,
        ),
        Reply::Status(400, r#"{"error":"m does not support tools"}"#),
    ]);
    let pool = pool(vec![first.node("first", &[]), second.node("second", &[])]).await;
    assert!(matches!(
        ask(&pool, "m").await,
        Err(ModelError::ContextTooLong { .. })
    ));
    assert!(matches!(
        ask(&pool, "m").await,
        Err(ModelError::Upstream {
            status: Some(400),
            ..
        })
    ));
    assert!(second.asked().is_empty());
    assert_eq!(pool.snapshot()[0].health, NodeHealth::Healthy);
}

#[tokio::test]
async fn a_refused_key_rests_and_the_others_go_on() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    let pool =
        pool(vec![server.node(
            "cloud",
            &["aaaa-aaaa-aaaa-1111", "bbbb-bbbb-bbbb-2222"],
        )])
        .await;
    server.takes_keys(&["bbbb-bbbb-bbbb-2222"]);
    for _ in 0..4 {
        assert_eq!(ask(&pool, "m").await.expect("an answer"), "Hello there");
    }
    let used: Vec<_> = server
        .asked()
        .into_iter()
        .filter_map(|seen| seen.authorization)
        .collect();
    let refused = used.iter().filter(|key| key.ends_with("1111")).count();
    assert!(refused <= 1, "asked once and never again: {used:?}");
    let keys = &pool.snapshot()[0].keys;
    assert_eq!((keys[0].last_four.as_str(), keys[0].refusals), ("1111", 1));
    let reasons = [0, 1].map(|key| keys[key].rests.map(|(_, reason)| reason));
    assert_eq!(reasons, [Some(RestReason::Refused), None]);
    let unauthorized: u64 = (pool.take_key_use().iter())
        .map(|(_, used)| used.unauthorized)
        .sum();
    // Where a check met the refusal, no question did.
    assert_eq!(usize::try_from(unauthorized), Ok(refused));

    server.takes_keys(&["none"]);
    assert!(matches!(
        ask(&pool, "m").await,
        Err(ModelError::Unauthorized { .. })
    ));
    assert_eq!(
        pool.snapshot()[0].health,
        NodeHealth::Healthy,
        "the server is not to blame"
    );
}

#[tokio::test]
async fn a_rate_limit_is_kept_without_asking() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    server.then([Reply::Limited("40"), Reply::Limited("900")]);
    let pool = pool(vec![server.node("cloud", &["key-one", "key-two"])]).await;
    let limited = |error: Result<String, ModelError>| match error {
        Err(ModelError::RateLimited {
            retry_after: Some(wait),
        }) => wait,
        other => unreachable!("{other:?}"),
    };
    let wait = limited(ask(&pool, "m").await);
    assert!(wait <= Duration::from_mins(15));
    assert_eq!(server.asked().len(), 2, "both keys were tried");
    let wait = limited(ask(&pool, "m").await);
    assert!(wait <= Duration::from_secs(40), "the sooner of both");
    assert_eq!(server.asked().len(), 2, "nobody was asked");
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_left_alone() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    server.always(Reply::Status(500, r#"{"error":"CUDA error"}"#));
    let pool = pool(vec![server.node("broken", &[])]).await;
    for _ in 0..3 {
        assert!(matches!(
            ask(&pool, "m").await,
            Err(ModelError::Upstream { .. })
        ));
    }
    assert_eq!(
        ask(&pool, "m").await,
        Err(ModelError::Unavailable { model: "m".into() })
    );
    assert_eq!(server.asked().len(), 3);
    let node = &pool.snapshot()[0];
    assert_eq!(node.health, NodeHealth::Open);
    assert!(
        node.last_error
            .as_deref()
            .is_some_and(|error| error.contains("CUDA"))
    );
    assert!(!pool.models()[0].available);
}

#[tokio::test]
async fn a_node_that_cannot_be_reached_is_asked_last_and_comes_back() {
    let mut tasks = JoinSet::new();
    let (first, second) = (
        Scripted::start(&mut tasks, &["m"]).await,
        Scripted::start(&mut tasks, &["m"]).await,
    );
    first.has_loaded(&["m"]);
    let pool = pool(vec![first.node("first", &[]), second.node("second", &[])]).await;
    first.fails(true);
    let mut changes = pool.changes();
    changes.mark_unchanged();
    pool.refresh().await;
    assert!(changes.has_changed().expect("a pool"));
    let shown = pool.snapshot();
    assert_eq!(
        (shown[0].health, shown[1].health),
        (NodeHealth::Failing, NodeHealth::Healthy)
    );
    assert!(shown[0].revision > shown[1].revision);
    assert_eq!(
        pool.chat(question("m"))
            .await
            .expect("an answer")
            .node_name(),
        "second"
    );
    first.fails(false);
    pool.refresh().await;
    assert_eq!(
        pool.chat(question("m"))
            .await
            .expect("an answer")
            .node_name(),
        "first"
    );
}

#[tokio::test]
async fn the_least_busy_node_is_asked_and_a_loaded_model_is_worth_a_wait() {
    let mut tasks = JoinSet::new();
    let (one, two) = (
        Scripted::start(&mut tasks, &["m"]).await,
        Scripted::start(&mut tasks, &["m"]).await,
    );
    for server in [&one, &two] {
        server.always(Reply::Stall(&["…"]));
    }
    one.has_loaded(&["m"]);
    let pool = pool(vec![one.node("loaded", &[]), two.node("cold", &[])]).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(pool.chat(question("m")).await.expect("an answer"));
    }
    let names: Vec<_> = held.iter().map(ChatStream::node_name).collect();
    assert_eq!(names[..2], ["loaded", "loaded"]);
    held.push(pool.chat(question("m")).await.expect("an answer"));
    assert!(held[2..].iter().any(|stream| stream.node_name() == "cold"));
}

#[tokio::test]
async fn dropping_an_answer_ends_the_request_at_once() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    server.then([Reply::Stall(&["Hel"]), Reply::Hang]);
    let pool = pool(vec![server.node("here", &[])]).await;

    let stream = pool.chat(question("m")).await.expect("an answer");
    server.wait_for_open(1).await;
    drop(stream);
    server.wait_for_open(0).await;
    assert_eq!(in_flight(&pool), 0);

    // Before the first token, too.
    {
        let asking = pool.chat(question("m"));
        tokio::select! {
            _ = asking => unreachable!("the server never answers"),
            () = server.wait_for_open(1) => {}
        }
    }
    server.wait_for_open(0).await;
    assert_eq!(in_flight(&pool), 0);
}

#[tokio::test]
async fn stopping_the_pool_ends_what_runs() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    server.always(Reply::Stall(&["Hel"]));
    let stop = CancellationToken::new();
    let pool = stoppable_pool(vec![server.node("here", &[])], limits(), stop.clone()).await;
    let mut stream = pool.chat(question("m")).await.expect("an answer");
    assert_eq!(stream.next().await, Some(Ok(ChatDelta::Text("Hel".into()))));
    stop.cancel();
    assert_eq!(stream.next().await, Some(Err(ModelError::Cancelled)));
    assert_eq!(stream.next().await, None);
    assert!(matches!(
        pool.chat(question("m")).await,
        Err(ModelError::Cancelled)
    ));
    drop(stream);
    server.wait_for_open(0).await;
}

#[tokio::test]
async fn a_draining_node_finishes_what_runs_and_takes_nothing_new() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    let node = server.node("here", &[]);
    let pool = pool(vec![node.clone()]).await;
    let running = pool.chat(question("m")).await.expect("an answer");

    let draining = openmake_models::NodeConfig {
        draining: true,
        ..node.clone()
    };
    pool.apply(vec![draining]);
    assert_eq!(ask(&pool, "m").await, Err(ModelError::NoModelServer));
    assert_eq!(
        in_flight(&pool),
        1,
        "the same server, though its settings changed"
    );
    assert!(pool.models().is_empty());

    pool.apply(vec![node.clone()]);
    assert_eq!(ask(&pool, "m").await.as_deref(), Ok("Hello there"));
    pool.apply(Vec::new());
    assert_eq!(
        text(running).await.as_deref(),
        Ok("Hello there"),
        "it outlives its node"
    );
    assert_eq!(ask(&pool, "m").await, Err(ModelError::NoModelServer));
}

#[tokio::test]
async fn a_key_goes_to_its_own_host_only() {
    let mut tasks = JoinSet::new();
    let (own, other) = (
        Scripted::start(&mut tasks, &["m"]).await,
        Scripted::start(&mut tasks, &["m"]).await,
    );
    own.has_loaded(&["m"]);
    let pool = pool(vec![
        own.node("own", &["own-key"]),
        other.node("other", &["other-key"]),
    ])
    .await;
    own.then([
        Reply::Redirect(format!("{}/api/chat", other.url())),
        Reply::Redirect(format!("http://user@{}/api/chat", other.address)),
        Reply::Status(500, "{}"),
    ]);
    for _ in 0..3 {
        let stream = pool.chat(question("m")).await.expect("an answer");
        assert_eq!(stream.node_name(), "other");
        assert_eq!(text(stream).await.as_deref(), Ok("Hello there"));
    }
    assert!(own.keys_seen().iter().all(|key| key == "Bearer own-key"));
    assert!(!other.keys_seen().is_empty());
    assert!(
        other
            .keys_seen()
            .iter()
            .all(|key| key == "Bearer other-key"),
        "{:?}",
        other.keys_seen()
    );
}

#[tokio::test]
async fn a_redirect_within_the_server_is_followed_with_the_key() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    server.then([Reply::Redirect("/api/chat".into())]);
    let pool = pool(vec![server.node("here", &["key-key"])]).await;
    assert_eq!(ask(&pool, "m").await.as_deref(), Ok("Hello there"));
    assert_eq!(server.asked().len(), 2);
    assert!(
        server
            .asked()
            .iter()
            .all(|seen| seen.authorization.as_deref() == Some("Bearer key-key"))
    );
}

#[tokio::test]
async fn models_that_nobody_has() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["llama3:8b"]).await;
    let pool = pool(vec![server.node("here", &[])]).await;
    for name in ["llama3", "llama3:8", "lama3:8b", ""] {
        assert_eq!(
            ask(&pool, name).await,
            Err(ModelError::ModelNotFound { model: name.into() }),
            "{name}"
        );
    }
    assert!(server.asked().is_empty());
    server.add_model("llama3");
    pool.refresh().await;
    assert_eq!(ask(&pool, "llama3").await.as_deref(), Ok("Hello there"));
}

#[tokio::test]
async fn a_pool_that_has_just_started_waits_for_its_first_check() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    let pool = pool(Vec::new()).await;
    pool.apply(vec![server.node("here", &[])]);
    assert_eq!(ask(&pool, "m").await.as_deref(), Ok("Hello there"));
}

#[tokio::test]
async fn models_that_do_not_think_are_not_told_to() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    let pool = pool(vec![server.node("here", &[])]).await;
    let request = openmake_models::ChatRequest {
        thinking: Some(ThinkingLevel::High),
        ..question("m")
    };
    text(pool.chat(request).await.expect("an answer"))
        .await
        .expect("the end");
    assert_eq!(server.asked()[0].body.get("think"), None);
}

#[tokio::test]
async fn nothing_shows_a_key() {
    let mut tasks = JoinSet::new();
    let server = Scripted::start(&mut tasks, &["m"]).await;
    let node = server.node("here", &["very-secret-key-1234"]);
    let pool = pool(vec![node.clone()]).await;
    let shown = format!("{node:?} {pool:?} {:?}", pool.snapshot());
    assert!(!shown.contains("very-secret"), "{shown}");
}
