//! `openmake import chatgpt|claude|open-webui`, and the server's task that
//! brings in what people uploaded.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use openmake_import::{
    bring::{BringError, BringParts, Counters, Request, Whose, bring},
    foreign::Product,
    report::Report,
    service::{ImportService, ServiceParts},
};
use openmake_store::{
    Store,
    audit::{NewAudit, Outcome},
    import::Mode,
};
use openmake_types::ProcessId;
use serde_json::json;
use tokio::{signal, time::interval};
use tokio_util::sync::CancellationToken;

use crate::{database::Hint, serve::World};

/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(250);

/// A file of a product that knows one person.
#[derive(Debug, Args)]
pub(crate) struct PersonalArgs {
    /// The ZIP of the data export, the folder that it was unpacked to, or one
    /// of its JSON files
    file: PathBuf,
    /// The e-mail address of the account here that gets the conversations
    #[arg(long = "for", value_name = "EMAIL")]
    account: String,
    #[command(flatten)]
    ways: Ways,
}

/// A database of Open WebUI.
#[derive(Debug, Args)]
pub(crate) struct OpenWebUiArgs {
    /// The database, `webui.db`; it may be in use
    file: PathBuf,
    /// Only what is of the account with this e-mail address, for the account
    /// here that has it. Without, all accounts come
    #[arg(long = "for", value_name = "EMAIL")]
    account: Option<String>,
    #[command(flatten)]
    ways: Ways,
}

#[derive(Debug, Args)]
struct Ways {
    /// Do everything, take it all back, and say what would have come of it
    #[arg(long)]
    dry_run: bool,
    /// Write a JSON report with a note for everything that did not simply go in
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// One of the commands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ForeignCommand<'a> {
    ChatGpt(&'a PersonalArgs),
    Claude(&'a PersonalArgs),
    OpenWebUi(&'a OpenWebUiArgs),
}

/// The server's task.
pub(crate) fn start_service(store: &Store, process: ProcessId, world: &World) {
    ImportService::new(ServiceParts {
        store: store.clone(),
        clock: Arc::clone(&world.clock),
        ids: Arc::clone(&world.ids),
        process,
        tasks: world.tasks.clone(),
        stop: world.stop.clone(),
    })
    .start();
}

/// Runs a command. Gives the summary, and whether every row is accounted for.
pub(crate) async fn run(
    command: ForeignCommand<'_>,
    store: &Store,
    world: &World,
) -> anyhow::Result<(String, bool)> {
    let (product, file, account, ways) = match command {
        ForeignCommand::ChatGpt(args) => (
            Product::ChatGpt,
            &args.file,
            Some(&args.account),
            &args.ways,
        ),
        ForeignCommand::Claude(args) => {
            (Product::Claude, &args.file, Some(&args.account), &args.ways)
        }
        ForeignCommand::OpenWebUi(args) => (
            Product::OpenWebUi,
            &args.file,
            args.account.as_ref(),
            &args.ways,
        ),
    };
    let whose = match account {
        Some(email) => whose(store, email).await?,
        None => Whose::Everyone,
    };
    let request = Request {
        product,
        path: file.clone(),
        whose,
        mode: if ways.dry_run {
            Mode::Rehearsal
        } else {
            Mode::Real
        },
        job: None,
        now: world.clock.now(),
    };
    let mut report = match &ways.report {
        Some(path) => Report::to_file(path)
            .with_context(|| format!("cannot write the report {}", path.display()))?,
        None => Report::new(),
    };
    let counters = Arc::new(Counters::default());
    let parts = BringParts {
        store: store.clone(),
        tasks: world.tasks.clone(),
        stop: CancellationToken::new(),
        counters: Arc::clone(&counters),
    };
    let brought = {
        let bringing = bring(&parts, &request, &mut report);
        tokio::pin!(bringing);
        let mut ticks = interval(SHOW_EVERY);
        loop {
            tokio::select! {
                brought = &mut bringing => break brought,
                _ = signal::ctrl_c() => parts.stop.cancel(),
                _ = ticks.tick() => show(&counters),
            }
        }
    };
    clear();
    report
        .finish()
        .context("the report could not be finished")?;
    brought.map_err(|error| explained(error, file))?;
    if request.mode == Mode::Real {
        record(store, world, &request, &report).await?;
    }
    let how = if ways.dry_run {
        "a rehearsal: nothing was kept\n"
    } else {
        ""
    };
    let text = format!("{how}{}", report.summary());
    Ok((text, report.is_accounted()))
}

async fn whose(store: &Store, email: &str) -> anyhow::Result<Whose> {
    let found = store.users().lookup_by_email(email).await?;
    let Some((user, _)) = found else {
        bail!(
            "there is no account with the e-mail address {email}; `openmake user create` makes one"
        );
    };
    Ok(Whose::Account {
        id: user.id,
        email: user.email.unwrap_or_else(|| email.to_owned()),
    })
}

async fn record(
    store: &Store,
    world: &World,
    request: &Request,
    report: &Report,
) -> anyhow::Result<()> {
    let at = world.clock.now();
    let written: u64 = report.tables().map(|(_, table)| table.written).sum();
    let entry = NewAudit {
        id: world.ids.uuid(at),
        at,
        action: "import.end",
        outcome: Outcome::Success,
        user_id: match request.whose {
            Whose::Account { id, .. } => Some(id),
            Whose::Everyone => None,
        },
        resource_type: Some("import"),
        resource_id: None,
        details: json!({"kind": request.product.as_str(), "written": written, "by": "command line"}),
        ip_address: None,
        user_agent: None,
        request_id: None,
    };
    let recorded = store.audit().record(&entry).await;
    recorded.context("all is here, but it could not be recorded")?;
    Ok(())
}

fn explained(error: BringError, file: &std::path::Path) -> anyhow::Error {
    let hint = match error.code() {
        "import_not_an_export" => Some(
            "name the ZIP that the product sent, its conversations.json, or Open WebUI's webui.db",
        ),
        "import_damaged" => Some("download the export again"),
        "import_cancelled" => Some("run it again to go on where it was"),
        "import_not_yours" => Some("leave out --for to bring in all accounts"),
        _ => None,
    };
    let error = anyhow::Error::new(error).context(format!("{} was not imported", file.display()));
    match hint {
        Some(hint) => error.context(Hint(hint.to_owned())),
        None => error,
    }
}

fn show(counters: &Counters) {
    let mut out = std::io::stderr();
    if !out.is_terminal() {
        return;
    }
    let percent = match counters.total() {
        0 => String::new(),
        total => format!("{:3} % ", counters.read().saturating_mul(100) / total),
    };
    let shown = write!(
        out,
        "\r\x1b[K{percent}{} conversations, {} messages",
        counters.conversations(),
        counters.messages()
    );
    // A terminal that is gone needs no progress.
    drop(shown.and_then(|()| out.flush()));
}

fn clear() {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        drop(write!(out, "\r\x1b[K").and_then(|()| out.flush()));
    }
}
