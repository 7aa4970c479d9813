//! The predecessor's encrypted tokens: AES-256-GCM, three hexadecimal fields.

use aes_gcm::{
    AesGcm,
    aead::{Aead as _, KeyInit as _},
    aes::{Aes256, cipher::consts::U16},
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The predecessor's key: what its `TOKEN_ENCRYPTION_KEY` was, or its
/// `JWT_SECRET`.
#[derive(Debug)]
pub(crate) struct OldKey(SecretString);

/// What a stored token is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// It was never encrypted.
    Plain(String),
    /// It was, and this is what it says.
    Opened(String),
    /// No key opens it.
    Closed,
}

impl OldKey {
    pub(crate) const fn new(text: SecretString) -> Self {
        Self(text)
    }

    /// The ways in which the text may have become a key: 64 hexadecimal digits
    /// as they are, and any text by its SHA-256.
    fn keys(&self) -> Vec<[u8; 32]> {
        let text = self.0.expose_secret();
        let mut keys = Vec::with_capacity(2);
        let mut plain = [0; 32];
        if hex::decode_to_slice(text, &mut plain).is_ok() {
            keys.push(plain);
        }
        keys.push(Sha256::digest(text.as_bytes()).into());
        keys
    }
}

/// Reads a stored token.
pub(crate) fn read(stored: &str, key: Option<&OldKey>) -> Token {
    let Some((nonce, ciphertext)) = parts(stored) else {
        return Token::Plain(stored.to_owned());
    };
    for key in key.map(OldKey::keys).unwrap_or_default() {
        let cipher = AesGcm::<Aes256, U16>::new(&key.into());
        if let Ok(opened) = cipher.decrypt(&nonce.into(), ciphertext.as_slice())
            && let Ok(text) = String::from_utf8(opened)
        {
            return Token::Opened(text);
        }
    }
    Token::Closed
}

/// The nonce, and the ciphertext with its tag at the end.
fn parts(stored: &str) -> Option<([u8; 16], Vec<u8>)> {
    let mut fields = stored.split(':');
    let (nonce, tag, text) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || tag.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    hex::decode_to_slice(nonce, &mut bytes).ok()?;
    let mut ciphertext = hex::decode(text).ok()?;
    ciphertext.extend(hex::decode(tag).ok()?);
    Some((bytes, ciphertext))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// As the predecessor wrote it.
    pub(crate) fn seal(key: [u8; 32], text: &str) -> String {
        let cipher = AesGcm::<Aes256, U16>::new(&key.into());
        let sealed = cipher
            .encrypt(&[7; 16].into(), text.as_bytes())
            .expect("sealed");
        let (text, tag) = sealed.split_at(sealed.len() - 16);
        format!(
            "{}:{}:{}",
            hex::encode([7; 16]),
            hex::encode(tag),
            hex::encode(text)
        )
    }

    #[test]
    fn a_token_opens_with_its_key_in_either_way() {
        let text = SecretString::from("ab".repeat(32));
        let plain = seal([0xab; 32], "ya29.token");
        let key = OldKey::new(text);
        assert_eq!(
            read(&plain, Some(&key)),
            Token::Opened("ya29.token".to_owned())
        );
        let hashed = seal(Sha256::digest(b"a jwt secret").into(), "secret");
        let key = OldKey::new(SecretString::from("a jwt secret"));
        assert_eq!(
            read(&hashed, Some(&key)),
            Token::Opened("secret".to_owned())
        );
        assert_eq!(read(&plain, Some(&key)), Token::Closed);
        assert_eq!(read(&plain, None), Token::Closed);
    }

    #[test]
    fn what_was_never_encrypted_is_told_apart() {
        for token in ["ghp_plain", "a:b:c", "", "00:11:22", "x:y"] {
            assert_eq!(read(token, None), Token::Plain(token.to_owned()));
        }
    }
}
