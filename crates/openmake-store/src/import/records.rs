//! The rows that an import writes, a struct a table.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::copy::{Compared, Kind, Lines};

/// A row of one of the tables that can be imported into.
pub trait Record: Send + Sync {
    /// Its table.
    const RELATION: Relation;
    /// Its columns, in the order of `COPY`; the first is `id`.
    const COLUMNS: &'static [&'static str];
    /// How each column is compared.
    const KINDS: &'static [Kind];
    /// Columns that the product may change while the import goes on.
    const UNCOMPARED: &'static [&'static str];

    /// Its id.
    fn id(&self) -> Uuid;
    /// The rows without which this one cannot be.
    fn parents(&self) -> impl Iterator<Item = Parent>;
    /// Writes its columns.
    fn write(&self, lines: &mut Lines);
}

/// A row that another one names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Its table.
    pub relation: Relation,
    /// Its id.
    pub id: Uuid,
}

/// The tables that can be imported into. Their numbers stand in the ledger and
/// never change.
macro_rules! relations {
    ($($name:ident = $number:literal $table:literal $trash:literal,)+) => {
        /// A table that can be imported into.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Relation {
            $(#[doc = concat!("`", $table, "`.")] $name,)+
        }

        impl Relation {
            /// All of them, parents before children.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name in the database.
            pub const fn table(self) -> &'static str {
                match self { $(Self::$name => $table,)+ }
            }

            /// Its number in the ledger.
            pub const fn number(self) -> i16 {
                match self { $(Self::$name => $number,)+ }
            }

            /// Whether its rows can be in the trash.
            pub(super) const fn has_trash(self) -> bool {
                match self { $(Self::$name => $trash,)+ }
            }
        }
    };
}

relations! {
    Users = 1 "users" true,
    Conversations = 2 "conversation_sessions" true,
    Messages = 3 "conversation_messages" true,
    CustomAgents = 4 "custom_agents" true,
    AgentUsage = 5 "agent_usage_logs" false,
    AgentFeedback = 6 "agent_feedback" false,
    AuditLogs = 7 "audit_logs" false,
    Alerts = 8 "alert_history" false,
    Memories = 9 "user_memories" true,
    MemoryTags = 10 "memory_tags" false,
    Research = 11 "research_sessions" true,
    ResearchSteps = 12 "research_steps" false,
    Marketplace = 13 "agent_marketplace" true,
    Reviews = 14 "agent_reviews" false,
    Installations = 15 "agent_installations" false,
    Canvas = 16 "canvas_documents" true,
    CanvasVersions = 17 "canvas_versions" false,
    CanvasEdits = 18 "canvas_ai_edits" false,
    Connections = 19 "external_connections" false,
    ExternalFiles = 20 "external_files" false,
    McpServers = 21 "mcp_servers" false,
    PushSubscriptions = 22 "push_subscriptions" false,
    CarriedUsage = 23 "carried_usage" false,
    Holding = 24 "import_holding" false,
}

macro_rules! records {
    ($(
        $(#[$doc:meta])*
        $name:ident in $relation:ident
        under [$($column:ident => $parent:ident),*]
        uncompared [$($free:literal),*]
        { $($field:ident: $type:ty,)+ }
    )+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(#[doc = concat!("The column `", stringify!($field), "`.")] pub $field: $type,)+
        }

        impl Record for $name {
            const RELATION: Relation = Relation::$relation;
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];
            const KINDS: &'static [Kind] = &[$(<$type as super::copy::Field>::KIND),+];
            const UNCOMPARED: &'static [&'static str] = &[$($free),*];

            fn id(&self) -> Uuid {
                self.id
            }

            fn parents(&self) -> impl Iterator<Item = Parent> {
                let named: [(Relation, Option<Uuid>); _] =
                    [$((Relation::$parent, self.$column.into())),*];
                named.into_iter().filter_map(|(relation, id)| Some(Parent { relation, id: id? }))
            }

            fn write(&self, lines: &mut Lines) {
                $(lines.field(&self.$field, compared::<Self>(stringify!($field)));)+
            }
        }
    )+};
}

/// Whether a column is part of the checksum.
pub(super) fn compared<R: Record>(column: &str) -> Compared {
    if R::UNCOMPARED.contains(&column) {
        Compared::No
    } else {
        Compared::Yes
    }
}

records! {
    /// An account. `password_hash` may be bcrypt.
    UserRow in Users under [] uncompared ["last_login", "updated_at"] {
        id: Uuid,
        email: Option<String>,
        display_name: String,
        password_hash: Option<String>,
        role: &'static str,
        is_active: bool,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        last_login: Option<DateTime<Utc>>,
        metadata: Value,
    }

    /// A conversation. The active leaf of one whose messages come as a chain is
    /// set with them, and is left None here.
    ConversationRow in Conversations under [user_id => Users] uncompared ["active_leaf_id"] {
        id: Uuid,
        user_id: Uuid,
        title: String,
        title_source: &'static str,
        model: Option<String>,
        active_leaf_id: Option<Uuid>,
        pinned_at: Option<DateTime<Utc>>,
        archived_at: Option<DateTime<Utc>>,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        metadata: Value,
    }

    /// A message. In one batch a parent stands before its children.
    MessageRow in Messages
        under [session_id => Conversations, parent_id => Messages] uncompared [] {
        id: Uuid,
        session_id: Uuid,
        parent_id: Option<Uuid>,
        role: &'static str,
        content: String,
        thinking: Option<String>,
        model: Option<String>,
        agent_id: Option<String>,
        tokens: Option<i64>,
        response_time_ms: Option<i64>,
        created_at: DateTime<Utc>,
        metadata: Value,
    }

    /// A conversation of another product, which comes with instructions and
    /// knows its active leaf.
    ForeignConversationRow in Conversations under [user_id => Users]
        uncompared ["active_leaf_id"] {
        id: Uuid,
        user_id: Uuid,
        title: String,
        title_source: &'static str,
        instructions: Option<String>,
        active_leaf_id: Option<Uuid>,
        pinned_at: Option<DateTime<Utc>>,
        archived_at: Option<DateTime<Utc>>,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        metadata: Value,
    }

    /// A message of another product, which comes with the tools that were used.
    ForeignMessageRow in Messages
        under [session_id => Conversations, parent_id => Messages] uncompared [] {
        id: Uuid,
        session_id: Uuid,
        parent_id: Option<Uuid>,
        role: &'static str,
        content: String,
        thinking: Option<String>,
        tool_calls: Value,
        model: Option<String>,
        created_at: DateTime<Utc>,
    }

    /// An agent that someone made.
    CustomAgentRow in CustomAgents under [created_by => Users] uncompared [] {
        id: Uuid,
        created_by: Option<Uuid>,
        name: String,
        description: String,
        system_prompt: String,
        keywords: Value,
        category: String,
        emoji: String,
        temperature: Option<f64>,
        max_tokens: Option<i64>,
        enabled: bool,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        metadata: Value,
    }

    /// A run of an agent.
    AgentUsageRow in AgentUsage under [user_id => Users] uncompared [] {
        id: Uuid,
        timestamp: DateTime<Utc>,
        user_id: Option<Uuid>,
        session_id: Option<Uuid>,
        agent_id: String,
        query: Option<String>,
        response_preview: Option<String>,
        response_time_ms: Option<i64>,
        tokens_used: Option<i64>,
        success: bool,
        error_message: Option<String>,
        metadata: Value,
    }

    /// What someone thought of an answer.
    AgentFeedbackRow in AgentFeedback under [user_id => Users] uncompared [] {
        id: Uuid,
        agent_id: String,
        user_id: Option<Uuid>,
        rating: i32,
        comment: Option<String>,
        query: Option<String>,
        response: Option<String>,
        tags: Value,
        created_at: DateTime<Utc>,
        metadata: Value,
    }

    /// An entry of the trail. It joins the chain after the import.
    AuditRow in AuditLogs under [] uncompared [] {
        id: Uuid,
        timestamp: DateTime<Utc>,
        action: String,
        outcome: &'static str,
        user_id: Option<Uuid>,
        resource_type: Option<String>,
        resource_id: Option<String>,
        details: Value,
        ip_address: Option<String>,
        user_agent: Option<String>,
    }

    /// A warning to administrators.
    AlertRow in Alerts under [acknowledged_by => Users] uncompared [] {
        id: Uuid,
        r#type: String,
        severity: &'static str,
        title: String,
        message: String,
        data: Value,
        created_at: DateTime<Utc>,
        acknowledged_at: Option<DateTime<Utc>>,
        acknowledged_by: Option<Uuid>,
    }

    /// Something remembered about a person.
    MemoryRow in Memories under [user_id => Users] uncompared [] {
        id: Uuid,
        user_id: Uuid,
        category: &'static str,
        key: String,
        value: String,
        importance: f64,
        access_count: i64,
        last_accessed: Option<DateTime<Utc>>,
        source_session_id: Option<Uuid>,
        expires_at: Option<DateTime<Utc>>,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        metadata: Value,
    }

    /// A word on a memory.
    MemoryTagRow in MemoryTags under [memory_id => Memories] uncompared [] {
        id: Uuid,
        memory_id: Uuid,
        tag: String,
    }

    /// A piece of research.
    ResearchRow in Research under [user_id => Users] uncompared [] {
        id: Uuid,
        user_id: Uuid,
        topic: String,
        status: &'static str,
        depth: &'static str,
        progress: i32,
        summary: Option<String>,
        key_findings: Value,
        sources: Value,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        completed_at: Option<DateTime<Utc>>,
        metadata: Value,
    }

    /// A step of it.
    ResearchStepRow in ResearchSteps under [session_id => Research] uncompared [] {
        id: Uuid,
        session_id: Uuid,
        step_number: i64,
        step_type: String,
        query: Option<String>,
        result: Option<String>,
        sources: Value,
        status: &'static str,
        created_at: DateTime<Utc>,
        metadata: Value,
    }

    /// An agent on offer.
    MarketplaceRow in Marketplace
        under [agent_id => CustomAgents, author_id => Users] uncompared [] {
        id: Uuid,
        agent_id: Uuid,
        author_id: Uuid,
        title: String,
        description: String,
        long_description: String,
        category: String,
        tags: Value,
        icon: String,
        banner_url: Option<String>,
        price: f64,
        is_free: bool,
        is_featured: bool,
        is_verified: bool,
        downloads: i64,
        rating_avg: f64,
        rating_count: i64,
        release: String,
        changelog: Option<String>,
        status: &'static str,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        published_at: Option<DateTime<Utc>>,
        metadata: Value,
    }

    /// What someone says about an agent on offer.
    ReviewRow in Reviews
        under [marketplace_id => Marketplace, user_id => Users] uncompared [] {
        id: Uuid,
        marketplace_id: Uuid,
        user_id: Uuid,
        rating: i32,
        title: String,
        content: String,
        helpful_count: i64,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        metadata: Value,
    }

    /// That someone uses an agent on offer.
    InstallationRow in Installations
        under [marketplace_id => Marketplace, user_id => Users] uncompared [] {
        id: Uuid,
        marketplace_id: Uuid,
        user_id: Uuid,
        installed_at: DateTime<Utc>,
        uninstalled_at: Option<DateTime<Utc>>,
    }

    /// A document on the canvas.
    CanvasRow in Canvas under [user_id => Users] uncompared [] {
        id: Uuid,
        user_id: Uuid,
        session_id: Option<Uuid>,
        title: String,
        doc_type: &'static str,
        content: String,
        language: Option<String>,
        version: i64,
        is_shared: bool,
        share_token_hash: Option<Vec<u8>>,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        metadata: Value,
    }

    /// An earlier text of it.
    CanvasVersionRow in CanvasVersions
        under [document_id => Canvas, created_by => Users] uncompared [] {
        id: Uuid,
        document_id: Uuid,
        version: i64,
        content: String,
        change_summary: Option<String>,
        created_by: Option<Uuid>,
        created_at: DateTime<Utc>,
        metadata: Value,
    }

    /// A change that a model proposed.
    CanvasEditRow in CanvasEdits under [document_id => Canvas] uncompared [] {
        id: Uuid,
        document_id: Uuid,
        instruction: String,
        original_content: Option<String>,
        modified_content: Option<String>,
        accepted: Option<bool>,
        created_at: DateTime<Utc>,
        metadata: Value,
    }

    /// An account elsewhere, with sealed tokens.
    ConnectionRow in Connections under [user_id => Users] uncompared [] {
        id: Uuid,
        user_id: Uuid,
        service_type: &'static str,
        access_token_sealed: Option<Vec<u8>>,
        refresh_token_sealed: Option<Vec<u8>>,
        token_expires_at: Option<DateTime<Utc>>,
        account_email: Option<String>,
        account_name: Option<String>,
        is_active: bool,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        metadata: Value,
    }

    /// A file there.
    ExternalFileRow in ExternalFiles under [connection_id => Connections] uncompared [] {
        id: Uuid,
        connection_id: Uuid,
        external_id: String,
        file_name: String,
        file_type: Option<String>,
        file_size: Option<i64>,
        web_url: Option<String>,
        last_synced: Option<DateTime<Utc>>,
        cached_content: Option<String>,
        created_at: DateTime<Utc>,
        metadata: Value,
    }

    /// A tool server, with its environment sealed.
    McpServerRow in McpServers under [] uncompared [] {
        id: Uuid,
        name: String,
        transport_type: &'static str,
        command: Option<String>,
        args: Value,
        env_sealed: Option<Vec<u8>>,
        url: Option<String>,
        enabled: bool,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        metadata: Value,
    }

    /// A browser that wants to be told.
    PushSubscriptionRow in PushSubscriptions under [user_id => Users] uncompared [] {
        id: Uuid,
        user_id: Uuid,
        endpoint: String,
        p256dh: String,
        auth: String,
        created_at: DateTime<Utc>,
    }

    /// A day's counters that name no account.
    CarriedUsageRow in CarriedUsage under [] uncompared [] {
        id: Uuid,
        date: NaiveDate,
        key_label: String,
        requests: i64,
        tokens: i64,
        errors: i64,
        avg_response_ms: Option<f64>,
        models: Value,
        metadata: Value,
    }

    /// A row that has no place.
    HoldingRow in Holding under [owner_id => Users] uncompared [] {
        id: Uuid,
        source_id: i32,
        table_name: String,
        old_id: String,
        reason: &'static str,
        owner_id: Option<Uuid>,
        held: Value,
        created_at: DateTime<Utc>,
    }
}
