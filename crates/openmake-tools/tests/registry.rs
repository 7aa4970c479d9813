//! How calls are run: what is checked, what is stopped, what is cut.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, outside of the functions that clippy knows as tests"
)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use openmake_tools::{
    Locale, MAX_ARGUMENT_BYTES, Progress, Registry, RegistryError, Tool, ToolContext, ToolError,
    ToolLimits, ToolOutput, ToolSpec, builtin,
};
use openmake_types::{ErrorKind, SystemClock, ToolCall};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Does what it is told to: `{"do": "say" | "sleep" | "panic" | "panic_at_once" | "fail"}`.
struct Puppet {
    spec: ToolSpec,
    running: AtomicUsize,
    most: Arc<AtomicUsize>,
}

impl Puppet {
    fn named(name: &str) -> Self {
        let parameters = json!({ "type": "object", "properties": {} });
        let spec = ToolSpec {
            name: name.to_owned(),
            description: String::new(),
            parameters,
        };
        Self {
            spec,
            running: AtomicUsize::new(0),
            most: Arc::default(),
        }
    }
}

impl Tool for Puppet {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn limits(&self) -> ToolLimits {
        ToolLimits {
            timeout: Duration::from_secs(5),
            max_output_bytes: 10,
        }
    }

    fn call<'a>(
        &'a self,
        _context: &'a ToolContext,
        arguments: Value,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        let order = arguments["do"].as_str().unwrap_or_default().to_owned();
        assert_ne!(order, "panic_at_once");
        async move {
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(running, Ordering::SeqCst);
            let seconds = arguments["seconds"].as_u64().unwrap_or_default();
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            match order.as_str() {
                "panic" => panic!("as told"),
                "fail" => Err(ToolError::Failed("the printer is on fire".to_owned())),
                _ => Ok(ToolOutput::text(
                    arguments["text"].as_str().unwrap_or("done"),
                )),
            }
        }
        .boxed()
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry
        .register(Arc::new(Puppet::named("puppet")))
        .expect("a fresh registry");
    registry
}

fn context() -> ToolContext {
    ToolContext {
        clock: Arc::new(SystemClock),
        time_zone: None,
        locale: Locale::English,
        cancel: CancellationToken::new(),
    }
}

fn call(arguments: impl Into<String>) -> ToolCall {
    ToolCall {
        id: "call-7".to_owned(),
        name: "puppet".to_owned(),
        arguments: arguments.into(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_carries_the_calls_id() {
    let done = registry()
        .execute(&context(), &call(r#"{"text": "hello"}"#))
        .await;
    assert_eq!(done.result.call_id, "call-7");
    assert_eq!(done.result.content, "hello");
    assert!(!done.result.is_error);
    assert_eq!((done.error, done.cut_from), (None, None));
}

#[tokio::test(start_paused = true)]
async fn what_small_models_write_is_understood() {
    for arguments in ["", "  ", "null", "{}", r#""{\"text\": \"done\"}""#] {
        let done = registry().execute(&context(), &call(arguments)).await;
        assert_eq!(done.result.content, "done", "{arguments:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn errors_tell_the_model_what_to_do() {
    let cases = [
        (call("{"), ErrorKind::InvalidInput, "not JSON"),
        (
            call("[1]"),
            ErrorKind::InvalidInput,
            "expected a JSON object, found an array",
        ),
        (call("3"), ErrorKind::InvalidInput, "found a number"),
        (call("true"), ErrorKind::InvalidInput, "found a boolean"),
        (call("\"x\""), ErrorKind::InvalidInput, "found a string"),
        (
            call(" ".repeat(MAX_ARGUMENT_BYTES + 1)),
            ErrorKind::InvalidInput,
            "262145 bytes",
        ),
        (
            call(r#"{"do": "fail"}"#),
            ErrorKind::UpstreamFailed,
            "the printer is on fire",
        ),
        (
            call(r#"{"do": "panic"}"#),
            ErrorKind::Internal,
            "failed unexpectedly",
        ),
        (
            call(r#"{"do": "panic_at_once"}"#),
            ErrorKind::Internal,
            "failed unexpectedly",
        ),
        (call(r#"{"seconds": 6}"#), ErrorKind::Timeout, "within 5 s"),
        (
            ToolCall {
                name: "pupet".to_owned(),
                ..call("{}")
            },
            ErrorKind::NotFound,
            "the tools are: puppet",
        ),
    ];
    for (call, kind, part) in cases {
        let failed = registry().execute(&context(), &call).await;
        assert!(failed.result.is_error);
        assert!(
            failed.result.content.contains(part),
            "{}",
            failed.result.content
        );
        assert_eq!(failed.error.map(|error| error.kind()), Some(kind), "{part}");
    }
}

#[tokio::test(start_paused = true)]
async fn long_output_is_cut_between_characters() {
    let long = json!({ "text": "가나다라마" }).to_string();
    let done = registry().execute(&context(), &call(long)).await;
    assert_eq!(done.result.content, "가나다\n[output cut: 9 of 15 bytes]");
    assert_eq!(done.cut_from, Some(15));
}

#[tokio::test(start_paused = true)]
async fn cancelling_the_turn_stops_the_call() {
    let context = context();
    let registry = registry();
    let call = call(r#"{"seconds": 4}"#);
    let run = registry.execute(&context, &call);
    let cancel = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        context.cancel.cancel();
    };
    let (done, ()) = tokio::join!(run, cancel);
    assert_eq!(done.error, Some(ToolError::Cancelled));
    assert_eq!(done.elapsed.as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_run_at_once_up_to_a_limit() {
    let puppet = Puppet::named("puppet");
    let most = Arc::clone(&puppet.most);
    let mut registry = Registry::new();
    registry
        .register(Arc::new(puppet))
        .expect("a fresh registry");
    let calls: Vec<_> = [3, 1, 1, 2]
        .iter()
        .map(|s| call(json!({ "seconds": s }).to_string()))
        .collect();
    let context = context();
    let two = NonZeroUsize::new(2).expect("two");
    let events: Vec<_> = registry.execute_all(&context, &calls, two).collect().await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
    let order: Vec<(char, usize)> = events
        .iter()
        .map(|event| match event {
            Progress::Started(place) => ('s', *place),
            Progress::Finished(place, _) => ('f', *place),
        })
        .collect();
    assert_eq!(
        order,
        [
            ('s', 0),
            ('s', 1),
            ('f', 1),
            ('s', 2),
            ('f', 2),
            ('s', 3),
            ('f', 0),
            ('f', 3)
        ],
    );
}

#[test]
fn only_sound_tools_are_registered() {
    let mut registry = registry();
    assert_eq!(
        registry.register(Arc::new(Puppet::named("puppet"))),
        Err(RegistryError::Duplicate("puppet".to_owned())),
    );
    for name in ["", "has space", "도구", &"x".repeat(65)] {
        assert_eq!(
            registry.register(Arc::new(Puppet::named(name))),
            Err(RegistryError::InvalidName(name.to_owned())),
        );
    }
    let mut odd = Puppet::named("odd");
    odd.spec.parameters = json!({ "type": "string" });
    assert_eq!(
        registry.register(Arc::new(odd)),
        Err(RegistryError::InvalidParameters("odd".to_owned())),
    );
}

#[test]
fn the_builtin_tools_describe_themselves() {
    let registry = builtin().expect("the built-in tools");
    let names: Vec<_> = registry.specs().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["calculator", "current_time"]);
    let time = registry.lookup("current_time").expect("registered").spec();
    assert_eq!(
        time.parameters,
        json!({
            "type": "object",
            "properties": {
                "time_zone": {
                    "type": "string",
                    "description": "An IANA time zone such as `Asia/Seoul`, or an offset such as \
                                    `+09:00`.\nLeave it out for the user's own zone.",
                },
            },
            "additionalProperties": false,
        }),
    );
    let calculator = registry.lookup("calculator").expect("registered").spec();
    assert_eq!(calculator.parameters["required"], json!(["expression"]));
}

proptest! {
    #[test]
    fn any_argument_text_gets_an_answer(arguments in ".{0,300}", name in ".{0,20}") {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let registry = builtin().expect("the built-in tools");
        for name in [name.as_str(), "calculator", "current_time"] {
            let call = ToolCall { name: name.to_owned(), ..call(arguments.clone()) };
            let done = runtime.block_on(registry.execute(&context(), &call));
            prop_assert_ne!(done.error, Some(ToolError::Panicked));
            prop_assert!(!done.result.content.is_empty());
        }
    }
}
