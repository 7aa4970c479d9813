//! The text of keys for programs: `omk_live_`, 256 random bits as 43 letters
//! and digits, and six more that are a checksum.
//!
//! Letters and digits only (base62): a double click selects all of it, and it
//! needs no quotes in a shell, a URL or a YAML file. The prefix lets secret
//! scanners find it; the checksum lets them, and us, tell a key from a text
//! that only looks like one without asking the database.

use std::fmt;

use openmake_types::Ids;
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "omk_live_";
/// Base62 digits that hold 256 bits.
const BODY: usize = 43;
/// Base62 digits that hold 32 bits.
const CHECKSUM: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The SHA-256 of a key's text. With 256 random bits inside there is nothing
/// to guess, so it needs neither salt nor stretching.
pub(crate) type KeyHash = [u8; 32];

/// A new key, before it is shown.
pub(crate) struct NewKey(String);

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewKey")
    }
}

impl NewKey {
    /// A key that nobody has.
    pub(crate) fn generate(ids: &dyn Ids) -> Self {
        let mut random = [0; 32];
        ids.fill(&mut random);
        let unchecked = format!("{PREFIX}{}", base62::<32>(random, BODY));
        let checksum = checksum(&unchecked);
        Self(unchecked + &checksum)
    }

    /// What is kept of it.
    pub(crate) fn hash(&self) -> KeyHash {
        Sha256::digest(&self.0).into()
    }

    /// Its last four characters.
    pub(crate) fn last_four(&self) -> String {
        let cut = self.0.len().saturating_sub(4);
        self.0.get(cut..).unwrap_or_default().to_owned()
    }

    /// Its text, to be shown once.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// Whether a credential means to be a key, and not an access token.
pub(crate) fn is_key(text: &str) -> bool {
    text.starts_with("omk_")
}

/// What a key is looked up by. None for a text that no key can be.
pub(crate) fn key_hash(text: &str) -> Option<KeyHash> {
    if text.len() != PREFIX.len() + BODY + CHECKSUM || !text.starts_with(PREFIX) {
        return None;
    }
    let (unchecked, given) = text.split_at_checked(PREFIX.len() + BODY)?;
    (checksum(unchecked) == given).then(|| Sha256::digest(text).into())
}

fn checksum(text: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(text).into();
    let [a, b, c, d, ..] = hash;
    base62::<4>([a, b, c, d], CHECKSUM)
}

/// A big-endian number as `digits` digits.
fn base62<const N: usize>(mut number: [u8; N], digits: usize) -> String {
    let mut text = vec![0; digits];
    for place in text.iter_mut().rev() {
        let mut rest = 0_usize;
        for byte in &mut number {
            let value = rest << 8 | usize::from(*byte);
            // Less than 256, since `rest` is less than 62.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *place = ALPHABET.get(rest).copied().unwrap_or(b'0');
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use openmake_types::{FixedIds, RandomIds};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_new_key_is_recognised_and_looks_as_documented() {
        let (one, other) = (NewKey::generate(&RandomIds), NewKey::generate(&RandomIds));
        assert_ne!(one.hash(), other.hash());
        assert_eq!(format!("{one:?}"), "NewKey");
        let (hash, last_four) = (one.hash(), one.last_four());
        let text = one.into_text();
        assert_eq!(key_hash(&text), Some(hash));
        assert!(text.ends_with(&last_four) && last_four.len() == 4);
        assert!(is_key(&text));
        let random = text.strip_prefix("omk_live_").expect("the prefix");
        assert_eq!(random.len(), 49);
        assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn numbers_are_written_with_all_their_digits() {
        assert_eq!(base62([0; 32], BODY), "0".repeat(43));
        assert_eq!(base62([0, 0, 0, 61], CHECKSUM), "00000z");
        assert_eq!(base62([0, 0, 0, 62], CHECKSUM), "000010");
        assert_eq!(base62([255; 4], CHECKSUM), "4gfFC3");
        // 2^256 - 1 fits into the digits that it is given.
        assert_ne!(base62([255; 32], BODY), base62([254; 32], BODY));
        assert!(base62([255; 32], BODY) > base62([254; 32], BODY));
        assert_eq!(base62([255; 32], BODY + 1).as_bytes()[0], b'0');
    }

    proptest! {
        #[test]
        fn a_changed_character_is_noticed(place in 0_usize..58, letter in "[0-9A-Za-z_]") {
            let text = NewKey::generate(&FixedIds::default()).into_text();
            let mut changed = text.clone();
            changed.replace_range(place..=place, &letter);
            prop_assert_eq!(key_hash(&changed).is_some(), changed == text);
        }

        #[test]
        fn any_text_is_a_key_or_refused(text in ".*") {
            prop_assert_eq!(key_hash(&text), None);
        }
    }
}
