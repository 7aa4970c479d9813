//! One's account as one file.

use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::NaiveDate;
use openmake_api::{
    Allowed, ApiError,
    account::{AccountExport, BelongingExport, ImageExport},
    authorize::ManageOwnAccount,
    page::MAX_LIMIT,
    responses::ReadProblems,
};
use openmake_store::{
    PageRequest, Position,
    belongings::Place,
    conversations::Filter,
    usage::{UsageBy, UsageFilter},
};
use openmake_types::{Actor, UserId};
use serde::Serialize;

use super::{
    super::{api_keys, conversations, usage},
    defaults, identities, passkeys,
    session::user_view,
    sessions,
};
use crate::{
    audit::AuditContext,
    download::{Attachment, Sink, Stopped, download},
    error::store_error,
    state::App,
};

/// How a document ends whose long arrays are empty.
const LONG: &str = r#""conversations":[],"images":[],"belongings":[]}"#;

/// Everything of one's own in one JSON document: the account, its keys and
/// sessions without secrets, usage, conversations with their messages, images.
/// What was deleted is left out.
#[utoipa::path(get, path = "/api/v1/auth/me/export", tag = "auth",
    responses((status = 200, body = AccountExport), ReadProblems))]
pub(crate) async fn export(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
) -> Result<Response, ApiError> {
    let id = allowed.actor.user_id;
    let head = head(&app, &allowed.actor).await?;
    let entry = audit.success("user.export").on("user", &id).done();
    let recorded = app.store.audit().record(&entry).await;
    recorded.map_err(store_error("entry"))?;
    let file = Attachment {
        media_type: "application/json",
        name: "openmake-account.json",
    };
    let own = app.clone();
    Ok(download(&app, &file, move |sink| async move {
        write(&own, id, &head, &sink).await
    }))
}

/// All but what may be long.
async fn head(app: &App, actor: &Actor) -> Result<AccountExport, ApiError> {
    let owner = actor.user_id;
    let now = app.clock.now();
    let user = app.store.users().get(owner).await;
    let defaults = app.store.users().defaults(owner).await;
    let signed_in = app.store.sessions().list(owner, now).await;
    let keys = app.store.passkeys().list(owner).await;
    let linked = app.store.identities().list(owner).await;
    let all_of_it = UsageFilter {
        owner,
        from: NaiveDate::default(),
        to: now.date_naive(),
        api_key: None,
        by: UsageBy::ApiKey,
    };
    let calls = app.store.usage().report_by(&all_of_it).await;
    Ok(AccountExport {
        format: "openmake.account/1".to_owned(),
        exported_at: now,
        account: user_view(&user.map_err(store_error("account"))?),
        defaults: defaults::view(defaults.map_err(store_error("account"))?),
        sessions: signed_in
            .map_err(store_error("session"))?
            .into_iter()
            .map(|session| sessions::view(session, actor))
            .collect(),
        passkeys: keys
            .map_err(store_error("passkey"))?
            .into_iter()
            .map(passkeys::view)
            .collect(),
        identities: linked
            .map_err(store_error("identity"))?
            .into_iter()
            .map(|identity| identities::view(app, identity))
            .collect(),
        api_keys: api_keys(app, owner).await?,
        usage: calls
            .map_err(store_error("report"))?
            .iter()
            .map(usage::view)
            .collect(),
        conversations: Vec::new(),
        images: Vec::new(),
        belongings: Vec::new(),
    })
}

async fn api_keys(
    app: &App,
    owner: UserId,
) -> Result<Vec<openmake_api::api_keys::ApiKeyView>, ApiError> {
    let now = app.clock.now();
    let mut views = Vec::new();
    let mut after = None;
    loop {
        let page = next_page(after);
        let rows = app.store.api_keys().list(owner, page).await;
        let rows = rows.map_err(store_error("API key"))?;
        views.extend(rows.items.into_iter().map(|key| api_keys::view(key, now)));
        after = rows.next;
        if after.is_none() {
            return Ok(views);
        }
    }
}

const fn next_page(after: Option<Position>) -> PageRequest {
    PageRequest {
        after,
        limit: MAX_LIMIT,
    }
}

/// Writes the document. Its long arrays are the last fields, and are
/// empty in `head`.
async fn write(app: &App, owner: UserId, head: &AccountExport, sink: &Sink) -> Result<(), Stopped> {
    let mut head = serde_json::to_string(head).map_err(ApiError::internal)?;
    if !head.ends_with(LONG) {
        return Err(ApiError::internal("the export's fields are in another order").into());
    }
    head.truncate(head.len() - LONG.len());
    head.push_str(r#""conversations":["#);
    sink.write(head).await?;
    let mut list = List::new(sink);
    for filter in [Filter::Active, Filter::Archived] {
        write_conversations(app, owner, filter, &mut list).await?;
    }
    sink.write(r#"],"images":["#).await?;
    write_images(app, owner, &mut List::new(sink)).await?;
    sink.write(r#"],"belongings":["#).await?;
    write_belongings(app, owner, &mut List::new(sink)).await?;
    sink.write("]}\n").await
}

async fn write_conversations(
    app: &App,
    owner: UserId,
    filter: Filter,
    list: &mut List<'_>,
) -> Result<(), Stopped> {
    let mut after = None;
    loop {
        let rows = app
            .store
            .conversations()
            .list(owner, filter, next_page(after))
            .await;
        let rows = rows.map_err(store_error("conversation"))?;
        for conversation in rows.items {
            match conversations::export::document(app, owner, conversation).await {
                Ok(export) => list.add(&export).await?,
                // It was deleted just now.
                Err(error) if error.kind() == openmake_types::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        after = rows.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn write_images(app: &App, owner: UserId, list: &mut List<'_>) -> Result<(), Stopped> {
    let mut after = None;
    loop {
        let rows = app.store.blobs().list(owner, next_page(after)).await;
        let rows = rows.map_err(store_error("image"))?;
        for id in rows.items {
            match app.store.blobs().get(owner, id).await {
                Ok(blob) => {
                    let image = ImageExport {
                        id: id.as_uuid(),
                        media_type: blob.media_type,
                        data: STANDARD.encode(&blob.data),
                    };
                    list.add(&image).await?;
                }
                Err(openmake_store::StoreError::NotFound) => {}
                Err(error) => return Err(store_error("image")(error).into()),
            }
        }
        after = rows.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn write_belongings(app: &App, owner: UserId, list: &mut List<'_>) -> Result<(), Stopped> {
    let mut place = Some(Place::default());
    while let Some(from) = place {
        let page = app.store.belongings().list(owner, from).await;
        let (items, next) = page.map_err(store_error("belonging"))?;
        for belonging in items {
            let item = BelongingExport {
                kind: belonging.kind.to_owned(),
                row: belonging.row,
            };
            list.add(&item).await?;
        }
        place = next;
    }
    Ok(())
}

/// The elements of a JSON array that is being written.
struct List<'a> {
    sink: &'a Sink,
    before: &'static str,
}

impl<'a> List<'a> {
    const fn new(sink: &'a Sink) -> Self {
        Self { sink, before: "" }
    }

    async fn add(&mut self, element: &impl Serialize) -> Result<(), Stopped> {
        let mut text = self.before.to_owned();
        text.push_str(&serde_json::to_string(element).map_err(ApiError::internal)?);
        self.before = ",\n";
        self.sink.write(text).await
    }
}
