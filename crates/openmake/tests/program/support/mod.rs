//! What all of these tests stand on: a program with a scripted model, and
//! people who use it over HTTP and WebSocket.

mod desk;
mod events;
mod person;
mod socket;

use std::time::Duration;

use testkit::{
    model::ModelServer,
    program::{Instance, Program},
};
use tokio::time::{sleep, timeout};

pub(crate) use desk::Desk;
pub(crate) use events::{
    Event, Watch, assert_begins_whole, assert_whole, is_end, text_of, thinking_of,
};
pub(crate) use person::{Answer, Begun, PASSWORD, Person, anonymous};
pub(crate) use socket::Socket;

/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The program that cargo builds for these tests.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_openmake");

/// An empty data directory, and no model.
pub(crate) fn instance() -> Instance {
    Instance::new(PROGRAM)
}

/// An empty data directory, with this model server connected.
pub(crate) fn instance_with(model: &ModelServer) -> Instance {
    instance().with_env("OPENAI_BASE_URL", format!("{}/v1", model.base_url()))
}

/// A running program with a scripted model and its first account.
pub(crate) struct World {
    pub(crate) model: ModelServer,
    // Dropped in this order: the program, then its directory.
    pub(crate) program: Program,
    pub(crate) instance: Instance,
    pub(crate) person: Person,
}

impl World {
    pub(crate) async fn start() -> Self {
        let model = ModelServer::start().await;
        let instance = instance_with(&model);
        Self::on(model, instance).await
    }

    /// One process with its own database, also where tests run roles apart: for
    /// tests of just that.
    pub(crate) async fn whole() -> Self {
        let model = ModelServer::start().await;
        let instance = instance_with(&model).whole();
        Self::on(model, instance).await
    }

    pub(crate) async fn on(model: ModelServer, instance: Instance) -> Self {
        let program = instance.serve().await;
        let person = Person::register(program.base_url(), "first@example.com").await;
        Self {
            model,
            program,
            instance,
            person,
        }
    }

    /// Starts the program again, after its end.
    pub(crate) async fn start_again(&mut self) {
        self.program = self.instance.serve().await;
        self.person = self.person.at(self.program.base_url());
    }
}

/// Waits until `reached`, without saying how it comes about.
pub(crate) async fn eventually<F>(what: &str, mut reached: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let waiting = async {
        while !reached().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "in vain: {what}");
}

/// All of many futures at once.
pub(crate) async fn all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(futures).await
}

/// `0 1 2 … `, a word a token.
pub(crate) fn count_to(words: usize) -> String {
    let words: Vec<String> = (0..words).map(|number| format!("{number} ")).collect();
    words.concat()
}
