//! Access tokens: JWTs (RFC 7519, RFC 9068) that live 15 minutes and name a
//! session, which is checked at every use.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use openmake_store::secrets::KeyRing;
use openmake_types::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How long an access token lives.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// How far two machines' clocks may be apart.
const LEEWAY: TimeDelta = TimeDelta::seconds(5);
const ISSUER: &str = "openmake";
const AUDIENCE: &str = "openmake-api";
const TYPE: &str = "at+jwt";
/// Ours have about 300 bytes.
const MAX_LENGTH: usize = 1024;

/// What a good access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) user_id: UserId,
    pub(crate) session_id: SessionId,
    pub(crate) expires_at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
    iss: String,
    aud: String,
}

/// Makes and checks access tokens.
#[derive(Clone)]
pub(crate) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl AccessTokens {
    pub(crate) fn new(keys: &KeyRing) -> Self {
        let key = keys.derive("access-token");
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library asks the machine for the time; we ask our clock, below.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(&key),
            decoding: DecodingKey::from_secret(&key),
            validation,
        }
    }

    /// A token for a session.
    pub(crate) fn issue(
        &self,
        user_id: UserId,
        session_id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header {
            typ: Some(TYPE.to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        let claims = Wire {
            sub: user_id.as_uuid(),
            sid: session_id.as_uuid(),
            iat: now.timestamp(),
            exp: (now + LIFETIME).timestamp(),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
        };
        jsonwebtoken::encode(&header, &claims, &self.encoding)
    }

    /// What `token` says, if it is one of ours and still holds.
    pub(crate) fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<Claims> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let data = jsonwebtoken::decode::<Wire>(token, &self.decoding, &self.validation).ok()?;
        if data.header.typ.as_deref() != Some(TYPE) {
            return None;
        }
        let expires_at = DateTime::from_timestamp(data.claims.exp, 0)?;
        let issued_at = DateTime::from_timestamp(data.claims.iat, 0)?;
        if now >= expires_at + LEEWAY || issued_at > now + LEEWAY {
            return None;
        }
        Some(Claims {
            user_id: UserId::from_uuid(data.claims.sub),
            session_id: SessionId::from_uuid(data.claims.sid),
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use openmake_types::{Ids as _, RandomIds};

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_900_000_000, 0).expect("in range")
    }

    fn ids() -> (UserId, SessionId) {
        (
            UserId::from_uuid(RandomIds.uuid(now())),
            SessionId::from_uuid(RandomIds.uuid(now())),
        )
    }

    #[test]
    fn a_token_says_who_and_until_when() {
        let tokens = AccessTokens::new(&KeyRing::from_bytes([1; 32]));
        let (user_id, session_id) = ids();
        let token = tokens.issue(user_id, session_id, now()).expect("issues");
        let claims = Claims {
            user_id,
            session_id,
            expires_at: now() + LIFETIME,
        };
        assert_eq!(tokens.verify(&token, now()), Some(claims));
        let last = now() + LIFETIME + LEEWAY;
        assert_eq!(
            tokens.verify(&token, last - TimeDelta::seconds(1)),
            Some(claims)
        );
        assert_eq!(tokens.verify(&token, last), None);
    }

    #[test]
    fn a_token_of_another_key_kind_or_time_is_refused() {
        let tokens = AccessTokens::new(&KeyRing::from_bytes([1; 32]));
        let (user_id, session_id) = ids();
        let other = AccessTokens::new(&KeyRing::from_bytes([2; 32]));
        let foreign = other.issue(user_id, session_id, now()).expect("issues");
        assert_eq!(tokens.verify(&foreign, now()), None);
        let early = tokens
            .issue(user_id, session_id, now() + TimeDelta::hours(1))
            .expect("issues");
        assert_eq!(tokens.verify(&early, now()), None);

        // The same key and claims, but another type, audience or algorithm.
        let wire = |aud: &str| Wire {
            sub: user_id.as_uuid(),
            sid: session_id.as_uuid(),
            iat: now().timestamp(),
            exp: (now() + LIFETIME).timestamp(),
            iss: ISSUER.to_owned(),
            aud: aud.to_owned(),
        };
        let header = |algorithm, typ: &str| Header {
            typ: Some(typ.to_owned()),
            ..Header::new(algorithm)
        };
        for (header, wire) in [
            (header(Algorithm::HS256, "JWT"), wire(AUDIENCE)),
            (header(Algorithm::HS256, TYPE), wire("else")),
            (header(Algorithm::HS512, TYPE), wire(AUDIENCE)),
        ] {
            let token = jsonwebtoken::encode(&header, &wire, &tokens.encoding).expect("encodes");
            assert_eq!(tokens.verify(&token, now()), None);
        }
        for text in ["", "a.b.c", "é", &"a".repeat(5000)] {
            assert_eq!(tokens.verify(text, now()), None);
        }
    }
}
