//! What a command does.

use std::{path::PathBuf, sync::Arc};

use chrono::TimeDelta;
use openmake_import::{
    bring::{BringError, BringParts, Counters, Request, Whose, bring},
    foreign::Product,
    report::{Class, Report, TableReport},
};
use openmake_store::{PageRequest, Store, import::Mode};
use openmake_types::UserId;
use testkit::database::TestDatabase;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::support::{account, chatgpt, conversation, listed, now};

struct World {
    _database: TestDatabase,
    store: Store,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        Self {
            store: database.store(),
            _database: database,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    async fn bring(&self, request: &Request) -> Result<Report, BringError> {
        let parts = BringParts {
            store: self.store.clone(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            counters: Arc::new(Counters::default()),
        };
        let mut report = Report::new();
        bring(&parts, request, &mut report).await?;
        assert!(report.is_accounted(), "{}", report.summary());
        Ok(report)
    }
}

fn of(path: PathBuf, owner: UserId) -> Request {
    Request {
        product: Product::ChatGpt,
        path,
        whose: Whose::Account {
            id: owner,
            email: "ada@example.org".to_owned(),
        },
        mode: Mode::Real,
        job: None,
        now: now(),
    }
}

fn counts(report: &Report, name: &str) -> (u64, u64, u64, u64) {
    let found = report.tables().find(|(table, _)| *table == name);
    let table = found.map(|(_, table)| table.clone());
    let TableReport {
        read,
        written,
        merged,
        skipped,
        ..
    } = table.unwrap_or_default();
    (read, written, merged, skipped)
}

#[tokio::test]
async fn a_second_file_brings_only_what_is_new_and_nothing_that_was_deleted() {
    let world = World::new().await;
    let owner = account(&world.store, 1, "ada@example.org").await;
    let first = [
        conversation("one", &["Hi", "Hello"]),
        conversation("two", &["What?", "That."]),
    ];
    let path = chatgpt(world.folder.path(), &first);

    let rehearsal = Request {
        mode: Mode::Rehearsal,
        ..of(path.clone(), owner)
    };
    let report = world.bring(&rehearsal).await.expect("rehearsed");
    assert_eq!(counts(&report, "messages"), (4, 4, 0, 0));
    assert!(listed(&world.store, owner).await.is_empty());

    let report = world
        .bring(&of(path.clone(), owner))
        .await
        .expect("brought");
    assert_eq!(counts(&report, "conversations"), (2, 2, 0, 0));
    let here = listed(&world.store, owner).await;
    assert_eq!(here.len(), 2);
    assert!(here.iter().all(|one| one.title.starts_with("About")));
    let one = here
        .iter()
        .find(|one| one.title == "About one")
        .expect("one");
    assert!(
        one.model.is_none(),
        "a model of elsewhere cannot be asked here"
    );
    let page = PageRequest {
        after: None,
        limit: 10,
    };
    let messages = world.store.messages().page(owner, one.id, page).await;
    let messages = messages.expect("messages").items;
    assert_eq!(messages.len(), 2);
    assert_eq!(one.active_leaf_id, messages.last().map(|last| last.id));

    // One goes on there, the other is deleted here.
    let two = here
        .iter()
        .find(|one| one.title == "About two")
        .expect("two");
    let deleted = world
        .store
        .conversations()
        .delete(owner, two.id, now())
        .await;
    deleted.expect("deleted");
    let second = [
        conversation("one", &["Hi", "Hello", "More", "Sure"]),
        conversation("two", &["What?", "That."]),
        conversation("three", &["New", "Yes"]),
    ];
    let path = chatgpt(world.folder.path(), &second);
    let report = world.bring(&of(path, owner)).await.expect("brought");
    assert_eq!(counts(&report, "conversations"), (3, 1, 0, 2));
    assert_eq!(counts(&report, "messages"), (8, 4, 0, 4));
    let mut titles: Vec<String> = listed(&world.store, owner)
        .await
        .into_iter()
        .map(|one| one.title)
        .collect();
    titles.sort();
    assert_eq!(titles, ["About one", "About three"]);
}

#[tokio::test]
async fn two_people_get_conversations_of_their_own_from_one_file() {
    let world = World::new().await;
    let ada = account(&world.store, 1, "ada@example.org").await;
    let bob = account(&world.store, 2, "bob@example.org").await;
    let path = chatgpt(
        world.folder.path(),
        &[conversation("one", &["Hi", "Hello"])],
    );
    world.bring(&of(path.clone(), ada)).await.expect("brought");
    world.bring(&of(path, bob)).await.expect("brought");
    assert_eq!(listed(&world.store, ada).await.len(), 1);
    assert_eq!(listed(&world.store, bob).await.len(), 1);
}

fn open_webui(world: &World) -> PathBuf {
    let path = world.folder.path().join("webui.db");
    let database = rusqlite::Connection::open(&path).expect("a database");
    database
        .execute_batch(
            "CREATE TABLE user (id TEXT, name TEXT, email TEXT, role TEXT, created_at INTEGER);
             CREATE TABLE auth (id TEXT, email TEXT, password TEXT, active INTEGER);
             CREATE TABLE chat (id TEXT, user_id TEXT, title TEXT, chat JSON, created_at INTEGER, updated_at INTEGER);
             CREATE TABLE model (id TEXT, user_id TEXT, base_model_id TEXT, name TEXT, params JSON, meta JSON);
             CREATE TABLE prompt (command TEXT, user_id TEXT, title TEXT, content TEXT);
             INSERT INTO user VALUES ('u1', 'Ada', 'ADA@example.org', 'admin', 1700000000),
                 ('u2', 'Bob', 'bob@example.org', 'admin', 1700000000), ('u3', 'Cy', 'cy@example.org', 'pending', 1700000000);
             INSERT INTO auth VALUES ('u2', 'bob@example.org', '$2b$12$abcdefghijklmnopqrstuv', 1);
             INSERT INTO chat VALUES
                 ('c1', 'u1', 'Of Ada', '{\"history\":{\"currentId\":\"a\",\"messages\":{\"a\":{\"role\":\"user\",\"content\":\"Hi\",\"timestamp\":1700000000}}}}', 1700000000, 1700000000),
                 ('c2', 'u2', 'Of Bob', '{\"history\":{\"currentId\":\"a\",\"messages\":{\"a\":{\"role\":\"user\",\"content\":\"Ho\",\"timestamp\":1700000000}}}}', 1700000000, 1700000000),
                 ('c3', 'gone', 'Of nobody', '{\"history\":{\"currentId\":\"a\",\"messages\":{\"a\":{\"role\":\"user\",\"content\":\"?\",\"timestamp\":1700000000}}}}', 1700000000, 1700000000);
             INSERT INTO model VALUES ('m1', 'u2', 'llama3', 'Poet', '{\"system\":\"Rhyme.\"}', '{}');
             INSERT INTO prompt VALUES ('/x', 'u2', 'X', 'x');",
        )
        .expect("its tables");
    path
}

#[tokio::test]
async fn everybody_in_open_webui_comes_and_nobody_becomes_an_administrator() {
    let world = World::new().await;
    let ada = account(&world.store, 1, "ada@example.org").await;
    let request = Request {
        product: Product::OpenWebUi,
        path: open_webui(&world),
        whose: Whose::Everyone,
        mode: Mode::Real,
        job: None,
        now: now() + TimeDelta::seconds(1),
    };
    let report = world.bring(&request).await.expect("brought");
    assert_eq!(counts(&report, "accounts"), (3, 2, 1, 0));
    assert_eq!(counts(&report, "conversations"), (3, 2, 0, 1));
    assert_eq!(counts(&report, "models"), (1, 1, 0, 0));
    assert_eq!(counts(&report, "prompts"), (1, 1, 0, 0));
    assert_eq!(listed(&world.store, ada).await.len(), 1);
    let bob = world.store.users().lookup_by_email("bob@example.org").await;
    let (bob, _) = bob.expect("asked").expect("Bob is here");
    assert_eq!(bob.role, openmake_types::Role::User);
    assert!(bob.is_active);
    assert_eq!(listed(&world.store, bob.id).await.len(), 1);
    let cy = world.store.users().lookup_by_email("cy@example.org").await;
    assert!(!cy.expect("asked").expect("Cy is here").0.is_active);
    let lowered = report
        .tables()
        .any(|(_, table)| table.classes.contains_key(&Class::RoleLowered));
    assert!(lowered);

    // Again: nothing. And from one's own import: nothing twice.
    let again = world.bring(&request).await.expect("brought");
    assert_eq!(counts(&again, "conversations"), (3, 0, 0, 3));
    let own = Request {
        whose: Whose::Account {
            id: bob.id,
            email: "bob@example.org".to_owned(),
        },
        ..request.clone()
    };
    let report = world.bring(&own).await.expect("brought");
    assert_eq!(counts(&report, "conversations"), (1, 0, 0, 1));
    let stranger = Request {
        whose: Whose::Account {
            id: ada,
            email: "eve@example.org".to_owned(),
        },
        ..request
    };
    let refused = world.bring(&stranger).await.expect_err("none is Eve's");
    assert_eq!(refused.code(), "import_not_yours");
}
