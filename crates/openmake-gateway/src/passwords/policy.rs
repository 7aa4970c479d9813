//! Which passwords are good enough, as NIST SP 800-63B says: long, and none
//! that attackers try first. No rules of composition.

use std::{collections::HashSet, sync::LazyLock};

use openmake_api::ApiError;
use unicode_normalization::UnicodeNormalization as _;

/// How short a password may be.
pub(crate) const MIN_LENGTH: usize = 10;
const MAX_LENGTH: usize = 256;
/// Bytes that are looked at; 256 characters have 1,024 at most.
const MAX_BYTES: usize = 4096;
/// A name shorter than this says little about a password that contains it.
const SHORTEST_NAME: usize = 4;

static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect()
});

/// Whose password it is to be.
pub(crate) struct About<'a> {
    /// The account's e-mail.
    pub(crate) email: &'a str,
    /// What they call themselves.
    pub(crate) display_name: &'a str,
    /// What the instance is called.
    pub(crate) instance_name: &'a str,
}

/// The form in which a password is hashed: the same letters typed on another
/// system (NFC, NFD, full width) are the same password.
pub(crate) fn normalize(password: &str) -> String {
    let mut end = password.len().min(MAX_BYTES);
    while !password.is_char_boundary(end) {
        end -= 1;
    }
    password.get(..end).unwrap_or_default().nfkc().collect()
}

/// Refuses a password that is not good enough, and gives the others normalised.
/// `field` names it in the answer.
pub(crate) fn check(
    field: &'static str,
    password: &str,
    about: &About<'_>,
) -> Result<String, ApiError> {
    let refuse = |code: &'static str, detail: String| Err(ApiError::field(field, code, detail));
    if password.len() > MAX_BYTES {
        return refuse("too_long", too_long());
    }
    let normal = normalize(password);
    let length = normal.chars().count();
    if length < MIN_LENGTH {
        let detail = format!("A password has at least {MIN_LENGTH} characters.");
        return refuse("too_short", detail);
    }
    if length > MAX_LENGTH {
        return refuse("too_long", too_long());
    }
    let folded = normal.to_lowercase();
    if COMMON.contains(folded.as_str()) || is_repetition(&folded) {
        let detail = "This password is one that attackers try first.".to_owned();
        return refuse("too_common", detail);
    }
    if names_owner(&folded, about) {
        let detail = "A password must not be made of your e-mail or name.".to_owned();
        return refuse("too_personal", detail);
    }
    Ok(normal)
}

fn too_long() -> String {
    format!("A password has at most {MAX_LENGTH} characters.")
}

/// Whether it is a short piece again and again, or a run of neighbours such as
/// `abcdefghij`.
fn is_repetition(folded: &str) -> bool {
    let letters: Vec<char> = folded.chars().collect();
    let repeats = (1..=4).any(|length| {
        letters
            .iter()
            .zip(letters.iter().skip(length))
            .all(|(a, b)| a == b)
    });
    let steps = |step: i64| {
        letters
            .iter()
            .zip(letters.iter().skip(1))
            .all(|(a, b)| i64::from(u32::from(*b)) - i64::from(u32::from(*a)) == step)
    };
    repeats || steps(1) || steps(-1)
}

/// Whether little is left when what anyone knows of the owner is taken out.
fn names_owner(folded: &str, about: &About<'_>) -> bool {
    let email = about.email.to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    let domain = email.rsplit('@').next().unwrap_or_default();
    let site = domain.split('.').next().unwrap_or_default();
    let display_name = about.display_name.to_lowercase();
    let instance = about.instance_name.to_lowercase();
    let mut known: Vec<&str> = vec![&email, domain, local, site, &display_name, &instance];
    known.push("openmake");
    known.retain(|name| name.chars().count() >= SHORTEST_NAME);
    known.sort_by_key(|name| std::cmp::Reverse(name.len()));
    if !known.iter().any(|name| folded.contains(name)) {
        return false;
    }
    let mut rest = folded.to_owned();
    for name in known {
        rest = rest.replace(name, "");
    }
    // Digits and signs at the end are what people add to a name.
    let letters = rest.chars().filter(|letter| letter.is_alphabetic()).count();
    letters < SHORTEST_NAME && rest.chars().count() < MIN_LENGTH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(password: &str) -> Result<String, String> {
        let about = About {
            email: "minsu.kim@example.com",
            display_name: "Minsu",
            instance_name: "Acme Chat",
        };
        check("password", password, &about).map_err(|error| error.problem().fields[0].code.clone())
    }

    #[test]
    fn length_is_counted_in_characters_after_normalising() {
        assert_eq!(verdict("kx8-Qw2!z"), Err("too_short".to_owned()));
        assert!(verdict("kx8-Qw2!zp").is_ok());
        // Nine syllables, typed as twenty-seven letters.
        let nine = "\u{1112}\u{1161}\u{11ab}".repeat(4) + "\u{1100}\u{1173}\u{11af}";
        assert_eq!(verdict(&nine), Err("too_short".to_owned()));
        assert!(verdict("우리집강아지는밥을잘먹어").is_ok());
        let long: String = ('a'..='z').cycle().step_by(7).take(256).collect();
        assert!(verdict(&long).is_ok());
        assert_eq!(verdict(&format!("{long}a")), Err("too_long".to_owned()));
        assert_eq!(
            verdict(&"\u{fdfa}".repeat(1400)),
            Err("too_long".to_owned())
        );
    }

    #[test]
    fn what_attackers_try_first_is_refused() {
        for password in [
            "password123",
            "Password123!",
            "1234567890",
            "QWERTYUIOP",
            "1q2w3e4r5t",
            "qlalfqjsgh123",
            "aaaaaaaaaaaa",
            "xyxyxyxyxyxy",
            "abcdefghij",
            "ｐａｓｓｗｏｒｄ１２３",
        ] {
            assert_eq!(
                verdict(password),
                Err("too_common".to_owned()),
                "{password}"
            );
        }
    }

    #[test]
    fn what_anyone_knows_of_the_owner_is_refused() {
        for password in [
            "minsu.kim@example.com",
            "minsu.kim2026!",
            "Minsu12345",
            "OpenMake!2026",
            "acme chat 12",
        ] {
            assert_eq!(
                verdict(password),
                Err("too_personal".to_owned()),
                "{password}"
            );
        }
    }

    #[test]
    fn there_are_no_rules_of_composition() {
        for password in [
            "purple elephants dance",
            "84629175038461",
            "minsu likes long walks",
            "고양이두마리와산다",
        ] {
            let wanted = password.chars().count() >= MIN_LENGTH;
            assert_eq!(verdict(password).is_ok(), wanted, "{password}");
        }
    }

    #[test]
    fn the_list_is_in_the_form_that_is_compared() {
        assert!(COMMON.len() > 5000);
        for word in COMMON.iter() {
            assert_eq!(*word, normalize(word).to_lowercase());
            assert!(
                word.chars().count() >= MIN_LENGTH,
                "{word} is never looked up"
            );
        }
    }
}
