//! The master key, sealed with a passphrase.
//!
//! Argon2id makes a key of the passphrase, XChaCha20-Poly1305 seals the master
//! key with it, for this instance only.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use openmake_store::secrets::KeyRing;
use openmake_types::Ids;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::BackupError;

/// What a passphrase costs to try: 64 MiB, three passes. A backup leaves the
/// machine, so this is more than a sign-in takes.
const COST: Cost = Cost {
    memory_kib: 64 << 10,
    passes: 3,
    lanes: 1,
};

/// No backup can ask for more: a made-up one must not take all memory.
const MOST: Cost = Cost {
    memory_kib: 1 << 20,
    passes: 20,
    lanes: 8,
};

/// Characters of a passphrase at most.
const MAX_CHARS: usize = 1000;

const PURPOSE: &[u8] = b"openmake/backup/master-key/1/";

/// Argon2id's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// What sealing must be given anew each time.
#[derive(Debug, Clone, Copy)]
pub struct Random {
    salt: [u8; 16],
    nonce: [u8; 24],
}

impl Random {
    /// Draws it.
    pub fn draw(ids: &dyn Ids) -> Self {
        let mut random = Self {
            salt: [0; 16],
            nonce: [0; 24],
        };
        ids.fill(&mut random.salt);
        ids.fill(&mut random.nonce);
        random
    }
}

/// The sealed key, as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedKey {
    cost: Cost,
    /// In hexadecimal, as are the others.
    salt: String,
    nonce: String,
    sealed: String,
}

impl SealedKey {
    /// Seals the master key of `instance`. Takes a moment, so not on a thread
    /// that others wait for.
    pub fn seal(
        keys: &KeyRing,
        instance: Uuid,
        passphrase: &SecretString,
        random: Random,
    ) -> Result<Self, BackupError> {
        let Random { salt, nonce } = random;
        let cipher = cipher(passphrase, &salt, COST)?;
        let aad = context(instance);
        let payload = Payload {
            msg: keys.master().as_slice(),
            aad: &aad,
        };
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| BackupError::PassphraseLength)?;
        Ok(Self {
            cost: COST,
            salt: hex::encode(salt),
            nonce: hex::encode(nonce),
            sealed: hex::encode(sealed),
        })
    }

    /// Opens it. Takes a moment, so not on a thread that others wait for.
    pub fn open(&self, instance: Uuid, passphrase: &SecretString) -> Result<KeyRing, BackupError> {
        let Cost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        if memory_kib > MOST.memory_kib || passes > MOST.passes || lanes > MOST.lanes {
            return Err(BackupError::damaged("its key asks for too much work"));
        }
        let wrong = |_| BackupError::damaged("its key is not in hexadecimal");
        let (mut salt, mut nonce) = ([0; 16], [0; 24]);
        hex::decode_to_slice(&self.salt, &mut salt).map_err(wrong)?;
        hex::decode_to_slice(&self.nonce, &mut nonce).map_err(wrong)?;
        let sealed = hex::decode(&self.sealed).map_err(wrong)?;
        let cipher = cipher(passphrase, &salt, self.cost)?;
        let payload = Payload {
            msg: &sealed,
            aad: &context(instance),
        };
        let opened = cipher
            .decrypt(&XNonce::from(nonce), payload)
            .map_err(|_| BackupError::WrongPassphrase)?;
        let bytes: [u8; 32] = opened
            .try_into()
            .map_err(|_| BackupError::damaged("its key has the wrong length"))?;
        Ok(KeyRing::from_bytes(bytes))
    }
}

fn context(instance: Uuid) -> Vec<u8> {
    [PURPOSE, instance.as_bytes().as_slice()].concat()
}

fn cipher(
    passphrase: &SecretString,
    salt: &[u8; 16],
    cost: Cost,
) -> Result<XChaCha20Poly1305, BackupError> {
    let text = passphrase.expose_secret();
    if text.is_empty() || text.chars().count() > MAX_CHARS {
        return Err(BackupError::PassphraseLength);
    }
    let wrong = |_| BackupError::damaged("its key has parameters that cannot be");
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(wrong)?;
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(text.as_bytes(), salt, &mut key)
        .map_err(wrong)?;
    Ok(XChaCha20Poly1305::new(&key.into()))
}

#[cfg(test)]
mod tests {
    use openmake_types::RandomIds;

    use super::*;

    #[test]
    fn a_key_opens_with_its_passphrase_for_its_instance_only() {
        let keys = KeyRing::from_bytes([7; 32]);
        let (right, wrong) = ("correct horse".into(), "correct house".into());
        let instance = Uuid::from_u128(1);
        let sealed =
            SealedKey::seal(&keys, instance, &right, Random::draw(&RandomIds)).expect("sealed");
        let opened = sealed.open(instance, &right).expect("opened");
        assert_eq!(opened.master(), keys.master());
        for refused in [
            sealed.open(instance, &wrong),
            sealed.open(Uuid::from_u128(2), &right),
        ] {
            assert!(matches!(refused, Err(BackupError::WrongPassphrase)));
        }
        let text = serde_json::to_string(&sealed).expect("JSON");
        assert!(!text.contains(&hex::encode([7; 32])), "{text}");
    }

    #[test]
    fn no_backup_makes_it_work_for_ever() {
        let keys = KeyRing::from_bytes([7; 32]);
        let passphrase = "p".into();
        let mut sealed =
            SealedKey::seal(&keys, Uuid::nil(), &passphrase, Random::draw(&RandomIds)).expect("ok");
        sealed.cost.memory_kib = u32::MAX;
        let refused = sealed.open(Uuid::nil(), &passphrase);
        assert!(matches!(refused, Err(BackupError::Damaged(_))));
    }
}
