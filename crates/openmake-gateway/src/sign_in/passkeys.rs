//! Passkeys (WebAuthn) of this instance's address.

use openmake_api::ApiError;
use openmake_store::{passkeys::Passkey as StoredPasskey, users::User};
use openmake_types::{ErrorKind, UserId};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Webauthn,
    WebauthnBuilder, WebauthnError,
};

/// A new passkey, to be kept.
pub(crate) struct Registered {
    /// What the authenticator calls it.
    pub(crate) credential_id: Vec<u8>,
    /// The public key.
    pub(crate) credential: Value,
}

/// A passkey that signed, to be kept with its new counter.
pub(crate) struct Used {
    /// Which.
    pub(crate) id: uuid::Uuid,
    /// Whose.
    pub(crate) user_id: UserId,
    /// The public key.
    pub(crate) credential: Value,
}

/// What browsers are asked with, and what is left for the next step.
pub(crate) struct Asked {
    pub(crate) options: Value,
    pub(crate) state: Value,
}

/// Passkeys for one address. A browser makes and uses them for a name only,
/// never for an IP address, and over HTTPS or on localhost.
pub(crate) struct PasskeySite(Option<Webauthn>);

impl PasskeySite {
    /// Passkeys for pages of `public_url`.
    pub(crate) fn new(public_url: &str) -> Self {
        let url = Url::parse(public_url).ok();
        let built = url.as_ref().and_then(|url| {
            let builder = WebauthnBuilder::new(url.domain()?, url);
            Some(builder.and_then(|builder| builder.rp_name("OpenMake").build()))
        });
        match built {
            Some(Ok(webauthn)) => Self(Some(webauthn)),
            Some(Err(error)) => {
                tracing::warn!(%error, "passkeys are off: the public address does not allow them");
                Self(None)
            }
            None => Self(None),
        }
    }

    /// Whether there are any here.
    pub(crate) const fn is_available(&self) -> bool {
        self.0.is_some()
    }

    fn webauthn(&self) -> Result<&Webauthn, ApiError> {
        self.0.as_ref().ok_or_else(|| {
            ApiError::conflict(
                "passkeys_unavailable",
                "Passkeys need a public address with a name.",
            )
            .with_hint("An administrator sets it with OPENMAKE_PUBLIC_URL.")
        })
    }

    /// Asks for a new passkey of `user`, who has `known`.
    pub(crate) fn ask_new(&self, user: &User, known: &[StoredPasskey]) -> Result<Asked, ApiError> {
        let name = user.email.as_deref().unwrap_or(&user.display_name);
        let known: Vec<_> = parsed(known)?
            .iter()
            .map(|passkey| passkey.cred_id().clone())
            .collect();
        let (options, state) = self
            .webauthn()?
            .start_passkey_registration(
                user.id.as_uuid(),
                name,
                &user.display_name,
                (!known.is_empty()).then_some(known),
            )
            .map_err(ApiError::internal)?;
        let mut options = json_of(&options)?;
        // The library leaves it to the browser whether the authenticator
        // remembers whose it is; without that, nobody can sign in by it alone.
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
            selection["residentKey"] = json!("required");
            selection["requireResidentKey"] = json!(true);
        }
        Ok(Asked {
            options,
            state: json_of(&state)?,
        })
    }

    /// Takes the answer to [`Self::ask_new`].
    pub(crate) fn register(&self, state: Value, answer: Value) -> Result<Registered, ApiError> {
        let state: PasskeyRegistration = kept(state)?;
        let answer: RegisterPublicKeyCredential = given(answer)?;
        let passkey = self
            .webauthn()?
            .finish_passkey_registration(&answer, &state)
            .map_err(|error| {
                tracing::info!(%error, "a new passkey was refused");
                ApiError::field("credential", "refused", "This passkey was not accepted.")
            })?;
        Ok(Registered {
            credential_id: passkey.cred_id().clone(),
            credential: json_of(&passkey)?,
        })
    }

    /// Asks for any passkey of this address: whose it is, it says itself.
    pub(crate) fn ask_any(&self) -> Result<Asked, ApiError> {
        let (mut options, state) = self
            .webauthn()?
            .start_discoverable_authentication()
            .map_err(ApiError::internal)?;
        // The page decides whether it offers them in a form or at a button.
        options.mediation = None;
        Ok(Asked {
            options: json_of(&options)?,
            state: json_of(&state)?,
        })
    }

    /// What an answer to [`Self::ask_any`] says of itself: whose passkey it is,
    /// and which. Nothing of it is proven yet.
    pub(crate) fn identify(&self, answer: Value) -> Result<Identified, ApiError> {
        let answer: PublicKeyCredential = given(answer)?;
        let (user, credential_id) = self
            .webauthn()?
            .identify_discoverable_authentication(&answer)
            .map_err(|error| refused(&error))?;
        Ok(Identified {
            user_id: UserId::from_uuid(user),
            credential_id: credential_id.to_vec(),
            answer,
        })
    }

    /// Checks an answer to [`Self::ask_any`] with the passkey that it names.
    pub(crate) fn check_any(
        &self,
        state: Value,
        identified: &Identified,
        stored: &StoredPasskey,
    ) -> Result<Used, ApiError> {
        if stored.user_id != identified.user_id {
            return Err(wrong_passkey());
        }
        let state: DiscoverableAuthentication = kept(state)?;
        let mut passkey: Passkey = kept(stored.credential.clone())?;
        let result = self
            .webauthn()?
            .finish_discoverable_authentication_v2(&identified.answer, state, &passkey)
            .map_err(|error| refused(&error))?;
        used(stored, &mut passkey, &result)
    }

    /// Asks for one of an account's passkeys.
    pub(crate) fn ask_one_of(&self, stored: &[StoredPasskey]) -> Result<Asked, ApiError> {
        let (options, state) = self
            .webauthn()?
            .start_passkey_authentication(&parsed(stored)?)
            .map_err(ApiError::internal)?;
        Ok(Asked {
            options: json_of(&options)?,
            state: json_of(&state)?,
        })
    }

    /// Checks an answer to [`Self::ask_one_of`].
    pub(crate) fn check_one_of(
        &self,
        state: Value,
        answer: Value,
        stored: &[StoredPasskey],
    ) -> Result<Used, ApiError> {
        let state: PasskeyAuthentication = kept(state)?;
        let answer: PublicKeyCredential = given(answer)?;
        let result = self
            .webauthn()?
            .finish_passkey_authentication(&answer, &state)
            .map_err(|error| refused(&error))?;
        // One that was removed meanwhile no longer signs in.
        let mut passkeys = parsed(stored)?;
        let found = stored
            .iter()
            .zip(&mut passkeys)
            .find(|(_, passkey)| passkey.cred_id() == result.cred_id());
        let (stored, passkey) = found.ok_or_else(wrong_passkey)?;
        used(stored, passkey, &result)
    }
}

/// Who an answer says that it is from.
pub(crate) struct Identified {
    pub(crate) user_id: UserId,
    pub(crate) credential_id: Vec<u8>,
    answer: PublicKeyCredential,
}

fn used(
    stored: &StoredPasskey,
    passkey: &mut Passkey,
    result: &AuthenticationResult,
) -> Result<Used, ApiError> {
    // A passkey stands for two factors only with the person verified.
    if !result.user_verified() {
        return Err(wrong_passkey());
    }
    passkey.update_credential(result);
    Ok(Used {
        id: stored.id,
        user_id: stored.user_id,
        credential: json_of(passkey)?,
    })
}

fn parsed(stored: &[StoredPasskey]) -> Result<Vec<Passkey>, ApiError> {
    let passkeys = stored.iter();
    passkeys
        .map(|passkey| kept(passkey.credential.clone()))
        .collect()
}

/// Reads what we wrote ourselves.
fn kept<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    serde_json::from_value(value).map_err(ApiError::internal)
}

/// Reads what a browser sent.
fn given<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    serde_json::from_value(value).map_err(|error| {
        ApiError::field(
            "credential",
            "invalid",
            format!("This is not what the browser gives for a passkey: {error}."),
        )
    })
}

fn json_of(value: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(value).map_err(ApiError::internal)
}

fn refused(error: &WebauthnError) -> ApiError {
    tracing::info!(%error, "a passkey was refused");
    wrong_passkey()
}

/// The passkey does not prove what it should.
pub(crate) fn wrong_passkey() -> ApiError {
    ApiError::new(ErrorKind::Unauthenticated, "This passkey was not accepted.")
        .with_code("passkey_refused")
        .with_hint("Try again, or sign in another way.")
}
