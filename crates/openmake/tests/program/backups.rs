//! Backups by the program as a process: while it serves, into a new place, from
//! one PostgreSQL to another, and cut off in the middle.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::Connection as _;
use tempfile::TempDir;
use testkit::{
    database::TestDatabase,
    model::{Gate, ModelServer, Script},
    program::{Finished, Instance},
};

use crate::support::{
    PASSWORD, Person, World, assert_whole, count_to, eventually, instance, instance_with,
};

const PASSPHRASE: &str = "OPENMAKE_BACKUP_PASSPHRASE";
const SECRET: &str = "correct horse battery";

/// A place for a backup.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }
}

fn good(finished: &Finished) {
    assert_eq!(
        finished.code,
        Some(0),
        "{}{}",
        finished.stdout,
        finished.stderr
    );
}

fn refused(finished: &Finished, why: &str) {
    assert_eq!(
        finished.code,
        Some(1),
        "{}{}",
        finished.stdout,
        finished.stderr
    );
    assert!(finished.stderr.contains(why), "{why}: {}", finished.stderr);
}

/// Adds a model server with a key, as an administrator does.
async fn add_node(admin: &Person, model: &ModelServer) -> String {
    let body = json!({
        "name": "Workshop",
        "kind": "openai",
        "base_url": format!("{}/v1", model.base_url()),
        "api_keys": ["sk-workshop-1234"],
    });
    let made = admin.post("/api/v1/nodes", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    made.body["id"].as_str().expect("an id").to_owned()
}

async fn found(person: &Person, words: &str) -> Vec<Value> {
    let answer = person.get(&format!("/api/v1/search?q={words}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.body["items"].as_array().expect("a page").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_while_serving_is_the_same_instance_elsewhere() {
    let place = Place::new();
    let model = ModelServer::start().await;
    let mut instance = instance().whole();
    instance.set_env(PASSPHRASE, SECRET);
    let mut world = World::on(model, instance).await;
    let node = add_node(&world.person, &world.model).await;
    world
        .model
        .push(Script::text("Because of Rayleigh scattering."));
    let (conversation, begun) = world.person.ask_anew("Why is the sky blue?").await;
    assert_whole(&world.person.events(&begun).await);
    // One answer is being written all the while.
    let gate = Gate::closed();
    world.model.push(Script::gated(&count_to(20), &gate));
    let (_, running) = world.person.ask_anew("Count.").await;
    let mut watch = world.person.watch(&running, 0).await;
    gate.open(5);
    let mut events = watch.until("text.delta").await;

    let file = place.text("a.omkb");
    let made = world.instance.run(&["backup", &file], "").await;
    good(&made);
    assert!(
        made.stderr.contains("master key is in it"),
        "{}",
        made.stderr
    );
    assert_eq!(made.stdout, "");
    let permissions = fs::metadata(&file).expect("there").permissions().mode();
    assert_eq!(permissions & 0o777, 0o600);
    refused(&world.instance.run(&["backup", &file], "").await, "--force");
    gate.open_wide();
    events.extend(watch.rest().await);
    assert_whole(&events);
    let doctor = world.instance.run(&["doctor"], "").await;
    assert!(doctor.stdout.contains("a.omkb"), "{}", doctor.stdout);
    // A restore does not touch what runs.
    let over = world
        .instance
        .run(&["restore", &file, "--replace"], "")
        .await;
    refused(&over, "");
    world.program.terminate();
    assert!(world.program.ended().await.success());

    // Without the passphrase, with a wrong one, damaged: nothing is made.
    let mut elsewhere = crate::support::instance().whole();
    refused(&elsewhere.run(&["restore", &file], "").await, PASSPHRASE);
    elsewhere.set_env(PASSPHRASE, "wrong");
    refused(&elsewhere.run(&["restore", &file], "").await, "passphrase");
    let mut bytes = fs::read(&file).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.path("damaged.omkb"), bytes).expect("written");
    let damaged = place.text("damaged.omkb");
    refused(&elsewhere.run(&["restore", &damaged], "").await, "damaged");
    assert!(!elsewhere.data_dir().exists(), "nothing was touched");

    elsewhere.set_env(PASSPHRASE, SECRET);
    let restored = elsewhere.run(&["restore", &file], "").await;
    good(&restored);
    refused(&elsewhere.run(&["restore", &file], "").await, "--replace");
    let program = elsewhere.serve().await;
    // The same session goes on, and one can sign in.
    let person = world.person.at(program.base_url());
    let messages = person.messages(&conversation).await;
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1]["content"], "Because of Rayleigh scattering.");
    assert_eq!(found(&person, "Rayleigh").await.len(), 1);
    let again = Person::sign_in(program.base_url(), "first@example.com", PASSWORD).await;
    assert_eq!(again.messages(&conversation).await.len(), 2);
    // What was being written then was interrupted, with its words.
    eventually("the open turn is closed", || async {
        person.status(&running).await == "interrupted"
    })
    .await;
    // The model server has its key: it answers.
    let tested = person
        .post(&format!("/api/v1/nodes/{node}/test"), json!({}))
        .await;
    assert_eq!(tested.status, StatusCode::OK, "{}", tested.text);
    world.model.push(Script::text("Still here."));
    let (_, begun) = person.ask_anew("Are you there?").await;
    assert_whole(&person.events(&begun).await);
    let trail = person.get("/api/v1/audit?action=backup.restore").await;
    assert_eq!(trail.body["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_passphrase_it_is_the_same_but_for_what_the_key_seals() {
    let mut world = World::whole().await;
    add_node(&world.person, &world.model).await;
    world.program.terminate();
    assert!(world.program.ended().await.success());
    let place = Place::new();
    let file = place.text("b.omkb");
    // The database is started for it.
    let made = world.instance.run(&["backup", &file], "").await;
    good(&made);
    assert!(made.stderr.contains("NOT in it"), "{}", made.stderr);
    let elsewhere = instance_with(&world.model).whole();
    let restored = elsewhere.run(&["restore", &file], "").await;
    good(&restored);
    let lost = "the key …1234 of the model server Workshop";
    assert!(restored.stdout.contains(lost), "{}", restored.stdout);
    let program = elsewhere.serve().await;
    let stale = world.person.at(program.base_url());
    let refused = stale.get("/api/v1/conversations").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let person = Person::sign_in(program.base_url(), "first@example.com", PASSWORD).await;
    let nodes = person.get("/api/v1/nodes").await;
    assert!(nodes.text.contains("Workshop"), "{}", nodes.text);

    // With a copy of the key file, all of it is there.
    let copied = instance().whole();
    fs::create_dir(copied.data_dir()).expect("made");
    fs::set_permissions(copied.data_dir(), fs::Permissions::from_mode(0o711)).expect("set");
    let key = |instance: &Instance| instance.data_dir().join("master.key");
    fs::copy(key(&world.instance), key(&copied)).expect("copied");
    let restored = copied.run(&["restore", &file], "").await;
    good(&restored);
    assert!(!restored.stdout.contains(lost), "{}", restored.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_moves_between_postgresql_16_and_18() {
    let Some(other) = std::env::var_os("OPENMAKE_TEST_OTHER_POSTGRES_BIN") else {
        panic!("run this by `cargo xtask with-db`, which has both versions")
    };
    let place = Place::new();
    let model = ModelServer::start().await;
    let elsewhere = instance().whole().with_env("OPENMAKE_POSTGRES_BIN", other);
    let mut world = World::on(model, elsewhere).await;
    world.program.terminate();
    assert!(world.program.ended().await.success());
    let file = place.text("c.omkb");
    good(&world.instance.run(&["backup", &file], "").await);
    let here = instance().whole();
    good(&here.run(&["restore", &file], "").await);
    let mut program = here.serve().await;
    Person::sign_in(program.base_url(), "first@example.com", PASSWORD).await;
    program.terminate();
    assert!(program.ended().await.success());
    // And back, in place of what is there.
    good(&here.run(&["backup", &file, "--force"], "").await);
    let replaced = world
        .instance
        .run(&["restore", &file, "--replace"], "")
        .await;
    good(&replaced);
    assert!(
        replaced.stdout.contains("openmake_replaced_"),
        "{}",
        replaced.stdout
    );
    let discarded = world
        .instance
        .run(&["restore", "--discard-replaced"], "")
        .await;
    good(&discarded);
    assert!(discarded.stdout.contains("removed"), "{}", discarded.stdout);
    let program = world.instance.serve().await;
    Person::sign_in(program.base_url(), "first@example.com", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_leaves_the_old_instance() {
    let db = TestDatabase::create().await;
    let place = Place::new();
    let model = ModelServer::start().await;
    let instance = instance().whole().with_env("DATABASE_URL", db.url());
    let mut world = World::on(model, instance).await;
    let file = place.text("d.omkb");
    good(&world.instance.run(&["backup", &file], "").await);
    let conversation = world.person.conversation().await;
    // Two processes may share this database: one is enough to refuse.
    let over = world
        .instance
        .run(&["restore", &file, "--replace"], "")
        .await;
    refused(&over, "in use");
    world.program.terminate();
    assert!(world.program.ended().await.success());

    // A reader keeps the restore from its last step, and there it is killed.
    let mut reader = db.connection().await;
    let mut tx = reader.begin().await.expect("begun");
    sqlx::query("LOCK TABLE users IN ACCESS SHARE MODE")
        .execute(&mut *tx)
        .await
        .expect("locked");
    let mut restoring = world.instance.spawn(&["restore", &file, "--replace"]);
    let watcher = db.store();
    eventually("the restore waits to swap", || async {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND application_name = 'openmake backup' AND wait_event_type = 'Lock'",
        )
        .fetch_one(watcher.pool())
        .await
        .expect("readable");
        waiting > 0
    })
    .await;
    restoring.kill();
    tx.rollback().await.expect("over");

    world.start_again().await;
    let kept = world.person.get("/api/v1/conversations").await;
    assert!(kept.text.contains(&conversation), "{}", kept.text);
    world.program.terminate();
    assert!(world.program.ended().await.success());
    // What it has left is no hindrance.
    good(
        &world
            .instance
            .run(&["restore", &file, "--replace"], "")
            .await,
    );
    world.start_again().await;
    let restored = world.person.get("/api/v1/conversations").await;
    assert!(!restored.text.contains(&conversation), "{}", restored.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_makes_backups_and_shows_them_to_administrators() {
    let place = Place::new();
    let instance = instance()
        .whole()
        .with_env("OPENMAKE_BACKUP_DIR", place.path("backups"));
    let mut world = World::on(ModelServer::start().await, instance).await;
    let admin = &world.person;
    let list = || async { admin.get("/api/v1/backups").await.body["items"].clone() };
    eventually("the first is made", || async {
        list().await[0]["verification"] == "verified"
    })
    .await;
    let asked = admin.post("/api/v1/backups", json!({})).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text);
    assert_eq!(asked.body["status"], "waiting");
    eventually("the second is made", || async {
        let newest = list().await[0].clone();
        newest["id"] == asked.body["id"] && newest["status"] == "done"
    })
    .await;
    assert_eq!(
        fs::read_dir(place.path("backups")).expect("there").count(),
        2
    );
    let metrics = admin.get("/metrics").await.text;
    assert!(
        metrics.contains("openmake_backup_last_success_timestamp_seconds"),
        "{metrics}"
    );
    let user = Person::register(world.program.base_url(), "user@example.com").await;
    let visitor = crate::support::anonymous(world.program.base_url());
    for (who, status) in [
        (&user, StatusCode::FORBIDDEN),
        (&visitor, StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(who.get("/api/v1/backups").await.status, status);
        assert_eq!(who.post("/api/v1/backups", json!({})).await.status, status);
    }
    let doctor = world.instance.run(&["doctor"], "").await;
    assert!(doctor.stdout.contains("every 24 h"), "{}", doctor.stdout);

    world.program.terminate();
    assert!(world.program.ended().await.success());
    world.instance.remove_env("OPENMAKE_BACKUP_DIR");
    world.start_again().await;
    let refused = world.person.post("/api/v1/backups", json!({})).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.code(), "backups_not_configured");
}
