//! Backup codes: ten of 60 bits, kept as a hash whose key is not in the
//! database, so that a copy of it does not give them away.

use hmac::{Hmac, KeyInit as _, Mac as _};
use openmake_store::secrets::KeyRing;
use openmake_types::{Ids, UserId};
use sha2::Sha256;

/// How many an account gets.
pub(crate) const COUNT: usize = 10;
/// Letters of five bits each, in groups of four.
const LETTERS: usize = 12;
const GROUP: usize = 4;
/// Crockford's: none that looks like another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Makes and recognises backup codes.
#[derive(Clone)]
pub(crate) struct BackupCodeKey(Hmac<Sha256>);

impl BackupCodeKey {
    pub(crate) fn new(keys: &KeyRing) -> Self {
        // A key is filled up with zeros to a block (RFC 2104); from a block the
        // constructor cannot fail.
        let mut block = hmac::digest::common::Key::<Hmac<Sha256>>::default();
        for (to, from) in block.iter_mut().zip(keys.derive("backup-code")) {
            *to = from;
        }
        Self(Hmac::new(&block))
    }

    /// What is kept of a code. None for what cannot be one.
    pub(crate) fn hash(&self, owner: UserId, code: &str) -> Option<[u8; 32]> {
        let letters = normal(code)?;
        let mut mac = self.0.clone();
        mac.update(owner.as_uuid().as_bytes());
        mac.update(letters.as_bytes());
        Some(mac.finalize().into_bytes().into())
    }

    /// New codes with their hashes.
    pub(crate) fn generate(&self, owner: UserId, ids: &dyn Ids) -> (Vec<String>, Vec<[u8; 32]>) {
        (0..COUNT)
            .map(|_| random_code(ids))
            .filter_map(|code| {
                let hash = self.hash(owner, &code)?;
                Some((code, hash))
            })
            .unzip()
    }
}

fn random_code(ids: &dyn Ids) -> String {
    let mut random = [0; LETTERS];
    ids.fill(&mut random);
    let mut code = String::with_capacity(LETTERS + LETTERS / GROUP);
    for (place, byte) in random.iter().enumerate() {
        if place > 0 && place % GROUP == 0 {
            code.push('-');
        }
        // 256 is eight times 32, so every letter is as likely.
        let letter = ALPHABET
            .get(usize::from(byte % 32))
            .copied()
            .unwrap_or(b'0');
        code.push(char::from(letter));
    }
    code
}

/// The letters of a code, however it was typed.
fn normal(code: &str) -> Option<String> {
    if code.len() > 4 * LETTERS {
        return None;
    }
    let letters: String = code
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            letter => letter,
        })
        .collect();
    (letters.len() == LETTERS && letters.bytes().all(|byte| ALPHABET.contains(&byte)))
        .then_some(letters)
}

#[cfg(test)]
mod tests {
    use openmake_types::RandomIds;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_code_is_recognised_however_it_is_typed() {
        let key = BackupCodeKey::new(&KeyRing::from_bytes([1; 32]));
        let owner = UserId::from_uuid(Uuid::from_u128(1));
        let hash = key.hash(owner, "01AB-CDEF-GHJK");
        assert!(hash.is_some());
        for typed in [
            "01abcdefghjk",
            " o1ab cdef ghjk ",
            "0LAB-cdef-GHJK",
            "OIAB-CDEF-GHJK",
        ] {
            assert_eq!(key.hash(owner, typed), hash, "{typed}");
        }
        for typed in [
            "",
            "01AB-CDEF-GHJ",
            "01AB-CDEF-GHJKM",
            "01AB-CDEF-GHJU",
            "é1AB-CDEF-GHJ",
        ] {
            assert_eq!(key.hash(owner, typed), None, "{typed}");
        }
        let other = UserId::from_uuid(Uuid::from_u128(2));
        assert_ne!(key.hash(other, "01AB-CDEF-GHJK"), hash);
    }

    #[test]
    fn ten_different_codes_are_made() {
        let key = BackupCodeKey::new(&KeyRing::from_bytes([1; 32]));
        let owner = UserId::from_uuid(Uuid::from_u128(1));
        let (codes, hashes) = key.generate(owner, &RandomIds);
        assert_eq!((codes.len(), hashes.len()), (COUNT, COUNT));
        for (code, hash) in codes.iter().zip(&hashes) {
            assert_eq!(code.len(), 14, "{code}");
            assert_eq!(key.hash(owner, code).as_ref(), Some(hash));
            assert_eq!(codes.iter().filter(|other| *other == code).count(), 1);
        }
    }
}
