//! What people keep: memories, research, canvas, connections, devices.

use openmake_store::import::{
    CanvasEditRow, CanvasRow, CanvasVersionRow, ConnectionRow, ExternalFileRow, McpServerRow,
    MemoryRow, MemoryTagRow, PushSubscriptionRow, Relation, ResearchRow, ResearchStepRow,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    context::{Context, Mapped, Table},
    fields::{Fields, Limit},
};
use crate::report::Class;

/// What is done.
const STATES: &[&str] = &["pending", "running", "completed", "failed", "cancelled"];

/// The owner that a row must have.
fn owner(context: &Context<'_>, fields: &mut Fields) -> Option<Uuid> {
    fields
        .reference("user_id")
        .and_then(|key| context.user(&key))
}

pub(crate) struct Memories;

impl Table for Memories {
    type Row = MemoryRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<MemoryRow> {
        let Some(user_id) = owner(context, fields) else {
            return Mapped::orphan("user_id", None);
        };
        let (created_at, updated_at) = fields.times();
        Mapped::Row(MemoryRow {
            id: context.id("user_memories", &fields.key),
            user_id,
            category: fields.choice(
                "category",
                &[
                    "preference",
                    "fact",
                    "project",
                    "relationship",
                    "skill",
                    "context",
                ],
                "fact",
            ),
            key: fields.named("key", Limit(100), "?"),
            value: fields.short("value", Limit(4000)).unwrap_or_default(),
            importance: fields.real("importance", 0.0, 1.0).unwrap_or(0.5),
            access_count: fields.count("access_count"),
            last_accessed: fields.time("last_accessed"),
            source_session_id: context.optional_conversation(fields, "source_session_id"),
            expires_at: fields.time("expires_at"),
            created_at,
            updated_at,
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct MemoryTags;

impl Table for MemoryTags {
    type Row = MemoryTagRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<MemoryTagRow> {
        let Some(memory_id) = context.parent(fields, "memory_id", Relation::Memories) else {
            return Mapped::orphan("memory_id", None);
        };
        Mapped::Row(MemoryTagRow {
            id: context.id("memory_tags", &fields.key),
            memory_id,
            tag: fields.named("tag", Limit(100), "?"),
        })
    }
}

pub(crate) struct Research;

impl Table for Research {
    type Row = ResearchRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<ResearchRow> {
        let Some(user) = fields.reference("user_id") else {
            return Mapped::Held(
                Class::OwnerlessHeld,
                "nobody was signed in, so it belongs to nobody".to_owned(),
                None,
            );
        };
        let Some(user_id) = context.user(&user) else {
            return Mapped::orphan("user_id", None);
        };
        let (created_at, updated_at) = fields.times();
        let progress = fields.int("progress", 0, 100).unwrap_or_default();
        Mapped::Row(ResearchRow {
            id: context.id("research_sessions", &fields.key),
            user_id,
            topic: fields.short("topic", Limit(4000)).unwrap_or_default(),
            status: still(fields, "status"),
            depth: fields.choice("depth", &["quick", "standard", "deep"], "standard"),
            progress: i32::try_from(progress).unwrap_or_default(),
            summary: fields.text("summary"),
            key_findings: fields.list("key_findings"),
            sources: fields.list("sources"),
            created_at,
            updated_at,
            completed_at: fields.time("completed_at"),
            metadata: fields.metadata(),
        })
    }
}

/// A state, where nothing goes on any more: whoever worked on it is gone.
fn still(fields: &mut Fields, column: &str) -> &'static str {
    match fields.choice(column, STATES, "pending") {
        "running" => {
            fields.note(
                Class::ValueUnknown,
                format!("`{column}` was `running`, and nobody runs it any more; it is `cancelled`"),
            );
            "cancelled"
        }
        state => state,
    }
}

pub(crate) struct ResearchSteps;

impl Table for ResearchSteps {
    type Row = ResearchStepRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<ResearchStepRow> {
        let Some(session_id) = context.parent(fields, "session_id", Relation::Research) else {
            return Mapped::orphan("session_id", None);
        };
        Mapped::Row(ResearchStepRow {
            id: context.id("research_steps", &fields.key),
            session_id,
            step_number: fields
                .int("step_number", i64::MIN, i64::MAX)
                .unwrap_or_default(),
            step_type: fields.named("step_type", Limit(100), "?"),
            query: fields.text("query"),
            result: fields.text("result"),
            sources: fields.list("sources"),
            status: still(fields, "status"),
            created_at: fields.moment("created_at"),
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct Canvas;

impl Table for Canvas {
    type Row = CanvasRow;

    const SECRETS: &'static [&'static str] = &["share_token"];

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<CanvasRow> {
        let Some(user_id) = owner(context, fields) else {
            return Mapped::orphan("user_id", None);
        };
        let token = fields.text("share_token").filter(|token| !token.is_empty());
        let (created_at, updated_at) = fields.times();
        Mapped::Row(CanvasRow {
            id: context.id("canvas_documents", &fields.key),
            user_id,
            session_id: context.optional_conversation(fields, "session_id"),
            title: fields.short("title", Limit(200)).unwrap_or_default(),
            doc_type: fields.choice(
                "doc_type",
                &["document", "code", "diagram", "table"],
                "document",
            ),
            content: fields.text("content").unwrap_or_default(),
            language: fields.short("language", Limit(60)),
            version: fields.int("version", 1, i64::MAX).unwrap_or(1),
            is_shared: fields.flag("is_shared").unwrap_or(false),
            share_token_hash: token.map(|token| Sha256::digest(token).to_vec()),
            created_at,
            updated_at,
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct CanvasVersions;

impl Table for CanvasVersions {
    type Row = CanvasVersionRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<CanvasVersionRow> {
        let Some(document_id) = context.parent(fields, "document_id", Relation::Canvas) else {
            return Mapped::orphan("document_id", None);
        };
        Mapped::Row(CanvasVersionRow {
            id: context.id("canvas_versions", &fields.key),
            document_id,
            version: fields
                .int("version", i64::MIN, i64::MAX)
                .unwrap_or_default(),
            content: fields.required("content"),
            change_summary: fields.text("change_summary"),
            created_by: context.optional_user(fields, "created_by"),
            created_at: fields.moment("created_at"),
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct CanvasEdits;

impl Table for CanvasEdits {
    type Row = CanvasEditRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<CanvasEditRow> {
        let Some(document_id) = context.parent(fields, "document_id", Relation::Canvas) else {
            return Mapped::orphan("document_id", None);
        };
        Mapped::Row(CanvasEditRow {
            id: context.id("canvas_ai_edits", &fields.key),
            document_id,
            instruction: fields.required("instruction"),
            original_content: fields.text("original_content"),
            modified_content: fields.text("modified_content"),
            accepted: fields.flag("accepted"),
            created_at: fields.moment("created_at"),
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct Connections;

impl Table for Connections {
    type Row = ConnectionRow;

    const SECRETS: &'static [&'static str] = &["access_token", "refresh_token"];

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<ConnectionRow> {
        let Some(user_id) = owner(context, fields) else {
            return Mapped::orphan("user_id", None);
        };
        let known = ["google_drive", "notion", "github", "slack", "dropbox"];
        let service = fields.text("service_type").unwrap_or_default();
        let Some(service_type) = known.into_iter().find(|name| *name == service) else {
            return Mapped::Held(
                Class::UnusableHeld,
                "`service_type` is not in the list".to_owned(),
                Some(user_id),
            );
        };
        let id = context.id("external_connections", &fields.key);
        let (created_at, updated_at) = fields.times();
        let access = context.token(fields, "access_token", &format!("external-access:{id}"));
        let refresh = context.token(fields, "refresh_token", &format!("external-refresh:{id}"));
        let known = fields.object("metadata");
        Mapped::Row(ConnectionRow {
            id,
            user_id,
            service_type,
            access_token_sealed: access,
            refresh_token_sealed: refresh,
            token_expires_at: fields.time("token_expires_at"),
            account_email: fields.short("account_email", Limit(254)),
            account_name: fields.short("account_name", Limit(200)),
            is_active: fields.flag("is_active").unwrap_or(true),
            created_at,
            updated_at,
            metadata: Value::Object(fields.metadata_with(known)),
        })
    }
}

pub(crate) struct ExternalFiles;

impl Table for ExternalFiles {
    type Row = ExternalFileRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<ExternalFileRow> {
        let Some(connection_id) = context.parent(fields, "connection_id", Relation::Connections)
        else {
            return Mapped::orphan("connection_id", None);
        };
        Mapped::Row(ExternalFileRow {
            id: context.id("external_files", &fields.key),
            connection_id,
            external_id: fields.named("external_id", Limit(1000), "?"),
            file_name: fields.short("file_name", Limit(500)).unwrap_or_default(),
            file_type: fields.short("file_type", Limit(200)),
            file_size: fields.int("file_size", 0, i64::MAX),
            web_url: fields.short("web_url", Limit(4000)),
            last_synced: fields.time("last_synced"),
            cached_content: fields.text("cached_content"),
            created_at: fields.moment("created_at"),
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct McpServers;

impl Table for McpServers {
    type Row = McpServerRow;

    const SECRETS: &'static [&'static str] = &["env"];

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<McpServerRow> {
        let id = context.id("mcp_servers", &fields.key);
        let transport = fields.text("transport_type").unwrap_or_default();
        let known = ["stdio", "sse", "streamable-http"];
        let command = fields
            .short("command", Limit(2000))
            .filter(|text| !text.is_empty());
        let url = fields
            .short("url", Limit(2000))
            .filter(|text| !text.is_empty());
        let transport_type = known.into_iter().find(|name| *name == transport);
        let is_whole = match transport_type {
            Some("stdio") => command.is_some(),
            Some(_) => url.is_some(),
            None => false,
        };
        let (Some(transport_type), true) = (transport_type, is_whole) else {
            return Mapped::Held(
                Class::UnusableHeld,
                "it has neither a command nor an address that fits its transport".to_owned(),
                None,
            );
        };
        let name = fields.named("name", Limit(100), "?");
        let env = fields.take("env").to_text();
        let env_sealed = (!matches!(env.trim(), "" | "{}" | "null"))
            .then(|| context.seal(&format!("mcp-env:{id}"), &env));
        let (created_at, updated_at) = fields.times();
        // What the predecessor started at will, an administrator looks at first.
        fields.take("enabled");
        Mapped::Row(McpServerRow {
            id,
            name,
            transport_type,
            command,
            args: fields.list("args"),
            env_sealed,
            url,
            enabled: false,
            created_at,
            updated_at,
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct PushSubscriptions;

impl Table for PushSubscriptions {
    type Row = PushSubscriptionRow;

    const SECRETS: &'static [&'static str] = &["p256dh", "auth"];

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<PushSubscriptionRow> {
        let Some(user_id) = owner(context, fields) else {
            return Mapped::orphan("user_id", None);
        };
        let whole = |text: Option<String>, most: usize| {
            text.filter(|text| !text.is_empty() && text.chars().count() <= most)
        };
        let endpoint = whole(fields.text("endpoint"), 2000);
        let p256dh = whole(fields.text("p256dh"), 200);
        let auth = whole(fields.text("auth"), 100);
        let (Some(endpoint), Some(p256dh), Some(auth)) = (endpoint, p256dh, auth) else {
            return Mapped::Held(
                Class::UnusableHeld,
                "the browser cannot be reached without all of its parts".to_owned(),
                Some(user_id),
            );
        };
        Mapped::Row(PushSubscriptionRow {
            id: context.id("push_subscriptions", &fields.key),
            user_id,
            endpoint,
            p256dh,
            auth,
            created_at: fields.moment("created_at"),
        })
    }
}

/// Keys for programs. The predecessor's have another form than ours, and a
/// pepper that is not in the database; in its own version 1.5 they opened
/// nothing.
pub(crate) struct UserApiKeys;

impl Table for UserApiKeys {
    type Row = PushSubscriptionRow;

    const SECRETS: &'static [&'static str] = &["key_hash"];

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<PushSubscriptionRow> {
        let owner = owner(context, fields);
        Mapped::Held(
            Class::UnusableHeld,
            "the old keys cannot be checked here; its owner makes a new one".to_owned(),
            owner,
        )
    }
}

/// Sessions that were ended: none of the old ones is valid here.
pub(crate) struct TokenBlacklist;

impl Table for TokenBlacklist {
    type Row = PushSubscriptionRow;

    const ID: &'static str = "jti";

    fn map(_: &mut Context<'_>, _: &mut Fields) -> Mapped<PushSubscriptionRow> {
        Mapped::Skipped(
            Class::NothingToCarry,
            "no session of the predecessor is valid here".to_owned(),
        )
    }
}
