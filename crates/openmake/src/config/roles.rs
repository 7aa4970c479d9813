//! The settings of roles that run apart.

use openmake_seam::{InternalKeys, Target};

use super::sections::Check;

/// How roles reach each other, and know each other by.
#[derive(Debug)]
pub(crate) struct Roles {
    /// None: there is only one process.
    pub(crate) internal_keys: Option<InternalKeys>,
    /// Where ai is.
    pub(crate) ai: Vec<Target>,
    /// Where the page is; empty where the gateway serves its own.
    pub(crate) web: Vec<Target>,
}

impl Check<'_> {
    pub(super) fn roles(&mut self) -> Roles {
        Roles {
            internal_keys: self.internal_keys(),
            ai: self.targets("roles.ai_url"),
            web: self.targets("roles.web_url"),
        }
    }

    fn internal_keys(&mut self) -> Option<InternalKeys> {
        let key = "roles.internal_key";
        match InternalKeys::parse(self.raw.get(key)?) {
            Ok(keys) => Some(keys),
            Err(error) => {
                let source = self.raw.source(key);
                self.problems.push(format!("`{key}` ({source}): {error}"));
                None
            }
        }
    }

    fn targets(&mut self, key: &'static str) -> Vec<Target> {
        let mut targets = Vec::new();
        let text = self.raw.get(key).unwrap_or_default();
        for item in text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            match item.parse() {
                Ok(target) => targets.push(target),
                Err(error) => {
                    let source = self.raw.source(key);
                    self.problems
                        .push(format!("`{key}` ({source}): `{item}`: {error}"));
                }
            }
        }
        targets
    }
}

#[cfg(test)]
mod tests {
    use crate::config::sample::config;

    #[test]
    fn a_short_key_and_a_wrong_address_are_said_without_the_key() {
        let errors = config(&[
            ("OPENMAKE_INTERNAL_KEY", "sesame"),
            ("OPENMAKE_AI_URL", "http://ai:1,https://ai:2"),
        ])
        .expect_err("wrong")
        .to_string();
        assert!(errors.contains("openssl rand -hex 32"), "{errors}");
        assert!(errors.contains("plain HTTP"), "{errors}");
        assert!(!errors.contains("sesame"), "{errors}");
    }

    #[test]
    fn several_addresses_and_keys_are_read() {
        let keys = format!("{},{}", "a".repeat(32), "b".repeat(32));
        let config = config(&[
            ("OPENMAKE_INTERNAL_KEY", &keys),
            ("OPENMAKE_AI_URL", "http://ai-1:80, http://ai-2:80"),
        ])
        .expect("valid");
        assert_eq!(config.roles.ai.len(), 2);
        assert!(config.roles.web.is_empty());
        assert!(config.roles.internal_keys.is_some());
    }
}
