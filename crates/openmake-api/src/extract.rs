//! axum's extractors, with problem documents where axum answers plain text.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use openmake_types::ErrorKind;
use serde::{Serialize, de::DeserializeOwned};

use crate::ApiError;

/// A JSON body, in and out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

/// A JSON body that may be missing altogether, which is `T`'s default.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonOrDefault<T>(pub T);

/// The query string.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<T>(pub T);

/// Path parameters. An id that is none names nothing: 404.
#[derive(Debug, Clone, Copy, Default)]
pub struct Path<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let body: Result<axum::Json<T>, JsonRejection> =
            axum::Json::from_request(request, state).await;
        body.map(|axum::Json(value)| Self(value))
            .map_err(|rejection| refused_body(&rejection))
    }
}

impl<T, S> FromRequest<S> for JsonOrDefault<T>
where
    T: DeserializeOwned + Default,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let has_type = request.headers().contains_key(http::header::CONTENT_TYPE);
        if !has_type && http_body::Body::is_end_stream(request.body()) {
            return Ok(Self(T::default()));
        }
        Json::from_request(request, state)
            .await
            .map(|Json(value)| Self(value))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let query: Result<axum::extract::Query<T>, QueryRejection> =
            axum::extract::Query::from_request_parts(parts, state).await;
        query
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| {
                ApiError::invalid(rejection.body_text())
                    .with_code("invalid_query")
                    .with_hint("The API's description is at /api-docs.")
            })
    }
}

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path: Result<axum::extract::Path<T>, PathRejection> =
            axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection| match rejection.status() {
                StatusCode::INTERNAL_SERVER_ERROR => ApiError::internal(rejection.body_text()),
                _ => ApiError::not_found("thing"),
            })
    }
}

fn refused_body(rejection: &JsonRejection) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ApiError::invalid("The body must be JSON, with `Content-Type: application/json`.")
                .with_code("invalid_json")
        }
        // The client went away or sent less than it promised.
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            ApiError::invalid(rejection.body_text())
                .with_code("invalid_json")
                .with_hint("The API's description is at /api-docs.")
        }
        _ => ApiError::internal(rejection.body_text()),
    }
}

/// The body is larger than this route takes.
pub fn too_large() -> ApiError {
    ApiError::new(
        ErrorKind::TooLarge,
        "The request is larger than this route takes.",
    )
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        #[serde(default)]
        name: String,
    }

    fn request(body: &'static str) -> Request {
        Request::post("/")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .expect("valid")
    }

    #[tokio::test]
    async fn a_malformed_body_is_a_problem_that_says_where() {
        let error = Json::<Thing>::from_request(request(r#"{"other":1}"#), &())
            .await
            .expect_err("refused");
        assert_eq!(error.code(), "invalid_json");
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        assert!(error.detail().contains("other"), "{}", error.detail());
    }

    #[tokio::test]
    async fn a_missing_body_is_the_default_only_where_that_is_said() {
        let empty = || Request::post("/").body(Body::empty()).expect("valid");
        let body = JsonOrDefault::<Thing>::from_request(empty(), &()).await;
        assert_eq!(body.expect("default").0, Thing::default());
        assert!(Json::<Thing>::from_request(empty(), &()).await.is_err());
        let wrong = JsonOrDefault::<Thing>::from_request(request("["), &()).await;
        assert_eq!(wrong.expect_err("refused").code(), "invalid_json");
    }
}
