//! Which of the models that are there a profile takes.

use super::file::{ProfileEntry, Size};
use super::resolution::{AvailableModel, Chosen, Requirement};

/// A model of no known size is probably served by a company, and large.
const UNKNOWN_BILLIONS: f64 = 200.0;

/// Unless its name says that it is the small one.
const SMALL_BILLIONS: f64 = 8.0;

/// What makers call their small models.
const SMALL_NAMES: [&str; 7] = ["mini", "nano", "flash", "lite", "small", "haiku", "tiny"];

/// What `balanced` is nearest to.
const BALANCED_BILLIONS: f64 = 14.0;

/// The model of exactly this name, where `:latest` may be left out.
pub(super) fn find_named<'a>(
    name: &str,
    available: &'a [AvailableModel],
) -> Option<&'a AvailableModel> {
    available
        .iter()
        .find(|model| model.name == name)
        .or_else(|| {
            available
                .iter()
                .find(|model| without_latest(&model.name) == without_latest(name))
        })
}

/// What a profile wants of a model for one request.
pub(super) struct Preference<'a> {
    pub(super) profile: &'a ProfileEntry,
    pub(super) requires: &'a [Requirement],
}

impl Preference<'_> {
    /// The best of the models that are there, and why it.
    pub(super) fn choose<'a>(
        &self,
        available: &'a [AvailableModel],
    ) -> Option<(&'a AvailableModel, Chosen)> {
        let capable: Vec<&AvailableModel> = available
            .iter()
            .filter(|model| model.capabilities.chat)
            .filter(|model| {
                self.requires
                    .iter()
                    .all(|requirement| requirement.met_by(model))
            })
            .collect();
        let wanted = || capable.iter().copied().filter(|model| !self.avoids(model));
        for pattern in &self.profile.prefer {
            let matching = wanted().filter(|model| matches(pattern, &model.name));
            if let Some(model) = self.best(matching) {
                return Some((model, Chosen::Preferred(pattern.clone())));
            }
        }
        let any = self
            .best(wanted())
            .or_else(|| self.best(capable.iter().copied()))?;
        Some((any, Chosen::Capable))
    }

    fn avoids(&self, model: &AvailableModel) -> bool {
        self.profile
            .avoid
            .iter()
            .any(|pattern| matches(pattern, &model.name))
    }

    /// The best size; of two as good the one that is loaded, and then the one
    /// that comes first by name, so that the choice does not flutter.
    fn best<'a>(
        &self,
        models: impl Iterator<Item = &'a AvailableModel>,
    ) -> Option<&'a AvailableModel> {
        models.min_by(|a, b| {
            self.misfit(a)
                .total_cmp(&self.misfit(b))
                .then(b.loaded.cmp(&a.loaded))
                .then_with(|| a.name.cmp(&b.name))
        })
    }

    fn misfit(&self, model: &AvailableModel) -> f64 {
        let billions = billions(model);
        match self.profile.size {
            Size::Smallest => billions,
            Size::Balanced => (billions / BALANCED_BILLIONS).ln().abs(),
            Size::Largest => -billions,
        }
    }
}

/// Whether a name is meant by a pattern: as a whole, without its maker, and
/// without `:latest`.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern = pattern.to_lowercase();
    let name = name.to_lowercase();
    let whole = without_latest(&name);
    let short = whole.rsplit('/').next().unwrap_or(whole);
    // `qwen3:*` means all of a family, also where it has no tag.
    let family = pattern.strip_suffix(":*");
    glob(&pattern, whole) || glob(&pattern, short) || family.is_some_and(|family| family == short)
}

/// `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(place) => text = &text[place + part.len()..],
            None => return false,
        }
    }
    true
}

fn without_latest(name: &str) -> &str {
    name.strip_suffix(":latest").unwrap_or(name)
}

/// The size of a model: as its server says, as its name says, or guessed.
#[expect(
    clippy::cast_precision_loss,
    reason = "sizes are compared, not counted"
)]
fn billions(model: &AvailableModel) -> f64 {
    if let Some(parameters) = model.parameters.filter(|parameters| *parameters > 0) {
        return parameters as f64 / 1e9;
    }
    let name = model.name.to_lowercase();
    let mut words = name.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.'));
    let named = words
        .clone()
        .find_map(|word| word.strip_suffix('b')?.parse::<f64>().ok());
    let small = || words.any(|word| SMALL_NAMES.iter().any(|small| word.starts_with(small)));
    named.filter(|billions| *billions > 0.0).unwrap_or_else(|| {
        let mut small = small;
        if small() {
            SMALL_BILLIONS
        } else {
            UNKNOWN_BILLIONS
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelCapabilities;

    fn model(name: &str, parameters: Option<u64>) -> AvailableModel {
        AvailableModel {
            name: name.to_owned(),
            capabilities: ModelCapabilities {
                chat: true,
                ..ModelCapabilities::default()
            },
            context_length: None,
            parameters,
            loaded: false,
        }
    }

    #[test]
    fn patterns() {
        for (pattern, name) in [
            ("qwen3-coder*", "qwen3-coder:30b"),
            ("qwen3:*", "qwen3"),
            ("qwen3:*", "qwen3:latest"),
            ("qwen3:*", "qwen3:8b"),
            ("gpt-oss*", "openai/GPT-OSS-120b"),
            ("*coder*", "qwen2.5-coder:7b"),
            ("qwen3*thinking*", "Qwen3-30B-A3B-Thinking-2507"),
            ("llava", "llava:latest"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("qwen3:*", "qwen3-coder:30b"),
            ("qwen3", "qwen3:8b"),
            ("gemma3*", "shieldgemma3"),
            ("*coder", "coder-x"),
            ("a*b*c", "acb"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn sizes() {
        for (name, parameters, expected) in [
            ("qwen3:8b", Some(8_200_000_000), 8.2),
            ("qwen3:8b", None, 8.0),
            ("qwen3:30b-a3b", None, 30.0),
            ("qwen3:0.6b", Some(0), 0.6),
            ("google/gemini-3-flash-preview", None, SMALL_BILLIONS),
            ("gemini-3-pro", None, UNKNOWN_BILLIONS),
        ] {
            let found = billions(&model(name, parameters));
            assert!((found - expected).abs() < 1e-9, "{name}: {found}");
        }
    }
}
