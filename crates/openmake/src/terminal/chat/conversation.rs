//! Conversations that are on the server: listed, searched, read.

use std::collections::HashMap;

use openmake_api::{
    Page,
    conversations::{ConversationView, SearchResults},
    messages::MessageView,
};
use url::form_urlencoded;
use uuid::Uuid;

use crate::terminal::{client::Client, failure::Failure};

/// Conversations that are listed or found.
const LISTED: u32 = 20;
/// Messages of a page.
const PAGE: u32 = 200;
/// Pages of a conversation that are read at most.
const MOST_PAGES: usize = 100;

/// A conversation in a list, with what was found in it.
pub(super) struct Listed {
    pub(super) conversation: ConversationView,
    pub(super) excerpt: Option<String>,
}

/// The conversations that changed last.
pub(super) async fn latest(client: &Client) -> Result<Vec<Listed>, Failure> {
    let path = format!("/api/v1/conversations?limit={LISTED}");
    let page: Page<ConversationView> = client.get(&path).await?;
    let listed = |conversation| Listed {
        conversation,
        excerpt: None,
    };
    Ok(page.items.into_iter().map(listed).collect())
}

/// Those in which all the words occur.
pub(super) async fn search(client: &Client, words: &str) -> Result<Vec<Listed>, Failure> {
    let words: String = form_urlencoded::byte_serialize(words.as_bytes()).collect();
    let path = format!("/api/v1/search?q={words}&limit={LISTED}");
    let found: SearchResults = client.get(&path).await?;
    let listed = found.items.into_iter().map(|hit| Listed {
        conversation: hit.conversation,
        excerpt: hit.excerpts.into_iter().next().map(|excerpt| excerpt.text),
    });
    Ok(listed.collect())
}

/// One conversation.
pub(super) async fn get(client: &Client, id: Uuid) -> Result<ConversationView, Failure> {
    client.get(&format!("/api/v1/conversations/{id}")).await
}

/// The messages of the branch that is shown, oldest first.
pub(super) async fn branch(
    client: &Client,
    conversation: &ConversationView,
) -> Result<Vec<MessageView>, Failure> {
    let mut messages = Vec::new();
    let first = format!(
        "/api/v1/conversations/{}/messages?limit={PAGE}",
        conversation.id
    );
    let mut path = first.clone();
    for _ in 0..MOST_PAGES {
        let page: Page<MessageView> = client.get(&path).await?;
        messages.extend(page.items);
        match page.next_cursor {
            Some(cursor) => path = format!("{first}&cursor={cursor}"),
            None => break,
        }
    }
    Ok(branch_of(messages, conversation.active_leaf_id))
}

/// From the first message to `leaf`.
fn branch_of(messages: Vec<MessageView>, leaf: Option<Uuid>) -> Vec<MessageView> {
    let mut by_id: HashMap<Uuid, MessageView> = messages
        .into_iter()
        .map(|message| (message.id, message))
        .collect();
    let mut branch = Vec::new();
    let mut next = leaf;
    // Each is taken once, so this ends whatever the server says.
    while let Some(message) = next.and_then(|id| by_id.remove(&id)) {
        next = message.parent_id;
        branch.push(message);
    }
    branch.reverse();
    branch
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn message(id: u128, parent: Option<u128>) -> MessageView {
        MessageView {
            id: Uuid::from_u128(id),
            parent_id: parent.map(Uuid::from_u128),
            turn_id: None,
            role: "user".to_owned(),
            content: String::new(),
            thinking: None,
            attachments: Vec::new(),
            tool_calls: Vec::new(),
            model: None,
            agent_id: None,
            status: "complete".to_owned(),
            error: None,
            metrics: None,
            finish_reason: None,
            thinking_ms: None,
            context_cut: None,
            beside_id: None,
            comparing: false,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_branch_leads_from_its_leaf_to_the_root() {
        let messages = vec![
            message(1, None),
            message(2, Some(1)),
            message(3, Some(1)),
            message(4, Some(3)),
        ];
        let ids = |leaf| -> Vec<u128> {
            let branch = branch_of(messages.clone(), Some(Uuid::from_u128(leaf)));
            branch.iter().map(|message| message.id.as_u128()).collect()
        };
        assert_eq!(ids(4), [1, 3, 4]);
        assert_eq!(ids(2), [1, 2]);
        assert_eq!(ids(9), [0; 0]);
        // A circle, which no server should send, has an end.
        let circle = vec![message(1, Some(2)), message(2, Some(1))];
        assert_eq!(branch_of(circle, Some(Uuid::from_u128(1))).len(), 2);
    }
}
