//! What is no conversation.

use openmake_store::import::{CustomAgentRow, HoldingRow};
use serde_json::{Value, json};

use super::{BringError, Work, whose::Owner};
use crate::{
    foreign::Kept,
    identity::Identity,
    report::{Class, Counted, Note},
};

/// Characters of an agent's texts.
const NAME_MAX: usize = 100;
const DESCRIPTION_MAX: usize = 2000;
const PROMPT_MAX: usize = 100_000;
/// Bytes of something that is kept as it is.
const HELD_MAX: usize = 8 << 20;

impl Work<'_> {
    pub(super) fn keep(&mut self, kept: Kept) -> Result<(), BringError> {
        let owner = match self.owners.of(kept.owner.as_deref()) {
            Owner::User(owner) => Some(owner),
            Owner::Another => return Ok(()),
            Owner::Nobody => None,
        };
        let size = kept.row.to_string().len();
        if size > HELD_MAX {
            let note = Note {
                id: kept.id,
                what: Class::TooLarge,
                why: format!("it has {size} bytes, more than is kept"),
            };
            self.tally.row(kept.table, Counted::Skipped, &[note])?;
            return Ok(());
        }
        self.batch.bytes += size;
        if kept.table == "models"
            && let Some(owner) = owner
            && let Some(prompt) = system_prompt(&kept.row)
        {
            let id = self.identity(owner).of("models", kept.id.as_bytes());
            let text = |name: &str| {
                kept.row
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let description = kept
                .row
                .pointer("/meta/description")
                .and_then(Value::as_str);
            let name = cut(text("name"), NAME_MAX);
            let row = CustomAgentRow {
                id,
                created_by: Some(owner.as_uuid()),
                name: if name.is_empty() {
                    cut(&kept.id, NAME_MAX)
                } else {
                    name
                },
                description: cut(description.unwrap_or_default(), DESCRIPTION_MAX),
                system_prompt: prompt,
                keywords: json!([]),
                category: "custom".to_owned(),
                emoji: "🤖".to_owned(),
                temperature: kept
                    .row
                    .pointer("/params/temperature")
                    .and_then(Value::as_f64)
                    .filter(|number| (0.0..=2.0).contains(number)),
                max_tokens: None,
                enabled: true,
                created_at: self.request.now,
                updated_at: self.request.now,
                metadata: json!({"import": {
                    "product": self.request.product.as_str(),
                    "id": kept.id,
                    "base_model": kept.row.get("base_model_id"),
                }}),
            };
            self.batch.agents.push((row, kept.id));
            return Ok(());
        }
        let old = format!("{}\0{}", kept.table, kept.id);
        let product = self.request.product.as_str();
        let id = Identity::new(product, product, owner).of("holding", old.as_bytes());
        let row = HoldingRow {
            id,
            source_id: self.import.source(),
            table_name: kept.table.to_owned(),
            old_id: kept.id.clone(),
            reason: Class::NoPlaceHeld.as_str(),
            owner_id: owner.map(openmake_types::UserId::as_uuid),
            held: kept.row,
            created_at: self.request.now,
        };
        self.batch.holding.push((row, kept.table, kept.id));
        Ok(())
    }
}

/// The prompt of a model that somebody made of another.
fn system_prompt(row: &Value) -> Option<String> {
    let prompt = row.pointer("/params/system").and_then(Value::as_str)?;
    let fits = !prompt.trim().is_empty() && prompt.chars().count() <= PROMPT_MAX;
    fits.then(|| prompt.replace('\0', "\u{fffd}"))
}

fn cut(text: &str, max: usize) -> String {
    text.trim().chars().take(max).collect()
}
