//! From the stored branch to what the model may read of it.

use openmake_agents::{
    TurnFailure,
    context::{MAX_IMAGES, PastCall, PastMessage, Question, Sight, Speaker},
};
use openmake_api::messages::ToolCallView;
use openmake_models::Image;
use openmake_store::{
    StoreError,
    messages::{Message, StoredAttachment},
    turns::Turn,
};
use openmake_types::{MessageRole, ToolCall, UserId};

use crate::core::Core;

/// Messages of a branch that are read at most.
const MAX_MESSAGES: u32 = 400;

/// What a model is told to go on with an answer.
const CONTINUE: &str = "Your last answer was cut off. Continue it exactly where it stops, in the same language: \
do not repeat anything, do not apologise and do not mention the interruption.";

/// What comes before, and what is asked.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) history: Vec<PastMessage>,
    pub(crate) question: Question,
}

/// Why the branch cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the turn has no question")]
    NoQuestion,
}

impl From<&HistoryError> for TurnFailure {
    fn from(error: &HistoryError) -> Self {
        match error {
            HistoryError::Store(StoreError::Unavailable(_)) => Self::new(
                openmake_types::ErrorKind::Unavailable,
                "unavailable",
                "The conversation could not be read: the database is not available.",
                "Ask again in a moment.",
            ),
            _ => Self::internal(),
        }
    }
}

/// Reads what `turn` answers.
pub(crate) async fn read(
    core: &Core,
    turn: &Turn,
    sight: Sight,
) -> Result<Conversation, HistoryError> {
    let leaf = turn.continues_message_id.unwrap_or(turn.user_message_id);
    let mut branch = core
        .store
        .messages()
        .branch(turn.owner, turn.conversation_id, leaf, MAX_MESSAGES)
        .await?;
    let continues = turn.continues_message_id.is_some();
    // An answer that stopped before its first word is not continued but asked
    // for again.
    if continues {
        while branch.last().is_some_and(|message| {
            message.role == MessageRole::Assistant && message.content.trim().is_empty()
        }) {
            branch.pop();
        }
    }
    let asked = branch.pop_if(|message| message.role == MessageRole::User);
    let mut images = Images {
        core,
        owner: turn.owner,
        sight,
        left: MAX_IMAGES,
    };
    let question = match asked {
        Some(message) => Question {
            images: images.question(&message.attachments).await?,
            text: message.content,
        },
        None if continues => Question {
            text: CONTINUE.to_owned(),
            images: Vec::new(),
        },
        None => return Err(HistoryError::NoQuestion),
    };
    let mut history = Vec::with_capacity(branch.len());
    // The newest pictures are the ones that are loaded.
    for message in branch.into_iter().rev() {
        history.push(past(message, &mut images).await?);
    }
    history.reverse();
    Ok(Conversation { history, question })
}

async fn past(message: Message, images: &mut Images<'_>) -> Result<PastMessage, StoreError> {
    let (loaded, left_out) = images.past(&message.attachments).await?;
    let counted_tokens = message
        .metrics
        .filter(|metrics| !metrics.estimated)
        .and_then(|metrics| u64::try_from(metrics.output_tokens).ok())
        .filter(|_| message.role == MessageRole::Assistant);
    let calls: Vec<ToolCallView> = serde_json::from_value(message.tool_calls).unwrap_or_default();
    Ok(PastMessage {
        speaker: match message.role {
            MessageRole::User => Speaker::Person,
            MessageRole::Assistant => Speaker::Model,
            MessageRole::System => Speaker::Instructions,
        },
        text: message.content,
        thinking: message.thinking.unwrap_or_default(),
        images: loaded,
        images_left_out: left_out,
        tool_calls: calls.into_iter().map(past_call).collect(),
        counted_tokens,
    })
}

fn past_call(call: ToolCallView) -> PastCall {
    PastCall {
        call: ToolCall {
            id: call.call_id,
            name: call.name,
            arguments: call.arguments,
        },
        output: call
            .output
            .unwrap_or_else(|| "[the tool was stopped before it answered]".to_owned()),
    }
}

/// Loads pictures for a model that sees, as many as it may be given.
struct Images<'a> {
    core: &'a Core,
    owner: UserId,
    sight: Sight,
    left: usize,
}

impl Images<'_> {
    /// All pictures of the question. Without sight they are loaded too, as
    /// few as there are, so that the refusal names them.
    async fn question(&mut self, stored: &[StoredAttachment]) -> Result<Vec<Image>, StoreError> {
        self.left = self.left.saturating_sub(stored.len());
        self.load(stored).await
    }

    /// As many of an earlier message's pictures as there is room for, and how
    /// many there is none for.
    async fn past(
        &mut self,
        stored: &[StoredAttachment],
    ) -> Result<(Vec<Image>, usize), StoreError> {
        let room = match self.sight {
            Sight::Sees => self.left.min(stored.len()),
            Sight::Blind => 0,
        };
        self.left -= room;
        let (taken, left_out) = stored.split_at(room);
        Ok((self.load(taken).await?, left_out.len()))
    }

    async fn load(&self, stored: &[StoredAttachment]) -> Result<Vec<Image>, StoreError> {
        let mut images = Vec::with_capacity(stored.len());
        for attachment in stored {
            let blob = self
                .core
                .store
                .blobs()
                .get(self.owner, attachment.blob)
                .await?;
            images.push(Image {
                media_type: blob.media_type,
                bytes: blob.data.into(),
            });
        }
        Ok(images)
    }
}
