//! Beginning a conversation.

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, Change,
    authorize::Chat,
    conversations::{ConversationView, CreateConversation},
    extract::{Json, JsonOrDefault},
    responses::WriteProblems,
};
use openmake_store::conversations::{Instructions, NewConversation};
use openmake_types::ConversationId;

use super::{
    super::input,
    view::{changed, conversation_view},
};
use crate::{audit::AuditContext, error::store_error, state::App};

/// Begins a conversation. A guest has one, which is temporary.
#[utoipa::path(post, path = "/api/v1/conversations", tag = "conversations",
    request_body = CreateConversation,
    responses((status = 201, body = ConversationView), WriteProblems))]
pub(crate) async fn create(
    State(app): State<App>,
    allowed: Allowed<Chat>,
    audit: AuditContext,
    JsonOrDefault(body): JsonOrDefault<CreateConversation>,
) -> Result<(StatusCode, Json<ConversationView>), ApiError> {
    let actor = &allowed.actor;
    let title = body.title.as_deref().map(str::trim);
    let title = title.filter(|title| !title.is_empty());
    let title = title
        .map(|title| input::line("title", title, 200))
        .transpose()?;
    let model = body.model.as_deref();
    let model = model
        .map(|model| input::line("model", model, 200))
        .transpose()?;
    let thinking = body.thinking.map(input::thinking).transpose()?;
    let temperature = body.temperature.map(input::temperature).transpose()?;
    let instructions = body
        .instructions
        .try_map(|text| input::instructions("instructions", &text))?;
    let new = NewConversation {
        id: ConversationId::from_uuid(audit.new_id()),
        owner: actor.user_id,
        title: title.as_deref(),
        model: model.as_deref(),
        thinking: thinking.as_deref(),
        temperature,
        instructions: match &instructions {
            Change::Unsaid => Instructions::OfOwner,
            Change::Cleared => Instructions::None,
            Change::To(text) => Instructions::These(text),
        },
        now: audit.now(),
    };
    let made = app.store.conversations().create(&new).await;
    let made = made.map_err(store_error("account"))?;
    app.announce(vec![changed(actor.user_id, made.id, made.version)]);
    Ok((StatusCode::CREATED, Json(conversation_view(made))))
}
