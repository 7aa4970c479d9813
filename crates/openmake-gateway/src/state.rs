//! What every handler shares.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use openmake_store::{
    Store,
    secrets::KeyRing,
    wakeups::{Heard, Wakeup},
};
use openmake_types::{Clock, Ids, ProcessId};
use tokio::{sync::broadcast, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::util::BoxCloneSyncService;

use crate::{
    administered::Administered,
    authority::AuthorityCache,
    images::Images,
    metrics::Metrics,
    passwords::Hasher,
    rate::{KeyLimits, RateLimits},
    settings::GatewaySettings,
    sign_in::{PasskeySite, backup_code::BackupCodeKey},
    site::{Origins, Proxies, Site},
    socket::SocketCounts,
    tokens::{AccessTokens, RefreshTokens, Transport},
};

/// The ai role: its router in this process, or a client of another.
pub type AiService = BoxCloneSyncService<
    Request<axum::body::Body>,
    Response<axum::body::Body>,
    std::convert::Infallible,
>;

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) keys: KeyRing,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) process: ProcessId,
    pub(crate) settings: GatewaySettings,
    pub(crate) ai: AiService,
    pub(crate) images: Images,
    pub(crate) access_tokens: AccessTokens,
    pub(crate) refresh_tokens: RefreshTokens,
    pub(crate) backup_codes: BackupCodeKey,
    pub(crate) passkeys: PasskeySite,
    pub(crate) authority: AuthorityCache,
    pub(crate) hasher: Hasher,
    pub(crate) administered: Administered,
    pub(crate) limits: RateLimits,
    pub(crate) key_limits: KeyLimits,
    pub(crate) proxies: Proxies,
    pub(crate) origins: Origins,
    pub(crate) metrics: Metrics,
    pub(crate) sockets: SocketCounts,
    pub(crate) wakeups: broadcast::Sender<Heard>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) started: Instant,
    pub(crate) openapi_json: bytes::Bytes,
    pub(crate) plain_cookies: AtomicBool,
    pub(crate) draining: AtomicBool,
    /// Calls of programs that are being answered, which nobody else goes on
    /// with.
    pub(crate) calls: TaskTracker,
}

impl App {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Tells all processes what changed, after it was committed, without
    /// making the answer wait. A lost hint is made up for by the polls.
    pub(crate) fn announce(&self, wakeups: Vec<Wakeup>) {
        let app = self.clone();
        self.tasks.spawn(async move {
            let notify = app.store.wakeups();
            let told = tokio::time::timeout(Duration::from_secs(5), notify.notify(&wakeups)).await;
            match told {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "a change was not announced"),
                Err(_) => tracing::warn!("a change was not announced in time"),
            }
        });
    }

    /// How the refresh cookie travels to `site`. Says once in the log when it
    /// cannot be kept off plain HTTP.
    pub(crate) fn cookie_transport(&self, site: &Site) -> Transport {
        let transport = site.transport();
        if transport == Transport::Plain && !self.plain_cookies.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                host = site.host,
                "signed in over plain HTTP: the refresh cookie is not Secure and can be read on \
                 the network; serve the site over HTTPS and name the proxy in TRUSTED_PROXIES"
            );
        }
        transport
    }

    /// Whether someone signed in over plain HTTP on a network since the start.
    pub(crate) fn saw_plain_cookies(&self) -> bool {
        self.plain_cookies.load(Ordering::Relaxed)
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
