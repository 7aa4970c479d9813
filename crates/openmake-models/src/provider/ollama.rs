//! Ollama.

use futures_util::{FutureExt as _, future::BoxFuture};

use super::{
    BaseUrl, Credential, DeltaStream, Provider, ProviderParts,
    endpoint::{Ask, Endpoint},
};
use crate::{
    ChatRequest, EmbedRequest, Embeddings, ListedModel, LoadedModel, ModelDetails, ModelError,
    ProviderKind,
    wire::ollama::{self, OllamaDecoder},
};

/// A server of Ollama's own protocol.
#[derive(Debug)]
pub struct OllamaProvider(Endpoint);

impl OllamaProvider {
    /// The server at `base`.
    pub fn new(base: BaseUrl, parts: ProviderParts) -> Self {
        Self(Endpoint::new(base, parts))
    }

    async fn get(&self, path: &str, credential: &Credential) -> Result<bytes::Bytes, ModelError> {
        self.0
            .json(Ask::get(path, credential), self.0.parts.limits.request)
            .await
    }
}

impl Provider for OllamaProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Ollama
    }

    fn version<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Option<String>, ModelError>> {
        async move { ollama::parse_version(&self.get("/api/version", credential).await?).map(Some) }
            .boxed()
    }

    fn list_models<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Vec<ListedModel>, ModelError>> {
        async move { ollama::parse_list(&self.get("/api/tags", credential).await?) }.boxed()
    }

    fn show<'a>(
        &'a self,
        credential: &'a Credential,
        model: &'a ListedModel,
    ) -> BoxFuture<'a, Result<ModelDetails, ModelError>> {
        let body = ollama::show_body(&model.name);
        async move {
            let ask = Ask {
                path: "/api/show",
                credential,
                body,
                model: &model.name,
            };
            let answer = self.0.json(ask, self.0.parts.limits.request).await?;
            ollama::parse_details(&model.name, &answer)
        }
        .boxed()
    }

    fn loaded<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Option<Vec<LoadedModel>>, ModelError>> {
        async move { ollama::parse_loaded(&self.get("/api/ps", credential).await?).map(Some) }
            .boxed()
    }

    fn chat<'a>(
        &'a self,
        credential: &'a Credential,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<DeltaStream, ModelError>> {
        let decoder = Box::new(OllamaDecoder::new(&request.model, self.0.call_prefix()));
        let ask = Ask {
            path: "/api/chat",
            credential,
            body: ollama::chat_body(request),
            model: &request.model,
        };
        self.0.stream(ask, decoder).boxed()
    }

    fn embed<'a>(
        &'a self,
        credential: &'a Credential,
        request: &'a EmbedRequest,
    ) -> BoxFuture<'a, Result<Embeddings, ModelError>> {
        let ask = Ask {
            path: "/api/embed",
            credential,
            body: ollama::embed_body(request),
            model: &request.model,
        };
        async move {
            let answer = self.0.json(ask, self.0.parts.limits.embed).await?;
            super::checked_vectors(request, ollama::parse_embeddings(&answer)?)
        }
        .boxed()
    }
}
