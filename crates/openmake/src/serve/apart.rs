//! What a role that runs apart must be told, checked before anything starts.

use openmake_seam::{InternalKeys, Target};

use crate::{cli::Role, config::Config, database::Hint};

/// The roles to run, with what they need.
pub(super) enum Apart {
    /// All in one process.
    All,
    /// The gateway, with where the others are.
    Gateway(Peers),
    /// The ai role, with what it knows the gateway by.
    Ai(InternalKeys),
    /// The page.
    Web,
}

/// Where the gateway finds the other roles.
pub(super) struct Peers {
    pub(super) keys: InternalKeys,
    pub(super) ai: Vec<Target>,
    /// Empty: the gateway serves its own page.
    pub(super) web: Vec<Target>,
}

impl Apart {
    /// Names the first setting that is missing, and how to give it.
    pub(super) fn check(role: Role, config: &Config) -> anyhow::Result<Self> {
        let roles = &config.roles;
        match role {
            Role::Web => Ok(Self::Web),
            Role::All => {
                if !roles.ai.is_empty() || !roles.web.is_empty() {
                    tracing::warn!(
                        "OPENMAKE_AI_URL and OPENMAKE_WEB_URL are for `--role gateway`: this process runs every role itself"
                    );
                }
                Ok(Self::All)
            }
            Role::Gateway | Role::Ai => {
                if config.data.database_url.is_none() {
                    return Err(missing(
                        "DATABASE_URL",
                        "roles that run apart share one PostgreSQL 16 or later with pgvector: postgres://user:password@host/database",
                    ));
                }
                let Some(keys) = roles.internal_keys.clone() else {
                    return Err(missing(
                        "OPENMAKE_INTERNAL_KEY",
                        "make one with `openssl rand -hex 32` and give it to every role; OPENMAKE_INTERNAL_KEY_FILE names a file with it",
                    ));
                };
                if role == Role::Ai {
                    return Ok(Self::Ai(keys));
                }
                if roles.ai.is_empty() {
                    return Err(missing(
                        "OPENMAKE_AI_URL",
                        "name where `openmake serve --role ai` listens, such as http://ai:52416",
                    ));
                }
                Ok(Self::Gateway(Peers {
                    keys,
                    ai: roles.ai.clone(),
                    web: roles.web.clone(),
                }))
            }
        }
    }

    /// Whether other processes share the database and its master key.
    pub(super) const fn shares_database(&self) -> bool {
        matches!(self, Self::Gateway(_) | Self::Ai(_))
    }
}

fn missing(setting: &str, hint: &str) -> anyhow::Error {
    anyhow::anyhow!("a role that runs apart needs {setting}").context(Hint(hint.to_owned()))
}
