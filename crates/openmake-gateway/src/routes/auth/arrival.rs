//! Whose account someone has who was vouched for elsewhere.
//!
//! An account there signs in to the account here that it was linked to. An
//! unknown one joins the account with the same e-mail only when both sides
//! have shown that the address is theirs: the issuer says so, and this
//! instance knows it. Without the first, anyone could write a stranger's
//! address into their profile there; without the second, anyone could register
//! it here, wait for its owner to sign in from there, and read along.

use axum::response::AppendHeaders;
use http::{HeaderValue, header};
use openmake_api::{ApiError, sign_in::SecondFactorNeeded};
use openmake_store::{
    identities::NewIdentity,
    users::{Admission, EmailProof, NewLinkedUser, User},
};
use openmake_types::{ErrorKind, SessionId, UserId};
use serde_json::json;

use super::{
    super::{input, instance::Registration},
    login, register, session,
};
use crate::{
    audit::AuditContext,
    error::{registration_closed, store_error},
    metrics::SignIn,
    providers::ExternalAccount,
    sign_in::second_factor,
    site::Site,
    state::App,
};

const MAX_NAME: usize = 100;

/// Someone who came back from a provider.
pub(super) struct Arrival {
    pub(super) provider: String,
    pub(super) account: ExternalAccount,
    /// The account here to link to, with its version then.
    pub(super) links: Option<(UserId, i64)>,
    /// The session that links.
    pub(super) session: Option<SessionId>,
    pub(super) invitation: Option<[u8; 32]>,
    pub(super) guest: Option<UserId>,
}

/// What came of it.
pub(super) enum Arrived {
    /// With the refresh cookie.
    SignedIn(AppendHeaders<[(header::HeaderName, HeaderValue); 1]>),
    /// The account here asks for more.
    SecondFactor(SecondFactorNeeded),
    /// The account there is linked now.
    Linked,
}

/// Links, signs in or registers.
pub(super) async fn arrive(
    app: &App,
    audit: &AuditContext,
    site: &Site,
    arrival: Arrival,
) -> Result<Arrived, ApiError> {
    if let Some(owner) = arrival.links {
        link(app, audit, &arrival, owner).await?;
        return Ok(Arrived::Linked);
    }
    let account = &arrival.account;
    let known = app.store.identities();
    let known = known
        .sign_in(&account.issuer, &account.subject, audit.now())
        .await;
    let user = match known.map_err(store_error("identity"))? {
        Some(id) => {
            let user = app.store.users().get(id).await;
            user.map_err(store_error("account"))?
        }
        None => join_or_register(app, audit, &arrival).await?,
    };
    login::refuse_inactive(app, audit, &user).await?;
    if let Some(needed) = second_factor::needed(app, audit, &user).await? {
        return Ok(Arrived::SecondFactor(needed));
    }
    login::count(app, SignIn::Success);
    session::claim_guest(app, audit, arrival.guest, user.id).await?;
    let begun = session::open(app, audit, site, &user).await?;
    Ok(Arrived::SignedIn(begun.cookie))
}

async fn link(
    app: &App,
    audit: &AuditContext,
    arrival: &Arrival,
    (owner, version): (UserId, i64),
) -> Result<(), ApiError> {
    let user = app.store.users().get(owner).await;
    let user = user.map_err(store_error("account"))?;
    let session = arrival.session.ok_or_else(ApiError::forbidden)?;
    let standing = app
        .store
        .sessions()
        .reauthenticated_at(owner, session)
        .await;
    // The account changed or the session ended while they were away.
    if user.version != version || !user.is_active || standing.is_err() {
        return Err(
            ApiError::new(ErrorKind::Forbidden, "The session is over.").with_code("session_ended")
        );
    }
    attach(app, audit, arrival, owner).await
}

/// Links the account there to `owner`.
async fn attach(
    app: &App,
    audit: &AuditContext,
    arrival: &Arrival,
    owner: UserId,
) -> Result<(), ApiError> {
    let identity = identity(audit, arrival);
    let entry = audit
        .success("identity.link")
        .by(owner)
        .on("identity", &identity.id)
        .with(json!({"provider": arrival.provider}));
    let linked = app.store.identities();
    let linked = linked.link(owner, &identity, &entry.done()).await;
    linked.map_err(store_error("account"))
}

fn identity<'a>(audit: &AuditContext, arrival: &'a Arrival) -> NewIdentity<'a> {
    let account = &arrival.account;
    let email = account.email.as_ref().map(|email| email.address.as_str());
    NewIdentity {
        id: audit.new_id(),
        provider: &arrival.provider,
        issuer: &account.issuer,
        subject: &account.subject,
        label: email
            .or(account.name.as_deref())
            .filter(|label| label.chars().count() <= 254),
        now: audit.now(),
    }
}

async fn join_or_register(
    app: &App,
    audit: &AuditContext,
    arrival: &Arrival,
) -> Result<User, ApiError> {
    let email = arrival.account.email.as_ref();
    let address = email.and_then(|email| input::parse_email(&email.address));
    let (Some(email), Some(address)) = (email, address) else {
        return Err(refused(
            "email_missing",
            "The provider does not tell an e-mail address.",
        ));
    };
    let proof = if email.is_verified {
        EmailProof::Proven
    } else {
        EmailProof::Claimed
    };
    let here = app.store.users().lookup_by_email(&address).await;
    match here.map_err(store_error("account"))? {
        Some((user, EmailProof::Proven)) if proof == EmailProof::Proven => {
            attach(app, audit, arrival, user.id).await?;
            Ok(user)
        }
        Some(_) => Err(refused(
            "account_exists",
            "An account with this e-mail exists: sign in to it, and link this one in the settings.",
        )),
        None => register_new(app, audit, arrival, (&address, proof)).await,
    }
}

async fn register_new(
    app: &App,
    audit: &AuditContext,
    arrival: &Arrival,
    (email, email_proof): (&str, EmailProof),
) -> Result<User, ApiError> {
    let settings = app.store.settings().get().await;
    let settings = settings.map_err(store_error("instance"))?;
    let mode = Registration::of(&settings, app).mode;
    let admission = register::admission(mode, arrival.invitation.as_ref());
    if matches!(admission, Admission::Closed) && !register::needs_setup(app).await? {
        return Err(registration_closed());
    }
    let id = UserId::from_uuid(audit.new_id());
    let new = NewLinkedUser {
        id,
        email,
        email_proof,
        display_name: &display_name(arrival.account.name.as_deref(), email),
        identity: identity(audit, arrival),
        now: audit.now(),
    };
    let details = json!({
        "invitation": arrival.invitation.is_some(),
        "provider": arrival.provider,
    });
    let entry = audit.success("user.register").by(id).on("user", &id);
    let entry = entry.with(details).done();
    let users = app.store.users();
    let user = users.register_linked(&new, admission, &entry).await;
    let user = user.map_err(store_error("account"))?;
    let vouched = match admission {
        Admission::Invitation(_) => EmailProof::Proven,
        _ => email_proof,
    };
    register::promote(app, audit, user, vouched).await
}

/// What to call someone: what they are called there, if that can be shown.
fn display_name(given: Option<&str>, email: &str) -> String {
    let own = || email.split('@').next().unwrap_or(email).to_owned();
    given.map_or_else(own, |name| {
        let name: String = name
            .chars()
            .filter(|letter| !letter.is_control())
            .take(MAX_NAME)
            .collect();
        input::line("display_name", &name, MAX_NAME).unwrap_or_else(|_| own())
    })
}

fn refused(code: &'static str, detail: &'static str) -> ApiError {
    ApiError::new(ErrorKind::Forbidden, detail).with_code(code)
}
