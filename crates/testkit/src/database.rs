//! A database for each test, cloned from a template in some milliseconds.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use openmake_store::{PoolSettings, Store};
use rand::Rng as _;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tokio::time::{sleep, timeout};

/// Where the server is; `cargo xtask with-db` sets it.
pub const VARIABLE: &str = "OPENMAKE_TEST_DATABASE_URL";

/// How long any one step here may take. The first test waits for the template,
/// which others may be making.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long dropping a database is waited for. It waits itself until every
/// backend of the server has passed a barrier, and a backend in the middle of
/// an authentication passes none: where its client is this very test, which
/// cannot go on meanwhile, that would be PostgreSQL's timeout of a minute. So
/// we leave; the server finishes by itself when our end closes its sockets.
const UNTIL_DROPPED: Duration = Duration::from_secs(2);
/// How often a clone is tried while somebody is still connected to the
/// template.
const RETRY: Duration = Duration::from_millis(20);
/// PostgreSQL's code for that.
const OBJECT_IN_USE: &str = "55006";
/// A test does not do much at once, and many tests run side by side.
const CONNECTIONS: u32 = 8;

/// A database of a test's own, with the newest schema and no rows but those
/// that the migrations insert. Dropping it drops the database.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
    store: Store,
}

impl TestDatabase {
    /// Makes one. Panics without a server: see [`VARIABLE`].
    pub async fn create() -> Self {
        let server = Server::from_environment();
        let template = within("making the template", server.ensure_template()).await;
        let name = format!("test_{}", random());
        within(
            "cloning the template",
            server.clone_database(&template, &name),
        )
        .await;
        let url = server.url_of(&name);
        let settings = PoolSettings {
            max_connections: CONNECTIONS,
            ..PoolSettings::default()
        };
        let store = open(&url, &settings).await;
        Self { name, url, store }
    }

    /// The address, for a program or pool of the test's own.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The store on this database, with a small pool.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// The store with other limits, and a pool of its own.
    pub async fn store_with(&self, settings: &PoolSettings) -> Store {
        open(&self.url, settings).await
    }

    /// A single connection outside of any pool, for what a test must see or do
    /// behind the store's back.
    pub async fn connection(&self) -> PgConnection {
        within("connecting", connect(&self.url)).await
    }

    /// Makes the logs of all turns as gone as they are after their time: their
    /// days have no partition any more.
    pub async fn forget_logs(&self) {
        let mut connection = self.connection().await;
        let forgotten = connection.execute("UPDATE turns SET log_day = log_day - 3650");
        within("forgetting logs", async { forgotten.await.map(drop) }).await;
    }

    /// Ends every other connection to this database, as a restart of the
    /// server would.
    pub async fn cut_connections(&self) {
        let mut connection = self.connection().await;
        let cut = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        within("cutting connections", async { cut.await.map(drop) }).await;
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let server = Server::from_environment();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // The test's runtime may be about to end, and dropping cannot wait on
        // it. If this fails, the database goes with its server.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            let run = async {
                connect(&server.admin_url)
                    .await?
                    .execute(AssertSqlSafe(statement))
                    .await
            };
            runtime
                .block_on(async { timeout(UNTIL_DROPPED, run).await })
                .ok()?
                .ok()
        });
        drop(dropped.join());
    }
}

/// The server that all tests share.
struct Server {
    admin_url: String,
}

impl Server {
    fn from_environment() -> Self {
        let Some(admin_url) = std::env::var_os(VARIABLE).and_then(|value| value.into_string().ok())
        else {
            panic!(
                "{VARIABLE} is not set: run `make test`, or `cargo xtask with-db -- cargo nextest run -p CRATE`"
            );
        };
        Self { admin_url }
    }

    /// The same server, another database.
    fn url_of(&self, database: &str) -> String {
        let (address, query) = self
            .admin_url
            .split_once('?')
            .map_or((&*self.admin_url, ""), |(a, q)| (a, q));
        let Some((server, _)) = address.rsplit_once('/') else {
            panic!("{VARIABLE} names no database");
        };
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{server}/{database}{mark}{query}")
    }

    /// Makes the template for the present migrations, once a server; whoever
    /// comes second waits.
    async fn ensure_template(&self) -> Result<String, sqlx::Error> {
        let hash = migrations_hash();
        let name = format!("template_{}", hex::encode(&hash[..8]));
        let mut admin = connect(&self.admin_url).await?;
        if exists(&mut admin, &name).await? {
            return Ok(name);
        }
        let mut key = [0_u8; 8];
        key.copy_from_slice(&hash[..8]);
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(i64::from_be_bytes(key))
            .execute(&mut admin)
            .await?;
        if !exists(&mut admin, &name).await? {
            // Renamed when it is whole, so that a killed test leaves no half.
            let building = format!("{name}_building");
            run(
                &mut admin,
                format!("DROP DATABASE IF EXISTS {building} WITH (FORCE)"),
            )
            .await?;
            run(&mut admin, format!("CREATE DATABASE {building}")).await?;
            let store = open(&self.url_of(&building), &PoolSettings::default()).await;
            if let Err(error) = store.migrate().await {
                panic!("the migrations fail: {}", chain(&error));
            }
            store.close().await;
            run(
                &mut admin,
                format!("ALTER DATABASE {building} RENAME TO {name}"),
            )
            .await?;
        }
        // The lock goes with the connection.
        admin.close().await?;
        Ok(name)
    }

    async fn clone_database(&self, template: &str, name: &str) -> Result<(), sqlx::Error> {
        let mut admin = connect(&self.admin_url).await?;
        loop {
            match run(
                &mut admin,
                format!("CREATE DATABASE {name} TEMPLATE {template}"),
            )
            .await
            {
                Err(sqlx::Error::Database(error))
                    if error.code().as_deref() == Some(OBJECT_IN_USE) =>
                {
                    sleep(RETRY).await;
                }
                Err(error) => return Err(error),
                Ok(()) => return admin.close().await,
            }
        }
    }
}

async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnectOptions::from_str(url)?.connect().await
}

async fn open(url: &str, settings: &PoolSettings) -> Store {
    match Store::connect(url, settings).await {
        Ok(store) => store,
        Err(error) => panic!("cannot connect to the test's database: {}", chain(&error)),
    }
}

async fn exists(admin: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(admin)
        .await
}

/// For statements whose names are ours: a database's name cannot be bound.
async fn run(admin: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    admin.execute(AssertSqlSafe(statement)).await.map(drop)
}

async fn within<T, E: Display>(what: &str, step: impl Future<Output = Result<T, E>>) -> T {
    match timeout(PATIENCE, step).await {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => panic!("{what}: {error}"),
        Err(elapsed) => panic!("{what}: not within {PATIENCE:?} ({elapsed})"),
    }
}

/// A hash over the files of the store's migrations.
fn migrations_hash() -> [u8; 32] {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openmake-store/migrations");
    let Ok(entries) = fs::read_dir(&directory) else {
        panic!("there are no migrations in {}", directory.display());
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        match fs::read(&file) {
            Ok(content) => {
                hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
                hash.update(content.len().to_le_bytes());
                hash.update(content);
            }
            Err(error) => panic!("cannot read {}: {error}", file.display()),
        }
    }
    hash.finalize().into()
}

fn random() -> String {
    let mut bytes = [0_u8; 10];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
