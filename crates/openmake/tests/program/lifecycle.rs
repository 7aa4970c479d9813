//! Starts that must not be, stops in order, and what an operator asks of a
//! running program.

use std::{fs, net::TcpListener};

use reqwest::{Method, StatusCode};
use serde_json::json;
use testkit::{
    model::{Gate, ModelServer, Script, Step},
    program::{is_alive, wait_until_gone},
};

use crate::support::{
    PASSWORD, Person, Socket, World, anonymous, assert_whole, count_to, eventually, instance,
    instance_with, text_of,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_the_turns_that_run() {
    let mut world = World::whole().await;
    let gate = Gate::closed();
    world.model.push(Script::gated(&count_to(30), &gate));
    let (conversation, begun) = world.person.ask_anew("Count.").await;
    let mut watch = world.person.watch(&begun, 0).await;
    let mut socket = Socket::open(&world.person).await;
    socket.subscribe(&begun.turn, 0).await;
    gate.open(5);
    let mut events = watch.until("text.delta").await;
    let processes = world.program.descendants();
    assert!(
        processes.len() >= 2,
        "a supervisor and a database: {processes:?}"
    );

    let other = world.person.conversation().await;
    world.program.terminate();
    eventually("new questions are refused", || async {
        let answer = world.person.try_ask(&other, "One more?").await;
        answer.status == StatusCode::SERVICE_UNAVAILABLE
            && answer.code() == "shutting_down"
            && answer.headers.contains_key("retry-after")
    })
    .await;
    let visitor = anonymous(world.program.base_url());
    assert_eq!(visitor.ready().await, StatusCode::SERVICE_UNAVAILABLE);
    gate.open_wide();
    events.extend(watch.rest().await);
    assert_whole(&events);
    assert_eq!(text_of(&events), count_to(30));
    assert_eq!(events.last().expect("an end").name, "turn.completed");
    assert_eq!(socket.events(&begun.turn).await, events);
    // The close code says that it comes back.
    let close = loop {
        if let Err(close) = socket.next().await {
            break close.expect("a close frame");
        }
    };
    assert_eq!(u16::from(close.code), 1012);

    let ended = world.program.ended().await;
    assert_eq!(ended.code(), Some(0), "{}", world.program.log());
    for process in processes {
        assert!(!is_alive(process), "{process} is left over");
    }
    world.start_again().await;
    let message = world.person.message(&conversation, &begun.answer).await;
    assert_eq!(message["status"], "complete");
    assert_eq!(message["content"], count_to(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_interrupts_what_does_not_end_in_time() {
    let model = ModelServer::start().await;
    let instance = instance_with(&model)
        .whole()
        .with_env("OPENMAKE_DRAIN_SECONDS", "1");
    let mut world = World::on(model, instance).await;
    world
        .model
        .push(Script::new([Step::Text("So far".to_owned()), Step::Hang]));
    let (conversation, begun) = world.person.ask_anew("Go on.").await;
    let mut watch = world.person.watch(&begun, 0).await;
    let mut events = watch.until("text.delta").await;
    world.program.terminate();
    events.extend(watch.rest().await);
    assert_whole(&events);
    let end = events.last().expect("an end");
    assert_eq!(end.name, "turn.interrupted");
    assert_eq!(end.data["reason"], "shutdown");
    let ended = world.program.ended().await;
    assert_eq!(ended.code(), Some(0), "{}", world.program.log());
    world.model.wait_until_idle().await;

    world.start_again().await;
    assert_eq!(world.person.events(&begun).await, events);
    let message = world.person.message(&conversation, &begun.answer).await;
    assert_eq!(message["status"], "interrupted");
    assert_eq!(message["content"], "So far");
    world.model.push(Script::text(" and no further."));
    let next = world.person.go_on(&begun).await.begun();
    assert_eq!(
        text_of(&world.person.events(&next).await),
        " and no further."
    );
}

#[tokio::test]
async fn a_second_start_on_the_same_data_ends_with_a_message() {
    let instance = instance().whole();
    let program = instance.serve().await;
    let second = instance.run(&["serve", "--port", "0"], "").await;
    assert_eq!(second.code, Some(1), "{}", second.stderr);
    assert!(
        second.stderr.contains("already uses the data directory"),
        "{}",
        second.stderr
    );
    assert_eq!(second.stdout, "");
    // The first one is unharmed.
    assert_eq!(anonymous(program.base_url()).ready().await, StatusCode::OK);
}

#[tokio::test]
async fn a_taken_port_ends_with_a_message() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let instance = instance();
    let refused = instance.run(&["serve", "--port", &port], "").await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("another program uses port"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("--port"), "{}", refused.stderr);
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let instance = instance().whole();
    let mut program = instance.serve().await;
    program.terminate();
    assert!(program.ended().await.success());
    let file = instance.data_dir().join("master.key");
    let right = fs::read_to_string(&file).expect("a key");
    fs::write(&file, "ab".repeat(32)).expect("written");
    let refused = instance.run(&["serve", "--port", "0"], "").await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("put that key file back"),
        "{}",
        refused.stderr
    );
    assert!(
        !refused.stderr.contains(right.trim()),
        "the key is not said"
    );
    // A refused start leaves no database behind.
    if let Some(database) = instance.postmaster() {
        wait_until_gone(database).await;
    }
    fs::write(&file, right).expect("written");
    let program = instance.serve().await;
    assert_eq!(anonymous(program.base_url()).ready().await, StatusCode::OK);
}

#[tokio::test]
async fn only_administrators_read_the_metrics() {
    let instance = instance()
        .whole()
        .with_env("OPENMAKE_METRICS_LISTEN", "127.0.0.1:0");
    let program = instance.serve().await;
    let own = || {
        let log = program.log();
        let (_, said) = log.split_once("metrics are at ")?;
        Some(said.split_once("/metrics")?.0.to_owned())
    };
    eventually("the address of the metrics is said", || async {
        own().is_some()
    })
    .await;
    let admin = Person::register(program.base_url(), "admin@example.com").await;
    let user = Person::register(program.base_url(), "user@example.com").await;
    let visitor = anonymous(program.base_url());
    assert_eq!(
        visitor.get("/metrics").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(user.get("/metrics").await.status, StatusCode::FORBIDDEN);
    let metrics = admin.get("/metrics").await;
    assert_eq!(metrics.status, StatusCode::OK);
    for name in [
        "openmake_turns_started_total",
        "openmake_gateway_requests_total",
    ] {
        assert!(metrics.text.contains(name), "{name}: {}", metrics.text);
    }
    let apart = anonymous(&own().expect("said above"));
    let metrics = apart.get("/metrics").await;
    assert_eq!(metrics.status, StatusCode::OK);
    assert!(metrics.text.contains("openmake_gateway_requests_total"));
    assert_eq!(
        apart.get("/api/v1/instance").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn listed_addresses_become_administrators_by_invitation() {
    let instance = instance().with_env("ADMIN_EMAILS", "boss@example.com");
    let program = instance.serve().await;
    let admin = Person::register(program.base_url(), "first@example.com").await;
    // Nobody has shown that the address is theirs: it takes an invitation.
    for (email, invited, role) in [
        ("Boss@example.com", true, "admin"),
        ("other@example.com", true, "user"),
        ("third@example.com", false, "user"),
    ] {
        let mut body = json!({"email": email, "password": PASSWORD});
        if invited {
            let made = admin.post("/api/v1/invitations", json!({})).await;
            assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
            body["invitation"] = made.body["code"].clone();
        }
        let visitor = anonymous(program.base_url());
        let request = visitor.request(Method::POST, "/api/v1/auth/register");
        let answer = visitor.send(request.json(&body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        assert_eq!(answer.body["user"]["role"], role, "{email}");
    }
}
