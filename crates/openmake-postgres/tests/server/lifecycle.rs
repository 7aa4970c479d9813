//! Starting, stopping and starting again, in this process.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::support::{directory, is_root, not_tried, query, settings};
use openmake_postgres::{
    Binaries, ConnectInfo, Durability, EmbeddedPostgres, Error, ServerState, Settings, attach,
};
use tokio_util::task::TaskTracker;

async fn start(settings: Settings) -> Result<EmbeddedPostgres, Error> {
    EmbeddedPostgres::start(settings, &TaskTracker::new()).await
}

#[tokio::test]
async fn the_data_is_there_after_a_stop_and_a_start() {
    let place = directory();
    let data = place.path().join("data");
    let first = start(settings(&data)).await.unwrap();
    let url = first.connect_info().url();
    query(&url, "CREATE TABLE kept AS SELECT 42 AS n").unwrap();
    first.stop().await.unwrap();
    assert!(query(&url, "SELECT 1").is_err());

    let second = start(settings(&data)).await.unwrap();
    assert_eq!(second.connect_info().url(), url);
    assert_eq!(query(&url, "SELECT n FROM kept").unwrap(), "42");
    let mut state = second.state();
    assert_eq!(*state.borrow_and_update(), ServerState::Running);
    second.stop().await.unwrap();
    assert_eq!(*state.borrow_and_update(), ServerState::Stopped);
}

#[tokio::test]
async fn a_new_database_is_private_safe_and_has_vectors() {
    let place = directory();
    let data = place.path().join("data");
    let server = start(settings(&data)).await.unwrap();
    let url = server.connect_info().url();
    let ask = |statement: &str| query(&url, statement).unwrap();

    assert_eq!(
        ask("SELECT current_user, current_database()"),
        "openmake|openmake"
    );
    assert_eq!(
        ask("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"),
        "f|t"
    );
    assert_eq!(ask("SELECT '[1,2]'::vector <-> '[1,3]'::vector"), "1");
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("lc_messages", "C"),
        ("TimeZone", "UTC"),
        ("password_encryption", "scram-sha-256"),
    ] {
        assert_eq!(ask(&format!("SHOW {setting}")), value, "{setting}");
    }
    assert_eq!(ask("SELECT '가나다' < '가나라', length('가나다')"), "t|3");

    let wrong = ConnectInfo {
        password: "wrong".to_owned(),
        ..server.connect_info().clone()
    };
    assert!(
        query(&wrong.url(), "SELECT 1")
            .unwrap_err()
            .contains("password authentication failed")
    );
    assert_eq!(
        query(
            &server.superuser_connect_info().url(),
            "SELECT DISTINCT auth_method FROM pg_hba_file_rules"
        )
        .unwrap(),
        "scram-sha-256"
    );

    assert_eq!(
        fs::metadata(data.join("postgres.pgpass")).unwrap().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::metadata(data.join("postgres")).unwrap().mode() & 0o777,
        0o700
    );
    let socket_dir = server.connect_info().host.clone();
    assert_eq!(fs::metadata(&socket_dir).unwrap().mode() & 0o777, 0o700);
    if is_root() {
        assert_ne!(fs::metadata(data.join("postgres")).unwrap().uid(), 0);
        assert_eq!(fs::metadata(data.join("postgres.pgpass")).unwrap().uid(), 0);
    }
    server.stop().await.unwrap();
    assert!(
        !fs::exists(&socket_dir).unwrap(),
        "the socket's directory stays"
    );
}

#[tokio::test]
async fn administrators_settings_are_read_after_ours() {
    let place = directory();
    let data = place.path().join("data");
    start(settings(&data)).await.unwrap().stop().await.unwrap();
    fs::write(
        data.join("postgres/local.conf"),
        "max_connections = 33\nlisten_addresses = '*'\n",
    )
    .unwrap();
    fs::set_permissions(
        data.join("postgres/local.conf"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let server = start(settings(&data)).await.unwrap();
    let url = server.connect_info().url();
    assert_eq!(query(&url, "SHOW max_connections").unwrap(), "33");
    assert_eq!(
        query(&url, "SHOW listen_addresses").unwrap(),
        "",
        "what guards the server cannot be changed there"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_start_on_the_same_directory_is_refused() {
    let place = directory();
    let data = place.path().join("data");
    let server = start(settings(&data)).await.unwrap();
    let refused = start(settings(&data)).await.unwrap_err();
    assert!(
        matches!(refused, Error::AlreadyRunning { pid: Some(pid), .. } if pid == std::process::id()),
        "{refused}"
    );
    assert!(refused.hint().unwrap().contains("--data-dir"));
    assert_eq!(
        query(&server.connect_info().url(), "SELECT 1").unwrap(),
        "1"
    );
    server.stop().await.unwrap();
    start(settings(&data)).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_command_attaches_to_a_running_server_only() {
    let place = directory();
    let data = place.path().join("data");
    assert!(matches!(attach(&data), Err(Error::NotRunning { .. })));
    let server = start(settings(&data)).await.unwrap();
    let attached = attach(&data).unwrap();
    assert_eq!(&attached, server.connect_info());
    assert_eq!(query(&attached.url(), "SELECT 1").unwrap(), "1");
    server.stop().await.unwrap();
    assert!(matches!(attach(&data), Err(Error::NotRunning { .. })));
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let place = directory();
    let data = place.path().join("data");
    let tasks = TaskTracker::new();
    let server = EmbeddedPostgres::start(settings(&data), &tasks)
        .await
        .unwrap();
    drop(server);
    tasks.close();
    tokio::time::timeout(crate::support::PATIENCE, tasks.wait())
        .await
        .unwrap();
    assert!(matches!(attach(&data), Err(Error::NotRunning { .. })));
}

#[tokio::test]
async fn paths_may_hold_spaces_quotes_and_hangul() {
    let place = directory();
    let data = place.path().join("it's a \"data\" directory, 데이터");
    let server = start(settings(&data)).await.unwrap();
    assert_eq!(
        query(&server.connect_info().url(), "SELECT 1").unwrap(),
        "1"
    );
    server.stop().await.unwrap();

    let parent = place.path().join("run \"time 런");
    fs::create_dir(&parent).unwrap();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o711)).unwrap();
    let server = start(Settings {
        runtime_parents: vec![parent.clone()],
        ..settings(&data)
    })
    .await
    .unwrap();
    assert!(
        server
            .connect_info()
            .host
            .starts_with(parent.to_str().unwrap())
    );
    assert_eq!(
        query(&server.connect_info().url(), "SELECT 1").unwrap(),
        "1"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn data_of_another_version_is_refused_and_kept() {
    let place = directory();
    let data = place.path().join("data");
    start(settings(&data)).await.unwrap().stop().await.unwrap();
    let mark = data.join("postgres/PG_VERSION");
    let major = fs::read_to_string(&mark).unwrap();
    fs::write(&mark, "15\n").unwrap();
    let error = start(settings(&data)).await.unwrap_err();
    assert!(
        matches!(error, Error::VersionMismatch { data: 15, .. }),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("PostgreSQL 15"));
    fs::write(&mark, "").unwrap();
    assert!(matches!(
        start(settings(&data)).await,
        Err(Error::NotADatabase { .. })
    ));
    fs::write(&mark, major).unwrap();
    start(settings(&data)).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn missing_passwords_and_bad_configuration_are_told() {
    let place = directory();
    let data = place.path().join("data");
    start(settings(&data)).await.unwrap().stop().await.unwrap();
    fs::write(data.join("postgres/local.conf"), "no_such_setting = 1\n").unwrap();
    fs::set_permissions(
        data.join("postgres/local.conf"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let error = start(settings(&data)).await.unwrap_err();
    assert!(
        matches!(&error, Error::StartFailed { output } if output.contains("no_such_setting")),
        "{error}"
    );
    fs::remove_file(data.join("postgres/local.conf")).unwrap();

    let passwords = data.join("postgres.pgpass");
    let moved = data.join("moved");
    fs::rename(&passwords, &moved).unwrap();
    assert!(matches!(
        start(settings(&data)).await,
        Err(Error::PasswordFile { .. })
    ));
    fs::rename(&moved, &passwords).unwrap();
    start(settings(&data)).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn scratch_servers_do_not_flush() {
    let place = directory();
    let scratch = Settings {
        durability: Durability::Scratch,
        ..settings(&place.path().join("data"))
    };
    let server = start(scratch).await.unwrap();
    assert_eq!(
        query(&server.connect_info().url(), "SHOW fsync").unwrap(),
        "off"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_the_servers_account_cannot_enter_is_named() {
    if !is_root() {
        not_tried("only root runs PostgreSQL as another account");
        return;
    }
    let place = directory();
    let closed = place.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let error = start(settings(&closed.join("data"))).await.unwrap_err();
    assert!(
        matches!(&error, Error::CannotTraverse { directory, .. } if directory.ends_with("closed")),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("chmod o+x"));

    let bin = closed.join("bin");
    fs::create_dir(&bin).unwrap();
    for name in ["postgres", "initdb"] {
        fs::write(bin.join(name), "#!/bin/sh\n").unwrap();
    }
    let unreachable = Settings {
        binaries: Binaries::open(&bin).unwrap(),
        ..settings(&place.path().join("data"))
    };
    let error = start(unreachable).await.unwrap_err();
    assert!(
        matches!(&error, Error::CannotTraverse { needed, .. } if needed.ends_with("bin/postgres")),
        "{error}"
    );
}

#[tokio::test]
async fn an_account_that_is_root_or_missing_is_refused() {
    if !is_root() {
        not_tried("only root runs PostgreSQL as another account");
        return;
    }
    let place = directory();
    for account in ["root", "0", "nobody-of-that-name"] {
        let wrong = Settings {
            account: Some(account.to_owned()),
            ..settings(&place.path().join("data"))
        };
        let error = start(wrong).await.unwrap_err();
        assert!(
            matches!(error, Error::NoAccount { .. }),
            "{account}: {error}"
        );
    }
    let named = Settings {
        account: Some("nobody".to_owned()),
        ..settings(&place.path().join("named"))
    };
    let server = start(named).await.unwrap();
    assert_eq!(
        query(&server.connect_info().url(), "SELECT 1").unwrap(),
        "1"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn something_else_than_postgresql_is_told() {
    let place = directory();
    let bin = place.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::set_permissions(&bin, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["postgres", "initdb"] {
        fs::write(bin.join(name), "#!/bin/sh\necho I am something else\n").unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let wrong = Settings {
        binaries: Binaries::open(&bin).unwrap(),
        ..settings(&place.path().join("data"))
    };
    let error = start(wrong).await.unwrap_err();
    assert!(
        matches!(&error, Error::BinariesBroken { reason, .. } if reason.contains("something else")),
        "{error}"
    );
}
