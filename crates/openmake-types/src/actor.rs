//! Who acts, and what they may do.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use crate::{ApiKeyId, SessionId, UserId};

/// What kind of account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs the instance.
    Admin,
    /// Uses it.
    User,
    /// Tries it without an account, in one temporary conversation.
    Guest,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Admin, Self::User, Self::Guest];

    /// The name that the store and the wire use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
            Self::Guest => "guest",
        }
    }

    /// What an account of this role may do when it signed in itself.
    pub const fn capabilities(self) -> CapabilitySet {
        match self {
            Self::Admin => CapabilitySet::ALL,
            Self::User => CapabilitySet::NONE
                .with(Capability::Chat)
                .with(Capability::ManageConversations)
                .with(Capability::ManageOwnAccount)
                .with(Capability::ReadOwnUsage),
            Self::Guest => CapabilitySet::NONE.with(Capability::Chat),
        }
    }
}

/// A role's name that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRole(pub String);

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown role {:?}: use admin, user or guest", self.0)
    }
}

impl std::error::Error for UnknownRole {}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "admin" => Ok(Self::Admin),
            "user" => Ok(Self::User),
            "guest" => Ok(Self::Guest),
            other => Err(UnknownRole(other.to_owned())),
        }
    }
}

/// One thing that an actor may be allowed to do. Reading and changing are
/// separate wherever they can be granted separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Capability {
    /// Ask models, start conversations and read one's own.
    Chat,
    /// Rename, pin, archive, delete and export one's own conversations.
    ManageConversations,
    /// Change one's own profile, password, sessions and keys, and take part in
    /// running groups. No key ever has it.
    ManageOwnAccount,
    /// See one's own usage.
    ReadOwnUsage,
    /// See, change and invite other accounts, and their keys and groups. No key
    /// ever has it.
    ManageUsers,
    /// See and change model servers.
    ManageNodes,
    /// See and change the instance's settings.
    ManageSettings,
    /// Read the audit trail.
    ReadAudit,
    /// Read the process's metrics.
    ReadMetrics,
}

/// A set of capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CapabilitySet(u32);

impl CapabilitySet {
    /// May do nothing.
    pub const NONE: Self = Self(0);
    /// May do everything.
    pub const ALL: Self = Self(u32::MAX);

    /// The set as a number, for the one place where an actor crosses from one
    /// process to another.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set that [`Self::bits`] gave.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// What either set allows.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set and `capability`.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | 1 << capability as u32)
    }

    /// What both sets allow: how a key narrows its owner's rights.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether `capability` is in the set.
    pub const fn allows(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u32) != 0
    }
}

/// Which models a credential may ask, by the names that people use: a public
/// name such as a profile's, or a real model's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ModelAccess {
    /// All there are.
    #[default]
    All,
    /// These and no others. A profile that is named may answer with whichever
    /// real model it picks.
    Only(Arc<BTreeSet<String>>),
}

impl ModelAccess {
    /// Whether the model that was asked for by `name` may be asked.
    pub fn allows(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }

    /// What both allow: how a key narrows what its owner may ask.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, narrower) | (narrower, Self::All) => narrower.clone(),
            (Self::Only(ours), Self::Only(theirs)) => {
                Self::Only(Arc::new(ours.intersection(theirs).cloned().collect()))
            }
        }
    }
}

/// The one answer to "who is this request from". Made only by the gateway's
/// authentication; nothing in it ever comes from a body or a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account that acts.
    pub user_id: UserId,
    /// The account's role when the credential was checked.
    pub role: Role,
    /// The session, when a person signed in.
    pub session_id: Option<SessionId>,
    /// The key, when a program called.
    pub api_key_id: Option<ApiKeyId>,
    /// What this credential may do.
    pub capabilities: CapabilitySet,
    /// Which models it may ask.
    pub models: ModelAccess,
    /// The tokens that its key may cost in a minute, where that is limited.
    pub tokens_per_minute: Option<u32>,
}

impl Actor {
    /// Whether this actor may do `capability`.
    pub const fn may(&self, capability: Capability) -> bool {
        self.capabilities.allows(capability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_can_chat_and_nothing_else() {
        let guest = Role::Guest.capabilities();
        assert!(guest.allows(Capability::Chat));
        assert!(!guest.allows(Capability::ManageOwnAccount));
        assert!(!guest.allows(Capability::ManageNodes));
    }

    #[test]
    fn only_an_administrator_manages_nodes() {
        assert!(Role::Admin.capabilities().allows(Capability::ManageNodes));
        assert!(!Role::User.capabilities().allows(Capability::ManageNodes));
    }

    #[test]
    fn a_key_can_only_narrow_which_models_may_be_asked() {
        let only = |names: &[&str]| {
            ModelAccess::Only(Arc::new(
                names.iter().map(|&name| name.to_owned()).collect(),
            ))
        };
        let both = only(&["a", "b"]).intersection(&only(&["b", "c"]));
        assert_eq!(both, only(&["b"]));
        assert!(both.allows("b") && !both.allows("a") && !both.allows("c"));
        assert_eq!(ModelAccess::All.intersection(&both), both);
        assert_eq!(both.intersection(&ModelAccess::All), both);
        assert!(ModelAccess::All.allows("anything"));
    }

    #[test]
    fn a_narrower_credential_never_widens_the_role() {
        let narrowed = Role::User.capabilities().intersection(CapabilitySet::ALL);
        assert_eq!(narrowed, Role::User.capabilities());
    }
}
