//! The words of the domain, shared by every crate: who acts, what is said,
//! what it cost and what went wrong. Nothing here does I/O, and nothing here
//! is a wire format: those live in `openmake-api`.

mod actor;
pub mod buckets;
mod budget;
mod clock;
mod content;
mod error;
mod ids;
mod limit;
mod scope;
mod usage;

pub use actor::{Actor, Capability, CapabilitySet, ModelAccess, Role, UnknownRole};
pub use budget::{BudgetPeriod, BudgetRefusal, BudgetSubject, BudgetUnit, TokenPrice};
pub use clock::{Clock, ManualClock, SystemClock};
pub use content::{
    ContentPart, MessageRole, MessageStatus, ToolCall, ToolResult, TurnStatus, UnknownName,
};
pub use error::ErrorKind;
pub use ids::{
    ApiKeyId, BlobId, BudgetId, ConversationId, FixedIds, GroupId, Ids, InvitationId, MessageId,
    NodeId, ProcessId, RandomIds, SessionId, SliceId, TurnId, UserId,
};
pub use limit::{Limit, Limits, MAX_IMAGE_BYTES, MAX_MESSAGE_CHARACTERS};
pub use scope::Scope;
pub use usage::{TokenCounts, TurnMetrics};
