//! The predecessor's PostgreSQL.

use openmake_import::{legacy::Origin, report::Class};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::fixtures::{New, bcrypt, counts, from, table};

#[tokio::test]
async fn version_1_5_is_read_from_postgresql() {
    let (old, new) = (New::create().await, New::create().await);
    let mut connection = old.database.connection().await;
    connection
        .execute(AssertSqlSafe(format!(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public;
             CREATE TABLE users (id text PRIMARY KEY, username text, password_hash text, email text,
                role text, created_at timestamptz DEFAULT now(), updated_at timestamptz,
                last_login timestamptz, is_active boolean DEFAULT true, tier text DEFAULT 'free');
             INSERT INTO users (id, username, password_hash, role) VALUES
                ('1', 'ada@example.org', '{}', 'user');
             CREATE TABLE conversation_sessions (id text PRIMARY KEY, user_id text, title text,
                created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
                metadata jsonb, anon_session_id text);
             INSERT INTO conversation_sessions VALUES ('c', '1', 'Title', now(), now(), '\"text\"', 'anon');
             CREATE TABLE conversation_messages (id serial PRIMARY KEY, session_id text, role text,
                content text, model text, agent_id text, thinking text, tokens int,
                response_time_ms int, created_at timestamptz);
             INSERT INTO conversation_messages (session_id, role, content, created_at) VALUES
                ('c', 'assistant', 'second', '2024-01-02 00:00:00.123456+09'),
                ('c', 'user', 'first', '2024-01-01 00:00:00+09');
             CREATE TABLE mcp_servers (id text PRIMARY KEY, name text, transport_type text,
                command text, args jsonb, env jsonb, url text, enabled boolean,
                created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
             INSERT INTO mcp_servers VALUES
                ('m', 'Files', 'stdio', 'npx', '[\"x\"]', '{{\"KEY\": \"hidden\"}}', NULL, true),
                ('n', 'Broken', 'sse', NULL, NULL, NULL, NULL, true);
             CREATE TABLE user_api_keys (id text PRIMARY KEY, user_id text, key_hash text, name text);
             INSERT INTO user_api_keys VALUES ('k', '1', 'aabbcc', 'Mine');
             CREATE TABLE token_blacklist (jti text PRIMARY KEY, expires_at bigint, created_at bigint);
             INSERT INTO token_blacklist VALUES ('j', 1, 1);
             CREATE TABLE push_subscriptions (id serial PRIMARY KEY, user_id text, endpoint text,
                p256dh text, auth text, created_at timestamptz DEFAULT now());
             INSERT INTO push_subscriptions (user_id, endpoint, p256dh, auth) VALUES
                ('1', 'https://push.example.org/1', 'p', 'a'), ('1', '', 'p', 'a');",
            bcrypt("old password")
        )))
        .await
        .expect("made");
    let mut legacy = from(std::path::Path::new("unused"));
    legacy.origin = Origin::Postgres(SecretString::from(old.database.url()));
    let report = new.import(&legacy).await;
    for (name, counted) in [
        ("users", [1, 1, 0, 0]),
        ("conversation_messages", [2, 2, 0, 0]),
        ("mcp_servers", [2, 2, 0, 0]),
        ("user_api_keys", [1, 1, 0, 0]),
        ("token_blacklist", [1, 0, 0, 1]),
        ("push_subscriptions", [2, 2, 0, 0]),
    ] {
        assert_eq!(
            counts(&report, name)[..4],
            counted,
            "{name}\n{}",
            report.summary()
        );
    }
    assert_eq!(
        table(&report, "user_api_keys").classes[&Class::UnusableHeld],
        1
    );
    assert_eq!(
        new.text(
            "SELECT m.content || ' after ' || p.content FROM conversation_messages m
                  JOIN conversation_messages p ON p.id = m.parent_id"
        )
        .await,
        "second after first"
    );
    assert_eq!(
        new.count("mcp_servers WHERE NOT enabled AND env_sealed IS NOT NULL")
            .await,
        1
    );
    assert_eq!(
        new.count("import_holding WHERE held::text LIKE '%aabbcc%'")
            .await,
        0
    );
    assert_eq!(
        new.text("SELECT metadata->'v1'->>'tier' FROM users").await,
        "free"
    );
}
