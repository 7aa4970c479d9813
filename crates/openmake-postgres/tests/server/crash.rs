//! What happens when the program, the supervisor or the server is killed, and
//! when the disk is full.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use crate::support::{
    Program, SmallDisk, directory, is_alive, is_root, kill_9, not_tried, parent_of, query,
    server_pid, wait_until,
};
use nix::unistd::{Pid, getpgid};

/// The user that exists everywhere and is nobody's.
const NOBODY: u32 = 65534;

#[test]
fn the_server_stops_when_the_program_is_killed() {
    let place = directory();
    let data = place.path().join("data");
    let (mut program, url) = Program::start(&data);
    query(&url, "CREATE TABLE kept AS SELECT 42 AS n").unwrap();
    let server = server_pid(&data);
    let supervisor = parent_of(server);
    assert_eq!(parent_of(supervisor), program.pid());
    program.kill_9();
    wait_until("the server stops", || !is_alive(server));
    wait_until("the supervisor ends", || !is_alive(supervisor));

    let (_program, url) = Program::start(&data);
    assert_eq!(query(&url, "SELECT n FROM kept").unwrap(), "42");
}

#[test]
fn a_start_right_after_a_kill_waits_for_the_old_server() {
    let place = directory();
    let data = place.path().join("data");
    let (mut program, url) = Program::start(&data);
    query(&url, "CREATE TABLE kept AS SELECT 42 AS n").unwrap();
    program.kill_9();
    let (_program, url) = Program::start(&data);
    assert_eq!(query(&url, "SELECT n FROM kept").unwrap(), "42");
}

#[test]
fn a_server_that_lost_program_and_supervisor_is_replaced() {
    let place = directory();
    let data = place.path().join("data");
    let (mut program, url) = Program::start(&data);
    query(&url, "CREATE TABLE kept AS SELECT 42 AS n").unwrap();
    let server = server_pid(&data);
    // Stopped first, so that neither can act on the other's end.
    for pid in [program.pid(), parent_of(server)] {
        nix::sys::signal::kill(Pid::from_raw(pid), nix::sys::signal::Signal::SIGSTOP).unwrap();
    }
    kill_9(parent_of(server));
    program.kill_9();
    assert!(is_alive(server), "nothing has told the server to stop");

    let (_program, url) = Program::start(&data);
    assert!(!is_alive(server));
    assert_ne!(server_pid(&data), server);
    assert_eq!(query(&url, "SELECT n FROM kept").unwrap(), "42");
}

#[test]
fn a_killed_server_is_started_again() {
    let place = directory();
    let data = place.path().join("data");
    let (program, url) = Program::start(&data);
    query(&url, "CREATE TABLE kept AS SELECT 42 AS n").unwrap();
    let mut server = server_pid(&data);
    for _ in 0..3 {
        kill_9(server);
        program.says("Restarting");
        program.says("Running");
        assert_eq!(
            query(&url, "SELECT n FROM kept").unwrap(),
            "42",
            "at the same address"
        );
        assert_ne!(server_pid(&data), server);
        server = server_pid(&data);
    }
    program.interrupt_group();
    wait_until("the server stops", || !is_alive(server));
}

#[test]
fn a_killed_supervisor_is_replaced() {
    let place = directory();
    let data = place.path().join("data");
    let (program, url) = Program::start(&data);
    query(&url, "CREATE TABLE kept AS SELECT 42 AS n").unwrap();
    let server = server_pid(&data);
    kill_9(parent_of(server));
    program.says("Restarting");
    program.says("Running");
    assert!(!is_alive(server));
    assert_eq!(query(&url, "SELECT n FROM kept").unwrap(), "42");
}

#[test]
fn ctrl_c_reaches_the_program_and_not_the_server() {
    let place = directory();
    let data = place.path().join("data");
    let (program, _url) = Program::start(&data);
    let server = server_pid(&data);
    let group = |pid: i32| getpgid(Some(Pid::from_raw(pid))).unwrap();
    assert_ne!(group(server), group(program.pid()));
    assert_ne!(group(parent_of(server)), group(program.pid()));
    program.interrupt_group();
    assert!(
        !is_alive(server),
        "the program has stopped it before its own end"
    );
    assert!(
        !data.join("postgres/postmaster.pid").exists(),
        "and in order"
    );
}

#[test]
fn signals_to_the_supervisor_do_not_stop_the_server() {
    let place = directory();
    let data = place.path().join("data");
    let (_program, url) = Program::start(&data);
    let supervisor = parent_of(server_pid(&data));
    for signal in [
        nix::sys::signal::Signal::SIGTERM,
        nix::sys::signal::Signal::SIGHUP,
    ] {
        nix::sys::signal::kill(Pid::from_raw(supervisor), signal).unwrap();
    }
    assert_eq!(query(&url, "SELECT 1").unwrap(), "1");
    assert!(is_alive(supervisor));
}

#[test]
fn two_starts_at_once_give_one_server() {
    let place = directory();
    let data = place.path().join("data");
    let mut programs = [Program::launch(&data), Program::launch(&data)];
    let outcomes: Vec<bool> = programs
        .iter_mut()
        .map(|program| program.first_line().is_some())
        .collect();
    assert_eq!(outcomes.iter().filter(|served| **served).count(), 1);
    let refused = outcomes.iter().position(|served| !served).unwrap();
    let said = programs[refused].failure();
    assert!(said.contains("already uses the data directory"), "{said}");
}

#[test]
fn an_initialisation_that_was_killed_half_way_begins_again() {
    for attempt in 0..5 {
        let place = directory();
        let data = place.path().join("data");
        let mut program = Program::launch(&data);
        wait_until("initdb works", || {
            staging(&data).is_some_and(|staging| staging.join("data/PG_VERSION").exists())
        });
        program.kill_9();
        if data.join("postgres").exists() {
            println!("attempt {attempt}: it was done before the kill");
            continue;
        }
        let (_program, url) = Program::start(&data);
        assert_eq!(query(&url, "SELECT 1").unwrap(), "1");
        assert_eq!(staging(&data), None, "what was begun is removed");
        return;
    }
    panic!("the kill always came too late");
}

fn staging(data: &Path) -> Option<std::path::PathBuf> {
    let entries = fs::read_dir(data).ok()?.flatten();
    entries
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().contains("postgres.initdb-"))
}

#[test]
fn a_disk_too_small_for_a_database_is_told() {
    let Some(disk) = small_disk("16m") else {
        return;
    };
    let data = disk.path().join("data");
    let said = Program::launch(&data).failure();
    assert!(said.contains("is full"), "{said}");
    assert!(!data.join("postgres").exists());
    assert_eq!(staging(&data), None);
}

#[test]
fn a_disk_that_fills_up_loses_nothing() {
    let Some(disk) = small_disk("160m") else {
        return;
    };
    let data = disk.path().join("data");
    let (program, url) = Program::start(&data);
    query(&url, "CREATE TABLE kept AS SELECT 42 AS n").unwrap();
    program.interrupt_group();

    let filler = disk.fill();
    let said = Program::launch(&data).failure();
    assert!(said.contains("is full"), "{said}");
    fs::remove_file(filler).unwrap();
    let (_program, url) = Program::start(&data);
    assert_eq!(query(&url, "SELECT n FROM kept").unwrap(), "42");
}

fn small_disk(size: &str) -> Option<SmallDisk> {
    if !is_root() {
        not_tried("only root can mount a small disk; error.rs tests how the messages are read");
        return None;
    }
    match SmallDisk::mount(size) {
        Ok(disk) => Some(disk),
        Err(reason) => {
            not_tried(&format!("no small disk can be mounted here ({reason})"));
            None
        }
    }
}

#[test]
fn an_ordinary_user_runs_everything_as_itself() {
    if !is_root() {
        not_tried("not root, so every other test has run as an ordinary user");
        return;
    }
    let place = directory();
    let home = place.path().join("home");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let data = home.join("data");
    let mut program = Program::launch_as(NOBODY, place.path(), &data);
    let url = program.ready();
    assert_eq!(query(&url, "SELECT 1").unwrap(), "1");
    assert_eq!(fs::metadata(data.join("postgres")).unwrap().uid(), NOBODY);
    let server = server_pid(&data);
    program.kill_9();
    wait_until("the server stops", || !is_alive(server));

    // Root takes such data over without changing whose it is.
    let (program, url) = Program::start(&data);
    assert_eq!(query(&url, "SELECT 1").unwrap(), "1");
    assert_eq!(fs::metadata(data.join("postgres")).unwrap().uid(), NOBODY);
    program.interrupt_group();
}

#[test]
fn data_of_another_user_is_refused() {
    if !is_root() {
        not_tried("only root can give data to another user");
        return;
    }
    let place = directory();
    let home = place.path().join("home");
    fs::create_dir(&home).unwrap();
    let data = home.join("data");
    Program::start(&data).0.interrupt_group();
    for path in [&home, &data] {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for name in ["openmake.lock", "postgres.pgpass"] {
        chown(data.join(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let said = Program::launch_as(NOBODY, place.path(), &data).failure();
    assert!(said.contains("belongs to uid"), "{said}");
}
