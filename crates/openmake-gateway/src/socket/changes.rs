//! What changed, as a socket tells it.

use openmake_api::socket::ServerFrame;
use openmake_store::{
    PageRequest, StoreError,
    conversations::Filter,
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::UserId;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::frames::Outgoing;
use crate::state::App;

/// Conversations that are named after changes may have been missed.
const CATCH_UP: u32 = 50;

/// Names what may have changed while nothing was heard. Clients compare
/// versions, so what did not change costs them nothing.
pub(crate) async fn catch_up(app: App, user: UserId, queue: mpsc::Sender<Outgoing>) {
    let limit = app.settings.limits.request_timeout;
    let frames = match tokio::time::timeout(limit, state_frames(&app, user)).await {
        Ok(Ok(frames)) => frames,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a socket could not catch up");
            return;
        }
        Err(_) => {
            tracing::warn!("a socket could not catch up in time");
            return;
        }
    };
    for frame in frames {
        if queue.send(Outgoing::frame(&frame)).await.is_err() {
            return;
        }
    }
}

async fn state_frames(app: &App, user: UserId) -> Result<Vec<ServerFrame>, StoreError> {
    let page = PageRequest {
        after: None,
        limit: CATCH_UP,
    };
    let conversations = app.store.conversations();
    let conversations = conversations.list(user, Filter::Active, page).await?;
    let mut frames: Vec<ServerFrame> = conversations
        .items
        .iter()
        .map(|conversation| ServerFrame::ConversationChanged {
            id: conversation.id.as_uuid(),
            version: conversation.version,
        })
        .collect();
    frames.push(ServerFrame::SettingsChanged {
        id: Uuid::nil(),
        version: app.store.settings().get().await?.version,
    });
    let nodes = app.store.nodes().list().await?;
    frames.extend(nodes.iter().map(|node| ServerFrame::NodeChanged {
        id: node.id.as_uuid(),
        version: node.version,
    }));
    Ok(frames)
}

/// What a change means to `user`'s clients.
pub(crate) fn frame_of(wakeup: &Wakeup, user: UserId) -> Option<ServerFrame> {
    let Wakeup {
        kind,
        id,
        version,
        owner,
    } = *wakeup;
    match kind {
        WakeupKind::Conversation => {
            (owner == Some(user)).then_some(ServerFrame::ConversationChanged { id, version })
        }
        WakeupKind::Node => Some(ServerFrame::NodeChanged { id, version }),
        WakeupKind::Settings => Some(ServerFrame::SettingsChanged { id, version }),
        WakeupKind::Turn
        | WakeupKind::Session
        | WakeupKind::User
        | WakeupKind::ApiKey
        | WakeupKind::Budget => None,
    }
}
