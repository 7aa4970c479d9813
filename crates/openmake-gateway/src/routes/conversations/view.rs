//! Conversations and messages as the wire carries them.

use openmake_api::{
    conversations::{ConversationView, RunningTurn},
    event::Folded,
    messages::{Attachment, ContextCut, MessageError, MessageMetrics, MessageView, ToolCallView},
};
use openmake_store::{
    conversations::Conversation,
    messages::{Message, StoredMetrics},
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{ConversationId, MessageId, TurnId, UserId};
use serde::Deserialize as _;

/// A conversation as its owner sees it.
pub(crate) fn conversation_view(conversation: Conversation) -> ConversationView {
    let running = conversation.running_turns.iter();
    ConversationView {
        id: conversation.id.as_uuid(),
        title: conversation.title,
        model: conversation.model,
        thinking: conversation.thinking,
        temperature: conversation.temperature,
        instructions: conversation.instructions,
        pinned: conversation.pinned_at.is_some(),
        archived: conversation.archived_at.is_some(),
        temporary: conversation.is_temporary,
        active_leaf_id: conversation.active_leaf_id.map(MessageId::as_uuid),
        running_turns: running
            .map(|(turn, answer)| RunningTurn {
                turn_id: turn.as_uuid(),
                assistant_message_id: answer.as_uuid(),
            })
            .collect(),
        version: conversation.version,
        created_at: conversation.created_at,
        updated_at: conversation.updated_at,
        deleted_at: conversation.deleted_at,
    }
}

/// A conversation changed.
pub(crate) fn changed(owner: UserId, id: ConversationId, version: i64) -> Wakeup {
    Wakeup {
        kind: WakeupKind::Conversation,
        id: id.as_uuid(),
        version,
        owner: Some(owner),
    }
}

/// A message as its owner sees it; of an unfinished one, what there is so far.
pub(crate) fn message_view(message: Message, so_far: Option<Folded>) -> MessageView {
    let calls = message.tool_calls.as_array().into_iter().flatten();
    let calls = calls.filter_map(|call| ToolCallView::deserialize(call).ok());
    let mut view = MessageView {
        id: message.id.as_uuid(),
        parent_id: message.parent_id.map(MessageId::as_uuid),
        turn_id: message.turn_id.map(TurnId::as_uuid),
        role: message.role.as_str().to_owned(),
        content: message.content,
        thinking: message.thinking,
        attachments: message
            .attachments
            .into_iter()
            .map(|attachment| Attachment {
                id: attachment.blob.as_uuid(),
                media_type: attachment.media_type,
            })
            .collect(),
        tool_calls: calls.collect(),
        model: message.model,
        agent_id: message.agent_id,
        status: message.status.as_str().to_owned(),
        error: message.error.map(|error| MessageError {
            code: error.code,
            detail: error.detail,
            hint: error.hint,
        }),
        metrics: message.metrics.map(metrics),
        finish_reason: message.finish_reason,
        thinking_ms: message.thinking_ms.map(count),
        context_cut: message.cut.map(|cut| ContextCut {
            messages: count(cut.messages),
            tokens: count(cut.tokens),
        }),
        beside_id: message.beside_id.map(MessageId::as_uuid),
        comparing: message.comparing,
        created_at: message.created_at,
    };
    if let Some(so_far) = so_far {
        view.content = so_far.text;
        view.thinking = Some(so_far.thinking).filter(|text| !text.is_empty());
        view.tool_calls = so_far.tool_calls;
        view.model = so_far.model.or(view.model);
        view.context_cut = so_far.context_cut;
    }
    view
}

fn metrics(metrics: StoredMetrics) -> MessageMetrics {
    MessageMetrics {
        input_tokens: count(metrics.input_tokens),
        output_tokens: count(metrics.output_tokens),
        estimated: metrics.estimated,
        first_token_ms: metrics.first_token_ms.map(count),
        response_time_ms: metrics.response_time_ms.map(count),
        tokens_per_second: metrics.tokens_per_second,
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
