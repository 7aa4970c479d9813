//! What a key is for.

use std::{fmt, str::FromStr};

use crate::{Capability, CapabilitySet, UnknownName};

/// One thing that a key may be for. A key can do what its scopes say and its
/// owner's role allows, never more.
///
/// No scope reaches accounts, passwords, sessions, keys, groups or invitations:
/// whoever finds a key must not be able to make themselves another way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Ask models, start conversations and read one's own.
    Chat,
    /// Rename, archive, delete and export one's own conversations.
    Conversations,
    /// Read one's own usage.
    Usage,
    /// Read the process's metrics: for administrators' keys.
    Metrics,
    /// Model servers, the instance's settings, the audit trail and metrics: for
    /// administrators' keys.
    Admin,
}

impl Scope {
    /// All of them, in their usual order.
    pub const ALL: [Self; 5] = [
        Self::Chat,
        Self::Conversations,
        Self::Usage,
        Self::Metrics,
        Self::Admin,
    ];

    /// The name that the store and the wire use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Conversations => "conversations",
            Self::Usage => "usage",
            Self::Metrics => "metrics",
            Self::Admin => "admin",
        }
    }

    /// What it lets a key do whose owner may do it.
    pub const fn capabilities(self) -> CapabilitySet {
        let none = CapabilitySet::NONE;
        match self {
            Self::Chat => none.with(Capability::Chat),
            Self::Conversations => none.with(Capability::ManageConversations),
            Self::Usage => none.with(Capability::ReadOwnUsage),
            Self::Metrics => none.with(Capability::ReadMetrics),
            Self::Admin => none
                .with(Capability::ManageNodes)
                .with(Capability::ManageSettings)
                .with(Capability::ReadAudit)
                .with(Capability::ReadMetrics),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownName {
                kind: "scope",
                name: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn a_scope_reads_back_what_it_prints() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        assert!("Chat".parse::<Scope>().is_err());
    }

    #[test]
    fn no_scope_reaches_accounts_or_keys() {
        let all = Scope::ALL
            .into_iter()
            .fold(CapabilitySet::NONE, |all, scope| {
                all.union(scope.capabilities())
            });
        let admin = Role::Admin.capabilities().intersection(all);
        assert!(!admin.allows(Capability::ManageOwnAccount));
        assert!(!admin.allows(Capability::ManageUsers));
        assert!(admin.allows(Capability::Chat) && admin.allows(Capability::ManageNodes));
    }
}
