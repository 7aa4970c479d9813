//! Many messages at once, past the program: by COPY, as the store would have
//! written them, index included.

use std::fmt::Write as _;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use openmake_store::search::{TOKENIZER, lexemes};
use openmake_store::{PoolSettings, Store};
use openmake_types::UserId;
use sqlx::{Executor as _, PgConnection};
use uuid::Uuid;

/// In one of some thousand messages.
pub(crate) const RARE: &str = "xylophone";
/// In every other message.
pub(crate) const COMMON: &str = "garden";
/// Inside a longer word, in three of a hundred messages.
pub(crate) const KOREAN: &str = "회의";

const KOREAN_TEXT: &str = "오늘회의록을";
/// Messages of one conversation.
const CONVERSATION: usize = 20;
/// Words of one message, drawn from so many, small numbers more often.
const WORDS: usize = 40;
const VOCABULARY: f64 = 20_000.0;
/// How long ago the first message was written.
const SPAN: TimeDelta = TimeDelta::days(700);
/// Rows in one piece of a COPY.
const PIECE: usize = 2_000;
/// The tables that are filled.
const TABLES: [&str; 4] = [
    "conversation_sessions",
    "conversation_messages",
    "message_search",
    "conversation_search",
];

/// What to write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed {
    /// Whose messages are searched.
    pub(crate) owner: UserId,
    /// How many of all are theirs.
    pub(crate) own: usize,
    pub(crate) all: usize,
    pub(crate) now: DateTime<Utc>,
}

/// Numbers without a pattern, the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.roll() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }

    fn id(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.roll(), self.roll())
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..WORDS {
            // A string takes whatever is written.
            let _ = write!(text, "w{:.0} ", VOCABULARY * self.share().powi(3));
        }
        for (word, share) in [(COMMON, 0.5), (KOREAN_TEXT, 0.03), (RARE, 0.0003)] {
            if self.share() < share {
                text.push_str(word);
                text.push(' ');
            }
        }
        text
    }
}

/// Rows on their way into the four tables.
#[derive(Default)]
struct Rows([String; 4]);

/// Writes the seed into the database at `url`.
pub(crate) async fn write(url: &str, seed: Seed) -> anyhow::Result<()> {
    let store = Store::connect(url, &PoolSettings::default()).await?;
    let mut connection = store.pool().acquire().await?;
    let connection: &mut PgConnection = &mut connection;
    connection
        .execute("SET statement_timeout = 0; SET maintenance_work_mem = '256MB'")
        .await?;
    let mut dice = Dice(52416);
    let owners = owners(connection, seed, &mut dice).await?;
    // Rows first and indexes after is how a million rows take minutes.
    let indexes = drop_indexes(connection).await?;
    let conversations = seed.all.div_ceil(CONVERSATION);
    let apart = SPAN / i32::try_from(conversations.max(1)).context("too many")?;
    let mut at = seed.now - SPAN;
    let mut rows = Rows::default();
    for number in 0..conversations {
        let owner = owners
            .get(number % owners.len())
            .copied()
            .unwrap_or(seed.owner);
        rows.conversation(&mut dice, owner, at);
        at += apart;
        if (number + 1).is_multiple_of(PIECE / CONVERSATION) {
            rows.send(connection).await?;
        }
    }
    rows.send(connection).await?;
    for definition in indexes {
        connection.execute(sqlx::AssertSqlSafe(definition)).await?;
    }
    for table in TABLES {
        let vacuum = format!("VACUUM ANALYZE {table}");
        connection.execute(sqlx::AssertSqlSafe(vacuum)).await?;
    }
    Ok(())
}

/// The owner, and as many others with as much as theirs.
async fn owners(
    connection: &mut PgConnection,
    seed: Seed,
    dice: &mut Dice,
) -> anyhow::Result<Vec<UserId>> {
    let mut owners = vec![seed.owner];
    for number in 1..(seed.all / seed.own.max(1)).max(1) {
        let id = dice.id();
        sqlx::query(
            "INSERT INTO users (id, email, display_name, role, created_at, updated_at)
             VALUES ($1, $2, $2, 'user', $3, $3)",
        )
        .bind(id)
        .bind(format!("other-{number}@example.com"))
        .bind(seed.now)
        .execute(&mut *connection)
        .await?;
        owners.push(UserId::from_uuid(id));
    }
    Ok(owners)
}

/// Drops the indexes that no constraint needs and gives their definitions.
async fn drop_indexes(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
           FROM pg_index i
          WHERE i.indrelid = ANY ($1::text[]::regclass[]) AND NOT i.indisunique",
    )
    .bind(TABLES.map(str::to_owned).to_vec())
    .fetch_all(&mut *connection)
    .await?;
    let mut definitions = Vec::new();
    for (name, definition) in found {
        let drop = format!("DROP INDEX {name}");
        connection.execute(sqlx::AssertSqlSafe(drop)).await?;
        definitions.push(definition);
    }
    Ok(definitions)
}

impl Rows {
    fn conversation(&mut self, dice: &mut Dice, owner: UserId, at: DateTime<Utc>) {
        let [conversations, messages, message_words, title_words] = &mut self.0;
        let session = dice.id();
        let user = owner.as_uuid();
        let title = format!("about w{:.0}", VOCABULARY * dice.share());
        let last = at + TimeDelta::seconds(30 * 20);
        // A string takes whatever is written.
        let _ = writeln!(
            conversations,
            "{session}\t{user}\t{title}\tuser\t{at}\t{last}"
        );
        for words in lexemes(owner, &title) {
            let _ = writeln!(title_words, "{session}\t{TOKENIZER}\t{}", vector(&words));
        }
        let mut parent = None;
        for number in 0..CONVERSATION {
            let id = dice.id();
            let text = dice.text();
            let role = if number.is_multiple_of(2) {
                "user"
            } else {
                "assistant"
            };
            let sent = at + TimeDelta::seconds(30) * i32::try_from(number).unwrap_or(0);
            let above = parent.map_or("\\N".to_owned(), |id: Uuid| id.to_string());
            let _ = writeln!(messages, "{id}\t{session}\t{above}\t{role}\t{text}\t{sent}");
            for (piece, words) in lexemes(owner, &text).iter().enumerate() {
                let words = vector(words);
                let _ = writeln!(
                    message_words,
                    "{id}\t{piece}\t{session}\t{TOKENIZER}\t{words}"
                );
            }
            parent = Some(id);
        }
    }

    async fn send(&mut self, connection: &mut PgConnection) -> anyhow::Result<()> {
        const COLUMNS: [&str; 4] = [
            "id, user_id, title, title_source, created_at, updated_at",
            "id, session_id, parent_id, role, content, created_at",
            "message_id, piece, session_id, tokenizer, words",
            "session_id, tokenizer, words",
        ];
        for ((table, columns), rows) in TABLES.iter().zip(COLUMNS).zip(&mut self.0) {
            let statement = format!("COPY {table} ({columns}) FROM STDIN");
            let mut copy = connection.copy_in_raw(&statement).await?;
            copy.send(std::mem::take(rows).into_bytes()).await?;
            copy.finish().await?;
        }
        Ok(())
    }
}

/// Lexemes as `tsvector` reads them; none of ours needs an escape.
fn vector(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    quoted.join(" ")
}
