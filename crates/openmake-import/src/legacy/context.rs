//! What mapping a row takes besides the row.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use openmake_store::{
    import::{Record, Relation},
    secrets::KeyRing,
};
use openmake_types::Ids;
use uuid::Uuid;

use super::{
    chat::Link,
    fields::Fields,
    tokens::{OldKey, Token, read},
};
use crate::{identity::Identity, report::Class};

/// What is known of the source so far.
pub(crate) struct Context<'a> {
    pub(crate) identity: Identity,
    pub(crate) now: DateTime<Utc>,
    pub(crate) keys: &'a KeyRing,
    pub(crate) ids: &'a dyn Ids,
    pub(crate) old_key: Option<OldKey>,
    /// Every account of the source, by its id there.
    pub(crate) users: HashMap<Vec<u8>, Uuid>,
    /// Rows that later ones may name.
    present: HashMap<Relation, HashSet<Uuid>>,
    /// Conversations that are in the holding place.
    held: HashSet<Uuid>,
    pub(crate) link: Option<Link>,
}

/// What becomes of a row.
#[derive(Debug)]
pub(crate) enum Mapped<R> {
    /// It is this row here.
    Row(R),
    /// It has no place; whose it is, if that much is known.
    Held(Class, String, Option<Uuid>),
    /// It is of no use here.
    Skipped(Class, String),
}

impl<R> Mapped<R> {
    /// A row whose parent is gone.
    pub(crate) fn orphan(column: &str, owner: Option<Uuid>) -> Self {
        let why = format!("`{column}` names nothing that is there");
        Self::Held(Class::OrphanHeld, why, owner)
    }
}

/// A table of the source.
pub(crate) trait Table {
    /// What its rows become.
    type Row: Record;
    /// The column that knows a row.
    const ID: &'static str = "id";
    /// Columns that the holding place must not show.
    const SECRETS: &'static [&'static str] = &[];

    /// Makes a row of ours of one of its rows.
    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<Self::Row>;
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        identity: Identity,
        now: DateTime<Utc>,
        keys: &'a KeyRing,
        ids: &'a dyn Ids,
    ) -> Self {
        Self {
            identity,
            now,
            keys,
            ids,
            old_key: None,
            users: HashMap::new(),
            present: HashMap::new(),
            held: HashSet::new(),
            link: None,
        }
    }

    /// The id of a row here.
    pub(crate) fn id(&self, table: &str, key: &[u8]) -> Uuid {
        self.identity.of(table, key)
    }

    /// An account here.
    pub(crate) fn user(&self, key: &[u8]) -> Option<Uuid> {
        self.users.get(key).copied()
    }

    /// The account that a column names, if it names one. One that is gone is
    /// noted and left out.
    pub(crate) fn optional_user(&self, fields: &mut Fields, column: &str) -> Option<Uuid> {
        let cell = fields.take(column);
        let key = cell.key().filter(|key| !key.is_empty())?;
        let user = self.user(&key);
        if user.is_none() {
            fields.note(
                Class::ReferenceDropped,
                format!("`{column}` names an account that is not there"),
            );
            fields.keep(column, &cell);
        }
        user
    }

    /// The conversation that a column names, if it is there.
    pub(crate) fn optional_conversation(&self, fields: &mut Fields, column: &str) -> Option<Uuid> {
        let cell = fields.take(column);
        let key = cell.key().filter(|key| !key.is_empty())?;
        let id = self.id("conversation_sessions", &key);
        if self.has(Relation::Conversations, id) {
            return Some(id);
        }
        fields.note(
            Class::ReferenceDropped,
            format!("`{column}` names a conversation that is not there"),
        );
        fields.keep(column, &cell);
        None
    }

    /// The row of a table that a column names, if it is there.
    pub(crate) fn parent(
        &self,
        fields: &mut Fields,
        column: &str,
        relation: Relation,
    ) -> Option<Uuid> {
        let key = fields.reference(column)?;
        let id = self.id(relation.table(), &key);
        self.has(relation, id).then_some(id)
    }

    /// Whether a row is there that others may name.
    pub(crate) fn has(&self, relation: Relation, id: Uuid) -> bool {
        self.present
            .get(&relation)
            .is_some_and(|ids| ids.contains(&id))
    }

    /// Notes that a row is there.
    pub(crate) fn add(&mut self, relation: Relation, id: Uuid) {
        if matches!(
            relation,
            Relation::Conversations
                | Relation::CustomAgents
                | Relation::Memories
                | Relation::Research
                | Relation::Marketplace
                | Relation::Canvas
                | Relation::Connections
        ) {
            self.present.entry(relation).or_default().insert(id);
        }
    }

    /// Notes that a conversation is in the holding place.
    pub(crate) fn add_held(&mut self, relation: Relation, id: Uuid) {
        if relation == Relation::Conversations {
            self.held.insert(id);
        }
    }

    pub(crate) fn is_held(&self, conversation: Uuid) -> bool {
        self.held.contains(&conversation)
    }

    /// Takes it back: the row did not go in.
    pub(crate) fn remove(&mut self, relation: Relation, id: Uuid) {
        if let Some(ids) = self.present.get_mut(&relation) {
            ids.remove(&id);
        }
    }

    /// Seals a secret for what it belongs to.
    pub(crate) fn seal(&self, context: &str, secret: &str) -> Vec<u8> {
        let mut nonce = [0; 24];
        self.ids.fill(&mut nonce);
        self.keys.seal(context, nonce, secret.as_bytes())
    }

    /// A token, opened with the old key and sealed with ours.
    pub(crate) fn token(
        &self,
        fields: &mut Fields,
        column: &str,
        context: &str,
    ) -> Option<Vec<u8>> {
        let stored = fields.text(column).filter(|text| !text.is_empty())?;
        match read(&stored, self.old_key.as_ref()) {
            Token::Plain(text) | Token::Opened(text) => Some(self.seal(context, &text)),
            Token::Closed => {
                fields.note(
                    Class::TokenNotOpened,
                    format!(
                        "`{column}` is encrypted, and the old key does not open it; it is left out"
                    ),
                );
                None
            }
        }
    }
}
