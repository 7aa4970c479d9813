//! Servers of OpenAI's protocol.

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, ready},
};

use super::{
    BaseUrl, Credential, DeltaStream, Provider, ProviderParts,
    endpoint::{Ask, Endpoint},
};
use crate::{
    ChatRequest, EmbedRequest, Embeddings, ListedModel, LoadedModel, ModelDetails, ModelError,
    ProviderKind,
    wire::{
        ollama,
        openai::{self, Dialect, LlamaProps, OpenAiDecoder},
    },
};

/// A server of OpenAI's protocol.
#[derive(Debug)]
pub struct OpenAiProvider {
    endpoint: Endpoint,
    dialect: Dialect,
}

impl OpenAiProvider {
    /// The server at `base`, whose host decides what it is asked for beyond
    /// the protocol.
    pub fn new(base: BaseUrl, parts: ProviderParts) -> Self {
        let dialect = Dialect::of_host(base.root().host());
        Self {
            endpoint: Endpoint::new(base, parts),
            dialect,
        }
    }

    /// llama.cpp tells here what its list leaves out.
    async fn llama_props(&self, credential: &Credential) -> Option<LlamaProps> {
        if self.dialect != Dialect::SELF_HOSTED {
            return None;
        }
        let body = self.endpoint.beside("/props", credential).await?;
        openai::parse_llama_props(&body).ok()
    }
}

impl Provider for OpenAiProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::OpenAi
    }

    /// The protocol has no version; llama.cpp and vLLM have paths of their own.
    fn version<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Option<String>, ModelError>> {
        async move {
            if let Some(props) = self.llama_props(credential).await {
                return Ok(props.version.map(|build| format!("llama.cpp {build}")));
            }
            if self.dialect != Dialect::SELF_HOSTED {
                return Ok(None);
            }
            let version = self.endpoint.beside("/version", credential).await;
            Ok(version
                .and_then(|body| ollama::parse_version(&body).ok())
                .map(|version| format!("vLLM {version}")))
        }
        .boxed()
    }

    fn list_models<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Vec<ListedModel>, ModelError>> {
        async move {
            let limit = self.endpoint.parts.limits.request;
            openai::parse_list(
                &self
                    .endpoint
                    .json(Ask::get("/models", credential), limit)
                    .await?,
            )
        }
        .boxed()
    }

    fn show<'a>(
        &'a self,
        credential: &'a Credential,
        model: &'a ListedModel,
    ) -> BoxFuture<'a, Result<ModelDetails, ModelError>> {
        async move {
            let mut details = model.details.clone();
            if let Some(props) = self.llama_props(credential).await {
                details.context_length = props.context_length.or(details.context_length);
                details.capabilities.tools = props.tools.unwrap_or(details.capabilities.tools);
                details.capabilities.vision = props.vision.unwrap_or(details.capabilities.vision);
            }
            Ok(details)
        }
        .boxed()
    }

    fn loaded<'a>(
        &'a self,
        _credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Option<Vec<LoadedModel>>, ModelError>> {
        async { Ok(None) }.boxed()
    }

    fn chat<'a>(
        &'a self,
        credential: &'a Credential,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<DeltaStream, ModelError>> {
        if let Some(what) = openai::unsupported(request, self.dialect) {
            return ready(Err(ModelError::Unsupported { what })).boxed();
        }
        let decoder = Box::new(OpenAiDecoder::new(
            &request.model,
            self.endpoint.call_prefix(),
        ));
        let ask = Ask {
            path: "/chat/completions",
            credential,
            body: openai::chat_body(request, self.dialect),
            model: &request.model,
        };
        self.endpoint.stream(ask, decoder).boxed()
    }

    fn embed<'a>(
        &'a self,
        credential: &'a Credential,
        request: &'a EmbedRequest,
    ) -> BoxFuture<'a, Result<Embeddings, ModelError>> {
        let ask = Ask {
            path: "/embeddings",
            credential,
            body: openai::embed_body(request),
            model: &request.model,
        };
        async move {
            let answer = self
                .endpoint
                .json(ask, self.endpoint.parts.limits.embed)
                .await?;
            super::checked_vectors(request, openai::parse_embeddings(&answer)?)
        }
        .boxed()
    }
}
