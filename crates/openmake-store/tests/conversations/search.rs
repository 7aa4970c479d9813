//! Full-text search.

use openmake_store::{
    conversations::ConversationChange,
    search::{Hit, TOKENIZER, lexemes},
};
use openmake_types::{ConversationId, MessageRole, TurnStatus, UserId};

use crate::fixtures::{
    World, claim_guest, guest, is_missing, message_id, now, try_conversation, user,
};

impl World {
    async fn find(&self, query: &str) -> Vec<Hit> {
        self.find_of(self.owner, query).await
    }

    async fn find_of(&self, owner: UserId, query: &str) -> Vec<Hit> {
        self.store
            .search()
            .find(owner, query, 20)
            .await
            .expect("found")
    }

    async fn finds(&self, query: &str) -> bool {
        !self.find(query).await.is_empty()
    }

    /// A question and an answer, indexed.
    async fn said(&self, question: &str, answer: &str) {
        self.said_in(self.conversation, question, answer).await;
    }

    async fn said_in(&self, conversation: ConversationId, question: &str, answer: &str) {
        let mut start = self.question(question);
        start.conversation_id = conversation;
        let turn = self.start(&start).await;
        self.end(&turn, TurnStatus::Completed, answer).await;
        for message in [turn.user_message_id, turn.assistant_message_id] {
            let indexed = self.store.search().index_message(self.owner, message).await;
            indexed.expect("indexed");
        }
    }
}

/// What an excerpt highlights.
fn highlighted(hit: &Hit) -> Vec<Vec<&str>> {
    hit.excerpts
        .iter()
        .map(|one| {
            one.highlights
                .iter()
                .map(|(a, b)| &one.text[*a..*b])
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn words_of_many_languages_are_found() {
    let world = World::new().await;
    world
        .said(
            "오늘회의록을 정리해 줘",
            "東京都の会議で、我们讨论了 Straße und GROẞE Pläne.",
        )
        .await;
    for query in [
        "회의",
        "회의록",
        "정리",
        "줘",
        "東京",
        "会議",
        "讨论",
        "strasse",
        "PLÄNE",
        "große",
    ] {
        assert!(world.finds(query).await, "{query}");
    }
    for query in ["회록", "의회", "京東", "asse", "ﬁsh", "", " ?! "] {
        assert!(!world.finds(query).await, "{query:?}");
    }
}

#[tokio::test]
async fn every_word_must_be_in_one_message_or_in_the_title() {
    let world = World::new().await;
    world.said("apple and pear", "plum and cherry").await;
    let change = ConversationChange {
        title: Some("Fruit of the 여름".to_owned()),
        ..ConversationChange::default()
    };
    world
        .store
        .conversations()
        .change(world.owner, world.conversation, &change, now())
        .await
        .expect("renamed");
    assert!(world.finds("pear apple").await);
    assert!(!world.finds("apple plum ").await);
    let hits = world.find("여름 fruit").await;
    assert_eq!(hits.len(), 1);
    assert!(hits[0].excerpts.is_empty());
    assert_eq!(hits[0].conversation.title, "Fruit of the 여름");
    assert!(!world.finds("fruit apple ").await);
    // The last word may be unfinished.
    assert!(world.finds("plum cher").await);
    assert!(!world.finds("cher plum ").await);
}

#[tokio::test]
async fn pairs_apart_from_each_other_are_not_the_word() {
    let world = World::new().await;
    world.said("회의와 의록", "none").await;
    assert!(!world.finds("회의록").await);
    assert!(world.finds("회의").await);
}

#[tokio::test]
async fn excerpts_show_what_was_found() {
    let world = World::new().await;
    let long = "서론 ".repeat(200);
    world
        .said("첫 회의", &format!("{long}그 회의록은 여기 있다. {long}"))
        .await;
    for n in 0..3 {
        world.said(&format!("회의 {n}"), "네").await;
    }
    let hits = world.find("회의").await;
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].excerpts.len(), 3, "at most three");
    assert_eq!(hits[0].excerpts[0].text, "회의 2", "the newest first");
    let hits = world.find("회의록은").await;
    assert_eq!(highlighted(&hits[0]), [["회의록은"]]);
    let excerpt = &hits[0].excerpts[0];
    assert_eq!(excerpt.role, MessageRole::Assistant);
    assert!(excerpt.text.chars().count() <= 200);
    assert!(excerpt.text.starts_with('…') && excerpt.text.ends_with('…'));
}

#[tokio::test]
async fn a_title_comes_before_a_mention() {
    let world = World::new().await;
    let titled = try_conversation(&world.store, world.owner, Some("Gardens"))
        .await
        .expect("made");
    world.said("gardens?", "Many.").await;
    let order: Vec<_> = world
        .find("gardens")
        .await
        .iter()
        .map(|hit| hit.conversation.id)
        .collect();
    assert_eq!(order, [titled.id, world.conversation]);
}

#[tokio::test]
async fn only_ones_own_and_nothing_deleted_is_found() {
    let world = World::new().await;
    world.said("a secret garden", "Yes.").await;
    let stranger = user(&world.store, "b@example.org").await;
    assert!(world.find_of(stranger, "secret").await.is_empty());
    let conversations = world.store.conversations();
    conversations
        .delete(world.owner, world.conversation, now())
        .await
        .expect("deleted");
    assert!(!world.finds("secret").await);
    conversations
        .restore(world.owner, world.conversation)
        .await
        .expect("restored");
    assert!(world.finds("secret").await);
}

#[tokio::test]
async fn indexing_is_for_the_owner_and_waits_for_the_text() {
    let world = World::new().await;
    let search = world.store.search();
    let turn = world.start(&world.question("zebra")).await;
    let stranger = user(&world.store, "b@example.org").await;
    assert!(is_missing(
        search.index_message(stranger, turn.user_message_id).await
    ));
    assert!(is_missing(
        search.index_message(world.owner, message_id()).await
    ));
    search
        .index_message(world.owner, turn.assistant_message_id)
        .await
        .expect("nothing yet");
    world
        .end(&turn, TurnStatus::Completed, "A striped horse")
        .await;
    assert!(!world.finds("striped").await);
    for _ in 0..2 {
        let answer = turn.assistant_message_id;
        search
            .index_message(world.owner, answer)
            .await
            .expect("indexed");
    }
    assert!(world.finds("striped").await);
}

#[tokio::test]
async fn a_text_of_more_words_than_one_row_holds_is_found_whole() {
    let world = World::new().await;
    let words: Vec<String> = (0..60_000).map(|n| format!("word{n}")).collect();
    world.said(&words.join(" "), "Yes.").await;
    let last: i32 = sqlx::query_scalar("SELECT max(piece) FROM message_search")
        .fetch_one(world.store.pool())
        .await
        .expect("readable");
    assert!(last > 0, "it is in several pieces");
    for query in ["word0 ", "word59999 ", "word0 word31234 word59999 "] {
        assert!(world.finds(query).await, "{query}");
    }
    assert!(!world.finds("word0 word60000 ").await);
    // A shorter text takes the pieces back.
    sqlx::query("UPDATE conversation_messages SET content = 'short' WHERE role = 'user'")
        .execute(world.store.pool())
        .await
        .expect("changed");
    let question = world.messages().await[0].id;
    world
        .store
        .search()
        .index_message(world.owner, question)
        .await
        .expect("indexed");
    assert!(!world.finds("word59999 ").await);
    assert!(world.finds("short").await);
}

#[tokio::test]
async fn a_claimed_conversation_is_found_by_its_new_owner() {
    let world = World::new().await;
    let guest = guest(&world.store, now()).await;
    let made = try_conversation(&world.store, guest, Some("Zebra"))
        .await
        .expect("made");
    assert_eq!(world.find_of(guest, "zebra").await.len(), 1);
    claim_guest(&world.store, guest, world.owner).await;
    crate::maintenance::maintain(&world, now()).await;
    let hits = world.find("zebra").await;
    assert_eq!(hits[0].conversation.id, made.id);
}

#[tokio::test]
async fn a_limit_is_kept() {
    let world = World::new().await;
    for _ in 0..30 {
        try_conversation(&world.store, world.owner, Some("Same"))
            .await
            .expect("made");
    }
    let ids = world
        .store
        .search()
        .find(world.owner, "same", 7)
        .await
        .expect("found");
    assert_eq!(ids.len(), 7);
    let all = world
        .store
        .search()
        .find(world.owner, "same", 200)
        .await
        .expect("found");
    assert_eq!(all.len(), 30);
}

/// Newer conversations, so many with so many messages of `text` each.
async fn fill(world: &World, conversations: i32, messages: i32, text: &str) {
    let words = lexemes(world.owner, text).concat();
    sqlx::query(
        "WITH made AS (
             INSERT INTO conversation_sessions (id, user_id, created_at, updated_at)
             SELECT gen_random_uuid(), $1, now(), '2099-01-01'::timestamptz + n * interval '1 minute'
               FROM generate_series(1, $2) n
             RETURNING id
         ), said AS (
             INSERT INTO conversation_messages (id, session_id, role, content, created_at)
             SELECT gen_random_uuid(), made.id, 'user', $4, now()
               FROM made, generate_series(1, $3)
             RETURNING id, session_id
         )
         INSERT INTO message_search (message_id, session_id, tokenizer, words)
         SELECT id, session_id, $6, array_to_tsvector($5) FROM said",
    )
    .bind(world.owner.as_uuid())
    .bind(conversations)
    .bind(messages)
    .bind(text)
    .bind(words)
    .bind(TOKENIZER)
    .execute(world.store.pool())
    .await
    .expect("written");
}

#[tokio::test]
async fn what_thousands_of_newer_messages_hide_is_found_by_the_index() {
    let world = World::new().await;
    let words: Vec<String> = (0..60_000).map(|n| format!("word{n}")).collect();
    world
        .said(&words.join(" "), "A striped zebra, 얼룩말")
        .await;
    fill(&world, 2, 2100, "filler").await;
    for query in [
        "zebra ",
        "striped zeb",
        "얼룩",
        "word0 word31234 word59999 ",
    ] {
        let hits = world.find(query).await;
        assert_eq!(hits.len(), 1, "{query}");
        assert_eq!(hits[0].conversation.id, world.conversation);
        assert_eq!(hits[0].excerpts.len(), 1, "{query}");
    }
    // Too short a beginning for all messages there are.
    assert!(!world.finds("ze").await);
    assert!(!world.finds("zebra filler ").await);
    let hits = world.find("filler").await;
    assert_eq!(hits.len(), 2, "too few for the newest alone to do");
    assert!(hits.iter().all(|hit| hit.excerpts.len() == 3));
}

#[tokio::test]
async fn a_word_of_every_message_is_found_among_the_newest_and_in_all_titles() {
    let world = World::new().await;
    let titled = try_conversation(&world.store, world.owner, Some("Filler"))
        .await
        .expect("made");
    sqlx::query("UPDATE conversation_sessions SET updated_at = clock_timestamp() WHERE id = $1")
        .bind(titled.id.as_uuid())
        .execute(world.store.pool())
        .await
        .expect("changed");
    world.said("an old filler", "Yes.").await;
    fill(&world, 2100, 2, "filler").await;
    let hits = world.find("fill").await;
    assert_eq!(hits.len(), 20);
    assert_eq!(hits[0].conversation.id, titled.id);
    assert!(
        hits.iter()
            .all(|hit| hit.conversation.id != world.conversation)
    );
    // What only the old one has is found all the same.
    assert_eq!(world.find("old filler ").await.len(), 1);
}
