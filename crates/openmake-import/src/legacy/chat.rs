//! Conversations, messages, and what was logged.

use chrono::{DateTime, NaiveDate, Utc};
use openmake_store::import::{
    AlertRow, AuditRow, CarriedUsageRow, ConversationRow, MessageRow, Relation,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    context::{Context, Mapped, Table},
    fields::{Fields, Limit},
};
use crate::report::Class;

/// The message that the next one of its conversation follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    session: Uuid,
    message: Uuid,
    at: DateTime<Utc>,
}

pub(crate) struct Conversations;

impl Table for Conversations {
    type Row = ConversationRow;

    fn map(context: &mut Context, fields: &mut Fields) -> Mapped<ConversationRow> {
        let id = context.id("conversation_sessions", &fields.key);
        let Some(owner) = fields.reference("user_id") else {
            return Mapped::Held(
                Class::OwnerlessHeld,
                "nobody was signed in, so it belongs to nobody".to_owned(),
                None,
            );
        };
        let Some(user_id) = context.user(&owner) else {
            return Mapped::orphan("user_id", None);
        };
        let title = fields.short("title", Limit(200)).unwrap_or_default();
        let (created_at, updated_at) = fields.times();
        let known = fields.object("metadata");
        let metadata = Value::Object(fields.metadata_with(known));
        Mapped::Row(ConversationRow {
            id,
            user_id,
            title_source: if title.is_empty() { "none" } else { "user" },
            title,
            model: None,
            active_leaf_id: None,
            pinned_at: None,
            archived_at: None,
            created_at,
            updated_at,
            metadata,
        })
    }
}

pub(crate) struct Messages;

impl Table for Messages {
    type Row = MessageRow;

    fn map(context: &mut Context, fields: &mut Fields) -> Mapped<MessageRow> {
        let id = context.id("conversation_messages", &fields.key);
        let session = fields.reference("session_id").unwrap_or_default();
        let session_id = context.id("conversation_sessions", &session);
        if !context.has(Relation::Conversations, session_id) {
            return if context.is_held(session_id) {
                Mapped::Held(
                    Class::OwnerlessHeld,
                    "its conversation is in the holding place".to_owned(),
                    None,
                )
            } else {
                Mapped::orphan("session_id", None)
            };
        }
        let before = context.link.filter(|link| link.session == session_id);
        let created_at = fields.time("created_at").unwrap_or_else(|| {
            fields.note(
                Class::ValueMissing,
                "`created_at` was not there; it is that of the message before now",
            );
            before.map_or(DateTime::UNIX_EPOCH, |link| link.at)
        });
        let row = MessageRow {
            id,
            session_id,
            parent_id: before.map(|link| link.message),
            role: fields.choice("role", &["user", "assistant", "system"], "system"),
            content: fields.required("content"),
            thinking: fields.text("thinking"),
            model: fields.text("model"),
            agent_id: fields.text("agent_id"),
            tokens: fields.int("tokens", 0, i64::MAX),
            response_time_ms: fields.int("response_time_ms", 0, i64::MAX),
            created_at,
            metadata: fields.metadata(),
        };
        context.link = Some(Link {
            session: session_id,
            message: id,
            at: created_at,
        });
        Mapped::Row(row)
    }
}

pub(crate) struct AuditLogs;

impl Table for AuditLogs {
    type Row = AuditRow;

    fn map(context: &mut Context, fields: &mut Fields) -> Mapped<AuditRow> {
        let id = context.id("audit_logs", &fields.key);
        let timestamp = fields.moment("timestamp");
        let action = fields.named("action", Limit(200), "unknown");
        let user = fields.take("user_id");
        let user_id = user.key().and_then(|key| context.user(&key));
        // The trail outlives the account; what named one that is gone is kept.
        if user_id.is_none() && user.key().is_some() {
            fields.keep("user_id", &user);
        }
        let outcome = if action.to_lowercase().contains("fail") {
            "failure"
        } else {
            "success"
        };
        let resource_type = fields.text("resource_type");
        let resource_id = fields.text("resource_id");
        let ip_address = fields.text("ip_address");
        let user_agent = fields.short("user_agent", Limit(300));
        let known = fields.object("details");
        let details = Value::Object(fields.metadata_with(known));
        Mapped::Row(AuditRow {
            id,
            timestamp,
            action,
            outcome,
            user_id,
            resource_type,
            resource_id,
            details,
            ip_address,
            user_agent,
        })
    }
}

pub(crate) struct Alerts;

impl Table for Alerts {
    type Row = AlertRow;

    fn map(context: &mut Context, fields: &mut Fields) -> Mapped<AlertRow> {
        let id = context.id("alert_history", &fields.key);
        let r#type = fields.named("type", Limit(100), "unknown");
        let severity = fields.choice("severity", &["info", "warning", "critical"], "info");
        let title = fields.short("title", Limit(200)).unwrap_or_default();
        let message = fields.text("message").unwrap_or_default();
        let created_at = fields.moment("created_at");
        let at = fields.time("acknowledged_at");
        let is_acknowledged = fields.flag("acknowledged").unwrap_or(false);
        let by = fields.take("acknowledged_by");
        let acknowledged_by = by.key().and_then(|key| context.user(&key));
        if acknowledged_by.is_none() && by.key().is_some() {
            fields.keep("acknowledged_by", &by);
        }
        let known = fields.object("data");
        let data = Value::Object(fields.metadata_with(known));
        Mapped::Row(AlertRow {
            id,
            r#type,
            severity,
            title,
            message,
            data,
            created_at,
            acknowledged_at: at.or(is_acknowledged.then_some(created_at)),
            acknowledged_by,
        })
    }
}

pub(crate) struct Usage;

impl Table for Usage {
    type Row = CarriedUsageRow;

    fn map(context: &mut Context, fields: &mut Fields) -> Mapped<CarriedUsageRow> {
        let id = context.id("api_usage", &fields.key);
        let text = fields.text("date").unwrap_or_default();
        let day = text.get(..10).unwrap_or(&text);
        let Ok(date) = NaiveDate::parse_from_str(day, "%Y-%m-%d") else {
            return Mapped::Held(
                Class::UnusableHeld,
                "`date` is not a day, and a count without one says nothing".to_owned(),
                None,
            );
        };
        let key_label = fields.short("api_key_id", Limit(200)).unwrap_or_default();
        let requests = fields.count("requests");
        let tokens = fields.count("tokens");
        let errors = fields.count("errors");
        let avg_response_ms = fields.real("avg_response_time", 0.0, 1e12);
        let models = fields
            .json("models")
            .filter(|models| !models.is_null())
            .unwrap_or_else(|| Value::Object(Map::new()));
        // Counters have no life of their own: when they were written is known
        // by their day.
        fields.take("created_at");
        fields.take("updated_at");
        let metadata = fields.metadata();
        Mapped::Row(CarriedUsageRow {
            id,
            date,
            key_label,
            requests,
            tokens,
            errors,
            avg_response_ms,
            models,
            metadata,
        })
    }
}
