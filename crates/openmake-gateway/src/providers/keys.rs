//! An issuer's public keys, fetched again when a token names one that is not
//! known: that is how issuers rotate.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

use super::{
    ProviderError,
    document::Client,
    id_token::{ALGORITHMS, Claims, Expected, check},
};

/// How long keys are believed: one that an issuer took back is soon unknown.
const LIFETIME: TimeDelta = TimeDelta::hours(1);
/// How often at most an unknown key makes us ask: tokens are anyone's to make
/// up.
const PAUSE: TimeDelta = TimeDelta::seconds(10);
/// Issuers have a handful.
const MAX_KEYS: usize = 50;

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

type Keys = Arc<[Jwk]>;

/// The keys that were last fetched.
#[derive(Default)]
pub(super) struct KeySet(Mutex<Option<(DateTime<Utc>, Keys)>>);

impl KeySet {
    /// Checks a token with the issuer's key that it names.
    pub(super) async fn verify(
        &self,
        client: &Client,
        jwks_uri: &str,
        token: &str,
        expected: &Expected<'_>,
    ) -> Result<Claims, ProviderError> {
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| ProviderError::Token("it is no ID token"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(ProviderError::Token("its algorithm is not allowed"));
        }
        let wanted = Wanted {
            key_id: header.kid.as_deref(),
            algorithm: header.alg,
            now: expected.now,
        };
        let key = self.find(client, jwks_uri, &wanted).await?;
        check(token, header.alg, &key, expected)
    }

    async fn find(
        &self,
        client: &Client,
        jwks_uri: &str,
        wanted: &Wanted<'_>,
    ) -> Result<DecodingKey, ProviderError> {
        let known = self.0.lock().clone();
        if let Some((at, keys)) = known {
            // Either way: a clock that was set back must not keep them for ever.
            let age = (wanted.now - at).abs();
            if age < LIFETIME
                && let Some(key) = wanted.among(&keys)
            {
                return Ok(key);
            }
            if age < PAUSE {
                return Err(unknown());
            }
        }
        let document: Document = client.get(jwks_uri, None).await?;
        // Kinds of keys that we do not know are left out, not refused.
        let keys: Keys = document
            .keys
            .into_iter()
            .take(MAX_KEYS)
            .filter_map(|key| serde_json::from_value(key).ok())
            .collect();
        *self.0.lock() = Some((wanted.now, Arc::clone(&keys)));
        wanted.among(&keys).ok_or_else(unknown)
    }
}

fn unknown() -> ProviderError {
    ProviderError::Token("its key is not among the issuer's")
}

/// The key that a token names.
struct Wanted<'a> {
    key_id: Option<&'a str>,
    algorithm: Algorithm,
    now: DateTime<Utc>,
}

impl Wanted<'_> {
    /// The one key that fits. A token that names none fits only where there is
    /// no choice.
    fn among(&self, keys: &[Jwk]) -> Option<DecodingKey> {
        let mut fitting = keys.iter().filter(|key| self.fits(key));
        let first = fitting.next()?;
        if self.key_id.is_none() && fitting.next().is_some() {
            return None;
        }
        DecodingKey::from_jwk(first).ok()
    }

    fn fits(&self, key: &Jwk) -> bool {
        let common = &key.common;
        let named = self.key_id.is_none() || common.key_id.as_deref() == self.key_id;
        let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
        let algorithm = common.key_algorithm.is_none()
            || common.key_algorithm == Some(KeyAlgorithm::from(self.algorithm));
        named && signs && algorithm && self.is_kind(&key.algorithm)
    }

    fn is_kind(&self, key: &AlgorithmParameters) -> bool {
        match (self.algorithm, key) {
            (Algorithm::ES256, AlgorithmParameters::EllipticCurve(key)) => {
                key.curve == EllipticCurve::P256
            }
            (Algorithm::ES384, AlgorithmParameters::EllipticCurve(key)) => {
                key.curve == EllipticCurve::P384
            }
            (Algorithm::EdDSA, AlgorithmParameters::OctetKeyPair(key)) => {
                key.curve == EllipticCurve::Ed25519
            }
            (
                Algorithm::RS256
                | Algorithm::RS384
                | Algorithm::RS512
                | Algorithm::PS256
                | Algorithm::PS384
                | Algorithm::PS512,
                AlgorithmParameters::RSA(_),
            ) => true,
            _ => false,
        }
    }
}
