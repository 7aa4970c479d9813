//! The addresses of a role, and the connections to each.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::uri::Authority;
use parking_lot::Mutex;
use tokio::{sync::watch, time::timeout};
use tokio_util::task::TaskTracker;

use crate::{
    connection::{self, Sender},
    failure::ConnectError,
    limits,
    resolve::Resolve,
    target::Target,
};

/// With so many streams on each connection another one is made …
const SPREAD_FROM: usize = 32;
/// … until there are so many; from then on they are filled first.
const SPREAD: usize = 4;
/// Connections to one address at most.
const CONNECTIONS: usize = 64;
/// How long looking a name up may take.
const LOOK_UP: Duration = Duration::from_secs(5);

/// Whether an address gets requests while there are others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Good,
    /// It could not be connected, or says that it is not ready: only where
    /// there is nothing better, until it answers that it is.
    Aside,
}

/// All addresses of a role.
pub(crate) struct Pool {
    targets: Vec<Target>,
    names: Arc<dyn Resolve>,
    tasks: TaskTracker,
    addresses: Mutex<Vec<Arc<Address>>>,
    /// Told when names were looked up for the first time.
    looked_up: watch::Sender<bool>,
    /// Where the search for the least busy begins, so that all of equally busy
    /// ones have their turn.
    turn: AtomicUsize,
}

impl Pool {
    pub(crate) fn new(targets: Vec<Target>, names: Arc<dyn Resolve>, tasks: TaskTracker) -> Self {
        Self {
            targets,
            names,
            tasks,
            addresses: Mutex::default(),
            looked_up: watch::channel(false).0,
            turn: AtomicUsize::new(0),
        }
    }

    /// Looks all names up. An address that is gone gets nothing more; what runs
    /// on it ends by itself. A name that cannot be looked up keeps what it had.
    pub(crate) async fn look_up(&self) {
        let mut found: Vec<(SocketAddr, &Target)> = Vec::new();
        for target in &self.targets {
            let looking = self.names.resolve(&target.host, target.port);
            match timeout(LOOK_UP, looking).await {
                Ok(Ok(addresses)) => {
                    found.extend(addresses.into_iter().map(|address| (address, target)));
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, host = target.host, "a role's name could not be looked up");
                    found.extend(self.known(target));
                }
                Err(_) => found.extend(self.known(target)),
            }
        }
        let mut addresses = self.addresses.lock();
        addresses.retain(|known| {
            let stays = found.iter().any(|(at, _)| *at == known.at);
            if !stays {
                tracing::info!(address = %known.at, "a role's address is gone");
            }
            stays
        });
        for (at, target) in found {
            if !addresses.iter().any(|known| known.at == at) {
                tracing::info!(address = %at, host = target.host, "a role has an address");
                addresses.push(Arc::new(Address::new(at, target.authority.clone())));
            }
        }
        drop(addresses);
        self.looked_up.send_replace(true);
    }

    fn known<'a>(&self, target: &'a Target) -> Vec<(SocketAddr, &'a Target)> {
        let addresses = self.addresses.lock();
        let of_target = addresses
            .iter()
            .filter(|known| known.authority == target.authority);
        of_target.map(|known| (known.at, target)).collect()
    }

    /// Waits until names were looked up once.
    pub(crate) async fn known_once(&self) {
        let mut looked_up = self.looked_up.subscribe();
        // The sender lives as long as we do.
        let _ = looked_up.wait_for(|done| *done).await;
    }

    /// All addresses.
    pub(crate) fn addresses(&self) -> Vec<Arc<Address>> {
        self.addresses.lock().clone()
    }

    /// The least busy address that is good, else the least busy one, of those
    /// that were not tried.
    pub(crate) fn pick(&self, tried: &[SocketAddr]) -> Option<Arc<Address>> {
        let addresses = self.addresses.lock();
        let from = self.turn.fetch_add(1, Ordering::Relaxed) % addresses.len().max(1);
        let (before, after) = addresses.split_at(from);
        after
            .iter()
            .chain(before)
            .filter(|address| !tried.contains(&address.at))
            .min_by_key(|address| (address.standing() == Standing::Aside, address.streams()))
            .cloned()
    }

    /// A connection to `address` with room for one more stream.
    pub(crate) async fn connection(&self, address: &Address) -> Result<Place, ConnectError> {
        if let Some(place) = address.place(Room::Plenty) {
            return Ok(place);
        }
        // One connects, and the others that came meanwhile use what it made, or
        // take its failure for theirs.
        let failures = address.failures.load(Ordering::Relaxed);
        let _turn = address.connecting.lock().await;
        if let Some(place) = address.place(Room::Plenty) {
            return Ok(place);
        }
        if address.failures.load(Ordering::Relaxed) != failures {
            return address.place(Room::Any).ok_or(ConnectError::JustFailed);
        }
        if address.has_most() {
            return address.place(Room::Any).ok_or(ConnectError::Full);
        }
        match connection::open(address.at, &self.tasks).await {
            Ok(sender) => Ok(address.add(sender)),
            // What there is may still do.
            Err(error) => {
                address.failures.fetch_add(1, Ordering::Relaxed);
                address.place(Room::Any).ok_or(error)
            }
        }
    }

    /// Lets go of all connections; each ends with its last stream.
    pub(crate) fn close(&self) {
        self.addresses.lock().clear();
    }
}

/// One address, which is one replica of the role.
pub(crate) struct Address {
    pub(crate) at: SocketAddr,
    pub(crate) authority: Authority,
    connections: Mutex<Vec<Connection>>,
    connecting: tokio::sync::Mutex<()>,
    /// Connections that could not be made.
    failures: AtomicUsize,
    is_aside: AtomicBool,
    streams: Arc<AtomicUsize>,
}

struct Connection {
    sender: Sender,
    streams: Arc<AtomicUsize>,
}

/// How much room a connection must have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    /// So much that another connection is not worth it.
    Plenty,
    /// For one more.
    Any,
}

impl Address {
    fn new(at: SocketAddr, authority: Authority) -> Self {
        Self {
            at,
            authority,
            connections: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            failures: AtomicUsize::new(0),
            is_aside: AtomicBool::new(false),
            streams: Arc::default(),
        }
    }

    /// Whether it gets requests while there are others.
    pub(crate) fn standing(&self) -> Standing {
        if self.is_aside.load(Ordering::Relaxed) {
            Standing::Aside
        } else {
            Standing::Good
        }
    }

    /// Says whether it gets requests from now on.
    pub(crate) fn stand(&self, standing: Standing) {
        let aside = standing == Standing::Aside;
        if self.is_aside.swap(aside, Ordering::Relaxed) != aside {
            if aside {
                tracing::warn!(address = %self.at, "a role's address is set aside");
            } else {
                tracing::info!(address = %self.at, "a role's address is good again");
            }
        }
    }

    /// Requests under way.
    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    fn place(&self, room: Room) -> Option<Place> {
        let mut connections = self.connections.lock();
        connections.retain(|connection| !connection.sender.is_closed());
        let spread = connections.len() >= SPREAD;
        let limit = if room == Room::Any || spread {
            limits::STREAMS
        } else {
            SPREAD_FROM
        };
        let least = connections
            .iter()
            .min_by_key(|connection| connection.streams.load(Ordering::Relaxed))
            .filter(|connection| connection.streams.load(Ordering::Relaxed) < limit)?;
        Some(self.on(least))
    }

    fn has_most(&self) -> bool {
        self.connections.lock().len() >= CONNECTIONS
    }

    fn add(&self, sender: Sender) -> Place {
        let connection = Connection {
            sender,
            streams: Arc::default(),
        };
        let place = self.on(&connection);
        self.connections.lock().push(connection);
        place
    }

    fn on(&self, connection: &Connection) -> Place {
        Place {
            sender: connection.sender.clone(),
            slot: Slot::take([&connection.streams, &self.streams]),
        }
    }
}

/// A connection, and one stream of it.
pub(crate) struct Place {
    pub(crate) sender: Sender,
    pub(crate) slot: Slot,
}

/// One stream, counted until it is dropped.
pub(crate) struct Slot([Arc<AtomicUsize>; 2]);

impl Slot {
    fn take(counts: [&Arc<AtomicUsize>; 2]) -> Self {
        Self(counts.map(|count| {
            count.fetch_add(1, Ordering::Relaxed);
            Arc::clone(count)
        }))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        for count in &self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
