//! Signing in and out.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use chrono::TimeDelta;
use openmake_types::{Clock as _, SystemClock};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{authenticator::App, database::TestDatabase, model::Script};

use crate::support::{Desk, PASSWORD};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

async fn sessions(desk: &Desk) -> usize {
    let answer = desk.world.person.get("/api/v1/auth/sessions").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let items = answer.body["items"].as_array().or(answer.body.as_array());
    items.expect("a list").len()
}

#[tokio::test]
async fn a_sign_in_is_kept_privately_until_one_signs_out() {
    let desk = Desk::new().await;
    let url = desk.world.program.base_url().to_owned();
    let before = sessions(&desk).await;
    let out = desk.run(&["models", "--server", &url], "").await;
    assert_eq!(out.code, Some(3), "{}", out.stderr);
    assert!(out.stderr.contains("openmake login"), "{}", out.stderr);

    let login = ["login", url.as_str(), "--email", "first@example.com"];
    let wrong = desk.run(&login, "not it\n").await;
    assert_eq!(wrong.code, Some(3), "{}", wrong.stderr);
    assert!(!desk.credentials().exists());

    let done = desk.good(&login, &format!("{PASSWORD}\n")).await;
    assert!(done.contains("first@example.com"), "{done}");
    assert_eq!(mode(&desk.credentials()), 0o600);
    let directory = desk.credentials();
    assert_eq!(mode(directory.parent().expect("a directory")), 0o700);
    let kept = fs::read_to_string(desk.credentials()).expect("text");
    assert!(!kept.contains(PASSWORD));
    // The server that was signed in to is the one that is asked.
    let models = desk.good(&["models"], "").await;
    assert!(models.contains("openmake_auto"), "{models}");

    // Signing in anew leaves no session behind, nor does signing out.
    desk.sign_in(&url).await;
    assert_eq!(sessions(&desk).await, before + 1);
    let gone = desk.good(&["logout"], "").await;
    assert!(gone.contains(&url), "{gone}");
    assert_eq!(sessions(&desk).await, before);
    assert_eq!(desk.run(&["models"], "").await.code, Some(3));
    desk.good(&["logout"], "").await;
}

#[tokio::test]
async fn a_file_that_others_can_read_is_not_used() {
    let desk = Desk::signed_in().await;
    fs::set_permissions(desk.credentials(), fs::Permissions::from_mode(0o640)).expect("changed");
    let refused = desk.run(&["models"], "").await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
}

#[tokio::test]
async fn a_session_is_refreshed_by_one_command_for_all() {
    let desk = Desk::signed_in().await;
    for _ in 0..3 {
        // As it is after a night.
        let text = fs::read_to_string(desk.credentials()).expect("text");
        let mut kept: Value = serde_json::from_str(&text).expect("JSON");
        let servers = kept["servers"].as_object_mut().expect("servers");
        let account = servers.values_mut().next().expect("one");
        let spent = account["refresh_token"].clone();
        account["expires_at"] = json!("2001-01-01T00:00:00Z");
        fs::write(desk.credentials(), kept.to_string()).expect("written");
        let several = crate::support::all((0..4).map(|_| desk.run(&["models"], ""))).await;
        for done in several {
            assert_eq!(done.code, Some(0), "{}", done.stderr);
        }
        let text = fs::read_to_string(desk.credentials()).expect("text");
        assert!(!text.contains(spent.as_str().expect("a token")));
        assert_eq!(mode(&desk.credentials()), 0o600);
    }
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_is_over() {
    let desk = Desk::signed_in().await;
    let other = "nine idle otters 77";
    let arguments = ["user", "reset-password", "first@example.com"];
    desk.good(&arguments, &format!("{other}\n")).await;
    crate::support::eventually("the session ends", || async {
        desk.run(&["models"], "").await.code == Some(3)
    })
    .await;
}

#[tokio::test]
async fn a_password_is_typed_without_being_shown() {
    let desk = Desk::new().await;
    let url = desk.world.program.base_url().to_owned();
    let mut sitting = desk.sit_down(&["login", &url], 80);
    sitting.expect("E-mail: ").await;
    sitting.send("first@example.com\n").await;
    sitting.expect("Password: ").await;
    sitting.send(&format!("{PASSWORD}\n")).await;
    sitting.expect("signed in to").await;
    assert_eq!(sitting.ended().await, Some(0));
    assert!(!sitting.seen().contains(PASSWORD), "{}", sitting.seen());
    desk.world.model.push(Script::text("Yes."));
    assert_eq!(desk.good(&["ask", "Are you there?"], "").await, "Yes.\n");
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_a_key_wants_a_proof() {
    let db = TestDatabase::create().await;
    let desk = Desk::with(|instance| instance.with_env("DATABASE_URL", db.url())).await;
    let url = desk.world.program.base_url().to_owned();
    let person = &desk.world.person;
    let setup = person.post("/api/v1/auth/totp", json!({})).await;
    let app = App::new(setup.body["secret"].as_str().expect("a secret"));
    let confirm = json!({"code": app.code(SystemClock.now())});
    let confirmed = person.post("/api/v1/auth/totp/confirm", confirm).await;
    let backup_code = confirmed.body["codes"][0].as_str().expect("a code");

    // Without a terminal the code is the next line.
    let login = ["login", url.as_str(), "--email", "first@example.com"];
    let alone = desk.run(&login, &format!("{PASSWORD}\n")).await;
    assert_ne!(alone.code, Some(0), "{}", alone.stdout);
    let input = format!("{PASSWORD}\n{backup_code}\n");
    desk.good(&login, &input).await;

    // On one it is asked for until it is right. The code of the next interval
    // holds as well, and is not the one that was spent.
    let mut sitting = desk.sit_down(&login, 80);
    sitting.expect("Password: ").await;
    sitting.send(&format!("{PASSWORD}\n")).await;
    sitting.expect("authenticator app").await;
    sitting.send("not a code\n").await;
    sitting.expect("wrong").await;
    sitting.expect("authenticator app").await;
    let next = app.code(SystemClock.now() + TimeDelta::seconds(30));
    sitting.send(&format!("{next}\n")).await;
    sitting.expect("signed in to").await;
    assert_eq!(sitting.ended().await, Some(0));

    // As it is ten minutes later.
    sqlx::query("UPDATE sessions SET reauthenticated_at = now() - interval '1 hour'")
        .execute(db.store().pool())
        .await
        .expect("aged");
    let create = ["key", "create", "script"];
    let refused = desk.run(&create, "").await;
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    assert!(refused.stderr.contains("terminal"), "{}", refused.stderr);
    let mut sitting = desk.sit_down(&create, 80);
    sitting.expect("Password, or code").await;
    sitting.send(&format!("{PASSWORD}\n")).await;
    sitting.expect("omk_live_").await;
    assert_eq!(sitting.ended().await, Some(0));
    assert!(!sitting.seen().contains(PASSWORD), "{}", sitting.seen());
    // That counts for a while.
    desk.good(&["key", "create", "another"], "").await;
}

#[tokio::test]
async fn a_key_is_made_used_and_revoked() {
    let mut desk = Desk::signed_in().await;
    let url = desk.world.program.base_url().to_owned();
    let arguments = [
        "key",
        "create",
        "script",
        "--scope",
        "chat",
        "--scope",
        "conversations",
    ];
    let made = desk
        .good(&[&arguments[..], &["--days", "7"]].concat(), "")
        .await;
    let key = made.trim_end().to_owned();
    assert!(key.starts_with("omk_live_"), "{made}");
    let list = desk.good(&["key", "list"], "").await;
    assert!(list.contains("script") && list.contains("active"), "{list}");
    assert!(!list.contains(&key));
    let nonsense = desk
        .run(&["key", "create", "x", "--scope", "all"], "")
        .await;
    assert_eq!(nonsense.code, Some(2), "{}", nonsense.stderr);

    // By the environment, with nobody signed in, and kept by a sign-in.
    desk.good(&["logout"], "").await;
    desk.world.instance.set_env("OPENMAKE_API_KEY", &key);
    desk.world.instance.set_env("OPENMAKE_URL", &url);
    desk.world.model.push(Script::text("By key."));
    assert_eq!(desk.good(&["ask", "Who?"], "").await, "By key.\n");
    let refused = desk.run(&["nodes"], "").await;
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    desk.world.instance.remove_env("OPENMAKE_API_KEY");
    desk.world.instance.remove_env("OPENMAKE_URL");
    let done = desk
        .good(&["login", &url, "--api-key"], &format!("{key}\n"))
        .await;
    assert!(done.contains("first@example.com"), "{done}");
    assert_eq!(mode(&desk.credentials()), 0o600);
    desk.good(&["models"], "").await;

    // A key cannot revoke keys; its owner can.
    assert_eq!(
        desk.run(&["key", "revoke", "script"], "").await.code,
        Some(5)
    );
    desk.sign_in(&url).await;
    desk.good(&["key", "revoke", "script"], "").await;
    desk.world.instance.set_env("OPENMAKE_API_KEY", &key);
    crate::support::eventually("the key ends", || async {
        desk.run(&["models"], "").await.code == Some(3)
    })
    .await;
}
