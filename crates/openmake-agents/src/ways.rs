//! The ways of working of the public profiles, in words for the model. What a
//! profile sets in numbers is data of `openmake-models`.

/// What the model is told of the profile's way of working. A profile of an
/// administrator's own has none, and neither has a model chosen by name.
pub fn way_of_working(profile: &str) -> Option<&'static str> {
    match profile {
        "openmake_pro" => Some(
            "Work thoroughly. Look at the question from several sides, give reasons and limits, \
             structure long answers with headings, and end with what follows from them.",
        ),
        "openmake_fast" => {
            Some("Answer at once and briefly: the answer first, no introduction, no summary.")
        }
        "openmake_think" => Some(
            "Solve step by step. State what is given and what is asked, show the steps that matter, \
             check the result against the question, and give the final answer clearly at the end.",
        ),
        "openmake_code" => Some(
            "You are an experienced software engineer. Give complete code that runs, with the language named \
             in every block; keep to the conventions of the person's code; handle errors and edge cases; \
             say in a few sentences what the code does and how to try it. Never invent functions of libraries.",
        ),
        "openmake_vision" => Some(
            "Look carefully at the images before you answer. Say what can be seen, read text exactly as it is \
             written, and say what cannot be made out instead of guessing.",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use openmake_models::profiles::{EngineOverrides, Profiles};

    use super::*;

    #[test]
    fn every_named_way_belongs_to_a_profile_that_is_there() {
        let profiles = Profiles::builtin(EngineOverrides::default()).expect("built in");
        let ids: Vec<&str> = profiles.list().map(|profile| profile.id).collect();
        for id in [
            "openmake_pro",
            "openmake_fast",
            "openmake_think",
            "openmake_code",
            "openmake_vision",
        ] {
            assert!(ids.contains(&id), "{id}");
            assert!(way_of_working(id).is_some(), "{id}");
        }
        assert_eq!(way_of_working("openmake_llm"), None);
    }
}
