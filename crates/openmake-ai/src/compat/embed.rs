//! Texts into vectors.

use std::sync::Arc;

use openmake_agents::estimate_tokens;
use openmake_api::ApiError;
use openmake_models::{EmbedRequest, Embeddings, ModelError};
use openmake_types::{Actor, ErrorKind, TokenCounts};
use tokio::time::Instant;

use super::{
    bill::{Bill, Surface},
    call::failure,
    plan::permit,
};
use crate::{admission::admit, core::Core, upstream};

/// The vectors of texts.
#[derive(Debug)]
pub(crate) struct Embedded {
    /// The model that made them.
    pub(crate) model: String,
    /// One for each text, in order, all of the same length.
    pub(crate) vectors: Vec<Vec<f32>>,
    /// What it cost.
    pub(crate) tokens: TokenCounts,
}

/// Asks the model that `request` names. Profiles are ways of answering and
/// have no vectors.
pub(crate) async fn embed(
    core: &Arc<Core>,
    surface: Surface,
    actor: &Actor,
    request: EmbedRequest,
) -> Result<Embedded, ApiError> {
    admit(core, actor, Instant::now())?;
    permit(core, &actor.models, &request.model)?;
    let model = find(core, &request.model).await?;
    let mut bill = Bill::open(core, surface, actor, &model);
    let estimated = request
        .inputs
        .iter()
        .map(|text| estimate_tokens(text))
        .fold(0, u64::saturating_add);
    let request = EmbedRequest { model, ..request };
    let model = request.model.clone();
    let Embeddings { vectors, tokens } = match connect(core, actor, request).await {
        Ok(embeddings) => embeddings,
        Err(error) => {
            bill.failed();
            return Err(failure(&error));
        }
    };
    bill.connected(&model, estimated);
    if tokens != TokenCounts::default() {
        bill.counted(tokens);
    }
    bill.answered();
    Ok(Embedded {
        model,
        vectors,
        tokens: bill.tokens(),
    })
}

/// The one place at which texts reach a model.
async fn connect(
    core: &Core,
    actor: &Actor,
    request: EmbedRequest,
) -> Result<Embeddings, ModelError> {
    core.client_for(actor.into())
        .embed(&core.pool, request)
        .await
}

/// The real model of this name, if it makes vectors.
async fn find(core: &Core, name: &str) -> Result<String, ApiError> {
    let available = upstream::available(core).await;
    let plain = |name: &str| name.strip_suffix(":latest").unwrap_or(name).to_owned();
    let found = available
        .iter()
        .find(|model| model.name == name)
        .or_else(|| {
            available
                .iter()
                .find(|model| plain(&model.name) == plain(name))
        });
    match found {
        Some(model) if model.capabilities.embedding => Ok(model.name.clone()),
        Some(model) => Err(not_for_vectors(&model.name)),
        None if core.administered.profiles().lookup(name).is_some() => Err(not_for_vectors(name)),
        None => {
            let detail = format!("There is no model {name}.");
            Err(ApiError::new(ErrorKind::NotFound, detail.clone())
                .with_code("model_not_found")
                .with_hint("List the models to see those that there are.")
                .and_field("model", "unknown", detail))
        }
    }
}

fn not_for_vectors(name: &str) -> ApiError {
    ApiError::field(
        "model",
        "invalid",
        format!("{name} does not turn texts into vectors."),
    )
    .with_code("model_without_embeddings")
    .with_hint("Choose a model that does, such as nomic-embed-text or bge-m3.")
}
