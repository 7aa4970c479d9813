//! The master key and what derives from it (architecture: 'Secrets').
//!
//! Keys for one purpose derive from the master key by HKDF-SHA-256 (RFC 5869)
//! with the purpose as `info`. Secrets are sealed with XChaCha20-Poly1305; a
//! ciphertext begins with the id of its key, so keys can be rotated.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::{Conflict, Store, StoreError};

/// Why a secret cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The key file is not one of ours: 64 hexadecimal digits.
    #[error("the master key is not 64 hexadecimal digits")]
    MalformedKey,
    /// The ciphertext names a key that is not in the ring.
    #[error("sealed with another key")]
    UnknownKey,
    /// The ciphertext was changed, or is of something else.
    #[error("cannot be opened")]
    Damaged,
}

const KEY_ID: usize = 8;
const NONCE: usize = 24;

/// What is derived for use in here. The purposes of callers are told from these
/// by the prefix.
const FOR_ID: &[u8] = b"openmake/store/key-id";
const FOR_SEALING: &[u8] = b"openmake/store/seal";
const FOR_CHECK: &[u8] = b"openmake/store/check/";
const FOR_CALLERS: &[u8] = b"openmake/purpose/";

/// The instance's keys. `Debug` shows ids only.
#[derive(Clone)]
pub struct KeyRing {
    id: [u8; KEY_ID],
    master: [u8; 32],
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing")
            .field("id", &self.key_id())
            .finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Reads a master key as its file holds it (64 hexadecimal digits, white
    /// space around them allowed).
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| SecretError::MalformedKey)?;
        Ok(Self::from_bytes(bytes))
    }

    /// A ring around these 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut id = [0; KEY_ID];
        expand(&bytes, &[FOR_ID], &mut id);
        Self { id, master: bytes }
    }

    /// The first eight bytes of a hash of the key, in hexadecimal: names it
    /// without telling it.
    pub fn key_id(&self) -> String {
        hex::encode(self.id)
    }

    /// The master key itself, which has one use: to be sealed with a passphrase
    /// into a backup.
    pub const fn master(&self) -> &[u8; 32] {
        &self.master
    }

    /// A key for one purpose, such as `access-token`.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        self.derived(&[FOR_CALLERS, purpose.as_bytes()])
    }

    /// Seals `secret` for `context` (what it belongs to, such as
    /// `node-key:UUID`); it opens only with the same context. `nonce` is random.
    ///
    /// # Panics
    ///
    /// When the secret is longer than 256 GiB, the cipher's limit.
    pub fn seal(&self, context: &str, nonce: [u8; 24], secret: &[u8]) -> Vec<u8> {
        let payload = Payload {
            msg: secret,
            aad: context.as_bytes(),
        };
        #[expect(
            clippy::expect_used,
            reason = "the cipher refuses nothing below 256 GiB"
        )]
        let ciphertext = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a secret fits in memory");
        [&self.id, nonce.as_slice(), &ciphertext].concat()
    }

    /// Opens what [`Self::seal`] made.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
        let (id, rest) = sealed
            .split_first_chunk::<KEY_ID>()
            .ok_or(SecretError::Damaged)?;
        if *id != self.id {
            return Err(SecretError::UnknownKey);
        }
        let (nonce, ciphertext) = rest
            .split_first_chunk::<NONCE>()
            .ok_or(SecretError::Damaged)?;
        let payload = Payload {
            msg: ciphertext,
            aad: context.as_bytes(),
        };
        self.cipher()
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SecretError::Damaged)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.derived(&[FOR_SEALING]).into())
    }

    fn derived(&self, info: &[&[u8]]) -> [u8; 32] {
        let mut key = [0; 32];
        expand(&self.master, info, &mut key);
        key
    }
}

fn expand(master: &[u8; 32], info: &[&[u8]], key: &mut [u8]) {
    #[expect(
        clippy::expect_used,
        reason = "HKDF-SHA-256 refuses only more than 8160 bytes"
    )]
    Hkdf::<Sha256>::new(None, master)
        .expand_multi_info(info, key)
        .expect("a key is 32 bytes at most");
}

impl Store {
    /// Binds the database to this key at the first start, and afterwards
    /// refuses another: `Conflict::WrongMasterKey`.
    pub async fn check_master_key(&self, ring: &KeyRing) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        // Locked, so that of two processes that come first with different keys
        // one is refused.
        let row =
            sqlx::query!("SELECT id, master_key_id, master_key_check FROM instance FOR UPDATE")
                .fetch_one(&mut *tx)
                .await?;
        let check = ring.derived(&[FOR_CHECK, row.id.as_bytes()]);
        if let (Some(id), Some(stored)) = (row.master_key_id, row.master_key_check) {
            return if id == ring.key_id() && stored == check {
                Ok(())
            } else {
                Err(Conflict::WrongMasterKey.into())
            };
        }
        sqlx::query!(
            "UPDATE instance SET master_key_id = $1, master_key_check = $2",
            ring.key_id(),
            check.as_slice(),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Which master key this database was used with; none before the first.
    pub async fn master_key_id(&self) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_scalar!("SELECT master_key_id FROM instance")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Refuses a key that is not this database's, and binds nothing: for
    /// looking without touching.
    pub async fn verify_master_key(&self, ring: &KeyRing) -> Result<(), StoreError> {
        let bound = sqlx::query_scalar!("SELECT master_key_id FROM instance")
            .fetch_one(&self.pool)
            .await?;
        match bound {
            Some(id) if id != ring.key_id() => Err(Conflict::WrongMasterKey.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(byte: u8) -> KeyRing {
        KeyRing::from_bytes([byte; 32])
    }

    #[test]
    fn a_secret_opens_with_its_key_and_context_only() {
        let sealed = ring(1).seal("node-key:1", [7; 24], b"sk-secret");
        assert_eq!(
            ring(1).open("node-key:1", &sealed).as_deref(),
            Ok(&b"sk-secret"[..])
        );
        assert_eq!(
            ring(1).open("node-key:2", &sealed),
            Err(SecretError::Damaged)
        );
        assert_eq!(
            ring(2).open("node-key:1", &sealed),
            Err(SecretError::UnknownKey)
        );
        assert!(!sealed.windows(9).any(|bytes| bytes == b"sk-secret"));
    }

    #[test]
    fn no_byte_of_a_ciphertext_can_be_changed_or_cut() {
        let sealed = ring(1).seal("c", [7; 24], b"x");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(ring(1).open("c", &changed).is_err(), "byte {place}");
            assert!(
                ring(1).open("c", &sealed[..place]).is_err(),
                "cut at {place}"
            );
        }
    }

    #[test]
    fn a_key_file_holds_64_digits() {
        let text = format!("  {}\n", "0A".repeat(32));
        let read = KeyRing::from_hex(&text).expect("well formed");
        assert_eq!(read.key_id(), ring(10).key_id());
        for wrong in ["", "0a", &"0a".repeat(33), &"zz".repeat(32)] {
            assert_eq!(
                KeyRing::from_hex(wrong).err(),
                Some(SecretError::MalformedKey)
            );
        }
    }

    #[test]
    fn purposes_and_keys_derive_apart() {
        assert_eq!(
            ring(1).derive("access-token"),
            ring(1).derive("access-token")
        );
        assert_ne!(
            ring(1).derive("access-token"),
            ring(1).derive("refresh-token")
        );
        assert_ne!(
            ring(1).derive("access-token"),
            ring(2).derive("access-token")
        );
    }

    /// What is derived and sealed today must be readable by every later
    /// version.
    #[test]
    fn the_formats_stay() {
        let ring = ring(1);
        assert_eq!(ring.key_id(), "017c900637076abe");
        assert_eq!(
            hex::encode(ring.derive("access-token")),
            "6216c7f2d5d789dcf5040b95d8d62a9397cf2b67ba18bddddbc2c68f1490829c"
        );
        assert_eq!(
            hex::encode(ring.seal("c", [7; 24], b"x")),
            format!(
                "{}{}cbc5f7651c4088dbf5bcbf720802e1de2f",
                "017c900637076abe",
                "07".repeat(24)
            )
        );
    }

    #[test]
    fn debug_does_not_tell_the_key() {
        let shown = format!("{:?}", ring(1));
        assert!(shown.contains(&ring(1).key_id()));
        assert!(
            !shown.contains("1, 1") && !shown.contains("0101"),
            "{shown}"
        );
    }
}
