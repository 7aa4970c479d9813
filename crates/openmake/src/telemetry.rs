//! Logs to standard error, and traces to an OpenTelemetry collector where one
//! is set.

use std::{io::IsTerminal as _, time::Duration};

use anyhow::Context as _;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{
    EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// How long one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// What must be told at the end, so that the last traces leave.
#[derive(Debug, Default)]
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Starts logging. Call once.
    pub(crate) fn start(log: &Log) -> anyhow::Result<Self> {
        // The database's notices ("already exists, skipping") come at every
        // start and mean nothing; who names their target gets them back.
        let filter = EnvFilter::try_new(format!("sqlx::postgres::notice=warn,{}", log.level))
            .with_context(|| format!("LOG_LEVEL: `{}` is not a level or filter", log.level))?;
        let lines = match log.format {
            LogFormat::Json => tracing_subscriber::fmt::layer()
                .json()
                .with_writer(std::io::stderr)
                .boxed(),
            LogFormat::Text => tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(std::io::stderr().is_terminal())
                .with_target(false)
                .boxed(),
        };
        let provider = log.otlp_endpoint.as_ref().map(provider).transpose()?;
        let traces = provider.as_ref().map(|provider| {
            tracing_opentelemetry::layer().with_tracer(provider.tracer("openmake"))
        });
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .with(traces)
            .init();
        Ok(Self(provider))
    }

    /// Sends what is left.
    pub(crate) fn stop(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

fn provider(endpoint: &url::Url) -> anyhow::Result<SdkTracerProvider> {
    // The collector's address is the operator's own setting, so it is not
    // guarded by openmake-egress, which would refuse a loopback one.
    let client = reqwest::blocking::Client::builder()
        .timeout(EXPORT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT: no HTTP client")?;
    let address = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(address)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT: no exporter")?;
    let resource = Resource::builder()
        .with_service_name("openmake")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}
