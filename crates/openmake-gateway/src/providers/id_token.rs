//! What an ID token must say (Core 3.1.3.7).

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::{ProviderError, oidc::Profile};

/// How far the issuer's clock may be from ours.
const LEEWAY: TimeDelta = TimeDelta::minutes(1);
/// Core 2: a subject has at most 255 characters.
const MAX_SUBJECT: usize = 255;

/// Signatures that only the issuer can make. Never HMAC, whose key is our own
/// secret, and never `none`.
pub(super) const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What this sign-in expects.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// What a token that holds says.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    nonce: Option<String>,
    azp: Option<String>,
    aud: Audience,
    #[serde(flatten)]
    pub(super) profile: Profile,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn has_others(&self, client_id: &str) -> bool {
        match self {
            Self::One(one) => one != client_id,
            Self::Several(all) => all.iter().any(|one| one != client_id),
        }
    }
}

/// Checks a token's signature with `key`, and everything that it says.
pub(super) fn check(
    token: &str,
    algorithm: Algorithm,
    key: &DecodingKey,
    expected: &Expected<'_>,
) -> Result<Claims, ProviderError> {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    let required = ["exp", "iss", "aud", "sub"];
    validation.required_spec_claims = required
        .map(str::to_owned)
        .into_iter()
        .collect::<HashSet<_>>();
    // The library asks the machine for the time; we ask our clock, below.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let claims = jsonwebtoken::decode::<Claims>(token, key, &validation)
        .map_err(|error| ProviderError::Token(reason(&error)))?
        .claims;
    let now = expected.now;
    let at = |seconds| DateTime::from_timestamp(seconds, 0);
    let over = at(claims.exp).is_none_or(|exp| now >= exp + LEEWAY);
    let early = at(claims.iat).is_none_or(|iat| iat > now + LEEWAY)
        || claims
            .nbf
            .is_some_and(|nbf| at(nbf).is_none_or(|nbf| nbf > now + LEEWAY));
    if over || early {
        return Err(ProviderError::Token("it is expired or not valid yet"));
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(ProviderError::Token("the nonce is another sign-in's"));
    }
    let party = claims.azp.as_deref();
    if party.is_some_and(|party| party != expected.client_id)
        || (party.is_none() && claims.aud.has_others(expected.client_id))
    {
        return Err(ProviderError::Token("it was made for another client"));
    }
    if claims.sub.is_empty() || claims.sub.chars().count() > MAX_SUBJECT {
        return Err(ProviderError::Token("the subject is empty or too long"));
    }
    Ok(claims)
}

fn reason(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature => "the signature is wrong",
        ErrorKind::InvalidIssuer => "it is another issuer's",
        ErrorKind::InvalidAudience => "it was made for another client",
        ErrorKind::MissingRequiredClaim(_) => "a claim is missing",
        _ => "it is no ID token",
    }
}
