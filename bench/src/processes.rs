//! The processes that are measured, and what they weigh.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use testkit::program::{Instance, Program};
use tokio::time::sleep;

use crate::client::{Ask, Http};
use crate::ways::{MODEL, Way};

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "a bench of seven otters";
/// LiteLLM's master key, so that it authorizes too.
const LITELLM_KEY: &str = "sk-bench";
/// How long LiteLLM may take to its first answer.
const LITELLM_START: Duration = Duration::from_mins(2);

/// The scripted model server; it ends with the value.
#[derive(Debug)]
pub(crate) struct Scripted {
    process: Child,
    /// Its base URL, which ends with `/v1`.
    pub(crate) url: String,
}

impl Scripted {
    pub(crate) fn start(program: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new(program)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let url = line.trim().strip_prefix("listening ").map(str::to_owned);
        let scripted = Self {
            process,
            url: url.unwrap_or_default(),
        };
        ensure!(
            !scripted.url.is_empty(),
            "the scripted server did not start"
        );
        Ok(scripted)
    }
}

impl Scripted {
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.process.id()).unwrap_or(0)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A running OpenMake with one account.
#[derive(Debug)]
pub(crate) struct OpenMake {
    // Dropped in this order: the program, then its directory.
    pub(crate) program: Program,
    pub(crate) instance: Instance,
}

impl OpenMake {
    /// Starts one on an empty data directory, with this model server.
    pub(crate) async fn start(binary: &Path, model: &str, http: &Http) -> anyhow::Result<Self> {
        let instance = Instance::new(binary).with_env("OPENAI_BASE_URL", model);
        Self::on(instance, http).await
    }

    /// Starts one that is set up already.
    pub(crate) async fn on(instance: Instance, http: &Http) -> anyhow::Result<Self> {
        let program = instance.serve().await;
        let started = Self { program, instance };
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let url = started.url("/api/v1/auth/register");
        http.json(&Ask::post(&url, None, &body)).await?;
        started.wait_for_model(http).await?;
        Ok(started)
    }

    pub(crate) fn base(&self) -> &str {
        self.program.base_url()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// A new access token: they do not live as long as a bench.
    pub(crate) async fn token(&self, http: &Http) -> anyhow::Result<String> {
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let url = self.url("/api/v1/auth/login");
        let answer = http.json(&Ask::post(&url, None, &body)).await?;
        let token = answer["access_token"].as_str().context("no token")?;
        Ok(token.to_owned())
    }

    /// The way over `/v1`, by an API key; none where this build has none.
    pub(crate) async fn compat(&self, http: &Http) -> anyhow::Result<Option<Way>> {
        let token = self.token(http).await?;
        let url = self.url("/api/v1/api-keys");
        let body = json!({ "name": "bench" });
        let (status, answer) = http.read(&Ask::post(&url, Some(&token), &body)).await?;
        let key = if status.is_success() {
            let answer: Value = serde_json::from_slice(&answer)?;
            answer["key"].as_str().context("no key")?.to_owned()
        } else {
            token
        };
        let base = self.url("/v1");
        let url = format!("{base}/chat/completions");
        let body = json!({
            "model": MODEL, "messages": [{ "role": "user", "content": "/paced 1 0 0" }],
        });
        let (status, answer) = http.read(&Ask::post(&url, Some(&key), &body)).await?;
        match status.as_u16() {
            404 | 405 => Ok(None),
            200 => Ok(Some(Way::openai("OpenMake, /v1", &base, Some(&key)))),
            _ => bail!(
                "{url} answers {status}: {}",
                String::from_utf8_lossy(&answer)
            ),
        }
    }

    async fn wait_for_model(&self, http: &Http) -> anyhow::Result<()> {
        let token = self.token(http).await?;
        let url = self.url("/api/v1/models");
        for _ in 0..200 {
            let (_, models) = http.read(&Ask::get(&url, Some(&token))).await?;
            if String::from_utf8_lossy(&models).contains(MODEL) {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("OpenMake does not list the scripted model")
    }
}

/// A running LiteLLM proxy; it ends with the value.
#[derive(Debug)]
pub(crate) struct LiteLlm {
    process: Child,
    base: String,
    started: Duration,
    _directory: PathBuf,
}

impl LiteLlm {
    /// Starts one with a worker a core; `directory` is where its settings are
    /// written.
    pub(crate) async fn start(
        program: &Path,
        model: &str,
        directory: &Path,
        http: &Http,
    ) -> anyhow::Result<Self> {
        let settings = directory.join("litellm.yaml");
        let text = format!(
            "model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/{MODEL}\n      \
             api_base: {model}\n      api_key: none\ngeneral_settings:\n  master_key: {LITELLM_KEY}\n"
        );
        fs::write(&settings, text)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let began = Instant::now();
        let process = Command::new(program)
            .args(["--host", "127.0.0.1", "--telemetry", "False", "--port"])
            .arg(port.to_string())
            .args(["--num_workers", &cores().to_string(), "--config"])
            .arg(&settings)
            // Its table of prices is in the package; a bench fetches nothing.
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("LITELLM_LOG", "ERROR")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut started = Self {
            process,
            base: format!("http://127.0.0.1:{port}"),
            started: Duration::ZERO,
            _directory: directory.to_owned(),
        };
        let url = format!("{}/health/liveliness", started.base);
        while began.elapsed() < LITELLM_START {
            if let Ok((status, _)) = http.read(&Ask::get(&url, None)).await
                && status.is_success()
            {
                started.started = began.elapsed();
                return Ok(started);
            }
            ensure!(started.process.try_wait()?.is_none(), "LiteLLM has ended");
            sleep(Duration::from_millis(50)).await;
        }
        bail!("LiteLLM did not answer in {LITELLM_START:?}")
    }

    pub(crate) fn way(&self) -> Way {
        let base = format!("{}/v1", self.base);
        Way::openai("LiteLLM", &base, Some(LITELLM_KEY))
    }

    /// From its start to its first answer.
    pub(crate) const fn started(&self) -> Duration {
        self.started
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.process.id()).unwrap_or(0)
    }
}

impl Drop for LiteLlm {
    fn drop(&mut self) {
        let workers = descendants(self.pid());
        // They may have ended by themselves.
        let _ = self.process.kill();
        let _ = self.process.wait();
        for worker in workers {
            testkit::program::kill_process(worker);
        }
    }
}

/// The processes that one has started, and those that they have started.
pub(crate) fn descendants(of: i32) -> Vec<i32> {
    let mut found = vec![of];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        let children = children.unwrap_or_default();
        found.extend(
            children
                .split_whitespace()
                .filter_map(|pid| pid.parse::<i32>().ok()),
        );
        next += 1;
    }
    found.split_off(1)
}

/// The most that a process ever had in memory, in kB; None when it is gone.
pub(crate) fn peak(pid: i32) -> Option<u64> {
    field(&format!("/proc/{pid}/status"), "VmHWM:").ok()
}

/// The memory of one process that is in use, in kB.
pub(crate) fn resident(pid: i32) -> anyhow::Result<u64> {
    field(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// The same with what is shared divided among those that share it.
pub(crate) fn proportional(pids: &[i32]) -> u64 {
    let of = |pid: &i32| field(&format!("/proc/{pid}/smaps_rollup"), "Pss:");
    // One that has ended weighs nothing.
    pids.iter().filter_map(|pid| of(pid).ok()).sum()
}

fn field(file: &str, name: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(file).with_context(|| file.to_owned())?;
    text.lines()
        .find_map(|line| {
            line.strip_prefix(name)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .with_context(|| format!("{file} has no {name}"))
}

/// How many cores there are.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
