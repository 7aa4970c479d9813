//! The predecessor's SQLite file: opened read-only, as of one moment, while it
//! may be in use.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, types::ValueRef};

use super::{
    cell::{Cell, Row, instant},
    source::{Event, Feed, SourceError, TABLES},
};

/// What SQLite may keep of pages: the rest it reads again.
const CACHE: &str = "PRAGMA cache_size = -16384; PRAGMA query_only = ON;";

/// How long to wait for whoever holds the file.
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);

/// A file that is being read, and the copy of it, where one had to be made.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    /// Removed with this.
    _copy: Option<tempfile::TempDir>,
    /// What the reader should know.
    pub(crate) remarks: Vec<String>,
}

/// Opens the file. Reading a database with a WAL takes a shared memory file
/// beside it; where that cannot be made, a copy is read.
pub(crate) fn open(path: &Path) -> Result<Database, SourceError> {
    let file = fs::File::open(path).map_err(|source| SourceError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    if size == 0 {
        return Err(SourceError::NotADatabase(path.to_owned()));
    }
    let mut remarks = Vec::new();
    if !beside(path, "-wal").exists() && is_wal(path) {
        remarks.push(
            "the file has no -wal beside it: what had not been written into the file itself when \
             it was copied is not in it"
                .to_owned(),
        );
    }
    match connect(path) {
        Ok(connection) => Ok(Database {
            connection,
            _copy: None,
            remarks,
        }),
        Err(error) if is_about_directory(&error) => {
            let copy = copied(path)?;
            let connection =
                connect(&copy.path().join("copy.db")).map_err(|error| explained(path, error))?;
            remarks.push("the directory cannot be written, so a copy was read".to_owned());
            Ok(Database {
                connection,
                _copy: Some(copy),
                remarks,
            })
        }
        Err(error) => Err(explained(path, error)),
    }
}

/// Opens and begins to read: SQLite touches the file only then.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(CACHE)?;
    connection.execute_batch("BEGIN")?;
    // The transaction begins with the first read.
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    Ok(connection)
}

fn is_about_directory(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    )
}

/// Copies the file with its WAL.
fn copied(path: &Path) -> Result<tempfile::TempDir, SourceError> {
    let copy = || -> io::Result<tempfile::TempDir> {
        let directory = tempfile::tempdir()?;
        fs::copy(path, directory.path().join("copy.db"))?;
        let wal = beside(path, "-wal");
        if wal.exists() {
            fs::copy(wal, directory.path().join("copy.db-wal"))?;
        }
        Ok(directory)
    };
    copy().map_err(|source| SourceError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether the header says that the file is written through a WAL.
fn is_wal(path: &Path) -> bool {
    use std::io::Read as _;
    let mut header = [0; 20];
    fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut header).is_ok())
        && header[18] == 2
}

fn explained(path: &Path, error: rusqlite::Error) -> SourceError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => SourceError::NotADatabase(path.to_owned()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            SourceError::Busy(path.to_owned())
        }
        Some(ErrorCode::DatabaseCorrupt) => SourceError::Damaged(path.to_owned()),
        _ => SourceError::Sqlite(error),
    }
}

impl Database {
    /// Sends everything, table by table.
    pub(crate) fn send(&self, feed: &mut Feed) -> Result<(), SourceError> {
        let names = self.tables()?;
        for table in TABLES {
            let name = names.iter().find(|name| name.eq_ignore_ascii_case(table));
            let rows = match name {
                Some(name) => self.count(name)?,
                None => 0,
            };
            feed.send(Event::Table { table, rows })?;
            match name {
                Some(name) if *table == "conversation_messages" => self.messages(name, feed)?,
                Some(name) => self.rows(name, feed)?,
                None => {}
            }
            feed.flush()?;
        }
        let unknown = names.iter().filter(|name| {
            !name.starts_with("sqlite_")
                && !TABLES.iter().any(|known| name.eq_ignore_ascii_case(known))
        });
        for name in unknown {
            let rows = self.count(name)?;
            feed.send(Event::Unknown {
                table: name.clone(),
                rows,
            })?;
        }
        Ok(())
    }

    fn tables(&self) -> Result<Vec<String>, SourceError> {
        let mut statement = self
            .connection
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok(names.collect::<rusqlite::Result<_>>()?)
    }

    fn count(&self, table: &str) -> Result<u64, SourceError> {
        let count: i64 = self.connection.query_row(
            &format!("SELECT count(*) FROM {}", quoted(table)),
            [],
            |row| row.get(0),
        )?;
        Ok(count.unsigned_abs())
    }

    fn rows(&self, table: &str, feed: &mut Feed) -> Result<(), SourceError> {
        let mut statement = self
            .connection
            .prepare(&format!("SELECT * FROM {}", quoted(table)))?;
        let columns = columns(&statement);
        let mut rows = statement.query([])?;
        let mut place = 0;
        while let Some(row) = rows.next()? {
            place += 1;
            feed.row(read(row, &columns, place)?)?;
        }
        Ok(())
    }

    /// Messages, conversation by conversation in the order of their times.
    /// Only places are sorted; each row is then looked up.
    fn messages(&self, table: &str, feed: &mut Feed) -> Result<(), SourceError> {
        let table = quoted(table);
        let order = format!("SELECT rowid, session_id, created_at FROM {table} ORDER BY 2, 1");
        let fetch = format!("SELECT * FROM {table} WHERE rowid = ?1");
        let mut order = self.connection.prepare(&order)?;
        let mut fetch = self.connection.prepare(&fetch)?;
        let columns = columns(&fetch);
        let mut rows = order.query([])?;
        let mut session = Cell::Null;
        let mut places: Vec<(i64, i64)> = Vec::new();
        loop {
            let next = rows.next()?;
            let place = match next {
                None => None,
                Some(row) => {
                    let of = cell(row.get_ref(1)?);
                    let time = instant(&cell(row.get_ref(2)?)).map(|at| at.timestamp_micros());
                    Some((of, time, row.get::<_, i64>(0)?))
                }
            };
            if place.as_ref().is_none_or(|(of, ..)| *of != session) {
                places.sort_unstable();
                for (_, rowid) in places.drain(..) {
                    let number = rowid.unsigned_abs();
                    let row = fetch.query_row([rowid], |row| Ok(read(row, &columns, number)))?;
                    feed.row(row?)?;
                }
            }
            let Some((of, time, rowid)) = place else {
                return Ok(());
            };
            session = of;
            // One whose time cannot be read follows the one before it.
            let before = places.last().map_or(i64::MIN, |(time, _)| *time);
            places.push((time.unwrap_or(before), rowid));
        }
    }
}

fn columns(statement: &rusqlite::Statement<'_>) -> Arc<[String]> {
    statement
        .column_names()
        .into_iter()
        .map(str::to_ascii_lowercase)
        .collect()
}

fn read(row: &rusqlite::Row<'_>, columns: &Arc<[String]>, place: u64) -> Result<Row, SourceError> {
    let mut cells = Vec::with_capacity(columns.len());
    for number in 0..columns.len() {
        cells.push(cell(row.get_ref(number)?));
    }
    Ok(Row {
        columns: Arc::clone(columns),
        cells,
        place,
    })
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Cell::Text(text.to_owned()),
            Err(_) => Cell::Bytes(bytes.to_vec()),
        },
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
