//! Open WebUI's database, `webui.db`.
//!
//! A chat is one JSON document with a tree of messages; newer versions keep
//! the messages in a table of their own as well, which counts where it has any.
//! What a model thought and the tools that it used are HTML in its text, or
//! items of `output`.

mod chat;
mod details;
mod output;
mod rows;

use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};

use self::rows::Row;
use super::{
    Account, Flaw, ForeignError, Found, Kept, Reading, Refused, Take,
    json::text,
    text::{clean, shortened, time},
};

/// Tables whose rows have no place of their own here, with the column that
/// says whose they are.
const KEPT: [&str; 8] = [
    "model",
    "prompt",
    "file",
    "folder",
    "memory",
    "knowledge",
    "tool",
    "note",
];
/// How long to wait for Open WebUI to finish writing.
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);

/// Reads all of it in one transaction, so that what Open WebUI writes meanwhile
/// does not matter.
pub(super) fn read(path: &Path, reading: &Reading, take: Take<'_>) -> Result<(), ForeignError> {
    let opened = open(path)?;
    let database = &opened.connection;
    database.execute_batch("BEGIN")?;
    let tables = rows::tables(database)?;
    for needed in ["chat", "user"] {
        if !tables.contains(needed) {
            return Err(ForeignError::NoTable(needed));
        }
    }
    let mut work = Work {
        database,
        reading,
        take,
        folders: HashMap::new(),
        total: 0,
        read: 0,
    };
    if work.accounts(tables.contains("auth"))?.is_break() {
        return Ok(());
    }
    for table in KEPT {
        if tables.contains(table) && work.kept(table)?.is_break() {
            return Ok(());
        }
    }
    let messages = tables.contains("chat_message");
    let _ = work.chats(messages)?;
    Ok(())
}

struct Opened {
    connection: Connection,
    /// A copy that goes when it is read.
    _copy: Option<tempfile::TempDir>,
}

/// Opens it without ever writing to it. A database in WAL mode needs files
/// beside it, which a folder that cannot be written to does not get: then it is
/// read as it stands if there is no log, and else from a copy.
fn open(path: &Path) -> Result<Opened, ForeignError> {
    let mut magic = [0_u8; 16];
    let read = std::io::Read::read(&mut std::fs::File::open(path)?, &mut magic)?;
    if read < 16 || magic != *b"SQLite format 3\0" {
        return Err(ForeignError::NotAnExport(
            "it is no SQLite database, or an encrypted one",
        ));
    }
    match connect(path) {
        Ok(connection) => Ok(Opened {
            connection,
            _copy: None,
        }),
        Err(error) => {
            tracing::debug!(%error, "the database is read from a copy");
            let folder = tempfile::tempdir()?;
            let copy = folder.path().join("webui.db");
            std::fs::copy(path, &copy)?;
            let log = beside(path, "-wal");
            if log.exists() {
                std::fs::copy(&log, beside(&copy, "-wal"))?;
            }
            Ok(Opened {
                connection: connect(&copy)?,
                _copy: Some(folder),
            })
        }
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // A file from anybody: nothing in its schema may run anything.
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0",
    )?;
    // Nothing is read before the first question.
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    Ok(connection)
}

struct Work<'a> {
    database: &'a Connection,
    reading: &'a Reading,
    take: Take<'a>,
    /// Names of folders by their ids.
    folders: HashMap<String, String>,
    total: u64,
    read: u64,
}

impl Work<'_> {
    fn accounts(&mut self, with_passwords: bool) -> Result<ControlFlow<()>, ForeignError> {
        let mut secrets: HashMap<String, (Option<String>, bool)> = HashMap::new();
        if with_passwords {
            let _ = rows::each(self.database, "auth", "", |row| {
                let password = row.text("password").filter(|hash| hash.starts_with("$2"));
                let active = row.flag("active").unwrap_or(true);
                secrets.insert(row.text("id").unwrap_or_default(), (password, active));
                ControlFlow::Continue(())
            })?;
        }
        let (take, now) = (&mut self.take, self.reading.now);
        rows::each(self.database, "user", " ORDER BY rowid", |row| {
            let id = row.text("id").unwrap_or_default();
            let (password, is_active) = secrets.remove(&id).unwrap_or((None, true));
            let email = row.text("email").unwrap_or_default();
            if id.is_empty() || email.is_empty() {
                return take(Found::Refused(Refused {
                    table: "users",
                    id,
                    flaw: Flaw::Unreadable,
                    why: "it has no e-mail address".to_owned(),
                }));
            }
            let name = shortened(&row.text("name").unwrap_or_default(), 100).0;
            take(Found::Account(Account {
                name: if name.is_empty() {
                    shortened(&email, 100).0
                } else {
                    name
                },
                id,
                email: clean(&email).0,
                role: row.text("role").unwrap_or_default(),
                password,
                is_active,
                created_at: time(row.value("created_at").as_ref(), now).unwrap_or(now),
            }))
        })
    }

    fn kept(&mut self, table: &'static str) -> Result<ControlFlow<()>, ForeignError> {
        let (take, folders) = (&mut self.take, &mut self.folders);
        rows::each(self.database, table, " ORDER BY rowid", |row| {
            let value = row.all();
            let id = ["id", "command"]
                .into_iter()
                .find_map(|name| row.text(name))
                .unwrap_or_else(|| format!("{table}#{}", row.number()));
            if table == "folder"
                && let Some(name) = row.text("name")
            {
                folders.insert(id.clone(), shortened(&name, 200).0);
            }
            take(Found::Kept(Kept {
                table: match table {
                    "model" => "models",
                    "prompt" => "prompts",
                    "file" => "files",
                    "folder" => "folders",
                    "memory" => "memories",
                    "tool" => "tools",
                    "note" => "notes",
                    other => other,
                },
                id,
                owner: row.text("user_id"),
                row: value,
            }))
        })
    }

    fn chats(&mut self, with_table: bool) -> Result<ControlFlow<()>, ForeignError> {
        self.total = rows::count(self.database, "chat")?;
        let limit = self.reading.limits.conversation;
        let (take, reading) = (&mut self.take, self.reading);
        let (database, folders) = (self.database, &self.folders);
        let (read, total) = (&mut self.read, self.total);
        let mut failed = None;
        let flow = rows::each(database, "chat", " ORDER BY rowid", |row| {
            *read += 1;
            if (*read).is_multiple_of(50) {
                take(Found::Progress { read: *read, total })?;
            }
            let id = row
                .text("id")
                .unwrap_or_else(|| format!("chat#{}", row.number()));
            if row.length("chat") > limit {
                return take(Found::Refused(Refused {
                    table: "conversations",
                    id,
                    flaw: Flaw::TooLarge,
                    why: format!(
                        "it has {} bytes, more than is read of one",
                        row.length("chat")
                    ),
                }));
            }
            let messages = if with_table {
                match messages_of(database, &id, limit) {
                    Ok(messages) => messages,
                    Err(error) => {
                        failed = Some(error);
                        return ControlFlow::Break(());
                    }
                }
            } else {
                None
            };
            let folder = row
                .text("folder_id")
                .and_then(|id| folders.get(&id))
                .cloned();
            take(chat::conversation(
                &chat::Source {
                    id,
                    row,
                    messages,
                    folder,
                },
                reading,
            ))
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(flow),
        }
    }
}

/// The messages of a chat in the table for them, in the form that they have
/// inside a chat; none where there are none.
fn messages_of(
    database: &Connection,
    chat: &str,
    limit: usize,
) -> Result<Option<Map<String, Value>>, ForeignError> {
    let mut messages = Map::new();
    let mut size = 0_usize;
    let prefix = format!("{chat}-");
    // Whoever stops early has seen enough.
    let _ = rows::each_of(database, "chat_message", "chat_id", chat, |row| {
        size = size.saturating_add(row.size());
        if size > limit {
            // What is in the chat itself counts then.
            messages.clear();
            return ControlFlow::Break(());
        }
        let Value::Object(fields) = row.all() else {
            return ControlFlow::Continue(());
        };
        let mut message = Map::new();
        for (name, value) in fields {
            let name = match name.as_str() {
                "parent_id" => "parentId",
                "model_id" => "model",
                "created_at" => "timestamp",
                "chat_id" | "user_id" | "updated_at" => continue,
                _ => name.as_str(),
            };
            if !value.is_null() {
                message.insert(name.to_owned(), value);
            }
        }
        let message = Value::Object(message);
        let id = text(&message, "id").unwrap_or_default();
        let id = id.strip_prefix(&prefix).unwrap_or(id).to_owned();
        messages.insert(id, message);
        ControlFlow::Continue(())
    })?;
    Ok((!messages.is_empty()).then_some(messages))
}

#[cfg(test)]
mod tests;
