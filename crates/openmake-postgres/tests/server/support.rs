//! A program around the server that can be killed, and directories for it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use openmake_postgres::{Binaries, Settings};
use tempfile::TempDir;

/// For whatever must happen: longer than any machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The program that the crate builds for these tests.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_openmake-postgres");

/// The PostgreSQL to test with.
pub(crate) fn binaries() -> Binaries {
    let Some(path) = std::env::var_os("OPENMAKE_TEST_POSTGRES_BIN") else {
        panic!(
            "no PostgreSQL to test with: run `make test`, or `cargo xtask with-db -- cargo nextest run`"
        );
    };
    Binaries::open(Path::new(&path)).unwrap()
}

pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// A directory that PostgreSQL's account may pass through.
pub(crate) fn directory() -> TempDir {
    tempfile::Builder::new()
        .prefix("openmake-test-")
        .permissions(fs::Permissions::from_mode(0o711))
        .tempdir()
        .unwrap()
}

/// Settings whose supervisor is the crate's program, because the test's own
/// executable is none. The socket goes beside the data, to go with it.
pub(crate) fn settings(data_dir: &Path) -> Settings {
    Settings {
        supervisor: Some(PROGRAM.into()),
        runtime_parents: vec![beside(data_dir)],
        ..Settings::new(data_dir, binaries())
    }
}

fn beside(data_dir: &Path) -> PathBuf {
    data_dir.parent().unwrap().to_owned()
}

/// Runs one statement as the owner of the database and gives its output.
pub(crate) fn query(url: &str, statement: &str) -> Result<String, String> {
    let output = Command::new(binaries().program("psql"))
        .args([
            "--no-psqlrc",
            "-v",
            "ON_ERROR_STOP=1",
            "-qAtc",
            statement,
            url,
        ])
        .env("PGCONNECT_TIMEOUT", "10")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The process of the server on `data_dir`.
pub(crate) fn server_pid(data_dir: &Path) -> i32 {
    let content = fs::read_to_string(data_dir.join("postgres/postmaster.pid")).unwrap();
    content.lines().next().unwrap().trim().parse().unwrap()
}

/// The process that started `pid`.
pub(crate) fn parent_of(pid: i32) -> i32 {
    let output = Command::new("ps")
        .args(["-o", "ppid=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .unwrap()
}

/// Whether the process is there and not only waiting to be collected.
pub(crate) fn is_alive(pid: i32) -> bool {
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

pub(crate) fn kill_9(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// A running program with an embedded server.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Starts it on `data_dir` and does not wait.
    pub(crate) fn launch(data_dir: &Path) -> Self {
        Self::spawn(
            Command::new(PROGRAM)
                .arg(data_dir)
                .arg(binaries().dir())
                .arg(beside(data_dir)),
        )
    }

    /// Starts it as another user; the executable is copied to `place`, where
    /// that user can read it.
    pub(crate) fn launch_as(uid: u32, place: &Path, data_dir: &Path) -> Self {
        let copy = place.join("program");
        fs::copy(PROGRAM, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        Self::spawn(
            Command::new(copy)
                .arg(data_dir)
                .arg(binaries().dir())
                .arg(beside(data_dir))
                .uid(uid)
                .gid(uid),
        )
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = child.stdout.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// Starts it and waits until the server takes connections.
    pub(crate) fn start(data_dir: &Path) -> (Self, String) {
        let mut program = Self::launch(data_dir);
        let url = program.ready();
        (program, url)
    }

    /// Waits until the server takes connections and gives its address.
    pub(crate) fn ready(&mut self) -> String {
        match self.first_line() {
            Some(line) => line
                .strip_prefix("ready ")
                .expect("the first line is the address")
                .to_owned(),
            None => panic!("the program did not start: {}", self.failure()),
        }
    }

    /// What it says first; nothing when it ends without a word.
    pub(crate) fn first_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the program says nothing"),
        }
    }

    /// Waits for its end, which must be a failure, and gives what it said.
    pub(crate) fn failure(&mut self) -> String {
        let mut said = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(
            !self.child.wait().unwrap().success(),
            "the program ended well: {said}"
        );
        said
    }

    /// Waits for a line that contains `text`.
    pub(crate) fn says(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self
                .lines
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("the program never said `{text}`"));
            if line.contains(text) {
                return;
            }
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    /// Kills the program, and nothing else.
    pub(crate) fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What Ctrl-C in a terminal does: SIGINT to the whole process group.
    pub(crate) fn interrupt_group(mut self) {
        kill(Pid::from_raw(-self.pid()), Signal::SIGINT).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the program ended with {status}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a test that needs root, or may not have it, says so.
pub(crate) fn not_tried(reason: &str) {
    println!("NOT TRIED: {reason}");
}

/// A small file system of its own, as root.
pub(crate) struct SmallDisk {
    path: PathBuf,
    _directory: TempDir,
}

impl SmallDisk {
    pub(crate) fn mount(size: &str) -> Result<Self, String> {
        let directory = directory();
        let path = directory.path().join("disk");
        fs::create_dir(&path).unwrap();
        let output = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=0711"),
                "tmpfs",
            ])
            .arg(&path)
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        Ok(Self {
            path,
            _directory: directory,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.path.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        let block = vec![1_u8; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .status();
    }
}
