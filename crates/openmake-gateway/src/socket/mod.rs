//! `GET /api/v1/ws`: one socket for many turns.

mod asks;
mod changes;
mod connection;
mod counts;
mod feed;
mod frames;
mod relay;

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{WebSocket, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use openmake_api::{ApiError, ClientInfo, responses::OpenProblems};

pub(crate) use counts::SocketCounts;
pub(crate) use feed::follow as follow_conversations;

use crate::{routes::auth::OwnSite, state::App};

/// Bytes of a frame that carries no images.
const MAX_PLAIN_FRAME: usize = 64 << 10;

/// Opens a socket for turns and live changes. Frames are JSON texts:
/// `ClientFrame` from the client, of which the first is `auth`, and
/// `ServerFrame` and `Event` from the server. Close codes: 4001 the session
/// ended or the token is no good, 4002 the token expired, 4003 no `auth` in
/// time, 4004 nothing was heard, 4005 too many sockets, 1012 the server
/// restarts, 1013 try again later.
#[utoipa::path(get, path = "/api/v1/ws", tag = "turns", security(()),
    responses((status = 101, description = "Switching Protocols"),
        (status = 403, description = "Opened by a page of another origin"), OpenProblems))]
pub(crate) async fn open(
    State(app): State<App>,
    _own: OwnSite,
    client: ClientInfo,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| {
        ApiError::invalid(rejection.body_text()).with_code("websocket_expected")
    })?;
    if app.stop.is_cancelled() {
        return Err(ApiError::unavailable("the server is stopping"));
    }
    let largest = app.settings.limits.turn_body_bytes;
    let tasks = app.tasks.clone();
    let run = move |socket: WebSocket| tasks.track_future(connection::run(app, client, socket));
    Ok(upgrade
        .max_message_size(largest)
        .max_frame_size(largest)
        .on_upgrade(run))
}
