//! Everything that goes wrong in real copies.

use openmake_import::{
    legacy::{ImportFailure, Origin, Orphans, SourceError},
    report::Class,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::fixtures::{New, Old, bcrypt, classes, counts, from, table};

/// A row in each table, and what is wrong with old databases in some.
fn damaged() -> Old {
    let old = Old::new();
    old.user("1", "ada@example.org");
    old.user("2", "Ada@Example.org");
    old.user("3", "bob");
    old.user("4", "eve@example.org");
    old.user("5", "guest@example.org");
    old.run(&format!(
        "UPDATE users SET last_login = '2024-05-05T05:05:05.123Z' WHERE id = '2';
         UPDATE users SET role = 'wizard' WHERE id = '4';
         UPDATE users SET role = 'guest' WHERE id = '5';
         INSERT INTO users (id, username, password_hash, role, is_active) VALUES
            ('admin-default-001', 'admin', '{}', 'admin', 1),
            ('7', 'root@example.org', '{}', 'admin', 1),
            ('8', 'odd@example.org', 'plain text', 'user', 'maybe');",
        bcrypt("admin123"),
        bcrypt("good one"),
    ));
    for (id, user) in [("c1", "1"), ("c2", "2"), ("c3", "nobody")] {
        old.conversation(id, user);
    }
    old.run(
        "INSERT INTO conversation_sessions (id, user_id, title, metadata) VALUES
            ('c4', NULL, 'anonymous', '{}'),
            ('c5', '1', printf('%.300c', 'x'), '{not json'),
            ('c6', '1', CAST(x'ff00fe' AS TEXT), '{\"a\": 1}');",
    );
    old.message("c1", "user", "first");
    old.message("c1", "assistant", "second");
    old.message("c2", "user", "of the other account");
    old.message("c3", "user", "of nobody");
    old.message("c4", "user", "of an anonymous one");
    old.message("gone", "user", "of no conversation");
    old.run(
        "INSERT INTO conversation_messages (session_id, role, content, tokens, created_at) VALUES
            ('c1', 'tool', 'a' || char(0) || 'b', 99999999999999999999, 'yesterday'),
            ('c1', 'user', x'fffe', -5, '2024-01-02T03:04:06.500Z'),
            ('c1', 'user', 'earlier', 3, '2024-01-01 00:00:00');
         INSERT INTO custom_agents (id, name, system_prompt, keywords, created_by, temperature) VALUES
            ('custom-1', 'Helper', 'help', '[\"a\"]', '1', 0.7),
            ('custom-2', '', 'x', 'nope', 'gone', 99);
         INSERT INTO agent_usage_logs (timestamp, user_id, session_id, agent_id, success) VALUES
            (1704164645, '1', 'c1', 'helper', 1), ('2024-01-01', 'gone', 'gone', 'helper', 'x');
         INSERT INTO agent_feedback (id, agent_id, user_id, rating, tags) VALUES
            ('f1', 'helper', '1', 5, '[]'), ('f2', 'helper', '1', 9, NULL);
         INSERT INTO audit_logs (timestamp, action, user_id, details) VALUES
            ('2024-01-01 00:00:00', 'login', '1', '{\"x\": 1}'),
            (NULL, 'login_failed', 'gone', '{broken');
         INSERT INTO alert_history (type, severity, title, acknowledged, created_at) VALUES
            ('quota', 'critical', 't', 1, '2024-01-01 00:00:00'), ('q', 'odd', 't', 0, NULL);
         INSERT INTO user_memories (id, user_id, category, key, value, importance) VALUES
            ('m1', '1', 'fact', 'name', 'Ada', 0.9), ('m2', '2', 'fact', 'name', 'Ada L.', 0.5),
            ('m3', 'gone', 'fact', 'k', 'v', 0.5), ('m4', '1', 'odd', 'k', 'v', 7);
         INSERT INTO memory_tags (memory_id, tag) VALUES ('m1', 'x'), ('m2', 'held'), ('zz', 'y');
         INSERT INTO research_sessions (id, user_id, topic, status, depth, progress, sources) VALUES
            ('r1', '1', 't', 'running', 'deep', 400, '{\"a\": 1}'), ('r2', NULL, 't', 'x', 'y', 1, '');
         INSERT INTO research_steps (session_id, step_number, step_type) VALUES
            ('r1', 1, 'search'), ('r2', 1, 'search');
         INSERT INTO agent_marketplace (id, agent_id, author_id, title, status, rating_avg) VALUES
            ('k1', 'custom-1', '1', 'Helper', 'approved', 4.5), ('k2', 'gone', '1', 'x', 'odd', 9);
         INSERT INTO agent_reviews (id, marketplace_id, user_id, rating) VALUES
            ('v1', 'k1', '3', 4), ('v2', 'k2', '3', 4), ('v3', 'k1', '4', 0);
         INSERT INTO agent_installations (marketplace_id, user_id) VALUES ('k1', '3'), (NULL, '3');
         INSERT INTO canvas_documents (id, user_id, title, doc_type, share_token) VALUES
            ('d1', '1', 'Doc', 'code', 'secret-link'), ('d2', 'gone', 'Doc', 'code', 't2');
         INSERT INTO canvas_versions (document_id, version, content) VALUES
            ('d1', 1, 'v1'), ('d2', 1, 'v1');
         INSERT INTO canvas_ai_edits (document_id, instruction, accepted) VALUES
            ('d1', 'shorter', NULL), ('d1', 'longer', 0);
         INSERT INTO external_connections (id, user_id, service_type, access_token, refresh_token)
            VALUES ('e1', '1', 'github', 'ghp_plain',
                    '00000000000000000000000000000000:00000000000000000000000000000000:aabb'),
                   ('e2', '1', 'myspace', 'secret-of-myspace', NULL);
         INSERT INTO external_files (id, connection_id, external_id, file_name, file_size) VALUES
            ('x1', 'e1', '1', 'a.txt', 3), ('x2', 'e2', '1', 'a.txt', 3);
         INSERT INTO api_usage (date, api_key_id, requests, tokens, models) VALUES
            ('2024-01-01', 'key', 5, 100, '{\"m\": 5}'), ('someday', NULL, 1, 1, NULL);",
    );
    old
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one damaged database, looked at once"
)]
async fn every_defect_is_repaired_or_held_and_told() {
    let (old, new) = (damaged(), New::create().await);
    let report = new.import(&from(&old.path)).await;
    let expected = [
        ("users", [8, 7, 1, 0, 5]),
        ("conversation_sessions", [6, 6, 0, 0, 2]),
        ("conversation_messages", [9, 9, 0, 0, 3]),
        ("custom_agents", [2, 2, 0, 0, 2]),
        ("agent_usage_logs", [2, 2, 0, 0, 1]),
        ("agent_feedback", [2, 2, 0, 0, 2]),
        ("audit_logs", [2, 2, 0, 0, 1]),
        ("alert_history", [2, 2, 0, 0, 1]),
        ("user_memories", [4, 4, 0, 0, 4]),
        ("memory_tags", [3, 3, 0, 0, 0]),
        ("research_sessions", [2, 2, 0, 0, 1]),
        ("research_steps", [2, 2, 0, 0, 1]),
        ("agent_marketplace", [2, 2, 0, 0, 1]),
        ("agent_reviews", [3, 3, 0, 0, 1]),
        ("agent_installations", [2, 2, 0, 0, 1]),
        ("canvas_documents", [2, 2, 0, 0, 1]),
        ("canvas_versions", [2, 2, 0, 0, 1]),
        ("canvas_ai_edits", [2, 2, 0, 0, 2]),
        ("external_connections", [2, 2, 0, 0, 1]),
        ("external_files", [2, 2, 0, 0, 1]),
        ("api_usage", [2, 2, 0, 0, 0]),
        ("mcp_servers", [0; 5]),
    ];
    for (name, counted) in expected {
        let found = counts(&report, name);
        assert_eq!(found[..4], counted[..4], "{name}\n{}", report.summary());
    }
    assert_eq!(
        classes(&report, "users"),
        [
            (Class::MergedSameEmail, 1),
            (Class::RoleUnknown, 1),
            (Class::GuestDeactivated, 1),
            (Class::AddressMade, 2),
            (Class::SeededDisabled, 1),
            (Class::PasswordUnusable, 1),
            (Class::ValueUnknown, 1),
            (Class::ValueMissing, 2),
        ]
        .into_iter()
        .filter(|(class, _)| *class != Class::ValueMissing)
        .chain(
            classes(&report, "users")
                .into_iter()
                .filter(|(class, _)| *class == Class::ValueMissing)
        )
        .collect::<Vec<_>>()
    );
    // The account that signed in last stays, with what was the other's.
    assert_eq!(new.count("users").await, 7);
    assert_eq!(
        new.text("SELECT string_agg(title, ',' ORDER BY title) FROM conversation_sessions c
                  JOIN users u ON u.id = c.user_id WHERE u.email = 'Ada@Example.org' AND length(title) < 100")
            .await,
        "About c1,About c2,\u{fffd}\u{fffd}\u{fffd}"
    );
    // Nobody became an administrator, and the published password opens nothing.
    assert_eq!(
        new.text("SELECT string_agg(email, ',') FROM users WHERE role = 'admin' AND is_active")
            .await,
        "root@example.org"
    );
    assert_eq!(
        new.count("users WHERE email = 'admin@imported.invalid' AND password_hash IS NULL")
            .await,
        1
    );
    assert_eq!(
        new.count("users WHERE email = 'guest@example.org' AND NOT is_active AND role = 'user'")
            .await,
        1
    );
    assert_eq!(
        new.count("users WHERE email = 'bob@imported.invalid' AND password_hash LIKE '$2%'")
            .await,
        1
    );
    // Nothing secret is readable anywhere.
    for table in [
        "import_holding",
        "external_connections",
        "canvas_documents",
        "users",
    ] {
        for secret in ["ghp_plain", "secret-of-myspace", "secret-link"] {
            let found = new
                .count(&format!("{table} t WHERE t::text LIKE '%{secret}%'"))
                .await;
            assert_eq!(found, 0, "{secret} in {table}");
        }
    }
    assert_eq!(
        table(&report, "external_connections").classes[&Class::TokenNotOpened],
        1
    );
    // What was cut or could not be read is kept.
    assert_eq!(
        new.text(
            "SELECT (length(title) || ' ' || length(metadata->'v1'->>'title') || ' '
                         || (metadata->'v1'->>'metadata'))
                    FROM conversation_sessions WHERE length(title) = 200"
        )
        .await,
        "200 300 {not json"
    );
    assert_eq!(
        new.count("import_holding WHERE reason = 'orphan_held'")
            .await,
        12
    );
    assert_eq!(
        new.count("import_holding WHERE reason = 'ownerless_held'")
            .await,
        4
    );
}

#[tokio::test]
async fn messages_become_a_chain_in_the_order_of_their_times() {
    let (old, new) = (damaged(), New::create().await);
    new.import(&from(&old.path)).await;
    let chain = new
        .text(
            "WITH RECURSIVE chain AS (
                 SELECT m.*, 0 AS depth FROM conversation_messages m
                   JOIN conversation_sessions c ON c.id = m.session_id
                  WHERE c.title = 'About c1' AND m.parent_id IS NULL
                 UNION ALL
                 SELECT m.*, chain.depth + 1 FROM conversation_messages m
                   JOIN chain ON m.parent_id = chain.id)
             SELECT string_agg(role || ':' || content, '|' ORDER BY depth) FROM chain",
        )
        .await;
    assert_eq!(
        chain,
        "user:earlier|user:first|assistant:second|system:a\u{fffd}b|user:\u{fffd}\u{fffd}"
    );
    assert_eq!(
        new.text("SELECT m.content FROM conversation_sessions c
                  JOIN conversation_messages m ON m.id = c.active_leaf_id WHERE c.title = 'About c1'")
            .await,
        "\u{fffd}\u{fffd}"
    );
    let kept: Value = serde_json::from_str(
        &new.text("SELECT metadata::text FROM conversation_messages WHERE role = 'system'")
            .await,
    )
    .expect("JSON");
    assert_eq!(
        kept,
        json!({"v1": {"role": "tool", "created_at": "yesterday", "tokens": 1e20,
                      "content": {"hex": "610062"}}})
    );
}

#[tokio::test]
async fn orphans_may_be_left_behind() {
    let (old, new) = (damaged(), New::create().await);
    let mut legacy = from(&old.path);
    legacy.orphans = Orphans::Skip;
    let report = new.import(&legacy).await;
    assert_eq!(counts(&report, "conversation_sessions")[..4], [6, 5, 0, 1]);
    assert_eq!(
        new.count("import_holding WHERE reason = 'orphan_held'")
            .await,
        0
    );
}

#[tokio::test]
async fn a_token_opens_with_the_old_key_and_is_sealed_with_ours() {
    let (old, new) = (Old::new(), New::create().await);
    old.user("1", "ada@example.org");
    old.run(
        "INSERT INTO external_connections (id, user_id, service_type, access_token)
         VALUES ('e1', '1', 'github', 'ghp_plain')",
    );
    let mut legacy = from(&old.path);
    legacy.old_key = Some(SecretString::from("an old secret"));
    new.import(&legacy).await;
    let (id, sealed): (sqlx::types::Uuid, Vec<u8>) =
        sqlx::query_as("SELECT id, access_token_sealed FROM external_connections")
            .fetch_one(new.store.pool())
            .await
            .expect("there");
    let opened = new.keys.open(&format!("external-access:{id}"), &sealed);
    assert_eq!(opened.as_deref(), Ok(&b"ghp_plain"[..]));
}

#[tokio::test]
async fn tables_and_columns_may_be_missing_and_more_than_known() {
    let (old, new) = (Old::empty(), New::create().await);
    old.run(
        "CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT, password_hash TEXT, nickname TEXT);
         INSERT INTO users VALUES ('1', 'ada@example.org', 'x', 'Countess'), (NULL, 'noid@example.org', 'x', NULL);
         CREATE TABLE Conversation_Sessions (id TEXT PRIMARY KEY, user_id TEXT, colour TEXT);
         INSERT INTO conversation_sessions VALUES ('c', '1', 'red');
         CREATE TABLE plugins (id TEXT); INSERT INTO plugins VALUES ('p');",
    );
    let report = new.import(&from(&old.path)).await;
    assert_eq!(counts(&report, "users")[..4], [2, 2, 0, 0]);
    assert_eq!(counts(&report, "conversation_messages"), [0; 5]);
    assert_eq!(table(&report, "users").classes[&Class::ExtraColumn], 1);
    assert_eq!(table(&report, "plugins").classes[&Class::NothingToCarry], 1);
    assert_eq!(
        new.text("SELECT metadata->'v1'->>'nickname' FROM users WHERE email = 'ada@example.org'")
            .await,
        "Countess"
    );
    assert_eq!(
        new.text("SELECT metadata->'v1'->>'colour' FROM conversation_sessions")
            .await,
        "red"
    );
}

#[tokio::test]
async fn a_file_in_use_is_read_with_its_wal() {
    let (old, new) = (Old::empty(), New::create().await);
    old.run("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;");
    old.run(crate::fixtures::SCHEMA);
    old.user("1", "ada@example.org");
    // In the WAL alone, and somebody writes on.
    old.run("BEGIN IMMEDIATE; INSERT INTO users (id, username, password_hash) VALUES ('2', 'b@example.org', 'x');");
    let report = new.import(&from(&old.path)).await;
    assert_eq!(counts(&report, "users")[..2], [1, 1]);
    // Without its WAL the copy is old, and that is said.
    let copy = old.directory.path().join("copy.db");
    std::fs::copy(&old.path, &copy).expect("copied");
    let other = New::create().await;
    let report = other.import(&from(&copy)).await;
    assert_eq!(table(&report, "users").classes[&Class::SourceRemark], 1);
}

#[tokio::test]
async fn what_is_no_old_database_is_said_so() {
    let new = New::create().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file.db");
    let missing = new.try_import(&from(&file)).await.map(drop);
    assert!(
        matches!(
            missing,
            Err(ImportFailure::Source(SourceError::Unreadable { .. }))
        ),
        "{missing:?}"
    );
    for content in [&b""[..], &[0xa5; 8192][..]] {
        std::fs::write(&file, content).expect("written");
        let wrong = new.try_import(&from(&file)).await.map(drop);
        assert!(
            matches!(
                wrong,
                Err(ImportFailure::Source(SourceError::NotADatabase(_)))
            ),
            "{wrong:?}"
        );
    }
    let mut legacy = from(&file);
    legacy.origin = Origin::Postgres(SecretString::from("mysql://x"));
    let wrong = new.try_import(&legacy).await.map(drop);
    assert!(
        matches!(wrong, Err(ImportFailure::Source(SourceError::Address))),
        "{wrong:?}"
    );
    assert_eq!(new.count("import_sources").await, 0);
}

#[tokio::test]
async fn files_beside_the_database_come_too() {
    let (old, new) = (Old::new(), New::create().await);
    old.user("1", "ada@example.org");
    let data = old.directory.path();
    let write = |name: &str, value: Value| {
        std::fs::write(data.join(name), value.to_string()).expect("written");
    };
    write(
        "custom-agents.json",
        json!([{"id": "custom-x-1", "name": "X", "systemPrompt": "be x",
        "keywords": ["a"], "maxTokens": 5, "createdAt": "2024-01-01T00:00:00.000Z"}]),
    );
    write(
        "agent-feedback.json",
        json!({"feedback": [{"id": "f", "agentId": "x", "rating": 4}]}),
    );
    write(
        "api-usage.json",
        json!({"daily": {"2024-01-01": {"requests": 7, "tokens": 9}}}),
    );
    write(
        "conversations.json",
        json!([{"id": "old", "userId": "1", "title": "Old",
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}]),
    );
    std::fs::create_dir_all(data.join("users/1/workspace")).expect("made");
    std::fs::write(data.join("users/1/workspace/a.txt"), "a").expect("written");
    let mut legacy = from(&old.path);
    legacy.directory = Some(data.to_owned());
    let report = new.import(&legacy).await;
    for (name, counted) in [
        ("custom-agents.json", [1, 1, 0, 0]),
        ("agent-feedback.json", [1, 1, 0, 0]),
        ("api-usage.json", [1, 1, 0, 0]),
        ("conversations.json", [3, 3, 0, 0]),
        ("files", [1, 0, 0, 1]),
    ] {
        assert_eq!(counts(&report, name)[..4], counted, "{name}");
    }
    assert_eq!(
        new.text("SELECT system_prompt FROM custom_agents").await,
        "be x"
    );
    assert_eq!(
        new.count("carried_usage WHERE requests = 7 AND tokens = 9")
            .await,
        1
    );
    assert_eq!(
        new.count("conversation_messages WHERE parent_id IS NOT NULL")
            .await,
        1
    );
}
