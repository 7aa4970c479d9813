//! Limits that administrators change at run time.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive, str::FromStr};

use crate::UnknownName;

/// A limit that an administrator can set; what is not set is as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Requests with a credential in a minute, for an account.
    RequestsPerMinute,
    /// The same for a guest.
    GuestRequestsPerMinute,
    /// Requests without a credential in a minute, for an address.
    AddressRequestsPerMinute,
    /// Questions in a minute, for an account.
    TurnsPerMinute,
    /// Searches in a minute, for an account.
    SearchesPerMinute,
    /// Sign-ins, registrations and guests in a minute, for an address.
    SignInsPerMinute,
    /// Failed sign-ins of an account before it is locked for a while.
    SignInTries,
    /// Tokens in a minute, for an account with all its keys.
    TokensPerMinute,
    /// Characters of one question in a conversation.
    MessageCharacters,
    /// Bytes of one picture.
    ImageBytes,
    /// Tokens of a conversation that are sent to a model, whatever its profile
    /// says.
    ContextTokens,
}

impl Limit {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 11] = [
        Self::RequestsPerMinute,
        Self::GuestRequestsPerMinute,
        Self::AddressRequestsPerMinute,
        Self::TurnsPerMinute,
        Self::SearchesPerMinute,
        Self::TokensPerMinute,
        Self::SignInsPerMinute,
        Self::SignInTries,
        Self::MessageCharacters,
        Self::ImageBytes,
        Self::ContextTokens,
    ];

    /// The name that the store and the wire use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestsPerMinute => "requests_per_minute",
            Self::GuestRequestsPerMinute => "guest_requests_per_minute",
            Self::AddressRequestsPerMinute => "address_requests_per_minute",
            Self::TurnsPerMinute => "turns_per_minute",
            Self::SearchesPerMinute => "searches_per_minute",
            Self::SignInsPerMinute => "sign_ins_per_minute",
            Self::SignInTries => "sign_in_tries",
            Self::TokensPerMinute => "tokens_per_minute",
            Self::MessageCharacters => "message_characters",
            Self::ImageBytes => "image_bytes",
            Self::ContextTokens => "context_tokens",
        }
    }

    /// What it may be set to. Never so low that the page could not raise it
    /// again, and never above what the program can bear.
    pub const fn bounds(self) -> RangeInclusive<u64> {
        match self {
            Self::RequestsPerMinute => 60..=1_000_000,
            Self::GuestRequestsPerMinute | Self::AddressRequestsPerMinute => 30..=1_000_000,
            Self::TurnsPerMinute | Self::SearchesPerMinute => 1..=1_000_000,
            Self::SignInsPerMinute => 3..=1_000_000,
            Self::SignInTries => 1..=100,
            Self::TokensPerMinute => 1_000..=1_000_000_000,
            Self::MessageCharacters => 1_000..=MAX_MESSAGE_CHARACTERS,
            Self::ImageBytes => 65_536..=MAX_IMAGE_BYTES,
            Self::ContextTokens => 1_024..=10_000_000,
        }
    }
}

/// Characters of a question, at most.
pub const MAX_MESSAGE_CHARACTERS: u64 = 200_000;
/// Bytes of a picture, at most.
pub const MAX_IMAGE_BYTES: u64 = 8 * 1024 * 1024;

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Limit {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|limit| limit.as_str() == text)
            .ok_or_else(|| UnknownName {
                kind: "limit",
                name: text.to_owned(),
            })
    }
}

/// The limits that administrators set, all within their bounds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits(BTreeMap<Limit, u64>);

impl Limits {
    /// What it was set to; None is as configured.
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.0.get(&limit).copied()
    }

    /// What it was set to, for the limits that are counted in 32 bits.
    pub fn small(&self, limit: Limit) -> Option<u32> {
        self.get(limit)
            .and_then(|amount| u32::try_from(amount).ok())
    }
}

impl FromIterator<(Limit, u64)> for Limits {
    /// What lies outside its bounds counts as the bound: a later version may
    /// have allowed more.
    fn from_iter<I: IntoIterator<Item = (Limit, u64)>>(limits: I) -> Self {
        let within = |(limit, amount): (Limit, u64)| {
            let bounds = limit.bounds();
            (limit, amount.clamp(*bounds.start(), *bounds.end()))
        };
        Self(limits.into_iter().map(within).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_listed_and_reads_back() {
        for limit in Limit::ALL {
            assert_eq!(limit.as_str().parse(), Ok(limit));
            assert!(limit.bounds().start() < limit.bounds().end());
        }
        assert!("speed".parse::<Limit>().is_err());
    }

    #[test]
    fn what_a_later_version_stored_is_brought_within_bounds() {
        let limits: Limits = [(Limit::ImageBytes, u64::MAX), (Limit::SignInTries, 0)]
            .into_iter()
            .collect();
        assert_eq!(limits.get(Limit::ImageBytes), Some(MAX_IMAGE_BYTES));
        assert_eq!(limits.small(Limit::SignInTries), Some(1));
        assert_eq!(limits.get(Limit::ContextTokens), None);
    }
}
