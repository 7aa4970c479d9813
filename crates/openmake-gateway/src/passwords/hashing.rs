//! Hashing and checking passwords: Argon2id, and the predecessor's bcrypt.
//!
//! One hash takes 19 MiB and tens of milliseconds, so no more run at once than
//! there are cores, and only so many wait.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordVerifier as _, Version,
    password_hash::{PasswordHasher as _, phc::PasswordHash},
};
use openmake_api::ApiError;
use openmake_types::Ids;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::normalize;
use crate::metrics::{Algorithm as Counted, AlgorithmLabels, Metrics};

/// How long a sign-in waits for its turn.
const WAIT: Duration = Duration::from_secs(10);
/// Sign-ins that wait at most.
const MAX_WAITING: usize = 200;

// OWASP's parameters for Argon2id (Password Storage Cheat Sheet).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash that no password has, with the parameters of the others: checked
/// when there is no account, so that the work and the time are the same.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$b3Blbm1ha2Utbm9ib2R5IQ\
                      $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What checking a password came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the right one, kept as it should be.
    Right,
    /// It is the right one, and this is how it should be kept.
    Upgrade(String),
    /// It is not.
    Wrong,
}

/// Hashes and checks passwords, so many at once.
pub(crate) struct Hasher {
    permits: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    ids: Arc<dyn Ids>,
    metrics: Metrics,
}

/// The right to hash once. What must not be raced, such as the count of
/// failures, is done while it is held.
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Hasher {
    pub(crate) fn new(ids: Arc<dyn Ids>, metrics: Metrics) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            permits: Arc::new(Semaphore::new(cores)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            ids,
            metrics,
        }
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) -> Result<Turn, ApiError> {
        let _place = self.waiting.try_acquire().map_err(busy)?;
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout(WAIT, permit).await.map_err(busy)?;
        permit.map(|permit| Turn { _permit: permit }).map_err(busy)
    }

    /// Hashes a password that the policy let through.
    pub(crate) async fn hash(&self, turn: Turn, password: String) -> Result<String, ApiError> {
        let mut salt = [0; 16];
        self.ids.fill(&mut salt);
        let hashed = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            argon2id(&password, &salt)
        });
        hashed
            .await
            .map_err(ApiError::internal)?
            .map_err(ApiError::internal)
    }

    /// Checks a password. Without a hash, because there is no such account or
    /// it has no password, the same work is done for nothing. The turn comes
    /// back, to be held while the outcome is recorded.
    pub(crate) async fn verify(
        &self,
        turn: Turn,
        password: String,
        hash: Option<String>,
    ) -> Result<(Verdict, Turn), ApiError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let algorithm = if is_bcrypt(&hash) {
            Counted::Bcrypt
        } else {
            Counted::Argon2id
        };
        let labels = AlgorithmLabels { algorithm };
        self.metrics
            .password_verifications
            .get_or_create(&labels)
            .inc();
        let mut salt = [0; 16];
        self.ids.fill(&mut salt);
        let work = tokio::task::spawn_blocking(move || {
            let right = known & matches(&password, &hash);
            let verdict = match right {
                false => Ok(Verdict::Wrong),
                true if is_current(&hash) => Ok(Verdict::Right),
                true => argon2id(&normalize(&password), &salt).map(Verdict::Upgrade),
            };
            (verdict, turn)
        });
        let (verdict, turn) = work.await.map_err(ApiError::internal)?;
        Ok((verdict.map_err(ApiError::internal)?, turn))
    }
}

/// Hashes a password that the policy let through, on this thread: for a
/// command, which has nothing else to do meanwhile.
pub(crate) fn hash_now(password: &str, ids: &dyn Ids) -> Result<String, ApiError> {
    let mut salt = [0; 16];
    ids.fill(&mut salt);
    argon2id(password, &salt).map_err(ApiError::internal)
}

fn busy<E>(_: E) -> ApiError {
    ApiError::unavailable("too many passwords are being checked")
}

fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2x$", "$2y$"]
        .iter()
        .any(|prefix| hash.starts_with(prefix))
}

fn hasher() -> Result<Argon2<'static>, argon2::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[derive(Debug, thiserror::Error)]
#[error("a password could not be hashed: {0}")]
struct HashError(String);

fn argon2id(password: &str, salt: &[u8; 16]) -> Result<String, HashError> {
    let hasher = hasher().map_err(|error| HashError(error.to_string()))?;
    let hash: PasswordHash = hasher
        .hash_password_with_salt(password.as_bytes(), salt)
        .map_err(|error| HashError(error.to_string()))?;
    Ok(hash.to_string())
}

fn matches(password: &str, hash: &str) -> bool {
    if is_bcrypt(hash) {
        // The predecessor hashed what was typed, without normalising it.
        return bcrypt::verify(password, hash).unwrap_or(false);
    }
    let (Ok(hasher), Ok(hash)) = (hasher(), PasswordHash::new(hash)) else {
        return false;
    };
    hasher
        .verify_password(normalize(password).as_bytes(), &hash)
        .is_ok()
}

/// Whether a hash has today's parameters.
fn is_current(hash: &str) -> bool {
    let current = (MEMORY_KIB, PASSES, LANES);
    PasswordHash::new(hash).is_ok_and(|hash| {
        hash.algorithm.as_str() == "argon2id"
            && Params::try_from(&hash)
                .is_ok_and(|params| (params.m_cost(), params.t_cost(), params.p_cost()) == current)
    })
}

#[cfg(test)]
mod tests {
    use openmake_types::RandomIds;
    use prometheus_client::registry::Registry;

    use super::*;

    fn new_hasher() -> Hasher {
        Hasher::new(Arc::new(RandomIds), Metrics::new(Registry::default()))
    }

    async fn verify(hasher: &Hasher, password: &str, hash: Option<&str>) -> Verdict {
        let turn = hasher.turn().await.expect("a turn");
        let checked = hasher.verify(turn, password.to_owned(), hash.map(str::to_owned));
        checked.await.expect("checks").0
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_however_it_is_composed() {
        let hasher = new_hasher();
        let turn = hasher.turn().await.expect("a turn");
        let composed = normalize("각각각각각각각각각각");
        let hash = hasher.hash(turn, composed).await.expect("hashes");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        // As macOS types it: each syllable as three letters.
        let decomposed = "\u{1100}\u{1161}\u{11a8}".repeat(10);
        assert_eq!(
            verify(&hasher, &decomposed, Some(&hash)).await,
            Verdict::Right
        );
        assert_eq!(verify(&hasher, "각", Some(&hash)).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn weaker_hashes_are_upgraded() {
        let hasher = new_hasher();
        let bcrypt = bcrypt::hash("legacy password", 4).expect("hashes");
        let Verdict::Upgrade(stronger) = verify(&hasher, "legacy password", Some(&bcrypt)).await
        else {
            panic!("bcrypt is upgraded");
        };
        assert!(is_current(&stronger));
        assert_eq!(
            verify(&hasher, "legacy password", Some(&stronger)).await,
            Verdict::Right
        );
        assert_eq!(
            verify(&hasher, "another", Some(&bcrypt)).await,
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn nobody_has_no_password_but_costs_the_same() {
        assert!(is_current(NOBODY), "the same parameters, and readable");
        let hasher = new_hasher();
        assert_eq!(verify(&hasher, "anything", None).await, Verdict::Wrong);
        assert_eq!(verify(&hasher, "", None).await, Verdict::Wrong);
        let labels = AlgorithmLabels {
            algorithm: Counted::Argon2id,
        };
        let counted = hasher
            .metrics
            .password_verifications
            .get_or_create(&labels)
            .get();
        assert_eq!(counted, 2);
        assert_eq!(
            verify(&hasher, "anything", Some("damaged")).await,
            Verdict::Wrong
        );
    }
}
