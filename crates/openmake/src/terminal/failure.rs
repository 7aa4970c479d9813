//! Why a command of the terminal client did not do what was asked, and the
//! exit code by which a script tells.

use std::{io, path::PathBuf, process::ExitCode};

use openmake_api::Problem;
use openmake_egress::EgressError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments contradict what is there.
    #[error("{what}")]
    Usage {
        /// What is wrong.
        what: String,
        /// What to do instead.
        hint: String,
    },
    /// There is no credential, or it no longer holds.
    #[error("you are not signed in to {server}")]
    NotSignedIn {
        /// The server's origin.
        server: String,
    },
    /// The server said no.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The server cannot be reached.
    #[error("{server} cannot be reached: {cause}")]
    Network {
        /// The server's origin.
        server: String,
        /// Why.
        cause: EgressError,
    },
    /// What answers is not an OpenMake server, or one of another version.
    #[error("{server} did not answer as an OpenMake server does: {what}")]
    Foreign {
        /// The server's origin.
        server: String,
        /// What it did instead.
        what: String,
    },
    /// The answer ended with an error.
    #[error("the answer failed: {detail}")]
    Answer {
        /// The code, as in a problem.
        code: String,
        /// For a person.
        detail: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The answer ended early, and not by the person.
    #[error("the answer was cut short: {reason}")]
    CutShort {
        /// Why.
        reason: String,
    },
    /// The person pressed Ctrl-C, or a signal said to stop.
    #[error("interrupted")]
    Interrupted,
    /// A file of this machine.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The terminal or the output.
    #[error("the terminal or the output failed: {0}")]
    Output(#[from] io::Error),
}

/// Problems that say that there is no model to ask.
const NO_MODEL: &[&str] = &[
    "no_model_server",
    "unknown_model",
    "no_capable_model",
    "model_not_for_chat",
    "model_without_vision",
    "model_not_available",
];

impl Failure {
    /// A wrong argument and what to do instead.
    pub(crate) fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// A file that could not be used.
    pub(crate) fn file(path: impl Into<PathBuf>, cause: io::Error) -> Self {
        Self::File {
            path: path.into(),
            cause,
        }
    }

    /// Whether the reader of our output went away, as `head` does.
    pub(crate) fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The stable code, for `--json`.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Usage { .. } => "usage",
            Self::NotSignedIn { .. } => "not_signed_in",
            Self::Problem(problem) => &problem.code,
            Self::Network { .. } => "network",
            Self::Foreign { .. } => "foreign_server",
            Self::Answer { code, .. } => code,
            Self::CutShort { .. } => "cut_short",
            Self::Interrupted => "interrupted",
            Self::File { .. } => "file",
            Self::Output(_) => "output",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::NotSignedIn { server } => Some(format!(
                "`openmake login {server}` signs in; scripts can set OPENMAKE_API_KEY"
            )),
            Self::Problem(problem) => problem.hint.clone(),
            Self::Network { .. } => Some(
                "check the address, and that the server runs; --server or OPENMAKE_URL names another"
                    .to_owned(),
            ),
            Self::Foreign { .. } => {
                Some("check the address, and that both have the same version".to_owned())
            }
            Self::Answer { hint, .. } => hint.clone(),
            Self::CutShort { .. } => Some("ask again".to_owned()),
            Self::Interrupted | Self::File { .. } | Self::Output(_) => None,
        }
    }

    /// The number that the shell sees; `args::EXIT_CODES` lists them.
    pub(crate) fn exit_number(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::File { .. } => 2,
            Self::NotSignedIn { .. } => 3,
            Self::Problem(problem) => of_problem(&problem.code, problem.status),
            Self::Network { .. } => 6,
            Self::Answer { code, .. } => of_problem(code, 0),
            Self::CutShort { .. } => 7,
            Self::Interrupted => 130,
            Self::Output(_) if self.is_closed_output() => 130,
            Self::Foreign { .. } | Self::Output(_) => 1,
        }
    }

    /// The same for `main`.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit_number())
    }
}

fn of_problem(code: &str, status: u16) -> u8 {
    match (code, status) {
        (code, _) if NO_MODEL.contains(&code) => 4,
        (_, 401) => 3,
        ("rate_limited" | "quota_exceeded" | "forbidden" | "content_filter", _)
        | (_, 402 | 403 | 429) => 5,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use openmake_api::ApiError;
    use openmake_types::ErrorKind;

    use super::*;

    fn problem(error: &ApiError) -> u8 {
        Failure::Problem(Box::new(error.problem())).exit_number()
    }

    #[test]
    fn each_kind_has_its_exit_code() {
        let of = |kind| problem(&ApiError::new(kind, "x"));
        assert_eq!(of(ErrorKind::Unauthenticated), 3);
        assert_eq!(of(ErrorKind::Forbidden), 5);
        assert_eq!(of(ErrorKind::RateLimited), 5);
        assert_eq!(of(ErrorKind::QuotaExceeded), 5);
        assert_eq!(of(ErrorKind::Internal), 1);
        let unknown = ApiError::invalid("x").with_code("unknown_model");
        assert_eq!(problem(&unknown), 4);
        let pipe = Failure::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(pipe.exit_number(), 130);
    }
}
