//! A model that is to answer: chosen, told how, and paid for at the least,
//! before anything is stored.

use std::sync::Arc;

use openmake_agents::{IMAGE_TOKENS, Plan, ThinkingChoice, estimate_request};
use openmake_api::ApiError;
use openmake_models::{ChatMessage, ChatRequest, Role};
use openmake_store::conversations::Conversation;

use super::{
    runner::{self, Instructions},
    start::{Asked, Wishes, thinking_level},
};
use crate::{
    budgets::{Payer, Unpaid, client::PaidClient},
    choose::{Wish, choose},
    core::Core,
};

/// What the models of one request have in common.
pub(super) struct Table<'a> {
    pub(super) core: &'a Core,
    pub(super) asked: &'a Asked,
    /// What the program that asks wishes.
    pub(super) wishes: Option<&'a Wishes>,
    pub(super) payer: Payer,
}

/// A model that is to answer.
pub(super) struct Seat {
    /// The name that was asked for.
    pub(super) requested: String,
    pub(super) plan: Plan,
    /// What asks it, with the least of its cost reserved.
    pub(super) models: Arc<PaidClient>,
    /// Why its cost could not be reserved.
    pub(super) unpaid: Option<Unpaid>,
}

impl Table<'_> {
    /// The model of the wish and, where one is named, the second.
    pub(super) async fn seats(
        &self,
        wish: &Wish<'_>,
        second: Option<&str>,
    ) -> Result<(Seat, Option<Seat>), ApiError> {
        let first = self.seat(wish).await?;
        let second = match second {
            None => None,
            model => Some(self.seat(&Wish { model, ..*wish }).await?),
        };
        Ok((first, second))
    }

    /// Chooses the model and reserves what it costs to ask it.
    async fn seat(&self, wish: &Wish<'_>) -> Result<Seat, ApiError> {
        let chosen = choose(self.core, wish).await?;
        let mut plan = chosen.plan;
        match self.wishes {
            Some(wishes) => heed(&mut plan, wishes),
            None => follow(&mut plan, &self.asked.conversation, wish)?,
        }
        let models = self.core.client_for(self.payer);
        let reserved = models.prepay(&plan.model, self.least_input(&plan)).await;
        Ok(Seat {
            requested: chosen.requested,
            plan,
            models,
            unpaid: reserved.err(),
        })
    }

    /// What the model reads at the least: all but the history, which is not
    /// known yet.
    fn least_input(&self, plan: &Plan) -> u64 {
        let Instructions { system, tools, .. } = runner::instructions(self.core, plan, self.wishes);
        let mut request = ChatRequest::new(
            plan.model.clone(),
            vec![
                ChatMessage::text(Role::System, system),
                ChatMessage::text(Role::User, self.asked.text.clone()),
            ],
        );
        request.tools = tools;
        let images = u64::try_from(self.asked.images).unwrap_or(u64::MAX);
        estimate_request(&request).saturating_add(IMAGE_TOKENS.saturating_mul(images))
    }
}

/// Follows what a program wishes of the way of working.
fn heed(plan: &mut Plan, wishes: &Wishes) {
    plan.temperature = wishes.temperature.or(plan.temperature);
    // A program is given the tools that it brings, and these turns take none.
    plan.tool_turns = 0;
}

/// Follows the conversation's options, where the question says nothing else.
fn follow(plan: &mut Plan, conversation: &Conversation, wish: &Wish<'_>) -> Result<(), ApiError> {
    plan.temperature = conversation.temperature.or(plan.temperature);
    plan.standing.clone_from(&conversation.instructions);
    let level = thinking_level(conversation.thinking.as_deref())?;
    if let (None, Some(level)) = (wish.thinking, level) {
        plan.thinking = ThinkingChoice::Profile(level);
    }
    Ok(())
}
