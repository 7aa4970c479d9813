//! The key that roles apart share, and signatures with it.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The shortest key that is taken, in bytes.
const MIN_BYTES: usize = 32;
/// Keys at once: the one that signs, and those that are on their way out or in.
const MAX_KEYS: usize = 4;
/// What the key is derived for; another format gets another.
const PURPOSE: &[u8] = b"openmake/seam/identity/1";

/// Why a text holds no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is nothing in it.
    #[error("there is no key in it")]
    Empty,
    /// One of them is too short to be safe.
    #[error("key {0} has less than {MIN_BYTES} characters; make one with `openssl rand -hex 32`")]
    TooShort(usize),
    /// More than a rotation needs.
    #[error("there are more than {MAX_KEYS} keys in it")]
    TooMany,
}

/// The keys that roles apart share: the first signs, all check. `Debug` shows
/// how many there are.
#[derive(Clone)]
pub struct InternalKeys(Vec<Hmac<Sha256>>);

impl fmt::Debug for InternalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InternalKeys")
            .field("keys", &self.0.len())
            .finish()
    }
}

impl InternalKeys {
    /// Reads keys as the setting holds them: one, or several on lines of their
    /// own or with commas between.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let keys: Vec<&str> = text
            .split([',', '\n'])
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .collect();
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        if keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        if let Some(short) = keys.iter().position(|key| key.len() < MIN_BYTES) {
            return Err(KeyError::TooShort(short + 1));
        }
        Ok(Self(keys.into_iter().map(derived).collect()))
    }

    /// The signature of `parts` by the first key.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let mac = over(self.0.first()?, parts);
        Some(mac.finalize().into_bytes().into())
    }

    /// Whether one of the keys has signed `parts`. Takes as long for a wrong
    /// signature as for a right one.
    pub(crate) fn holds(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.0.iter().fold(false, |held, key| {
            held | over(key, parts).verify_slice(tag).is_ok()
        })
    }
}

fn over(key: &Hmac<Sha256>, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = key.clone();
    for part in parts {
        // With its length before it, so that no two lists of parts look alike.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

fn derived(key: &str) -> Hmac<Sha256> {
    let mut block = hmac::digest::common::Key::<Hmac<Sha256>>::default();
    let mut bytes = [0; 32];
    #[expect(
        clippy::expect_used,
        reason = "HKDF-SHA-256 refuses only more than 8160 bytes"
    )]
    Hkdf::<Sha256>::new(None, key.as_bytes())
        .expand(PURPOSE, &mut bytes)
        .expect("a key is 32 bytes");
    // A key is filled up with zeros to a block (RFC 2104); from a block the
    // constructor cannot fail.
    for (to, from) in block.iter_mut().zip(bytes) {
        *to = from;
    }
    Hmac::new(&block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_keys_are_refused_with_their_place() {
        let good = "0123456789abcdef0123456789abcdef";
        assert_eq!(InternalKeys::parse(" \n,").err(), Some(KeyError::Empty));
        assert_eq!(
            InternalKeys::parse(&format!("{good}\nshort")).err(),
            Some(KeyError::TooShort(2))
        );
        assert_eq!(
            InternalKeys::parse(&[good; 5].join(",")).err(),
            Some(KeyError::TooMany)
        );
        let keys = InternalKeys::parse(&format!("{good},\n {good}x\n")).expect("good");
        assert_eq!(format!("{keys:?}"), "InternalKeys { keys: 2 }");
    }

    #[test]
    fn the_first_signs_and_all_check() {
        let (old, new) = ("o".repeat(32), "n".repeat(32));
        let before = InternalKeys::parse(&old).expect("a key");
        let both = InternalKeys::parse(&format!("{new},{old}")).expect("keys");
        let after = InternalKeys::parse(&new).expect("a key");
        let tag = |keys: &InternalKeys| keys.tag(&[b"a", b"b"]).expect("signed");
        assert!(both.holds(&[b"a", b"b"], &tag(&before)));
        assert!(after.holds(&[b"a", b"b"], &tag(&both)));
        assert!(!before.holds(&[b"a", b"b"], &tag(&both)));
        assert!(!before.holds(&[b"ab", b""], &tag(&before)));
    }
}
