//! Ollama's `options`, `think`, `format` and durations.

use std::time::Duration;

use openmake_api::ApiError;
use openmake_models::{AnswerFormat, ChatOptions, KeepAlive, ThinkingLevel};
use serde_json::{Map, Value};

/// How the model is held in memory and computed: its server's business, and
/// nothing of the answer.
const SERVERS_OWN: &[&str] = &[
    "numa",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "low_vram",
    "f16_kv",
    "vocab_only",
    "use_mmap",
    "use_mlock",
    "num_thread",
];

/// How an answer is sampled, which changes nothing about vectors.
const OF_ANSWERS: &[&str] = &[
    "temperature",
    "top_p",
    "min_p",
    "top_k",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "num_predict",
    "seed",
    "stop",
];

/// Texts that end the answer.
const MAX_STOPS: usize = 16;

/// What of `options` a model is told. What would change the answer and cannot
/// be passed on is an error.
pub(super) fn options(sent: Map<String, Value>) -> Result<ChatOptions, ApiError> {
    let mut options = ChatOptions::default();
    for (name, value) in sent {
        if value.is_null() || SERVERS_OWN.contains(&name.as_str()) {
            continue;
        }
        match name.as_str() {
            "temperature" => options.temperature = Some(number(&name, &value)?),
            "top_p" => options.top_p = Some(number(&name, &value)?),
            "min_p" => options.min_p = Some(number(&name, &value)?),
            "repeat_penalty" => options.repeat_penalty = Some(number(&name, &value)?),
            "presence_penalty" => options.presence_penalty = Some(number(&name, &value)?),
            "frequency_penalty" => options.frequency_penalty = Some(number(&name, &value)?),
            "top_k" => options.top_k = Some(count(&name, &value)?),
            "num_ctx" => options.context_length = Some(count(&name, &value)?),
            // Without a limit.
            "num_predict" if value == -1 => options.max_tokens = None,
            "num_predict" => options.max_tokens = Some(count(&name, &value)?),
            // At random.
            "seed" if value.as_i64().is_some_and(|seed| seed < 0) => options.seed = None,
            "seed" => {
                let seed = value.as_u64();
                options.seed = Some(seed.ok_or_else(|| wrong(&name, "a whole number"))?);
            }
            "stop" => options.stop = stops(&value)?,
            _ => return Err(unsupported(&name, "here")),
        }
    }
    Ok(options)
}

/// For vectors no option is passed on: those that would change them are
/// errors.
pub(super) fn no_options(sent: Option<Map<String, Value>>) -> Result<(), ApiError> {
    let changes = |name: &str| !SERVERS_OWN.contains(&name) && !OF_ANSWERS.contains(&name);
    let other = sent
        .into_iter()
        .flatten()
        .find(|(name, value)| !value.is_null() && changes(name));
    match other {
        None => Ok(()),
        Some((name, _)) => Err(unsupported(&name, "for vectors")),
    }
}

fn unsupported(name: &str, place: &str) -> ApiError {
    ApiError::field(
        format!("options.{name}"),
        "unsupported",
        format!("The option `{name}` is not supported {place}."),
    )
    .with_code("unsupported")
    .with_hint("Leave it out.")
}

fn number(name: &str, value: &Value) -> Result<f64, ApiError> {
    value.as_f64().ok_or_else(|| wrong(name, "a number"))
}

fn count(name: &str, value: &Value) -> Result<u32, ApiError> {
    value
        .as_u64()
        .and_then(|count| u32::try_from(count).ok())
        .ok_or_else(|| wrong(name, "a whole number that is not negative"))
}

fn stops(value: &Value) -> Result<Vec<String>, ApiError> {
    let texts = match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(texts) => texts
            .iter()
            .map(|text| text.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    };
    texts
        .filter(|texts| texts.len() <= MAX_STOPS && !texts.iter().any(String::is_empty))
        .ok_or_else(|| {
            let what = format!("a text, or at most {MAX_STOPS}, none of them empty");
            wrong("stop", &what)
        })
}

fn wrong(name: &str, what: &str) -> ApiError {
    ApiError::field(
        format!("options.{name}"),
        "invalid",
        format!("The option `{name}` is {what}."),
    )
}

/// How much to think.
pub(super) fn thinking(think: Option<&Value>) -> Result<Option<ThinkingLevel>, ApiError> {
    let level = match think {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Bool(false)) => Some(ThinkingLevel::Off),
        Some(Value::Bool(true)) => Some(ThinkingLevel::Medium),
        Some(Value::String(level)) => match level.as_str() {
            "low" => Some(ThinkingLevel::Low),
            "medium" => Some(ThinkingLevel::Medium),
            "high" => Some(ThinkingLevel::High),
            _ => None,
        },
        Some(_) => None,
    };
    match level {
        Some(level) => Ok(Some(level)),
        None => Err(ApiError::field(
            "think",
            "invalid",
            "`think` is true, false, `low`, `medium` or `high`.",
        )),
    }
}

/// The form of the answer.
pub(super) fn format(format: Option<Value>) -> Result<AnswerFormat, ApiError> {
    match format {
        None | Some(Value::Null) => Ok(AnswerFormat::Text),
        Some(Value::String(name)) if name.is_empty() => Ok(AnswerFormat::Text),
        Some(Value::String(name)) if name == "json" => Ok(AnswerFormat::Json),
        Some(schema @ Value::Object(_)) => Ok(AnswerFormat::Schema(schema)),
        Some(_) => Err(ApiError::field(
            "format",
            "invalid",
            "`format` is `json` or a JSON schema.",
        )),
    }
}

/// How long the model stays loaded: seconds, or a duration as Go writes it;
/// below zero for ever.
pub(super) fn keep_alive(value: Option<&Value>) -> Result<Option<KeepAlive>, ApiError> {
    let seconds = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(seconds)) => seconds.as_f64(),
        Some(Value::String(text)) => duration_in_seconds(text),
        Some(_) => None,
    };
    let Some(seconds) = seconds else {
        return Err(ApiError::field(
            "keep_alive",
            "invalid",
            "`keep_alive` is a number of seconds or a duration such as `5m`.",
        ));
    };
    if seconds < 0.0 {
        return Ok(Some(KeepAlive::Forever));
    }
    // Longer than a duration can be is for ever too.
    Ok(Some(
        Duration::try_from_secs_f64(seconds).map_or(KeepAlive::Forever, KeepAlive::For),
    ))
}

/// `1h30m`, `-1`, `0.5s`; none where it is no duration.
fn duration_in_seconds(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some(seconds);
    }
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return None;
    }
    let is_digit = |c: char| c.is_ascii_digit() || c == '.';
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at_checked(rest.find(|c| !is_digit(c))?)?;
        let end = after.find(is_digit).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end)?;
        let seconds = match unit {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = next;
    }
    Some(sign * total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(value: &Value) -> Result<ChatOptions, ApiError> {
        options(value.as_object().expect("an object").clone())
    }

    #[test]
    fn what_can_be_passed_on_is() {
        let sent = json!({
            "temperature": 0, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "seed": 7,
            "num_predict": 100, "num_ctx": 8192, "stop": ["a", "b"], "repeat_penalty": 1.1,
            "presence_penalty": 0.1, "frequency_penalty": -0.1,
            "num_gpu": 1, "use_mmap": true, "mirostat": null,
        });
        assert_eq!(
            parsed(&sent).expect("sound"),
            ChatOptions {
                temperature: Some(0.0),
                top_p: Some(0.9),
                max_tokens: Some(100),
                context_length: Some(8192),
                stop: vec!["a".to_owned(), "b".to_owned()],
                seed: Some(7),
                top_k: Some(40),
                min_p: Some(0.05),
                repeat_penalty: Some(1.1),
                presence_penalty: Some(0.1),
                frequency_penalty: Some(-0.1),
            }
        );
        let open = parsed(&json!({"num_predict": -1, "seed": -1, "stop": "x"})).expect("sound");
        assert_eq!((open.max_tokens, open.seed), (None, None));
        assert_eq!(open.stop, ["x"]);
    }

    #[test]
    fn what_cannot_is_an_error_that_names_it() {
        for (sent, field) in [
            (json!({"mirostat": 1}), "options.mirostat"),
            (json!({"num_keep": 4}), "options.num_keep"),
            (json!({"num_predict": -2}), "options.num_predict"),
            (json!({"temperature": "hot"}), "options.temperature"),
            (json!({"top_k": -1}), "options.top_k"),
            (json!({"seed": 1.5}), "options.seed"),
            (json!({"stop": [1]}), "options.stop"),
            (json!({"stop": ""}), "options.stop"),
        ] {
            let error = parsed(&sent).expect_err("refused");
            assert_eq!(error.problem().fields[0].field, field);
        }
        let of_vectors = |sent: Value| no_options(sent.as_object().cloned());
        assert!(of_vectors(json!({"temperature": 1, "num_gpu": 1})).is_ok());
        assert!(of_vectors(json!({"num_ctx": 1})).is_err());
    }

    #[test]
    fn durations_are_gos() {
        let kept = |value: Value| keep_alive(Some(&value)).expect("sound");
        let seconds = |seconds| Some(KeepAlive::For(Duration::from_secs(seconds)));
        assert_eq!(kept(json!(null)), None);
        assert_eq!(kept(json!(300)), seconds(300));
        assert_eq!(kept(json!(0)), seconds(0));
        assert_eq!(kept(json!("5m")), seconds(300));
        assert_eq!(kept(json!("1h30m")), seconds(5_400));
        assert_eq!(
            kept(json!("1.5s")),
            Some(KeepAlive::For(Duration::from_millis(1_500)))
        );
        assert_eq!(kept(json!("90")), seconds(90));
        for forever in [json!(-1), json!("-1"), json!("-5m"), json!(1e300)] {
            assert_eq!(kept(forever), Some(KeepAlive::Forever));
        }
        for wrong in [
            json!("soon"),
            json!(""),
            json!("-"),
            json!("5 m"),
            json!("m"),
            json!([]),
        ] {
            assert!(keep_alive(Some(&wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn thinking_and_form() {
        let level = |value: Value| thinking(Some(&value));
        for (sent, wanted) in [
            (json!(true), ThinkingLevel::Medium),
            (json!(false), ThinkingLevel::Off),
            (json!("high"), ThinkingLevel::High),
        ] {
            assert_eq!(level(sent).expect("sound"), Some(wanted));
        }
        assert!(level(json!("much")).is_err());
        assert!(level(json!(3)).is_err());
        let form = |value: Value| format(Some(value));
        assert_eq!(form(json!("")).expect("sound"), AnswerFormat::Text);
        assert_eq!(form(json!("json")).expect("sound"), AnswerFormat::Json);
        assert!(form(json!("xml")).is_err());
    }
}
