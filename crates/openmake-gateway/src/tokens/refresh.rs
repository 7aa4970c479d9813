//! Refresh tokens: opaque to clients, and derived, so that the database holds
//! nothing that could be presented as one.
//!
//! A token is `base64url(session ‖ generation ‖ HMAC-SHA-256(key, session ‖
//! generation ‖ nonce))`. The nonce is in the session's row and the key is
//! not in the database, so neither alone makes a token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use openmake_store::secrets::KeyRing;
use openmake_types::SessionId;
use sha2::Sha256;
use uuid::Uuid;

const BODY: usize = 20;
const LENGTH: usize = BODY + 32;

/// A token's parts before its signature was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefreshClaim {
    pub(crate) session_id: SessionId,
    pub(crate) generation: i32,
    mac: [u8; 32],
}

impl RefreshClaim {
    /// Reads a token's parts.
    pub(crate) fn parse(token: &str) -> Option<Self> {
        // Decoding allocates by length, so look at that first.
        if token.len() > LENGTH * 2 {
            return None;
        }
        let bytes: [u8; LENGTH] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let (session, rest) = bytes.split_first_chunk::<16>()?;
        let (generation, mac) = rest.split_first_chunk::<4>()?;
        Some(Self {
            session_id: SessionId::from_uuid(Uuid::from_bytes(*session)),
            generation: i32::from_be_bytes(*generation),
            mac: mac.try_into().ok()?,
        })
    }
}

/// Makes and checks refresh tokens.
#[derive(Clone)]
pub(crate) struct RefreshTokens {
    keyed: Hmac<Sha256>,
}

impl RefreshTokens {
    pub(crate) fn new(keys: &KeyRing) -> Self {
        Self::with_key(keys.derive("refresh-token"))
    }

    fn with_key(key: [u8; 32]) -> Self {
        // A key is filled up with zeros to a block (RFC 2104). From a block the
        // constructor cannot fail, so there is no error to pretend to handle.
        let mut block = hmac::digest::common::Key::<Hmac<Sha256>>::default();
        for (to, from) in block.iter_mut().zip(key) {
            *to = from;
        }
        Self {
            keyed: Hmac::new(&block),
        }
    }

    fn mac(&self, body: &[u8; BODY], nonce: &[u8; 16]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(body);
        mac.update(nonce);
        mac
    }

    /// The token of one generation of a session.
    pub(crate) fn issue(&self, session_id: SessionId, generation: i32, nonce: &[u8; 16]) -> String {
        let body = body(session_id, generation);
        let mac = self.mac(&body, nonce).finalize().into_bytes();
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether we made the token, in constant time.
    pub(crate) fn verify(&self, claim: &RefreshClaim, nonce: &[u8; 16]) -> bool {
        let body = body(claim.session_id, claim.generation);
        self.mac(&body, nonce).verify_slice(&claim.mac).is_ok()
    }
}

fn body(session_id: SessionId, generation: i32) -> [u8; BODY] {
    let mut body = [0; BODY];
    let (session, number) = body.split_at_mut(16);
    session.copy_from_slice(session_id.as_uuid().as_bytes());
    number.copy_from_slice(&generation.to_be_bytes());
    body
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: [u8; 16] = [7; 16];

    fn tokens() -> RefreshTokens {
        RefreshTokens::new(&KeyRing::from_bytes([1; 32]))
    }

    #[test]
    fn the_mac_is_plain_hmac_sha256() {
        let key = [9; 32];
        let tokens = RefreshTokens::with_key(key);
        let body = [3; BODY];
        let mut plain = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
        plain.update(&body);
        plain.update(&NONCE);
        assert_eq!(
            tokens.mac(&body, &NONCE).finalize().into_bytes(),
            plain.finalize().into_bytes()
        );
    }

    proptest! {
        #[test]
        fn a_token_reads_back(id: u128, generation: i32) {
            let session = SessionId::from_uuid(Uuid::from_u128(id));
            let token = tokens().issue(session, generation, &NONCE);
            let claim = RefreshClaim::parse(&token).expect("ours");
            prop_assert_eq!((claim.session_id, claim.generation), (session, generation));
            prop_assert!(tokens().verify(&claim, &NONCE));
        }

        #[test]
        fn any_change_is_noticed(position in 0..LENGTH, flip in 1..=255_u8) {
            let session = SessionId::from_uuid(Uuid::from_u128(5));
            let token = tokens().issue(session, 3, &NONCE);
            let mut bytes = URL_SAFE_NO_PAD.decode(token).expect("base64");
            bytes[position] ^= flip;
            let claim = RefreshClaim::parse(&URL_SAFE_NO_PAD.encode(bytes)).expect("right length");
            prop_assert!(!tokens().verify(&claim, &NONCE));
        }

        #[test]
        fn any_text_is_a_token_or_none(text in ".{0,120}") {
            let _: Option<RefreshClaim> = RefreshClaim::parse(&text);
        }
    }

    #[test]
    fn a_token_of_another_nonce_is_refused() {
        let session = SessionId::from_uuid(Uuid::from_u128(5));
        let token = tokens().issue(session, 3, &NONCE);
        let claim = RefreshClaim::parse(&token).expect("ours");
        assert!(!tokens().verify(&claim, &[8; 16]));
    }
}
