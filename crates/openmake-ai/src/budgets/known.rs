//! All budgets and prices, as they were read last.

use std::{collections::HashMap, sync::Arc};

use openmake_store::budgets::{Budget, Fingerprint, News};
use openmake_types::{ApiKeyId, BudgetId, TokenPrice, UserId};
use uuid::Uuid;

use super::Payer;

/// What is known of the budgets. Without any, a call costs two look-ups.
#[derive(Debug, Default)]
pub(super) struct Known {
    fingerprint: Option<Fingerprint>,
    /// By the key, account or group that they bind.
    budgets: HashMap<Uuid, Vec<Arc<Budget>>>,
    /// The groups with a budget that somebody is in.
    groups: HashMap<UserId, Vec<Uuid>>,
    prices: HashMap<String, TokenPrice>,
}

impl Known {
    pub(super) fn new(news: News) -> Self {
        let mut known = Self {
            fingerprint: Some(news.fingerprint),
            ..Self::default()
        };
        for budget in news.budgets {
            let of_subject = known.budgets.entry(budget.subject_id).or_default();
            of_subject.push(Arc::new(budget));
        }
        for member in news.members {
            known
                .groups
                .entry(member.user)
                .or_default()
                .push(member.group);
        }
        known.prices = news
            .prices
            .into_iter()
            .map(|price| (price.model, price.price))
            .collect();
        known
    }

    pub(super) const fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// The budgets that bind calls of `payer`.
    pub(super) fn of(&self, payer: Payer) -> Vec<Arc<Budget>> {
        if self.budgets.is_empty() {
            return Vec::new();
        }
        let groups = self.groups.get(&payer.user);
        payer
            .api_key
            .map(ApiKeyId::as_uuid)
            .into_iter()
            .chain([payer.user.as_uuid()])
            .chain(groups.into_iter().flatten().copied())
            .filter_map(|subject| self.budgets.get(&subject))
            .flatten()
            .cloned()
            .collect()
    }

    /// What a model's tokens cost; nothing where no price is set.
    pub(super) fn price(&self, model: &str) -> TokenPrice {
        self.prices.get(model).copied().unwrap_or_default()
    }

    /// The version of a budget of this subject, while it is there.
    pub(super) fn version(&self, subject: Uuid, id: BudgetId) -> Option<i64> {
        let budgets = self.budgets.get(&subject)?;
        let budget = budgets.iter().find(|budget| budget.id == id)?;
        Some(budget.version)
    }
}
