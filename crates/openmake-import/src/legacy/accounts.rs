//! The predecessor's accounts: which become ours, and which become one.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::{DateTime, Utc};
use openmake_store::import::UserRow;
use uuid::Uuid;

use super::{
    cell::{Cell, Row},
    fields::{Fields, Limit},
};
use crate::{
    identity::Identity,
    report::{Class, Note},
};

/// The password that the predecessor's documentation gave its seeded
/// administrator.
const PUBLISHED_PASSWORD: &str = "admin123";
/// Administrators whose password is tried: each takes a tenth of a second.
const TRIED: usize = 50;
/// Where addresses are that were made up. Reserved: no mail ever goes there.
const MADE_DOMAIN: &str = "imported.invalid";

/// An account of the source, read.
#[derive(Debug)]
pub(crate) struct Account {
    /// The source's id.
    pub(crate) key: Vec<u8>,
    /// The same, to be shown.
    pub(crate) label: String,
    pub(crate) row: UserRow,
    pub(crate) notes: Vec<Note>,
    pub(crate) raw: Row,
    pub(crate) extra: Vec<String>,
}

impl Account {
    /// The e-mail by which it is compared.
    pub(crate) fn email(&self) -> String {
        self.row.email.as_deref().unwrap_or_default().to_lowercase()
    }

    /// Whose password, role and name stay when several have one e-mail: an
    /// administrator before others, so that nobody takes over an
    /// administrator's data by registering their address in other letters; one
    /// that is active; who signed in last; who is newest.
    fn rank(&self) -> impl Ord + use<> {
        let row = &self.row;
        (
            row.role == "admin",
            row.is_active,
            row.last_login,
            row.created_at,
            Reverse(self.key.clone()),
        )
    }
}

/// Reads all accounts. They are few, and which become one is seen only
/// together.
pub(crate) fn read(rows: Vec<Row>, identity: &Identity) -> Vec<Account> {
    let mut tried = 0;
    rows.into_iter()
        .map(|row| account(row, identity, &mut tried))
        .collect()
}

fn account(raw: Row, identity: &Identity, tried: &mut usize) -> Account {
    let mut fields = Fields::new(raw.clone(), "id");
    let id = identity.of("users", &fields.key);
    let username = fields.text("username").unwrap_or_default();
    let given = fields.text("email").unwrap_or_default();
    let email = address(&mut fields, id, &username, &given);
    let name = if is_address(&username) {
        username.split('@').next().unwrap_or_default().to_owned()
    } else {
        username.trim().to_owned()
    };
    let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    let name = if name.is_empty() {
        "?".to_owned()
    } else {
        name
    };
    let display_name = fields.shortened("username", name, Limit(100));
    let (role, mut is_active) = role(&mut fields);
    is_active &= fields.flag("is_active").unwrap_or(true);
    let mut password_hash = password(&mut fields);
    if is_published(&fields.key, role, password_hash.as_deref(), tried) {
        is_active = false;
        password_hash = None;
        fields.note(
            Class::SeededDisabled,
            "an administrator with the published password: switched off, and without a password. \
             Make another with `openmake user create --admin`",
        );
    }
    let last_login = fields.time("last_login");
    let (created_at, updated_at) = fields.times();
    let metadata = fields.metadata();
    Account {
        key: std::mem::take(&mut fields.key),
        label: std::mem::take(&mut fields.label),
        row: UserRow {
            id,
            email: Some(email),
            display_name,
            password_hash,
            role,
            is_active,
            created_at,
            updated_at,
            last_login,
            metadata,
        },
        notes: std::mem::take(&mut fields.notes),
        raw,
        extra: std::mem::take(&mut fields.extra),
    }
}

/// What the account signs in with: the user name where it is an address (which
/// is what the predecessor's later versions signed in with), else the e-mail,
/// else an address that is made of the user name.
fn address(fields: &mut Fields, id: Uuid, username: &str, given: &str) -> String {
    for (column, text) in [("username", username), ("email", given)] {
        let text = text.trim();
        if is_address(text) {
            if column == "username" && is_address(given) && !given.trim().eq_ignore_ascii_case(text)
            {
                fields.keep("email", &Cell::Text(given.to_owned()));
            }
            return text.to_owned();
        }
    }
    if !given.trim().is_empty() {
        fields.keep("email", &Cell::Text(given.to_owned()));
    }
    let plain: String = username
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        .take(40)
        .collect();
    let local = if plain == username && !plain.is_empty() {
        plain
    } else {
        // Of two names that only differ in letters, each gets its own.
        let id = id.simple().to_string();
        format!(
            "{plain}{}{}",
            if plain.is_empty() { "" } else { "-" },
            &id[..8]
        )
    };
    let made = format!("{local}@{MADE_DOMAIN}");
    fields.note(
        Class::AddressMade,
        format!("had no e-mail address; signs in with {made} and the old password"),
    );
    made
}

/// The same rule as for those who register.
fn is_address(text: &str) -> bool {
    let text = text.trim();
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    (1..=64).contains(&local.len())
        && (1..=253).contains(&domain.len())
        && text.chars().count() <= 254
        && !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '\u{fffd}')
        && !local.contains('@')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

/// The role, and whether an account of it may be active.
fn role(fields: &mut Fields) -> (&'static str, bool) {
    let cell = fields.take("role");
    match cell.to_text().as_str() {
        "admin" => ("admin", true),
        "user" | "" => ("user", true),
        "guest" => {
            fields.note(
                Class::GuestDeactivated,
                "guests with a password are users that are switched off here; an administrator \
                 can switch the account on",
            );
            ("user", false)
        }
        _ => {
            fields.note(
                Class::RoleUnknown,
                "`role` is not in the list; it is `user` now",
            );
            fields.keep("role", &cell);
            ("user", true)
        }
    }
}

fn password(fields: &mut Fields) -> Option<String> {
    let hash = fields.text("password_hash").unwrap_or_default();
    let known = ["$2a$", "$2b$", "$2y$", "$2x$"];
    if known.iter().any(|start| hash.starts_with(start)) && hash.len() == 60 {
        return Some(hash);
    }
    fields.note(
        Class::PasswordUnusable,
        "the password's hash is not bcrypt; set one with `openmake user reset-password`",
    );
    None
}

fn is_published(key: &[u8], role: &str, hash: Option<&str>, tried: &mut usize) -> bool {
    let Some(hash) = hash else { return false };
    if key != b"admin-default-001" && (role != "admin" || *tried >= TRIED) {
        return false;
    }
    *tried += 1;
    bcrypt::verify(PUBLISHED_PASSWORD, hash).unwrap_or(false)
}

/// Accounts of one e-mail.
#[derive(Debug)]
pub(crate) struct Same {
    pub(crate) email: String,
    /// The one that stays first.
    pub(crate) accounts: Vec<Account>,
}

/// Puts accounts of one e-mail together.
pub(crate) fn grouped(accounts: Vec<Account>) -> Vec<Same> {
    let mut groups: BTreeMap<String, Vec<Account>> = BTreeMap::new();
    for account in accounts {
        groups.entry(account.email()).or_default().push(account);
    }
    groups
        .into_iter()
        .map(|(email, mut accounts)| {
            accounts.sort_by_cached_key(|account| Reverse(account.rank()));
            Same { email, accounts }
        })
        .collect()
}

/// When someone was last here, for notes.
pub(crate) fn last_seen(row: &UserRow) -> String {
    row.last_login
        .map_or_else(|| "never".to_owned(), |at: DateTime<Utc>| at.to_rfc3339())
}
