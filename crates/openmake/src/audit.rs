//! `openmake audit`: the audit trail from the command line, beside a running
//! server.

use anyhow::bail;
use openmake_store::{
    Store,
    audit::{ChainFault, FaultKind},
};

use crate::cli::AuditCommand;

/// Does what was asked, and says what came of it. What is wrong with the trail
/// is an error.
pub(crate) async fn run(store: &Store, command: &AuditCommand) -> anyhow::Result<String> {
    let AuditCommand::Verify { noted } = command;
    let report = store.audit().verify(*noted).await?;
    let Some(fault) = report.fault else {
        return Ok(format!(
            "the audit trail is whole: {} entries\nhead {}",
            report.entries, report.head
        ));
    };
    bail!(
        "the audit trail is not as it was written: {}; {} entries before are good",
        described(fault),
        report.entries
    )
}

fn described(fault: ChainFault) -> String {
    let entry = fault
        .entry
        .map_or_else(String::new, |entry| format!(" ({entry})"));
    let seq = fault.seq.unwrap_or_default();
    match fault.kind {
        FaultKind::Altered => format!("entry {seq}{entry} was altered"),
        FaultKind::Missing => format!("entry {seq} is missing"),
        FaultKind::Unchained => format!("an entry{entry} was written past the chain"),
        FaultKind::Replaced => {
            format!("entry {seq}{entry} is not the one that was noted: the chain was written anew")
        }
    }
}
