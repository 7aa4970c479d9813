//! Rows that come in bulk from elsewhere.

use chrono::{DateTime, TimeDelta, Utc};
use openmake_store::{
    Store,
    belongings::{Belongings, Place},
    import::{
        Checked, ConversationRow, Fate, Import, ImportError, ImportSource, MessageRow, Mode,
        Relation, UserRow,
    },
};
use openmake_types::UserId;
use serde_json::json;
use testkit::database::TestDatabase;
use uuid::Uuid;

fn at() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1_700_000_000_123)
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

async fn begin(store: &Store, mode: Mode) -> Import {
    let source = ImportSource {
        kind: "legacy",
        name: "test".to_owned(),
        owner: None,
        mode,
        now: at(),
    };
    store.import(&source).await.expect("begun")
}

fn user(number: u128, email: &str) -> UserRow {
    UserRow {
        id: id(number),
        email: Some(email.to_owned()),
        display_name: "Tab\there \\N".to_owned(),
        password_hash: None,
        role: "user",
        is_active: true,
        created_at: at(),
        updated_at: at(),
        last_login: None,
        metadata: json!({"b": 1.50, "a": ["\u{1}", 1e5]}),
    }
}

fn conversation(number: u128, owner: u128) -> ConversationRow {
    ConversationRow {
        id: id(number),
        user_id: id(owner),
        title: "글".to_owned(),
        title_source: "user",
        model: None,
        active_leaf_id: None,
        pinned_at: None,
        archived_at: None,
        created_at: at(),
        updated_at: at(),
        metadata: json!({}),
    }
}

fn message(number: u128, session: u128, parent: Option<u128>) -> MessageRow {
    MessageRow {
        id: id(number),
        session_id: id(session),
        parent_id: parent.map(id),
        role: "user",
        content: format!("zebra {number}\r\n"),
        thinking: None,
        model: None,
        agent_id: None,
        tokens: Some(3),
        response_time_ms: None,
        created_at: at(),
        metadata: json!({}),
    }
}

async fn leaf(store: &Store, session: u128) -> Option<Uuid> {
    sqlx::query_scalar("SELECT active_leaf_id FROM conversation_sessions WHERE id = $1")
        .bind(id(session))
        .fetch_one(store.pool())
        .await
        .expect("the conversation")
}

async fn count(store: &Store, table: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
        .fetch_one(store.pool())
        .await
        .expect("a count")
}

#[tokio::test]
async fn rows_come_once_and_what_was_deleted_stays_deleted() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let mut import = begin(&store, Mode::Real).await;
    let users = [user(1, "a@example.org"), user(2, "A@example.org")];
    assert_eq!(
        import.write(&users).await.expect("written"),
        [Fate::Written, Fate::Conflict]
    );
    let conversations = [
        conversation(10, 1),
        conversation(11, 1),
        conversation(12, 9),
    ];
    assert_eq!(
        import.write(&conversations).await.expect("written"),
        [Fate::Written, Fate::Written, Fate::ParentGone]
    );
    let messages = [
        message(20, 10, None),
        message(21, 10, Some(20)),
        message(21, 10, Some(20)),
        message(30, 11, None),
        message(40, 12, None),
        message(41, 12, Some(40)),
    ];
    let fates = import.write(&messages).await.expect("written");
    assert_eq!(
        fates[..4],
        [Fate::Written, Fate::Written, Fate::Known, Fate::Written]
    );
    assert_eq!(fates[4..], [Fate::ParentGone, Fate::ParentGone]);
    assert_eq!(leaf(&store, 10).await, Some(id(21)));
    for found in [
        import.verify::<UserRow>().await.expect("read"),
        import.verify::<ConversationRow>().await.expect("read"),
        import.verify::<MessageRow>().await.expect("read"),
    ] {
        assert!(found.is_right() && found.rows > 0, "{found:?}");
    }
    import.finish(Checked::Right).await.expect("finished");
    assert_eq!(count(&store, "message_search").await, 0);
    assert_eq!(count(&store, "message_search_waiting").await, 2);
    assert_eq!(count(&store, "conversation_search").await, 2);

    // A person deletes one conversation for good, and one message of another.
    for statement in [
        "DELETE FROM conversation_sessions WHERE id = $1",
        "UPDATE conversation_messages SET deleted_at = now(), deleted_with = id WHERE id = $1",
    ] {
        let id = if statement.starts_with("DELETE") {
            id(11)
        } else {
            id(21)
        };
        sqlx::query(statement)
            .bind(id)
            .execute(store.pool())
            .await
            .expect("deleted");
    }
    let mut import = begin(&store, Mode::Real).await;
    assert_eq!(
        import
            .carried(Relation::Messages)
            .await
            .expect("read")
            .len(),
        3
    );
    assert_eq!(
        import.write(&conversations[..2]).await.expect("written"),
        [Fate::Known, Fate::Known]
    );
    let more = [
        message(20, 10, None),
        message(22, 10, Some(21)),
        message(23, 10, Some(22)),
        message(24, 10, Some(20)),
        message(30, 11, None),
        message(31, 11, Some(30)),
    ];
    assert_eq!(
        import.write(&more).await.expect("written"),
        [
            Fate::Known,
            Fate::ParentGone,
            Fate::ParentGone,
            Fate::Written,
            Fate::Known,
            Fate::ParentGone
        ]
    );
    // The person was elsewhere: what they look at is left alone.
    assert_eq!(leaf(&store, 10).await, Some(id(21)));
    import.finish(Checked::Right).await.expect("finished");
}

#[tokio::test]
async fn only_the_rows_whose_place_is_taken_stay_out() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let taken = |number: u128| number.is_multiple_of(7);
    for mode in [Mode::Rehearsal, Mode::Real] {
        let mut import = begin(&store, mode).await;
        let first = [user(500, "taken@example.org")];
        import.write(&first).await.expect("written");
        let users: Vec<UserRow> = (1..=100)
            .map(|number| match number {
                number if taken(number) => user(number, "taken@example.org"),
                number => user(number, &format!("user{number}@example.org")),
            })
            .collect();
        let fates = import.write(&users).await.expect("written");
        for (number, fate) in (1..).zip(fates) {
            let wanted = if taken(number) {
                Fate::Conflict
            } else {
                Fate::Written
            };
            assert_eq!(fate, wanted, "{number}, {mode:?}");
        }
        // What did not go in is not known, and is tried again.
        let again = [user(7, "free@example.org"), user(8, "free@example.org")];
        assert_eq!(
            import.write(&again).await.expect("written"),
            [Fate::Written, Fate::Known],
            "{mode:?}"
        );
        let found = import.verify::<UserRow>().await.expect("read");
        assert!(found.is_right() && found.rows == 88, "{found:?}");
        import.finish(Checked::Right).await.expect("finished");
    }
}

#[tokio::test]
async fn what_came_is_indexed_a_conversation_at_a_time() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let mut import = begin(&store, Mode::Real).await;
    import
        .write(&[user(1, "a@example.org")])
        .await
        .expect("written");
    import
        .write(&[conversation(10, 1), conversation(11, 1)])
        .await
        .expect("written");
    // More than are indexed at once.
    let long: Vec<MessageRow> = (1000..1250)
        .map(|number| message(number, 10, (number > 1000).then(|| number - 1)))
        .collect();
    import.write(&long).await.expect("written");
    import
        .write(&[message(2000, 11, None)])
        .await
        .expect("written");
    import.finish(Checked::Right).await.expect("finished");
    let search = store.search();
    let owner = UserId::from_uuid(id(1));
    assert_eq!(search.index_waiting().await.expect("indexed"), 251);
    assert_eq!(count(&store, "message_search_waiting").await, 0);
    for (query, conversation) in [("1249 zebra", 10), ("2000", 11)] {
        let hits = search.find(owner, query, 5).await.expect("found");
        assert_eq!(hits.len(), 1, "{query}");
        assert_eq!(hits[0].conversation.id.as_uuid(), id(conversation));
    }
    assert_eq!(search.index_waiting().await.expect("indexed"), 0);
}

#[tokio::test]
async fn a_rehearsal_leaves_nothing_and_one_runs_at_a_time() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let mut import = begin(&store, Mode::Rehearsal).await;
    import
        .write(&[user(1, "a@example.org")])
        .await
        .expect("written");
    assert_eq!(import.verify::<UserRow>().await.expect("read").rows, 1);
    let source = ImportSource {
        kind: "legacy",
        name: "test".to_owned(),
        owner: None,
        mode: Mode::Real,
        now: at(),
    };
    let second = store.import(&source).await;
    assert!(matches!(second, Err(ImportError::InUse)), "{second:?}");
    import.finish(Checked::Right).await.expect("finished");
    for table in ["users", "import_sources", "import_ledger"] {
        assert_eq!(count(&store, table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn what_reads_back_differently_is_found() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let mut import = begin(&store, Mode::Real).await;
    let users = [
        user(1, "a@example.org"),
        user(2, "b@example.org"),
        user(3, "c@example.org"),
    ];
    import.write(&users).await.expect("written");
    for statement in [
        "UPDATE users SET display_name = 'other' WHERE email = 'a@example.org'",
        "DELETE FROM users WHERE email = 'b@example.org'",
    ] {
        sqlx::query(statement)
            .execute(store.pool())
            .await
            .expect("changed");
    }
    let found = import.verify::<UserRow>().await.expect("read");
    assert_eq!((found.rows, found.missing, found.differing), (3, 1, 1));
    assert!(!found.is_right());
    let mut named = found.named;
    named.sort_unstable();
    assert_eq!(named, [id(1), id(2)]);
}

/// A table that later names people must not be forgotten in their export.
#[tokio::test]
async fn every_table_of_people_is_exported_somewhere() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT c.conrelid::regclass::text FROM pg_constraint c
          WHERE c.contype = 'f' AND c.confdeltype = 'c' AND c.confrelid = 'users'::regclass",
    )
    .fetch_all(store.pool())
    .await
    .expect("the catalogue");
    // Exported as what they are, or nothing that a person would miss: what a
    // sign-in leaves, what budgets count, where an import came from.
    let elsewhere = [
        "sessions",
        "conversation_sessions",
        "blobs",
        "turns",
        "api_usage",
        "api_keys",
        "user_group_members",
        "budgets",
        "totp_factors",
        "backup_codes",
        "passkeys",
        "identities",
        "sign_in_challenges",
        "password_resets",
        "import_sources",
    ];
    let listed: Vec<&str> = Belongings::tables().collect();
    for table in &tables {
        assert!(
            listed.contains(&table.as_str()) || elsewhere.contains(&table.as_str()),
            "`{table}` belongs to people: add it to OWNED in belongings.rs"
        );
    }
}

#[tokio::test]
async fn what_belongs_to_a_person_is_listed_without_secrets() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let mut import = begin(&store, Mode::Real).await;
    import
        .write(&[user(1, "a@example.org"), user(2, "b@example.org")])
        .await
        .expect("written");
    import.finish(Checked::Right).await.expect("finished");
    sqlx::raw_sql(
        "INSERT INTO user_memories (id, user_id, category, key, value, created_at, updated_at)
         SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'fact', 'k' || i, 'v',
                now(), now() FROM generate_series(1, 120) i;
         INSERT INTO external_connections (id, user_id, service_type, access_token_sealed,
                                           created_at, updated_at)
         VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'github', 'sealed',
                 now(), now());
         INSERT INTO push_subscriptions (id, user_id, endpoint, p256dh, auth, created_at)
         VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000002', 'e', 'p', 'a', now());",
    )
    .execute(store.pool())
    .await
    .expect("made");
    let all = async |owner: u128| {
        let mut items = Vec::new();
        let mut place = Some(Place::default());
        while let Some(from) = place {
            let owner = UserId::from_uuid(id(owner));
            let page = store.belongings().list(owner, from).await;
            let (more, next) = page.expect("listed");
            items.extend(more);
            place = next;
        }
        items
    };
    let mine = all(1).await;
    assert_eq!(mine.len(), 121);
    let connection = mine.last().expect("one");
    assert_eq!(connection.kind, "external_connections");
    assert_eq!(connection.row["service_type"], "github");
    assert!(connection.row.get("access_token_sealed").is_none());
    let other = all(2).await;
    assert_eq!(other.len(), 1);
    assert_eq!(other[0].row["endpoint"], "e");
    assert!(other[0].row.get("auth").is_none());
}
