//! Agents, what was thought of them, and the marketplace.

use openmake_store::import::{
    AgentFeedbackRow, AgentUsageRow, CustomAgentRow, InstallationRow, MarketplaceRow, Relation,
    ReviewRow,
};

use super::{
    context::{Context, Mapped, Table},
    fields::{Fields, Limit},
};
use crate::report::Class;

pub(crate) struct CustomAgents;

impl Table for CustomAgents {
    type Row = CustomAgentRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<CustomAgentRow> {
        let created_by = context.optional_user(fields, "created_by");
        let (created_at, updated_at) = fields.times();
        Mapped::Row(CustomAgentRow {
            id: context.id("custom_agents", &fields.key),
            created_by,
            name: fields.named("name", Limit(100), "?"),
            description: fields.short("description", Limit(2000)).unwrap_or_default(),
            system_prompt: fields
                .short("system_prompt", Limit(100_000))
                .unwrap_or_default(),
            keywords: fields.list("keywords"),
            category: fields.named_or("category", Limit(60), "custom"),
            emoji: fields.named_or("emoji", Limit(32), "🤖"),
            temperature: fields.real("temperature", 0.0, 2.0),
            max_tokens: fields.int("max_tokens", 1, i64::MAX),
            enabled: fields.flag("enabled").unwrap_or(true),
            created_at,
            updated_at,
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct AgentUsage;

impl Table for AgentUsage {
    type Row = AgentUsageRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<AgentUsageRow> {
        Mapped::Row(AgentUsageRow {
            id: context.id("agent_usage_logs", &fields.key),
            timestamp: fields.moment("timestamp"),
            user_id: context.optional_user(fields, "user_id"),
            session_id: context.optional_conversation(fields, "session_id"),
            agent_id: fields.named("agent_id", Limit(200), "?"),
            query: fields.text("query"),
            response_preview: fields.text("response_preview"),
            response_time_ms: fields.int("response_time_ms", 0, i64::MAX),
            tokens_used: fields.int("tokens_used", 0, i64::MAX),
            success: fields.flag("success").unwrap_or(true),
            error_message: fields.text("error_message"),
            metadata: fields.metadata(),
        })
    }
}

/// A rating from 1 to 5; None, with the row to be held, where it is none.
fn rating(fields: &mut Fields) -> Option<i32> {
    let rating = fields.int("rating", 1, 5)?;
    i32::try_from(rating).ok()
}

const NO_RATING: &str = "`rating` is not 1 to 5, and is all that the row says";

pub(crate) struct AgentFeedback;

impl Table for AgentFeedback {
    type Row = AgentFeedbackRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<AgentFeedbackRow> {
        let user_id = context.optional_user(fields, "user_id");
        let Some(rating) = rating(fields) else {
            return Mapped::Held(Class::UnusableHeld, NO_RATING.to_owned(), user_id);
        };
        Mapped::Row(AgentFeedbackRow {
            id: context.id("agent_feedback", &fields.key),
            agent_id: fields.named("agent_id", Limit(200), "?"),
            user_id,
            rating,
            comment: fields.text("comment"),
            query: fields.text("query"),
            response: fields.text("response"),
            tags: fields.list("tags"),
            created_at: fields.moment("created_at"),
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct Marketplace;

impl Table for Marketplace {
    type Row = MarketplaceRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<MarketplaceRow> {
        let author = fields.reference("author_id");
        let Some(author_id) = author.and_then(|key| context.user(&key)) else {
            return Mapped::orphan("author_id", None);
        };
        let Some(agent_id) = context.parent(fields, "agent_id", Relation::CustomAgents) else {
            return Mapped::orphan("agent_id", Some(author_id));
        };
        let (created_at, updated_at) = fields.times();
        Mapped::Row(MarketplaceRow {
            id: context.id("agent_marketplace", &fields.key),
            agent_id,
            author_id,
            title: fields.named("title", Limit(200), "?"),
            description: fields.short("description", Limit(2000)).unwrap_or_default(),
            long_description: fields
                .short("long_description", Limit(50_000))
                .unwrap_or_default(),
            category: fields.named_or("category", Limit(60), "custom"),
            tags: fields.list("tags"),
            icon: fields.named_or("icon", Limit(32), "🤖"),
            banner_url: fields.short("banner_url", Limit(2000)),
            price: fields.real("price", 0.0, 1e12).unwrap_or_default(),
            is_free: fields.flag("is_free").unwrap_or(true),
            is_featured: fields.flag("is_featured").unwrap_or(false),
            is_verified: fields.flag("is_verified").unwrap_or(false),
            downloads: fields.count("downloads"),
            rating_avg: fields.real("rating_avg", 0.0, 5.0).unwrap_or_default(),
            rating_count: fields.count("rating_count"),
            release: fields.named_or("version", Limit(60), "1.0.0"),
            changelog: fields.text("changelog"),
            status: fields.choice(
                "status",
                &["pending", "approved", "rejected", "suspended"],
                "pending",
            ),
            created_at,
            updated_at,
            published_at: fields.time("published_at"),
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct Reviews;

impl Table for Reviews {
    type Row = ReviewRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<ReviewRow> {
        let user = fields.reference("user_id");
        let Some(user_id) = user.and_then(|key| context.user(&key)) else {
            return Mapped::orphan("user_id", None);
        };
        let Some(marketplace_id) = context.parent(fields, "marketplace_id", Relation::Marketplace)
        else {
            return Mapped::orphan("marketplace_id", Some(user_id));
        };
        let Some(rating) = rating(fields) else {
            return Mapped::Held(Class::UnusableHeld, NO_RATING.to_owned(), Some(user_id));
        };
        let (created_at, updated_at) = fields.times();
        Mapped::Row(ReviewRow {
            id: context.id("agent_reviews", &fields.key),
            marketplace_id,
            user_id,
            rating,
            title: fields.short("title", Limit(200)).unwrap_or_default(),
            content: fields.short("content", Limit(10_000)).unwrap_or_default(),
            helpful_count: fields.count("helpful_count"),
            created_at,
            updated_at,
            metadata: fields.metadata(),
        })
    }
}

pub(crate) struct Installations;

impl Table for Installations {
    type Row = InstallationRow;

    fn map(context: &mut Context<'_>, fields: &mut Fields) -> Mapped<InstallationRow> {
        let user = fields.reference("user_id");
        let Some(user_id) = user.and_then(|key| context.user(&key)) else {
            return Mapped::orphan("user_id", None);
        };
        let Some(marketplace_id) = context.parent(fields, "marketplace_id", Relation::Marketplace)
        else {
            return Mapped::orphan("marketplace_id", Some(user_id));
        };
        Mapped::Row(InstallationRow {
            id: context.id("agent_installations", &fields.key),
            marketplace_id,
            user_id,
            installed_at: fields.moment("installed_at"),
            uninstalled_at: fields.time("uninstalled_at"),
        })
    }
}
