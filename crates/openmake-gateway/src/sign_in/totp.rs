//! Time-based one-time passwords (RFC 6238) as authenticator apps want them:
//! SHA-1, six digits, 30 seconds.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::{Choice, ConstantTimeEq as _};
use url::form_urlencoded;

/// How long a code is shown.
const STEP_SECONDS: i64 = 30;
/// RFC 4226 recommends the length of the hash.
const SECRET_BYTES: usize = 20;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;

/// What the app and the server share.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret([u8; SECRET_BYTES]);

impl Secret {
    /// A new one, from random bytes.
    pub(crate) fn random(ids: &dyn openmake_types::Ids) -> Self {
        let mut bytes = [0; SECRET_BYTES];
        ids.fill(&mut bytes);
        Self(bytes)
    }

    /// One that was kept.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// To be sealed and kept.
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// In Base32 (RFC 4648), to type into an app.
    pub(crate) fn base32(&self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        // 20 bytes are 32 letters without padding.
        let letter = |bits: u64, place: u32| {
            let index = (bits >> (place * 5)) & 31;
            ALPHABET.get(usize::try_from(index).unwrap_or(0))
        };
        let five_bytes = |chunk: &[u8]| {
            chunk
                .iter()
                .fold(0, |bits, byte| bits << 8 | u64::from(*byte))
        };
        let letters = self.0.chunks_exact(5).flat_map(|chunk| {
            let bits = five_bytes(chunk);
            (0..8).rev().filter_map(move |place| letter(bits, place))
        });
        letters.map(|letter| char::from(*letter)).collect()
    }

    /// What a QR code carries (Google's Key URI format).
    pub(crate) fn uri(&self, issuer: &str, account: &str) -> String {
        // A colon parts issuer and account, so the issuer has none.
        let issuer = escaped(&issuer.replace(':', " "));
        let account = escaped(account);
        format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            self.base32()
        )
    }

    /// The interval whose code this is: the one now, or a neighbour, since
    /// clocks differ and people are slow. None for a wrong code, and for one of
    /// `last_used` or before.
    pub(crate) fn matching_step(
        &self,
        code: &str,
        now: DateTime<Utc>,
        last_used: i64,
    ) -> Option<i64> {
        let digits = parse(code)?;
        let current = now.timestamp().div_euclid(STEP_SECONDS);
        // All are looked at, so that the time tells nothing.
        let mut found = None;
        for step in [current - 1, current, current + 1] {
            let same: Choice = self.code(step).ct_eq(&digits);
            if bool::from(same) && step > last_used {
                found = Some(step);
            }
        }
        found
    }

    /// The code of an interval (RFC 4226, 5.3).
    fn code(&self, step: i64) -> u32 {
        // A key is filled up with zeros to a block (RFC 2104); from a block the
        // constructor cannot fail.
        let mut block = hmac::digest::common::Key::<Hmac<Sha1>>::default();
        for (to, from) in block.iter_mut().zip(self.0) {
            *to = from;
        }
        let mut mac = Hmac::<Sha1>::new(&block);
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let offset = usize::from(hash.last().copied().unwrap_or(0) & 15);
        let bits = hash
            .iter()
            .skip(offset)
            .take(4)
            .fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        (bits & 0x7fff_ffff) % MODULUS
    }
}

/// Six digits, with whatever white space apps show between them.
fn parse(code: &str) -> Option<u32> {
    if code.len() > 4 * DIGITS {
        return None;
    }
    let digits: String = code
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    (digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

/// For a part of a URI. Forms write a space as `+`, which apps would show.
fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("in range")
    }

    fn secret() -> Secret {
        Secret(*b"12345678901234567890")
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, cut to six digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = secret().matching_step(code, at(seconds), -1);
            assert_eq!(step, Some(seconds / 30), "{code}");
        }
    }

    #[test]
    fn a_code_holds_one_interval_to_each_side_and_once() {
        let step = 1_111_111_109 / 30;
        for (seconds, holds) in [
            (-31, false),
            (-29, true),
            (0, true),
            (30, true),
            (61, false),
        ] {
            let found = secret().matching_step("081 804", at(step * 30 + seconds), -1);
            assert_eq!(found, holds.then_some(step), "{seconds}");
        }
        assert_eq!(secret().matching_step("081804", at(step * 30), step), None);
        for code in ["", "81804", "0818040", "08180a", "-81804", "０８１８０４"] {
            assert_eq!(
                secret().matching_step(code, at(step * 30), -1),
                None,
                "{code}"
            );
        }
    }

    #[test]
    fn the_secret_is_written_as_apps_read_it() {
        assert_eq!(secret().base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            secret().uri("My: Chat", "김@example.com"),
            "otpauth://totp/My%20%20Chat:%EA%B9%80%40example.com?secret=\
             GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=My%20%20Chat&algorithm=SHA1&digits=6&period=30"
        );
    }
}
