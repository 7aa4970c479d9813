//! Groups of accounts. Administrators make and change them; managers see who
//! belongs to theirs, and add and remove members; members see that they are in
//! one. No key reaches any of it.

pub(super) mod group;
pub(super) mod members;

use openmake_api::{ApiError, groups::GroupRole};
use openmake_store::groups::{Group, GroupRole as Stored, Seen};
use openmake_types::{Actor, Capability, GroupId, UserId};

use super::users;
use crate::{error::store_error, state::App};

/// The groups that the actor sees.
fn seen(actor: &Actor) -> Seen {
    if actor.may(Capability::ManageUsers) {
        Seen::All(actor.user_id)
    } else {
        Seen::Of(actor.user_id)
    }
}

/// The group, if the actor may see who belongs to it.
async fn governed(app: &App, actor: &Actor, id: GroupId) -> Result<Group, ApiError> {
    let group = app.store.groups().get(seen(actor), id).await;
    let group = group.map_err(store_error("group"))?;
    if actor.may(Capability::ManageUsers) || group.role == Some(Stored::Manager) {
        return Ok(group);
    }
    Err(ApiError::forbidden().with_hint("Ask a manager of the group."))
}

/// What accounts may do changed: forgotten here at once, and elsewhere by the
/// wake-up.
fn tell(app: &App, affected: &[UserId]) {
    if affected.is_empty() {
        return;
    }
    app.authority.changed_of(affected);
    app.announce(affected.iter().map(|id| users::changed(*id, 0)).collect());
}

const fn role(role: Stored) -> GroupRole {
    match role {
        Stored::Member => GroupRole::Member,
        Stored::Manager => GroupRole::Manager,
    }
}

const fn stored(role: GroupRole) -> Stored {
    match role {
        GroupRole::Member => Stored::Member,
        GroupRole::Manager => Stored::Manager,
    }
}
