//! Conversations and messages, in batches.

use openmake_store::import::{
    CustomAgentRow, ForeignConversationRow, ForeignMessageRow, HoldingRow,
};
use openmake_types::UserId;
use serde_json::{Value, json};

use super::{BringError, Work, tally, whose::Owner};
use crate::{
    foreign::{Conversation, Message, Speaker, ToolUse},
    identity::Identity,
    report::{Class, Counted, Note},
};

/// Rows, and bytes of text, of one transaction.
const ROWS: usize = 2000;
const BYTES: usize = 8 << 20;

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Batch {
    conversations: Vec<(ForeignConversationRow, String, Vec<Note>)>,
    messages: Vec<(ForeignMessageRow, String)>,
    pub(super) agents: Vec<(CustomAgentRow, String)>,
    pub(super) holding: Vec<(HoldingRow, &'static str, String)>,
    pub(super) bytes: usize,
}

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        let rows =
            self.conversations.len() + self.messages.len() + self.agents.len() + self.holding.len();
        rows >= ROWS || self.bytes >= BYTES
    }
}

impl Work<'_> {
    pub(super) fn conversation(&mut self, conversation: Conversation) -> Result<(), BringError> {
        let owner = match self.owners.of(conversation.owner.as_deref()) {
            Owner::User(owner) => owner,
            Owner::Another => return Ok(()),
            Owner::Nobody => {
                let why = "the account that it belongs to is not in the file";
                let note = |id: &str| Note {
                    id: id.to_owned(),
                    what: Class::OrphanSkipped,
                    why: why.to_owned(),
                };
                let notes = [note(&conversation.id)];
                self.tally.row("conversations", Counted::Skipped, &notes)?;
                for message in &conversation.messages {
                    let notes = [note(&message.id)];
                    self.tally.row("messages", Counted::Skipped, &notes)?;
                }
                return Ok(());
            }
        };
        let identity = self.identity(owner);
        let id = identity.of("conversations", conversation.id.as_bytes());
        let message_id = |message: &Message| {
            let old = format!("{}\0{}", conversation.id, message.id);
            identity.of("messages", old.as_bytes())
        };
        let ids: Vec<_> = conversation.messages.iter().map(message_id).collect();
        let active = last_of_branch(&conversation)
            .and_then(|at| ids.get(at))
            .copied();
        let mut origin = conversation.metadata;
        origin.insert("product".to_owned(), json!(self.request.product.as_str()));
        origin.insert("id".to_owned(), json!(conversation.id));
        if let Some(model) = &conversation.model {
            origin.insert("model".to_owned(), json!(model));
        }
        if let Some(job) = self.request.job {
            origin.insert("job".to_owned(), json!(job));
        }
        let row = ForeignConversationRow {
            id,
            user_id: owner.as_uuid(),
            title_source: if conversation.title.is_empty() {
                "none"
            } else {
                "user"
            },
            title: conversation.title,
            instructions: conversation.instructions,
            active_leaf_id: active,
            pinned_at: conversation.pinned_at,
            archived_at: conversation.archived.then_some(conversation.updated_at),
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
            metadata: json!({ "import": origin }),
        };
        let notes = tally::notes(conversation.remarks);
        self.batch.conversations.push((row, conversation.id, notes));
        for (at, message) in conversation.messages.into_iter().enumerate() {
            let Some(message_id) = ids.get(at).copied() else {
                continue;
            };
            self.batch.bytes += message.text.len()
                + message.thinking.as_deref().map_or(0, str::len)
                + message.tools.iter().map(size).sum::<usize>();
            let row = ForeignMessageRow {
                id: message_id,
                session_id: id,
                parent_id: message.parent.and_then(|parent| ids.get(parent)).copied(),
                role: match message.speaker {
                    Speaker::User => "user",
                    Speaker::Assistant => "assistant",
                },
                content: message.text,
                thinking: message.thinking,
                tool_calls: tool_calls(&message.tools),
                model: message.model,
                created_at: message.at,
            };
            self.batch.messages.push((row, message.id));
        }
        Ok(())
    }

    /// The ids of what becomes an account's: the same from the command and
    /// from the page.
    pub(super) fn identity(&self, owner: UserId) -> Identity {
        let product = self.request.product.as_str();
        Identity::new(product, product, Some(owner))
    }

    /// Writes what waits, parents before what belongs to them.
    pub(super) async fn flush(&mut self) -> Result<(), BringError> {
        let batch = std::mem::take(&mut self.batch);
        let (rows, noted): (Vec<_>, Vec<_>) = batch
            .conversations
            .into_iter()
            .map(|(row, id, notes)| (row, (id, notes)))
            .unzip();
        let fates = self.import.write(&rows).await?;
        for ((id, notes), fate) in noted.into_iter().zip(fates) {
            self.tally.fate("conversations", fate, &id, &notes)?;
        }
        let (rows, ids): (Vec<_>, Vec<_>) = batch.messages.into_iter().unzip();
        // A conversation of many messages is larger than a batch.
        let mut ids = ids.into_iter();
        for rows in rows.chunks(ROWS) {
            let fates = self.import.write(rows).await?;
            for (fate, id) in fates.into_iter().zip(ids.by_ref()) {
                self.tally.fate("messages", fate, &id, &[])?;
            }
        }
        let (rows, ids): (Vec<_>, Vec<_>) = batch.agents.into_iter().unzip();
        let fates = self.import.write(&rows).await?;
        for (id, fate) in ids.into_iter().zip(fates) {
            self.tally.fate("models", fate, &id, &[])?;
        }
        let (rows, places): (Vec<_>, Vec<_>) = batch
            .holding
            .into_iter()
            .map(|(row, table, id)| (row, (table, id)))
            .unzip();
        let fates = self.import.write(&rows).await?;
        for ((table, id), fate) in places.into_iter().zip(fates) {
            let note = Note {
                id: id.clone(),
                what: Class::NoPlaceHeld,
                why: "there is no place for it yet; it is kept as it was".to_owned(),
            };
            self.tally.fate(table, fate, &id, &[note])?;
        }
        Ok(())
    }
}

/// The end of the branch that is shown: from the message that the product
/// shows last down to where nothing follows, along the newest.
fn last_of_branch(conversation: &Conversation) -> Option<usize> {
    let messages = &conversation.messages;
    let newest = || {
        let last = messages
            .iter()
            .enumerate()
            .max_by_key(|(_, message)| message.at);
        last.map(|(at, _)| at)
    };
    let mut at = conversation.active.or_else(newest)?;
    // Parents stand before what follows them, so one way through is enough.
    for (follower, message) in messages.iter().enumerate().skip(at + 1) {
        if message.parent == Some(at) {
            let later = messages
                .iter()
                .enumerate()
                .skip(follower)
                .filter(|(_, other)| other.parent == Some(at))
                .max_by_key(|(_, other)| other.at);
            at = later.map_or(follower, |(later, _)| later);
        }
    }
    Some(at)
}

fn size(tool: &ToolUse) -> usize {
    tool.arguments.len() + tool.output.as_deref().map_or(0, str::len)
}

/// As `conversation_messages.tool_calls` has them.
fn tool_calls(tools: &[ToolUse]) -> Value {
    tools
        .iter()
        .enumerate()
        .map(|(at, tool)| {
            // The column holds JSON text; a program that was run is none.
            let arguments = match serde_json::from_str::<Value>(&tool.arguments) {
                Ok(Value::Object(_)) => tool.arguments.clone(),
                Ok(_) | Err(_) => json!({ "input": tool.arguments }).to_string(),
            };
            json!({
                "call_id": if tool.id.is_empty() { format!("call-{at}") } else { tool.id.clone() },
                "name": tool.name,
                "arguments": arguments,
                "output": tool.output,
                "is_error": tool.is_error,
                "duration_ms": null,
            })
        })
        .collect()
}
