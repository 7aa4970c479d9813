//! Each role as a process of its own.

use std::fs;

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    model::{ModelServer, Script},
    program::{Instance, Program},
};

use crate::support::{Person, anonymous, assert_whole, instance, instance_with, text_of};

const KEY: &str = "fedcba9876543210fedcba9876543210";

/// An instance whose roles share `database` and a key.
fn shared(instance: Instance, database: &TestDatabase) -> Instance {
    instance
        .whole()
        .with_env("DATABASE_URL", database.url())
        .with_env("OPENMAKE_DATABASE_CONNECTIONS", "6")
        .with_env("OPENMAKE_INTERNAL_KEY", KEY)
}

async fn start(instance: &Instance, role: &str) -> Program {
    let mut program = instance.spawn(&["serve", "--role", role, "--port", "0"]);
    program.ready().await;
    program
}

#[tokio::test]
async fn what_a_role_lacks_is_named_before_anything_starts() {
    let bare = instance().whole();
    let with_database = instance()
        .whole()
        .with_env("DATABASE_URL", "postgres://x/y");
    let with_key = instance()
        .whole()
        .with_env("DATABASE_URL", "postgres://x/y")
        .with_env("OPENMAKE_INTERNAL_KEY", KEY);
    for (instance, role, missing) in [
        (&bare, "ai", "DATABASE_URL"),
        (&bare, "gateway", "DATABASE_URL"),
        (&with_database, "ai", "OPENMAKE_INTERNAL_KEY"),
        (&with_key, "gateway", "OPENMAKE_AI_URL"),
    ] {
        let refused = instance
            .run(&["serve", "--role", role, "--port", "0"], "")
            .await;
        assert_eq!(refused.code, Some(1), "{}", refused.stderr);
        let said = format!("a role that runs apart needs {missing}");
        assert!(refused.stderr.contains(&said), "{}", refused.stderr);
        assert!(refused.stderr.contains("hint:"), "{}", refused.stderr);
        assert!(!instance.data_dir().exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_roles_are_one_instance() {
    let database = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let mut instance = shared(instance_with(&model), &database);
    let ai = start(&instance, "ai").await;
    let web = start(&Instance::new(crate::support::PROGRAM).whole(), "web").await;
    instance.set_env("OPENMAKE_AI_URL", ai.base_url());
    instance.set_env("OPENMAKE_WEB_URL", web.base_url());
    let gateway = start(&instance, "gateway").await;

    let person = Person::register(gateway.base_url(), "first@example.com").await;
    model.push(Script::text("Across two processes."));
    let (_, begun) = person.ask_anew("Where do you come from?").await;
    let events = person.events(&begun).await;
    assert_whole(&events);
    assert_eq!(text_of(&events), "Across two processes.");

    // Nobody but the gateway is answered, whoever they are here.
    let mut outsider = person.at(ai.base_url());
    for path in ["/api/v1/models", "/identity", "/metrics", "/"] {
        let answer = outsider.get(path).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.code(), "identity_missing");
    }
    outsider.token = None;
    assert_eq!(outsider.ready().await, StatusCode::OK);

    // The page comes as the web role gives it.
    let (direct, passed) = (
        anonymous(web.base_url()).get("/login").await,
        anonymous(gateway.base_url()).get("/login").await,
    );
    assert_eq!(direct.text, passed.text);
    for (name, value) in &direct.headers {
        if name != "date" {
            assert_eq!(passed.headers.get(name), Some(value), "{name}");
        }
    }

    let report = instance.run(&["doctor", "--json"], "").await;
    let verdict = |stdout: &str, check: &str| {
        let report: Value = serde_json::from_str(stdout).expect("JSON");
        let mut findings = report["findings"].as_array().expect("findings").iter();
        let found = findings.find(|finding| finding["check"] == check);
        found.map(|found| found["verdict"].clone())
    };
    assert_eq!(verdict(&report.stdout, "ai role"), Some(json!("ok")));
    assert_eq!(verdict(&report.stdout, "web role"), Some(json!("ok")));
    instance.set_env(
        "OPENMAKE_INTERNAL_KEY",
        "0000000000111111111122222222223333",
    );
    let report = instance.run(&["doctor", "--json"], "").await;
    assert_eq!(report.code, Some(1));
    assert_eq!(verdict(&report.stdout, "ai role"), Some(json!("failure")));
    assert!(report.stdout.contains("same OPENMAKE_INTERNAL_KEY"));
}

#[tokio::test]
async fn a_role_makes_no_master_key_of_its_own_for_a_database_that_has_one() {
    let database = TestDatabase::create().await;
    let first = shared(instance(), &database);
    let mut program = start(&first, "ai").await;
    program.terminate();
    assert!(program.ended().await.success());
    let second = shared(instance(), &database);
    let refused = second
        .run(&["serve", "--role", "ai", "--port", "0"], "")
        .await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("OPENMAKE_KEY_FILE"),
        "{}",
        refused.stderr
    );
    assert!(!second.data_dir().join("master.key").exists());
    let key = first.data_dir().join("master.key");
    fs::copy(key, second.data_dir().join("master.key")).expect("copied");
    start(&second, "ai").await;
}
