//! A WebSocket client over a real listener.

use std::net::SocketAddr;

use axum::Router;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, protocol::CloseFrame},
};

use super::{PATIENCE, TestApp};

/// Serves the app on loopback until the app is stopped or dropped.
pub(crate) async fn serve(app: &TestApp) -> SocketAddr {
    serve_router(app, app.router.clone()).await
}

/// Serves another router for as long.
pub(crate) async fn serve_router(app: &TestApp, router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stop = app.stop.clone().cancelled_owned();
    app.tasks.spawn(async move {
        let served = axum::serve(listener, service).with_graceful_shutdown(stop);
        served.await.expect("serves");
    });
    address
}

/// An open socket.
pub(crate) struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket as a page of `origin` would, if one is given.
    pub(crate) async fn open(
        address: SocketAddr,
        origin: Option<&str>,
    ) -> Result<Self, Box<Error>> {
        let url = format!("ws://{address}/api/v1/ws");
        let mut request = url.into_client_request().expect("a request");
        if let Some(origin) = origin {
            let origin = origin.parse().expect("a header");
            request.headers_mut().insert("origin", origin);
        }
        let connected = tokio::time::timeout(PATIENCE, connect_async(request)).await;
        let (socket, _) = connected.expect("in time").map_err(Box::new)?;
        Ok(Self(socket))
    }

    /// Opens a socket and signs it in.
    pub(crate) async fn signed_in(address: SocketAddr, token: &str) -> Self {
        let mut socket = Self::open(address, None).await.expect("opens");
        socket
            .send(json!({"type": "auth", "access_token": token}))
            .await;
        assert_eq!(socket.next().await["type"], "ready");
        socket
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        let sent = tokio::time::timeout(PATIENCE, self.0.send(Message::text(text))).await;
        sent.expect("in time").expect("sent");
    }

    /// The next frame of ours, or the close.
    pub(crate) async fn next_or_close(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await;
            match message.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    pub(crate) async fn next(&mut self) -> Value {
        self.next_or_close().await.expect("a frame")
    }

    /// The next frame that is of this kind; others are passed over.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The code of the close that comes.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match self.next_or_close().await {
                Ok(_) => {}
                Err(frame) => return frame.expect("a close frame").code.into(),
            }
        }
    }
}
