//! From the turn loop's events to the wire's.

use openmake_agents::TurnEvent;
use openmake_api::EventBody;
use openmake_types::TurnMetrics;

/// The event as clients know it.
pub(crate) fn body(event: TurnEvent) -> EventBody {
    match event {
        TurnEvent::ModelSelected {
            model,
            profile,
            node,
            reason,
        } => EventBody::ModelSelected {
            model,
            profile,
            node,
            reason,
        },
        TurnEvent::ContextCut {
            messages,
            tokens,
            context_tokens,
        } => EventBody::ContextCut {
            messages,
            tokens,
            context_tokens,
        },
        TurnEvent::Thinking(text) => EventBody::ThinkingDelta { text },
        TurnEvent::Text(text) => EventBody::TextDelta { text },
        TurnEvent::ToolStarted {
            call_id,
            name,
            arguments,
        } => EventBody::ToolStarted {
            call_id,
            name,
            arguments,
        },
        TurnEvent::ToolFinished {
            call_id,
            name,
            output,
            is_error,
            duration_ms,
        } => EventBody::ToolFinished {
            call_id,
            name,
            output,
            is_error,
            duration_ms,
        },
        TurnEvent::Note { step, message } => EventBody::Progress {
            step: step.to_owned(),
            message,
            percent: None,
        },
        TurnEvent::Usage(metrics) => usage(&metrics),
    }
}

/// What a turn cost, as an event.
pub(crate) fn usage(metrics: &TurnMetrics) -> EventBody {
    EventBody::Usage {
        input_tokens: metrics.tokens.input,
        output_tokens: metrics.tokens.output,
        estimated: metrics.estimated,
        first_token_ms: metrics.first_token_ms,
        tokens_per_second: metrics.tokens_per_second,
    }
}
