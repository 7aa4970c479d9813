//! What models cost, for administrators.

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError,
    authorize::ManageSettings,
    budgets::{ModelPriceList, ModelPriceView, SetModelPrice},
    extract::{Json, Path},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::prices::{MAX_PRICE, ModelPrice};
use openmake_types::TokenPrice;
use serde_json::json;
use uuid::Uuid;

use super::{budgets::announce, input};
use crate::{audit::AuditContext, error::store_error, state::App};

/// All prices. A model that is not among them costs nothing.
#[utoipa::path(get, path = "/api/v1/model-prices", tag = "budgets",
    responses((status = 200, body = ModelPriceList), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    _allowed: Allowed<ManageSettings>,
) -> Result<Json<ModelPriceList>, ApiError> {
    let prices = app.store.prices().list().await;
    let items = prices.map_err(store_error("price"))?;
    Ok(Json(ModelPriceList {
        items: items.into_iter().map(view).collect(),
    }))
}

/// Sets a model's price, for calls from now on.
#[utoipa::path(put, path = "/api/v1/model-prices/{model}", tag = "budgets",
    params(("model" = String, Path, description = "The real model's name, percent-encoded")),
    request_body = SetModelPrice,
    responses((status = 200, body = ModelPriceView), WriteProblems))]
pub(crate) async fn set(
    State(app): State<App>,
    _allowed: Allowed<ManageSettings>,
    audit: AuditContext,
    Path(model): Path<String>,
    Json(body): Json<SetModelPrice>,
) -> Result<Json<ModelPriceView>, ApiError> {
    let price = ModelPrice {
        model: input::line("model", &model, 200)?,
        price: TokenPrice {
            input: checked("input_price", body.input_price)?,
            output: checked("output_price", body.output_price)?,
        },
        updated_at: audit.now(),
    };
    let entry = audit.success("price.set").on("model", &price.model);
    let entry = entry.with(json!({
        "input_price": price.price.input,
        "output_price": price.price.output,
    }));
    let set = app.store.prices().set(&price, &entry.done()).await;
    set.map_err(store_error("price"))?;
    announce(&app, Uuid::nil(), 0);
    Ok(Json(view(price)))
}

/// Removes a model's price: it costs nothing from now on.
#[utoipa::path(delete, path = "/api/v1/model-prices/{model}", tag = "budgets",
    params(("model" = String, Path, description = "The real model's name, percent-encoded")),
    responses((status = 204), WriteProblems))]
pub(crate) async fn delete(
    State(app): State<App>,
    _allowed: Allowed<ManageSettings>,
    audit: AuditContext,
    Path(model): Path<String>,
) -> Result<StatusCode, ApiError> {
    let entry = audit.success("price.delete").on("model", &model).done();
    let removed = app.store.prices().remove(&model, &entry).await;
    removed.map_err(store_error("price"))?;
    announce(&app, Uuid::nil(), 0);
    Ok(StatusCode::NO_CONTENT)
}

fn checked(field: &'static str, price: u64) -> Result<u64, ApiError> {
    if price > MAX_PRICE {
        let detail = format!("`{field}` is a number from 0 to {MAX_PRICE}.");
        return Err(ApiError::field(field, "invalid", detail));
    }
    Ok(price)
}

fn view(price: ModelPrice) -> ModelPriceView {
    ModelPriceView {
        model: price.model,
        input_price: price.price.input,
        output_price: price.price.output,
        updated_at: price.updated_at,
    }
}
