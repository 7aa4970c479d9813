//! An authenticator app, by the text of the standard and not by our code.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// An authenticator app with one secret.
#[derive(Debug, Clone)]
pub struct App(Vec<u8>);

impl App {
    /// Types a secret in, as it is shown: Base32.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut bits = 0_u64;
        let mut count = 0;
        let mut bytes = Vec::new();
        for letter in secret.chars() {
            let Some(value) = ALPHABET.find(letter) else {
                panic!("{secret} is not Base32")
            };
            bits = (bits << 5 | value as u64) & 0xffff_ffff;
            count += 5;
            if count >= 8 {
                count -= 8;
                bytes.extend(u8::try_from(bits >> count & 0xff));
            }
        }
        Self(bytes)
    }

    /// What it shows at this time (RFC 6238: SHA-1, 30 seconds, six digits).
    #[must_use]
    pub fn code(&self, now: DateTime<Utc>) -> String {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.0) else {
            panic!("a key of any length is one")
        };
        mac.update(&(now.timestamp() / 30).to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let bits = hash
            .iter()
            .skip(usize::from(hash[19] & 15))
            .take(4)
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        format!("{:06}", (bits & 0x7fff_ffff) % 1_000_000)
    }
}
