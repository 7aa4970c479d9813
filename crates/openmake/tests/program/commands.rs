//! The commands beside `serve`.

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{model::ModelServer, program::Instance};

use crate::support::{PASSWORD, Person, anonymous, instance, instance_with};

#[tokio::test]
async fn every_command_says_how_it_is_used() {
    let instance = instance().whole();
    let commands: &[&[&str]] = &[
        &[],
        &["serve"],
        &["doctor"],
        &["healthcheck"],
        &["config"],
        &["config", "show"],
        &["config", "check"],
        &["config", "reference"],
        &["user"],
        &["user", "create"],
        &["user", "promote"],
        &["user", "reset-password"],
        &["audit"],
        &["audit", "verify"],
        &["backup"],
        &["restore"],
        &["import"],
        &["import", "legacy"],
        &["openapi"],
        &["login"],
        &["logout"],
        &["chat"],
        &["ask"],
        &["review"],
        &["explain"],
        &["generate"],
        &["models"],
        &["nodes"],
        &["key"],
        &["key", "create"],
        &["key", "list"],
        &["key", "revoke"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let help = instance.run(&arguments, "").await;
        assert_eq!(help.code, Some(0), "{}", help.stderr);
        let name = ["help"].into_iter().chain(command.iter().copied());
        insta::assert_snapshot!(name.collect::<Vec<_>>().join("_"), help.stdout);
    }
}

#[tokio::test]
async fn the_health_check_sees_whether_the_server_is_ready() {
    let instance = instance();
    let mut program = instance.serve().await;
    let asked = ["healthcheck", "--url", program.base_url()];
    let ready = instance.run(&asked, "").await;
    assert_eq!(ready.code, Some(0), "{}", ready.stderr);
    assert_eq!(ready.stdout, "");
    let base_url = program.base_url().to_owned();
    program.terminate();
    assert!(program.ended().await.success());
    let gone = instance.run(&["healthcheck", "--url", &base_url], "").await;
    assert_eq!(gone.code, Some(1), "{}", gone.stderr);
    assert!(gone.stderr.contains("does not answer"), "{}", gone.stderr);
}

async fn doctor(instance: &Instance) -> Value {
    let text = instance.run(&["doctor"], "").await;
    assert_eq!(text.code, Some(0), "{}{}", text.stdout, text.stderr);
    let json = instance.run(&["doctor", "--json"], "").await;
    assert_eq!(json.code, Some(0), "{}{}", json.stdout, json.stderr);
    let report: Value = serde_json::from_str(&json.stdout).expect("JSON");
    for check in ["program", "database", "disk", "clock", "models"] {
        assert!(text.stdout.contains(check), "{check}: {}", text.stdout);
        assert!(finding(&report, check).is_some(), "{check}: {report}");
    }
    report
}

fn finding<'a>(report: &'a Value, check: &str) -> Option<&'a Value> {
    let mut findings = report["findings"].as_array()?.iter();
    findings.find(|finding| finding["check"] == check)
}

#[tokio::test]
async fn doctor_examines_a_running_program_and_a_stopped_one() {
    let model = ModelServer::start().await;
    let instance = instance_with(&model).whole();
    let mut program = instance.serve().await;
    let running = doctor(&instance).await;
    program.terminate();
    assert!(program.ended().await.success());
    let stopped = doctor(&instance).await;
    for report in [&running, &stopped] {
        for check in ["database", "schema", "master key", "clock", "models"] {
            let found = finding(report, check).expect("checked");
            assert_eq!(found["verdict"], "ok", "{found}");
        }
    }
    // It has started the database for itself, and stopped it.
    let program = instance.serve().await;
    assert_eq!(anonymous(program.base_url()).ready().await, StatusCode::OK);
}

#[tokio::test]
async fn doctor_says_what_is_wrong_and_how_to_mend_it() {
    let model = ModelServer::start().await;
    let gone = instance_with(&model).whole();
    drop(model);
    // Before the first start and after it.
    for _ in 0..2 {
        let report = gone.run(&["doctor", "--json"], "").await;
        assert_eq!(report.code, Some(1), "{}", report.stdout);
        let report: Value = serde_json::from_str(&report.stdout).expect("JSON");
        let models = finding(&report, "models").expect("checked");
        assert_eq!(models["verdict"], "failure");
        assert!(models["mend"].is_string(), "{models}");
        let mut program = gone.serve().await;
        program.terminate();
        assert!(program.ended().await.success());
    }
}

#[tokio::test]
async fn wrong_settings_are_named_and_secrets_are_not_shown() {
    let instance = instance()
        .whole()
        .with_env("OPENAI_BASE_URL", "http://localhost:1/v1")
        .with_env("OPENAI_API_KEY", "sk-very-secret")
        .with_env(
            "DATABASE_URL",
            "postgres://somebody:hunter2@db.example/openmake",
        );
    let good = instance.run(&["config", "check"], "").await;
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    let shown = instance.run(&["config", "show"], "").await;
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(
        shown.stdout.contains("http://localhost:1/v1"),
        "{}",
        shown.stdout
    );
    assert!(shown.stdout.contains("OPENAI_BASE_URL"), "{}", shown.stdout);
    for secret in ["sk-very-secret", "hunter2"] {
        assert!(!shown.stdout.contains(secret), "{}", shown.stdout);
        assert!(!shown.stderr.contains(secret), "{}", shown.stderr);
    }

    let wrong = instance
        .with_env("OPENMAKE_DRAIN_SECOND", "5")
        .with_env("PORT", "many");
    for command in [&["config", "check"][..], &["serve"], &["doctor"]] {
        let refused = wrong.run(command, "").await;
        assert_eq!(refused.code, Some(1), "{command:?}");
        let said = refused.stderr;
        assert!(said.contains("OPENMAKE_DRAIN_SECOND"), "{said}");
        assert!(
            said.contains("OPENMAKE_DRAIN_SECONDS"),
            "it names the near one: {said}"
        );
    }
}

/// Runs an account command that must succeed.
async fn user(instance: &Instance, arguments: &[&str], password: &str) {
    let arguments: Vec<&str> = ["user"].iter().chain(arguments).copied().collect();
    let done = instance.run(&arguments, &format!("{password}\n")).await;
    assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.stderr);
    assert!(!done.stdout.contains(password) || password.is_empty());
}

async fn role(person: &Person) -> String {
    let me = person.get("/api/v1/auth/me").await;
    assert_eq!(me.status, StatusCode::OK, "{}", me.text);
    me.body["role"].as_str().expect("a role").to_owned()
}

#[tokio::test]
async fn accounts_are_made_beside_a_running_program() {
    let instance = instance();
    let program = instance.serve().await;
    let base_url = program.base_url();
    user(
        &instance,
        &["create", "ann@example.com", "--name", "Ann", "--admin"],
        PASSWORD,
    )
    .await;
    let ann = Person::sign_in(base_url, "ann@example.com", PASSWORD).await;
    assert_eq!(role(&ann).await, "admin");
    user(&instance, &["create", "bob@example.com"], PASSWORD).await;
    let bob = Person::sign_in(base_url, "bob@example.com", PASSWORD).await;
    assert_eq!(role(&bob).await, "user");

    user(&instance, &["promote", "bob@example.com"], "").await;
    let bob = Person::sign_in(base_url, "bob@example.com", PASSWORD).await;
    assert_eq!(role(&bob).await, "admin");

    let other = "nine idle otters 77";
    user(&instance, &["reset-password", "ann@example.com"], other).await;
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let refused = anonymous(base_url).post("/api/v1/auth/login", body).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.text);
    Person::sign_in(base_url, "ann@example.com", other).await;
    // Her old session ends, within a second even in another process.
    crate::support::eventually("the old session ends", || async {
        ann.get("/api/v1/auth/me").await.status == StatusCode::UNAUTHORIZED
    })
    .await;
}

#[tokio::test]
async fn the_audit_trail_is_checked_beside_a_running_program() {
    let instance = instance();
    let program = instance.serve().await;
    user(&instance, &["create", "ann@example.com"], PASSWORD).await;
    Person::sign_in(program.base_url(), "ann@example.com", PASSWORD).await;
    let whole = instance.run(&["audit", "verify"], "").await;
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let (said, head) = whole.stdout.split_once("head ").expect("a head");
    assert!(said.contains("is whole: 2 entries"), "{said}");
    let noted = ["audit", "verify", "--noted", head.trim()];
    let again = instance.run(&noted, "").await;
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let other = format!("1:{}", "ab".repeat(32));
    let other = instance
        .run(&["audit", "verify", "--noted", &other], "")
        .await;
    assert_eq!(other.code, Some(1), "{}", other.stdout);
    assert!(other.stderr.contains("written anew"), "{}", other.stderr);
}

#[tokio::test]
async fn accounts_are_made_before_the_first_start() {
    let instance = instance();
    user(&instance, &["create", "ann@example.com"], PASSWORD).await;
    user(&instance, &["promote", "ann@example.com"], "").await;
    let twice = instance
        .run(
            &["user", "create", "Ann@example.com"],
            &format!("{PASSWORD}\n"),
        )
        .await;
    assert_eq!(twice.code, Some(1));
    assert!(twice.stderr.contains("reset-password"), "{}", twice.stderr);
    let weak = instance
        .run(&["user", "create", "bob@example.com"], "password\n")
        .await;
    assert_eq!(weak.code, Some(1), "{}", weak.stderr);
    let unknown = instance
        .run(&["user", "promote", "bob@example.com"], "")
        .await;
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("has no account"),
        "{}",
        unknown.stderr
    );

    let program = instance.serve().await;
    let ann = Person::sign_in(program.base_url(), "ann@example.com", PASSWORD).await;
    assert_eq!(role(&ann).await, "admin");
}
