//! Whose things are.

use std::collections::HashMap;

use openmake_store::import::{Relation, UserRow};
use openmake_types::UserId;
use serde_json::json;

use super::{BringError, Request, Whose, Work};
use crate::{
    foreign::Account,
    identity::Identity,
    report::{Class, Counted, Note},
};

/// The longest e-mail address.
const EMAIL_MAX: usize = 254;

/// The accounts of a file and of here.
#[derive(Debug)]
pub(super) struct Owners {
    /// Those that were found and are nobody's yet.
    found: Vec<Account>,
    /// By their ids in the file.
    known: HashMap<String, UserId>,
    /// Whose is what names nobody.
    single: Option<UserId>,
    /// Whether the file has accounts of its own.
    has_accounts: bool,
}

impl Owners {
    pub(super) fn new(request: &Request) -> Self {
        Self {
            found: Vec::new(),
            known: HashMap::new(),
            single: match &request.whose {
                Whose::Account { id, .. } => Some(*id),
                Whose::Everyone => None,
            },
            has_accounts: false,
        }
    }

    pub(super) fn add(&mut self, account: Account) {
        self.has_accounts = true;
        self.found.push(account);
    }

    /// Whose something is that names this owner.
    pub(super) fn of(&self, owner: Option<&str>) -> Owner {
        match owner {
            Some(owner) if self.has_accounts => match self.known.get(owner) {
                Some(user) => Owner::User(*user),
                // Another account's, of which nothing was asked.
                None if self.single.is_some() => Owner::Another,
                None => Owner::Nobody,
            },
            _ => self.single.map_or(Owner::Nobody, Owner::User),
        }
    }
}

/// Whose something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    User(UserId),
    /// Somebody's of whom nothing was asked.
    Another,
    /// Nobody's who is in the file.
    Nobody,
}

impl Work<'_> {
    /// Finds or makes the accounts that were found, once all are.
    pub(super) async fn accounts(&mut self) -> Result<(), BringError> {
        let found = std::mem::take(&mut self.owners.found);
        if found.is_empty() {
            return Ok(());
        }
        match &self.request.whose {
            Whose::Account { id, email } => {
                let same = |account: &&Account| account.email.eq_ignore_ascii_case(email);
                let yours = match &found[..] {
                    [only] => only,
                    all => all
                        .iter()
                        .find(same)
                        .ok_or(BringError::NotYours(found.len()))?,
                };
                self.owners.known.insert(yours.id.clone(), *id);
                Ok(())
            }
            Whose::Everyone => self.everyone(found).await,
        }
    }

    async fn everyone(&mut self, found: Vec<Account>) -> Result<(), BringError> {
        let mut here = self.import.accounts().await?;
        let product = self.request.product.as_str();
        let identity = Identity::new(product, product, None);
        let mut rows = Vec::new();
        let mut ours = Vec::new();
        let mut merged = Vec::new();
        for account in found {
            let email = account.email.to_lowercase();
            let id = identity.of("users", account.id.as_bytes());
            if let Some(user) = here.get(&email) {
                let was = if *user == id {
                    (
                        Counted::Skipped,
                        Class::AlreadyCarried,
                        "an earlier run brought it",
                    )
                } else {
                    merged.push((id, *user));
                    (
                        Counted::Merged,
                        Class::MergedExistingAccount,
                        "an account here has its e-mail address",
                    )
                };
                self.owners
                    .known
                    .insert(account.id.clone(), UserId::from_uuid(*user));
                let note = Note {
                    id: account.id,
                    what: was.1,
                    why: was.2.to_owned(),
                };
                self.tally.row("accounts", was.0, &[note])?;
                continue;
            }
            if account.email.chars().count() > EMAIL_MAX || !account.email.contains('@') {
                self.tally.row(
                    "accounts",
                    Counted::Skipped,
                    &[Note {
                        id: account.id,
                        what: Class::ValueMissing,
                        why: "it has no e-mail address to sign in with".to_owned(),
                    }],
                )?;
                continue;
            }
            here.insert(email, id);
            self.owners
                .known
                .insert(account.id.clone(), UserId::from_uuid(id));
            rows.push(UserRow {
                id,
                email: Some(account.email.clone()),
                display_name: account.name.clone(),
                password_hash: account.password.clone(),
                role: "user",
                // One that waited for an administrator there waits here too.
                is_active: account.is_active && account.role != "pending",
                created_at: account.created_at,
                updated_at: self.request.now,
                last_login: None,
                metadata: json!({"import": {"product": product, "id": account.id, "role": account.role}}),
            });
            ours.push(account);
        }
        if !merged.is_empty() {
            self.import.merged(Relation::Users, &merged).await?;
        }
        let fates = self.import.write(&rows).await?;
        for (account, fate) in ours.into_iter().zip(fates) {
            let notes = changes(&account);
            self.tally.fate("accounts", fate, &account.id, &notes)?;
        }
        Ok(())
    }
}

/// What is another way here than it was there.
fn changes(account: &Account) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |what, why: &str| {
        notes.push(Note {
            id: account.id.clone(),
            what,
            why: why.to_owned(),
        });
    };
    match account.role.as_str() {
        "user" => {}
        "admin" => say(
            Class::RoleLowered,
            "an administrator there is a user here, until an administrator here says otherwise",
        ),
        "pending" => say(
            Class::GuestDeactivated,
            "it waited to be let in, and is switched off here",
        ),
        _ => say(
            Class::RoleUnknown,
            "its role is not known here; it is a user",
        ),
    }
    if account.password.is_none() {
        say(
            Class::PasswordUnusable,
            "it has no password; an administrator can make a link to set one",
        );
    }
    notes
}
