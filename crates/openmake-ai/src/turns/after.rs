//! What follows the end of a turn: search, the title, and telling others.
//! None of it can hurt the turn, which is stored by now.

use std::sync::Arc;

use openmake_agents::{TitleRequest, make_title, title_from_question};
use openmake_api::event::Folded;
use openmake_models::{ModelCapabilities, ModelError};
use openmake_store::{
    StoreError,
    conversations::TitleSource,
    turns::Turn,
    usage::{CallOutcome, UsageRecord},
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{ApiKeyId, MessageId, MessageRole, MessageStatus, TokenCounts, TurnStatus};
use tokio::time::Instant;

use crate::{budgets::Payer, core::Core};

/// What a turn left.
pub(crate) struct Answered {
    pub(crate) folded: Folded,
    pub(crate) status: TurnStatus,
    pub(crate) model: Option<String>,
    pub(crate) capabilities: ModelCapabilities,
    pub(crate) version: i64,
    pub(crate) api_key: Option<ApiKeyId>,
    /// The answer that it was asked for beside.
    pub(crate) beside: Option<MessageId>,
}

/// Tells others, indexes the messages, and finds a title for a conversation
/// that has none.
pub(crate) async fn ended(core: &Arc<Core>, turn: &Turn, answered: Answered) {
    core.notify(vec![
        conversation_changed(turn, answered.version),
        Wakeup {
            kind: WakeupKind::Turn,
            id: turn.id.as_uuid(),
            version: i64::try_from(turn.last_seq).unwrap_or(i64::MAX).max(1),
            owner: Some(turn.owner),
        },
    ]);
    for message in [turn.user_message_id, turn.assistant_message_id] {
        match core.store.search().index_message(turn.owner, message).await {
            Ok(()) | Err(StoreError::NotFound) => {}
            Err(error) => {
                tracing::warn!(%message, error = &error as &dyn std::error::Error, "a message was not indexed; maintenance will do it");
            }
        }
    }
    if answered.status == TurnStatus::Completed
        && let Err(error) = title(core, turn, &answered).await
    {
        tracing::warn!(conversation = %turn.conversation_id, error = &error as &dyn std::error::Error, "a title was not stored");
    }
}

fn conversation_changed(turn: &Turn, version: i64) -> Wakeup {
    Wakeup {
        kind: WakeupKind::Conversation,
        id: turn.conversation_id.as_uuid(),
        version,
        owner: Some(turn.owner),
    }
}

async fn title(core: &Arc<Core>, turn: &Turn, answered: &Answered) -> Result<(), StoreError> {
    let conversation = match core
        .store
        .conversations()
        .get(turn.owner, turn.conversation_id)
        .await
    {
        Ok(conversation) => conversation,
        // Deleted meanwhile.
        Err(StoreError::NotFound) => return Ok(()),
        Err(error) => return Err(error),
    };
    if conversation.title_source != TitleSource::None {
        return Ok(());
    }
    // Of two answers that are compared, one makes the title.
    if let Some(first) = answered.beside
        && makes_title(core, turn, first).await?
    {
        return Ok(());
    }
    let Some(question) = question_of(core, turn).await? else {
        return Ok(());
    };
    let title = match ask_for_title(core, turn, answered, &question).await {
        Some(title) => Some(title),
        None if core.stop.is_cancelled() => None,
        // A title in the question's own words is better than none.
        None => title_from_question(&question),
    };
    let Some(title) = title else { return Ok(()) };
    let changed = core
        .store
        .conversations()
        .set_model_title(turn.owner, turn.conversation_id, &title)
        .await?;
    if let Some(conversation) = changed {
        core.notify(vec![conversation_changed(turn, conversation.version)]);
    }
    Ok(())
}

/// Whether this other answer makes the title, or will when it ends.
async fn makes_title(core: &Core, turn: &Turn, answer: MessageId) -> Result<bool, StoreError> {
    let messages = core
        .store
        .messages()
        .branch(turn.owner, turn.conversation_id, answer, 1)
        .await?;
    Ok(messages.last().is_some_and(|message| {
        matches!(
            message.status,
            MessageStatus::Running | MessageStatus::Complete
        )
    }))
}

async fn question_of(core: &Core, turn: &Turn) -> Result<Option<String>, StoreError> {
    let messages = core
        .store
        .messages()
        .branch(turn.owner, turn.conversation_id, turn.user_message_id, 1)
        .await?;
    Ok(messages
        .into_iter()
        .rfind(|message| message.role == MessageRole::User)
        .map(|message| message.content)
        .filter(|text| !text.trim().is_empty()))
}

async fn ask_for_title(
    core: &Core,
    turn: &Turn,
    answered: &Answered,
    question: &str,
) -> Option<String> {
    let model = answered.model.as_deref()?;
    let request = TitleRequest {
        model,
        capabilities: answered.capabilities,
        question,
        answer: &answered.folded.text,
    };
    let models = core.client_for(Payer {
        user: turn.owner,
        api_key: answered.api_key,
    });
    let made = tokio::select! {
        () = core.stop.cancelled() => return None,
        made = make_title(models.as_ref(), &request) => made,
    };
    let (title, tokens, outcome) = match made {
        Ok(title) => (title.text, title.tokens, CallOutcome::Answered),
        // No model was asked.
        Err(ModelError::BudgetExhausted(_) | ModelError::BudgetUnknown) => return None,
        Err(error) => {
            tracing::info!(conversation = %turn.conversation_id, %error, "the model gave no title");
            (None, TokenCounts::default(), CallOutcome::Failed)
        }
    };
    let payer = Payer {
        user: turn.owner,
        api_key: answered.api_key,
    };
    core.token_rates.record(payer, tokens, Instant::now());
    let record = UsageRecord {
        date: core.clock.now().date_naive(),
        owner: turn.owner,
        api_key: answered.api_key,
        model,
        tokens,
        failed: outcome,
    };
    if let Err(error) = core.store.usage().record(&record).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a title's tokens were not recorded"
        );
    }
    title
}
