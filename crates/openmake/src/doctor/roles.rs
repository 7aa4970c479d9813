//! Whether roles that run apart can reach each other, and know each other.

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use openmake_api::Problem;
use openmake_seam::{Dress, IDENTITY_PATH, Peer, Target};
use tower::ServiceExt as _;

use super::{Report, Verdict};
use crate::{
    config::Config,
    serve::{World, role_client},
};

/// How long a role may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checks the roles that the settings name; where none is, all run in one
/// process.
pub(super) async fn check(config: &Config, world: &World, report: &mut Report) {
    let roles = &config.roles;
    for target in &roles.ai {
        let Some(keys) = roles.internal_keys.clone() else {
            report.add(
                "ai role",
                Verdict::Failure,
                "OPENMAKE_AI_URL is set, and OPENMAKE_INTERNAL_KEY is not",
                "give all roles the same key; make one with `openssl rand -hex 32`",
            );
            return;
        };
        let asked = Asked {
            check: "ai role",
            peer: Peer::Ai,
            dress: Dress::Identity(keys),
            path: IDENTITY_PATH,
            wanted: StatusCode::NO_CONTENT,
        };
        asked.ask(target, world, report).await;
    }
    for target in &roles.web {
        let asked = Asked {
            check: "web role",
            peer: Peer::Web,
            dress: Dress::Anonymous,
            path: "/ready",
            wanted: StatusCode::OK,
        };
        asked.ask(target, world, report).await;
    }
}

/// What is asked of a role.
struct Asked {
    check: &'static str,
    peer: Peer,
    dress: Dress,
    path: &'static str,
    wanted: StatusCode,
}

impl Asked {
    async fn ask(self, target: &Target, world: &World, report: &mut Report) {
        let client = role_client(world, self.peer, vec![target.clone()], self.dress);
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = http::Uri::from_static(self.path);
        let answer = tokio::time::timeout(PATIENCE, client.oneshot(request)).await;
        let (found, mend) = match answer {
            Ok(Ok(answer)) if answer.status() == self.wanted => {
                report.ok(self.check, format!("{target} answers"));
                return;
            }
            Ok(Ok(answer)) => {
                let problem = answer.extensions().get::<Problem>();
                match problem.map(|problem| problem.code.as_str()) {
                    Some("ai_misconfigured") => (
                        "it does not accept this key, or the clocks differ by more than 30 seconds",
                        "give all roles the same OPENMAKE_INTERNAL_KEY, and set their clocks by NTP",
                    ),
                    Some("ai_unavailable" | "web_unavailable") => (
                        "it cannot be reached",
                        "start it, or mend its address; the name and the port must be those that it listens on",
                    ),
                    _ => (
                        "something else answers there",
                        "mend the address: it is that of `openmake serve --role …`",
                    ),
                }
            }
            Ok(Err(never)) => match never {},
            Err(_) => ("no answer in time", "see the role's log"),
        };
        report.add(
            self.check,
            Verdict::Failure,
            format!("{target}: {found}"),
            mend,
        );
    }
}
