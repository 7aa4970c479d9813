//! How many tokens a key or an account may cost in a minute.
//!
//! What a call costs is known when it is over, so it is let through until
//! what the last minute cost reaches its limit; calls that run at once may
//! exceed it together, and the next one waits for that. Counted in this
//! process: several that serve one key or account allow it as many times the
//! limit. What
//! must never be exceeded is a budget.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use openmake_api::{
    ApiError,
    rates::{Counted, KeyRates},
};
use openmake_types::{Actor, ApiKeyId, ErrorKind, TokenCounts, UserId};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{budgets::Payer, core::Core};

const MINUTE: Duration = Duration::from_mins(1);
/// Calls that end within this are counted as one.
const GRAIN: Duration = Duration::from_secs(1);
/// Keys and accounts that are remembered before those are forgotten that cost nothing in
/// the last minute.
const MANY: usize = 10_000;

/// Whose tokens are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Spender {
    Key(ApiKeyId),
    /// With all its keys.
    Account(UserId),
}

/// What keys and accounts cost in the last minute.
#[derive(Default)]
pub(crate) struct TokenRates(Mutex<HashMap<Spender, Window>>);

/// What one of them cost, oldest first.
#[derive(Default)]
struct Window(VecDeque<(Instant, u64)>);

impl Window {
    fn forget_old(&mut self, now: Instant) {
        while self
            .0
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) >= MINUTE)
        {
            self.0.pop_front();
        }
    }

    fn add(&mut self, now: Instant, tokens: u64) {
        self.forget_old(now);
        match self.0.back_mut() {
            Some((at, sum)) if now.saturating_duration_since(*at) < GRAIN => {
                *sum = sum.saturating_add(tokens);
            }
            _ => self.0.push_back((now, tokens)),
        }
    }

    fn sum(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, (_, tokens)| sum.saturating_add(*tokens))
    }

    /// How long until less than `limit` is counted.
    fn until_below(&self, limit: u64, now: Instant) -> Duration {
        let mut left = self.sum();
        for (at, tokens) in &self.0 {
            left = left.saturating_sub(*tokens);
            if left < limit {
                return (*at + MINUTE).saturating_duration_since(now);
            }
        }
        Duration::ZERO
    }
}

impl TokenRates {
    /// Refuses when the actor's key has cost its limit, or the account has cost
    /// `account_limit`, which an administrator set for all of them.
    pub(crate) fn check(
        &self,
        actor: &Actor,
        account_limit: Option<u64>,
        now: Instant,
    ) -> Result<(), ApiError> {
        if let Some((key, limit)) = limited(actor)
            && let Some(wait) = self.wait(Spender::Key(key), limit, now)
        {
            let detail = format!("This API key may cost {limit} tokens in a minute, and has.");
            return Err(ApiError::new(ErrorKind::RateLimited, detail)
                .with_code("key_tokens_limited")
                .with_hint("Wait for as long as Retry-After says, or have the key's limit raised.")
                .with_retry_after(wait.as_secs() + 1));
        }
        if let Some(limit) = account_limit
            && let Some(wait) = self.wait(Spender::Account(actor.user_id), limit, now)
        {
            let detail = format!("An account may cost {limit} tokens in a minute, and yours has.");
            return Err(ApiError::new(ErrorKind::RateLimited, detail)
                .with_code("tokens_limited")
                .with_hint("Wait for as long as Retry-After says.")
                .with_retry_after(wait.as_secs() + 1));
        }
        Ok(())
    }

    /// How long until less than `limit` is counted; None where it is now.
    fn wait(&self, spender: Spender, limit: u64, now: Instant) -> Option<Duration> {
        let mut spenders = self.0.lock();
        let window = spenders.get_mut(&spender)?;
        window.forget_old(now);
        (window.sum() >= limit).then(|| window.until_below(limit, now))
    }

    /// Counts what a call cost.
    pub(crate) fn record(&self, payer: Payer, tokens: TokenCounts, now: Instant) {
        let cost = tokens.input.saturating_add(tokens.output);
        let mut spenders = self.0.lock();
        let account = Spender::Account(payer.user);
        for spender in [Some(account), payer.api_key.map(Spender::Key)] {
            let Some(spender) = spender else { continue };
            if spenders.len() >= MANY && !spenders.contains_key(&spender) {
                spenders.retain(|_, window| {
                    window.forget_old(now);
                    !window.0.is_empty()
                });
            }
            spenders.entry(spender).or_default().add(now, cost);
        }
    }

    /// What the actor's key has left, where it is limited.
    fn left(&self, actor: &Actor, now: Instant) -> Option<KeyRates> {
        let (key, limit) = limited(actor)?;
        let mut spenders = self.0.lock();
        let (spent, reset) = match spenders.get_mut(&Spender::Key(key)) {
            Some(window) => {
                window.forget_old(now);
                (window.sum(), window.until_below(1, now))
            }
            None => (0, Duration::ZERO),
        };
        Some(KeyRates {
            limit,
            remaining: limit.saturating_sub(spent),
            reset,
        })
    }
}

fn limited(actor: &Actor) -> Option<(ApiKeyId, u64)> {
    let limit = actor.tokens_per_minute?;
    Some((actor.api_key_id?, limit.into()))
}

/// Says in every answer to a key with a limit what it has left.
pub(crate) async fn say(State(core): State<Arc<Core>>, request: Request, next: Next) -> Response {
    let actor = request.extensions().get::<Actor>();
    let actor = actor.filter(|actor| limited(actor).is_some()).cloned();
    let mut response = next.run(request).await;
    let rates = actor.and_then(|actor| core.token_rates.left(&actor, Instant::now()));
    if let Some(rates) = rates {
        rates.write(Counted::Tokens, response.headers_mut());
    }
    response
}

#[cfg(test)]
mod tests {
    use openmake_types::{ModelAccess, Role};
    use uuid::Uuid;

    use super::*;

    fn key(number: u128) -> ApiKeyId {
        ApiKeyId::from_uuid(Uuid::from_u128(number))
    }

    fn payer(account: u128, number: u128) -> Payer {
        Payer {
            user: UserId::from_uuid(Uuid::from_u128(account)),
            api_key: Some(key(number)),
        }
    }

    fn actor(tokens_per_minute: Option<u32>) -> Actor {
        Actor {
            user_id: UserId::from_uuid(Uuid::from_u128(9)),
            role: Role::User,
            session_id: None,
            api_key_id: Some(key(1)),
            capabilities: Role::User.capabilities(),
            models: ModelAccess::All,
            tokens_per_minute,
        }
    }

    const fn cost(input: u64, output: u64) -> TokenCounts {
        TokenCounts { input, output }
    }

    #[test]
    fn a_key_waits_until_the_last_minute_cost_less_than_its_limit() {
        let (rates, start) = (TokenRates::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let limited = actor(Some(100));
        assert!(rates.check(&limited, None, at(0)).is_ok());
        rates.record(payer(9, 1), cost(30, 30), at(0));
        rates.record(payer(9, 2), cost(1_000, 0), at(0));
        assert!(rates.check(&limited, None, at(1)).is_ok(), "40 are left");
        rates.record(payer(9, 1), cost(0, 60), at(10));
        assert!(rates.check(&limited, None, at(11)).is_err());
        let left = rates.left(&limited, at(11)).expect("limited");
        assert_eq!((left.limit, left.remaining), (100, 0));
        assert_eq!(left.reset, Duration::from_secs(59));
        assert!(rates.check(&limited, None, at(59)).is_err());
        assert!(
            rates.check(&limited, None, at(60)).is_ok(),
            "the first are old"
        );
        let left = rates.left(&limited, at(60)).expect("limited");
        assert_eq!(left.remaining, 40);
        assert!(rates.check(&actor(None), None, at(11)).is_ok());
        assert_eq!(rates.left(&actor(None), at(11)), None);
    }

    #[test]
    fn absurd_counts_and_many_calls_are_bounded() {
        let (rates, start) = (TokenRates::default(), Instant::now());
        rates.record(payer(9, 1), cost(u64::MAX, u64::MAX), start);
        for millis in 0..200_000 {
            let now = start + Duration::from_millis(millis);
            rates.record(payer(9, 1), cost(1, 1), now);
        }
        assert!(rates.0.lock()[&Spender::Key(key(1))].0.len() <= 61);
        let own = Payer {
            api_key: None,
            ..payer(9, 1)
        };
        rates.record(own, cost(1, 1), start);
        assert_eq!(rates.0.lock().len(), 2);
    }

    #[test]
    fn an_account_pays_for_all_its_keys_and_for_itself() {
        let (rates, start) = (TokenRates::default(), Instant::now());
        rates.record(payer(9, 2), cost(40, 20), start);
        rates.record(payer(8, 3), cost(900, 0), start);
        assert!(rates.check(&actor(None), Some(100), start).is_ok());
        let own = Payer {
            api_key: None,
            ..payer(9, 1)
        };
        rates.record(own, cost(0, 50), start);
        let refused = rates.check(&actor(None), Some(100), start);
        assert_eq!(refused.expect_err("spent").code(), "tokens_limited");
        assert!(rates.check(&actor(None), Some(200), start).is_ok());
        assert!(rates.check(&actor(None), None, start).is_ok());
    }
}
