//! Who asks, signed: one header that the gateway makes and the ai role checks.
//!
//! `openmake-identity: 1.PAYLOAD.SIGNATURE`, both in base64url. The signature is
//! over the version, the method, the path with its query, and the payload, so
//! it is of use for nothing else, and not for long.

use std::{net::IpAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderName, HeaderValue, Method, Uri};
use openmake_api::ClientInfo;
use openmake_types::{Actor, ApiKeyId, CapabilitySet, ModelAccess, Role, SessionId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::keys::InternalKeys;

/// The header that carries it. From outside it is never passed on.
pub const HEADER: HeaderName = HeaderName::from_static("openmake-identity");

/// The format, which is signed as well.
const VERSION: &str = "1";
/// For how long a signature is good.
const LIFETIME: TimeDelta = TimeDelta::seconds(60);
/// How far the clocks of two machines may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(30);

/// What a request is for: what the signature is bound to besides its payload.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    method: &'a Method,
    target: &'a str,
}

impl<'a> Line<'a> {
    /// That of a request.
    pub fn of(method: &'a Method, uri: &'a Uri) -> Self {
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        Self { method, target }
    }
}

/// Who asks, and for how long anyone waits for the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The actor; none for a check of the key itself.
    pub actor: Option<Actor>,
    /// The client's address, program and request id.
    pub client: ClientInfo,
    /// How long the answer's head is waited for, from the signing on.
    pub patience: Option<Duration>,
}

/// Why an identity does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("the request carries no identity")]
    Missing,
    /// It is not in our format.
    #[error("the identity is malformed")]
    Malformed,
    /// No key of ours has signed this for this request.
    #[error("the identity was not signed for this request with a key that is known here")]
    Forged,
    /// It was good some time ago.
    #[error("the identity has expired")]
    Expired,
    /// The other machine's clock is ahead.
    #[error("the identity is from the future: the machines' clocks differ by more than 30 seconds")]
    Early,
}

impl Refusal {
    /// The problem's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "identity_missing",
            Self::Malformed => "identity_malformed",
            Self::Forged => "identity_forged",
            Self::Expired => "identity_expired",
            Self::Early => "identity_early",
        }
    }

    /// Whether a problem's code is one of these.
    pub(crate) fn is_code(code: &str) -> bool {
        [
            Self::Missing,
            Self::Malformed,
            Self::Forged,
            Self::Expired,
            Self::Early,
        ]
        .iter()
        .any(|refusal| refusal.code() == code)
    }
}

impl InternalKeys {
    /// The header's value for a request that is sent at `now`. None where what
    /// is signed cannot be written, which no identity of ours is.
    pub fn sign(
        &self,
        line: Line<'_>,
        identity: &Identity,
        now: DateTime<Utc>,
    ) -> Option<HeaderValue> {
        let payload = serde_json::to_vec(&Payload::of(identity, now)).ok()?;
        let tag = self.tag(&signed(line, &payload))?;
        let text = format!(
            "{VERSION}.{}.{}",
            URL_SAFE_NO_PAD.encode(&payload),
            URL_SAFE_NO_PAD.encode(tag)
        );
        let mut value = HeaderValue::try_from(text).ok()?;
        // Not shown by Debug, and kept out of HTTP/2's table of headers, which
        // it would fill with what never comes again.
        value.set_sensitive(true);
        Some(value)
    }

    /// Reads what [`Self::sign`] made for this very request.
    pub fn check(
        &self,
        line: Line<'_>,
        value: Option<&HeaderValue>,
        now: DateTime<Utc>,
    ) -> Result<Identity, Refusal> {
        let value = value.ok_or(Refusal::Missing)?;
        let text = value.to_str().map_err(|_| Refusal::Malformed)?;
        let mut parts = text.split('.');
        let (Some(VERSION), Some(payload), Some(tag), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Malformed);
        };
        let decode = |text| URL_SAFE_NO_PAD.decode(text);
        let (Ok(payload), Ok(tag)) = (decode(payload), decode(tag)) else {
            return Err(Refusal::Malformed);
        };
        if !self.holds(&signed(line, &payload), &tag) {
            return Err(Refusal::Forged);
        }
        let payload: Payload = serde_json::from_slice(&payload).map_err(|_| Refusal::Malformed)?;
        let made = DateTime::from_timestamp_millis(payload.made).ok_or(Refusal::Malformed)?;
        if now - made > LIFETIME + SKEW {
            return Err(Refusal::Expired);
        }
        if made - now > SKEW {
            return Err(Refusal::Early);
        }
        payload.identity()
    }
}

fn signed<'a>(line: Line<'a>, payload: &'a [u8]) -> [&'a [u8]; 4] {
    [
        VERSION.as_bytes(),
        line.method.as_str().as_bytes(),
        line.target.as_bytes(),
        payload,
    ]
}

/// What is in the header. Short names: it is sent with every request.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    /// When, in milliseconds since 1970.
    made: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<WireActor>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireActor {
    user: Uuid,
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Uuid>,
    may: u32,
    /// None: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    models: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens: Option<u32>,
}

impl Payload {
    fn of(identity: &Identity, now: DateTime<Utc>) -> Self {
        let client = &identity.client;
        let patience = identity.patience.map(|patience| patience.as_millis());
        Self {
            made: now.timestamp_millis(),
            wait_ms: patience.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX)),
            request: client.request_id.clone(),
            ip: client.ip,
            agent: client.user_agent.clone(),
            actor: identity.actor.as_ref().map(WireActor::of),
        }
    }

    fn identity(self) -> Result<Identity, Refusal> {
        Ok(Identity {
            actor: self.actor.map(WireActor::actor).transpose()?,
            client: ClientInfo {
                ip: self.ip,
                user_agent: self.agent,
                request_id: self.request,
            },
            patience: self.wait_ms.map(Duration::from_millis),
        })
    }
}

impl WireActor {
    fn of(actor: &Actor) -> Self {
        let Actor {
            user_id,
            role,
            session_id,
            api_key_id,
            capabilities,
            models,
            tokens_per_minute,
        } = actor;
        Self {
            user: user_id.as_uuid(),
            role: role.as_str().to_owned(),
            session: session_id.map(SessionId::as_uuid),
            key: api_key_id.map(ApiKeyId::as_uuid),
            may: capabilities.bits(),
            models: match models {
                ModelAccess::All => None,
                ModelAccess::Only(names) => Some(names.iter().cloned().collect()),
            },
            tokens: *tokens_per_minute,
        }
    }

    fn actor(self) -> Result<Actor, Refusal> {
        Ok(Actor {
            user_id: UserId::from_uuid(self.user),
            // A role of a newer version gives nothing here.
            role: self.role.parse::<Role>().map_err(|_| Refusal::Malformed)?,
            session_id: self.session.map(SessionId::from_uuid),
            api_key_id: self.key.map(ApiKeyId::from_uuid),
            capabilities: CapabilitySet::from_bits(self.may),
            models: match self.models {
                None => ModelAccess::All,
                Some(names) => ModelAccess::Only(Arc::new(names.into_iter().collect())),
            },
            tokens_per_minute: self.tokens,
        })
    }
}

#[cfg(test)]
mod tests;
