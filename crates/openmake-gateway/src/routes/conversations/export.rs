//! A conversation as a file.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header;
use openmake_api::{
    Allowed, ApiError,
    authorize::ManageConversations,
    conversations::{ConversationExport, ExportFormat, ExportQuery},
    extract::{Path, Query},
    messages::MessageView,
    page::MAX_LIMIT,
    responses::ReadProblems,
};
use openmake_store::{PageRequest, conversations::Conversation};
use openmake_types::{ConversationId, ErrorKind, UserId};
use serde_json::json;
use uuid::Uuid;

use super::{markdown::markdown, messages::folded, view::conversation_view};
use crate::{audit::AuditContext, error::store_error, state::App};

/// Messages of one export at most.
const MAX_MESSAGES: usize = 20_000;
/// Characters of the title in the file's name.
const MAX_NAME: usize = 80;

/// A conversation as Markdown (the branch that is shown) or JSON (all of it).
#[utoipa::path(get, path = "/api/v1/conversations/{id}/export", tag = "conversations",
    params(("id" = Uuid, Path), ExportQuery),
    responses((status = 200, content(
        (ConversationExport = "application/json"), (String = "text/markdown"))), ReadProblems))]
pub(crate) async fn export(
    State(app): State<App>,
    allowed: Allowed<ManageConversations>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, ApiError> {
    let owner = allowed.actor.user_id;
    let id = ConversationId::from_uuid(id);
    let found = app.store.conversations().get(owner, id).await;
    let found = found.map_err(store_error("conversation"))?;
    let (kind, extension, body) = match query.format {
        ExportFormat::Markdown => {
            let messages = branch(&app, owner, &found).await?;
            let text = markdown(&conversation_view(found.clone()), &messages);
            ("text/markdown; charset=utf-8", "md", text)
        }
        ExportFormat::Json => {
            let export = document(&app, owner, found.clone()).await?;
            let text = serde_json::to_string_pretty(&export).map_err(ApiError::internal)?;
            ("application/json", "json", text)
        }
    };
    let entry = audit.success("conversation.export").on("conversation", &id);
    let entry = entry.with(json!({"format": extension})).done();
    let recorded = app.store.audit().record(&entry).await;
    recorded.map_err(store_error("entry"))?;
    let head = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            disposition(&found.title, extension),
        ),
    ];
    Ok((head, body).into_response())
}

/// A conversation with all its messages.
pub(crate) async fn document(
    app: &App,
    owner: UserId,
    conversation: Conversation,
) -> Result<ConversationExport, ApiError> {
    Ok(ConversationExport {
        format: "openmake.conversation/1".to_owned(),
        messages: all(app, owner, conversation.id).await?,
        conversation: conversation_view(conversation),
    })
}

async fn branch(
    app: &App,
    owner: UserId,
    conversation: &Conversation,
) -> Result<Vec<MessageView>, ApiError> {
    let Some(leaf) = conversation.active_leaf_id else {
        return Ok(Vec::new());
    };
    let limit = u32::try_from(MAX_MESSAGES).unwrap_or(u32::MAX);
    let messages = app.store.messages();
    let branch = messages.branch(owner, conversation.id, leaf, limit).await;
    folded(app, owner, branch.map_err(store_error("conversation"))?).await
}

async fn all(
    app: &App,
    owner: UserId,
    conversation: ConversationId,
) -> Result<Vec<MessageView>, ApiError> {
    let mut views = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest {
            after,
            limit: MAX_LIMIT,
        };
        let rows = app.store.messages().page(owner, conversation, page).await;
        let rows = rows.map_err(store_error("conversation"))?;
        views.extend(folded(app, owner, rows.items).await?);
        if views.len() > MAX_MESSAGES {
            let detail = format!("An export has at most {MAX_MESSAGES} messages.");
            return Err(ApiError::new(ErrorKind::TooLarge, detail));
        }
        after = rows.next;
        if after.is_none() {
            return Ok(views);
        }
    }
}

/// The file's name, for all browsers (RFC 6266, RFC 8187).
fn disposition(title: &str, extension: &str) -> String {
    let name: String = title
        .chars()
        .map(|letter| match letter {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            letter if letter.is_control() => '_',
            letter => letter,
        })
        .take(MAX_NAME)
        .collect();
    let name = match name.trim().trim_matches('.') {
        "" => "conversation",
        name => name,
    };
    let ascii: String = name
        .chars()
        .map(|letter| if letter.is_ascii() { letter } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a String cannot fail.
            let _ = std::fmt::Write::write_fmt(&mut encoded, format_args!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{ascii}.{extension}\"; filename*=UTF-8''{encoded}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_name_that_every_system_takes() {
        for (title, expected) in [
            (
                "",
                "attachment; filename=\"conversation.md\"; filename*=UTF-8''conversation.md",
            ),
            (
                "한 \"글\"/..",
                "attachment; filename=\"_ ____.md\"; \
                 filename*=UTF-8''%ED%95%9C%20_%EA%B8%80__.md",
            ),
            (
                "a\r\nSet-Cookie: x",
                "attachment; filename=\"a__Set-Cookie_ x.md\"; \
                 filename*=UTF-8''a__Set-Cookie_%20x.md",
            ),
        ] {
            assert_eq!(disposition(title, "md"), expected);
        }
    }
}
