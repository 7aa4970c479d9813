//! Again, beside people who go on working.

use openmake_import::report::Class;
use openmake_store::import::Mode;

use crate::fixtures::{New, Old, counts, from, table};

#[tokio::test]
async fn a_second_run_adds_only_what_is_new() {
    let (old, new) = (Old::new(), New::create().await);
    old.user("1", "ada@example.org");
    old.user("2", "ADA@example.org");
    old.conversation("c1", "1");
    old.message("c1", "user", "one");
    new.import(&from(&old.path)).await;
    // Ada changes things here, and goes on there.
    for change in [
        "UPDATE users SET display_name = 'Countess', email = 'new@example.org'",
        "UPDATE conversation_sessions SET title = 'Renamed'",
    ] {
        sqlx::query(change)
            .execute(new.store.pool())
            .await
            .expect("changed");
    }
    old.message("c1", "assistant", "two");
    old.conversation("c2", "2");
    let report = new.import(&from(&old.path)).await;
    assert_eq!(counts(&report, "users")[..4], [2, 0, 0, 2]);
    assert_eq!(counts(&report, "conversation_sessions")[..4], [2, 1, 0, 1]);
    assert_eq!(counts(&report, "conversation_messages")[..4], [2, 1, 0, 1]);
    assert_eq!(table(&report, "users").classes[&Class::AlreadyCarried], 2);
    assert_eq!(
        new.text("SELECT string_agg(title, ',' ORDER BY title) FROM conversation_sessions")
            .await,
        "About c2,Renamed"
    );
    assert_eq!(
        new.text(
            "SELECT m.content FROM conversation_sessions c
                  JOIN conversation_messages m ON m.id = c.active_leaf_id"
        )
        .await,
        "two"
    );
    // What she deletes does not come back.
    sqlx::query("DELETE FROM conversation_sessions WHERE title = 'Renamed'")
        .execute(new.store.pool())
        .await
        .expect("deleted");
    old.message("c1", "user", "three");
    let report = new.import(&from(&old.path)).await;
    assert_eq!(counts(&report, "conversation_messages")[..4], [3, 0, 0, 3]);
    assert_eq!(
        table(&report, "conversation_messages").classes[&Class::DeletedSince],
        1
    );
    assert_eq!(new.count("conversation_messages").await, 0);
}

#[tokio::test]
async fn who_has_an_account_here_already_keeps_it() {
    let (old, new) = (Old::new(), New::create().await);
    sqlx::query(
        "INSERT INTO users (id, email, display_name, role, created_at, updated_at)
         VALUES (gen_random_uuid(), 'Ada@example.org', 'Here', 'user', now(), now())",
    )
    .execute(new.store.pool())
    .await
    .expect("made");
    old.user("1", "ada@example.org");
    old.run("UPDATE users SET role = 'admin'");
    old.conversation("c1", "1");
    let report = new.import(&from(&old.path)).await;
    assert_eq!(counts(&report, "users")[..4], [1, 0, 1, 0]);
    assert_eq!(
        new.text(
            "SELECT u.display_name || u.role FROM users u
                  JOIN conversation_sessions c ON c.user_id = u.id"
        )
        .await,
        "Hereuser"
    );
}

#[tokio::test]
async fn a_rehearsal_says_the_same_and_writes_nothing() {
    let (old, new) = (Old::new(), New::create().await);
    old.user("1", "ada@example.org");
    old.conversation("c1", "1");
    old.message("c1", "user", "one");
    let mut legacy = from(&old.path);
    legacy.mode = Mode::Rehearsal;
    let rehearsed = new.import(&legacy).await;
    for table in [
        "users",
        "conversation_messages",
        "import_ledger",
        "import_sources",
    ] {
        assert_eq!(new.count(table).await, 0, "{table}");
    }
    legacy.mode = Mode::Real;
    let real = new.import(&legacy).await;
    assert_eq!(rehearsed.summary(), real.summary());
}
