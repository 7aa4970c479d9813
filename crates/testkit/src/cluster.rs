//! Several processes of the program on one database, each of which a test can
//! start, stop, kill and hold.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use rand::RngExt as _;
use tempfile::TempDir;

use crate::program::{INTERNAL_KEY, Instance, Program, are_roles_apart};

/// Where each process listens, on an address of its own.
const PORT: u16 = 8080;

/// How many of each role.
pub const REPLICAS: usize = 2;

/// Which processes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Two, each of which does everything.
    Whole,
    /// Two gateways and two ai.
    Apart,
}

impl Layout {
    /// As the environment says ([`crate::program::ROLES`]).
    pub fn here() -> Self {
        if are_roles_apart() {
            Self::Apart
        } else {
            Self::Whole
        }
    }
}

/// What a process is for; one that does everything is both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The gateway of this number.
    Gateway(usize),
    /// The ai of this number.
    Ai(usize),
}

/// Processes on one database. Dropping it kills them.
#[derive(Debug)]
pub struct Cluster {
    layout: Layout,
    members: Vec<Member>,
    /// What they share besides: the master key.
    _shared: TempDir,
}

#[derive(Debug)]
struct Member {
    part: Part,
    // Dropped in this order: the program, then its directory.
    program: Option<Program>,
    instance: Instance,
    address: SocketAddr,
}

impl Cluster {
    /// Two of each, none of which runs yet: `binary` on the database at `url`,
    /// set up further by `set_up`. Turns get two seconds when one stops.
    ///
    /// # Panics
    /// Without a directory.
    pub fn new(
        layout: Layout,
        binary: impl Into<PathBuf>,
        url: &str,
        set_up: impl Fn(Instance) -> Instance,
    ) -> Self {
        let shared = match tempfile::tempdir() {
            Ok(directory) => directory,
            Err(error) => panic!("no directory for what processes share: {error}"),
        };
        let binary = binary.into();
        // A loopback network of its own: addresses that nobody else takes, and
        // that stay the same over restarts.
        let (b, c) = rand::rng().random::<(u8, u8)>();
        let address = |host: u8| SocketAddr::from((Ipv4Addr::new(127, b, c, host), PORT));
        let gateways = [(Part::Gateway(0), 10), (Part::Gateway(1), 11)];
        let ai = [(Part::Ai(0), 20), (Part::Ai(1), 21)];
        let ai_url = ai.map(|(_, host)| format!("http://{}", address(host)));
        let parts = match layout {
            Layout::Whole => gateways.to_vec(),
            Layout::Apart => [ai, gateways].concat(),
        };
        let members = parts.into_iter().map(|(part, host)| {
            let address = address(host);
            let instance = Instance::new(&binary)
                .listening(address)
                .with_env("DATABASE_URL", url)
                .with_env("OPENMAKE_KEY_FILE", shared.path().join("master.key"))
                .with_env("OPENMAKE_DATABASE_CONNECTIONS", "8")
                .with_env("OPENMAKE_DRAIN_SECONDS", "2");
            let instance = match (layout, part) {
                (Layout::Whole, _) => instance,
                (Layout::Apart, Part::Ai(_)) => instance
                    .with_argument("--role=ai")
                    .with_env("OPENMAKE_INTERNAL_KEY", INTERNAL_KEY),
                (Layout::Apart, Part::Gateway(_)) => instance
                    .with_argument("--role=gateway")
                    .with_env("OPENMAKE_INTERNAL_KEY", INTERNAL_KEY)
                    .with_env("OPENMAKE_AI_URL", ai_url.join(",")),
            };
            Member {
                part,
                program: None,
                instance: set_up(instance),
                address,
            }
        });
        Self {
            layout,
            members: members.collect(),
            _shared: shared,
        }
    }

    /// Every process, gateways last: each a part of its own.
    pub fn parts(&self) -> Vec<Part> {
        self.members.iter().map(|member| member.part).collect()
    }

    /// Where the gateways listen.
    pub fn gateways(&self) -> [SocketAddr; REPLICAS] {
        [0, 1].map(|number| self.member(Part::Gateway(number)).address)
    }

    /// Where a gateway listens: `http://ADDRESS`.
    pub fn base_url(&self, gateway: usize) -> String {
        format!("http://{}", self.member(Part::Gateway(gateway)).address)
    }

    /// Starts a process and waits until it is ready, unless it runs.
    pub async fn start(&mut self, part: Part) {
        let member = self.member_mut(part);
        if member.program.is_none() {
            member.program = Some(member.instance.serve().await);
        }
    }

    /// Starts all that do not run, at once.
    pub async fn start_all(&mut self) {
        for member in &mut self.members {
            if member.program.is_none() {
                member.program = Some(member.instance.launch());
            }
        }
        for program in self.members.iter_mut().filter_map(|m| m.program.as_mut()) {
            if program.base_url().is_empty() {
                program.ready().await;
            }
        }
    }

    /// A process that runs.
    ///
    /// # Panics
    /// When it does not.
    pub fn program(&self, part: Part) -> &Program {
        match &self.member(part).program {
            Some(program) => program,
            None => panic!("{part:?} does not run"),
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self, part: Part) {
        self.member_mut(part).program = None;
    }

    /// Tells a process to stop in order, and waits for its end.
    ///
    /// # Panics
    /// When it ends badly.
    pub async fn stop(&mut self, part: Part) {
        if let Some(mut program) = self.member_mut(part).program.take() {
            program.terminate();
            let ended = program.ended().await;
            assert!(ended.success(), "{part:?}: {ended}\n{}", program.log());
        }
    }

    fn place(&self, part: Part) -> usize {
        let own = match (self.layout, part) {
            (Layout::Whole, Part::Ai(number)) => Part::Gateway(number),
            (_, part) => part,
        };
        let found = self.members.iter().position(|member| member.part == own);
        match found {
            Some(place) => place,
            None => panic!("there is no {part:?}"),
        }
    }

    fn member(&self, part: Part) -> &Member {
        match self.members.get(self.place(part)) {
            Some(member) => member,
            None => panic!("there is no {part:?}"),
        }
    }

    fn member_mut(&mut self, part: Part) -> &mut Member {
        let place = self.place(part);
        match self.members.get_mut(place) {
            Some(member) => member,
            None => panic!("there is no {part:?}"),
        }
    }
}
