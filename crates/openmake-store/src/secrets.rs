//! The master key and what derives from it (architecture: 'Secrets').
//!
//! Keys for one purpose derive from the master key by HKDF-SHA-256 (RFC 5869)
//! with the purpose as `info`. Secrets are sealed with XChaCha20-Poly1305; a
//! ciphertext begins with the id of its key, so keys can be rotated.

use crate::{Store, StoreError};

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

/// The instance's keys. `Debug` shows ids only.
#[derive(Clone)]
pub struct KeyRing {
    _private: (),
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Reads a master key as its file holds it (64 hexadecimal digits, white
    /// space around them allowed).
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        let _ = text;
        todo!()
    }

    /// A ring around these 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let _ = bytes;
        todo!()
    }

    /// The first eight bytes of a hash of the key, in hexadecimal: names it
    /// without telling it.
    pub fn key_id(&self) -> String {
        todo!()
    }

    /// A key for one purpose, such as `access-token`.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let _ = purpose;
        todo!()
    }

    /// Seals `secret` for `context` (what it belongs to, such as
    /// `node-key:UUID`); it opens only with the same context. `nonce` is random.
    pub fn seal(&self, context: &str, nonce: [u8; 24], secret: &[u8]) -> Vec<u8> {
        let _ = (context, nonce, secret);
        todo!()
    }

    /// Opens what [`Self::seal`] made.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
        let _ = (context, sealed);
        todo!()
    }
}

impl Store {
    /// Binds the database to this key at the first start, and afterwards
    /// refuses another: `Conflict::WrongMasterKey`.
    pub async fn check_master_key(&self, ring: &KeyRing) -> Result<(), StoreError> {
        let _ = ring;
        todo!()
    }
}
