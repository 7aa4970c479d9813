//! How many tokens a text has, when nobody has counted.
//!
//! Every model cuts text differently, and asking its server would cost a round
//! trip a message. So characters are weighed by their script, by what common
//! tokenizers (those of Llama 3, Qwen 3, Gemma 3 and GPT-4o) make of ordinary
//! prose: about four Latin letters a token, three of other alphabets in two
//! tokens, 1.4 Hangul syllables and 1.2 ideographs or kana. On prose and code
//! that is right to about a quarter, and it errs upwards. A [`Calibration`]
//! from answers whose tokens the provider did count removes most of the rest.

use openmake_models::ChatRequest;

use crate::context::{tokens_of_message, tokens_of_tools};

/// What a message costs besides its text: its role and its marks.
pub(crate) const MESSAGE_OVERHEAD: u64 = 5;
/// What an image costs: what most vision models use for a picture of ordinary
/// size.
pub const IMAGE_TOKENS: u64 = 900;

/// Hundredths of a token that a character is.
const fn weight(c: char) -> u64 {
    match c {
        'a'..='z' | 'A'..='Z' | ' ' => 25,
        '0'..='9' => 45,
        '\0'..='\x7f' => 50,
        // Hangul syllables and their parts.
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => 72,
        // Kana, ideographs and their punctuation.
        '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' => 84,
        '\u{80}'..='\u{ffff}' => 60,
        // Emoji and rare scripts fall apart into bytes.
        _ => 220,
    }
}

/// About how many tokens `text` has.
pub fn estimate_tokens(text: &str) -> u64 {
    text.chars().map(weight).sum::<u64>().div_ceil(100)
}

/// About how many tokens a model reads when it is asked this.
pub fn estimate_request(request: &ChatRequest) -> u64 {
    let messages: u64 = request
        .messages
        .iter()
        .map(|message| {
            let images = u64::try_from(message.images.len()).unwrap_or(u64::MAX);
            let thinking = message.thinking.as_deref().map_or(0, estimate_tokens);
            tokens_of_message(message) + thinking + images.saturating_mul(IMAGE_TOKENS)
        })
        .sum();
    messages + tokens_of_tools(&request.tools)
}

/// How far the estimate is off for this model and conversation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    factor: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { factor: 1.0 }
    }
}

impl Calibration {
    /// From pairs of what was estimated and what the provider counted for the
    /// same text. Fewer than 60 estimated tokens tell too little, and a factor
    /// beyond a half or twice is not believed.
    pub fn from_counts(pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let (estimated, counted) = pairs
            .into_iter()
            .fold((0_u64, 0_u64), |(a, b), (estimated, counted)| {
                (a.saturating_add(estimated), b.saturating_add(counted))
            });
        if estimated < 60 || counted == 0 {
            return Self::default();
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "token counts are far below 2^52, and a ratio needs no more"
        )]
        let factor = (counted as f64 / estimated as f64).clamp(0.5, 2.0);
        Self { factor }
    }

    /// An estimate, corrected.
    pub fn apply(self, estimated: u64) -> u64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive count of tokens far below 2^52"
        )]
        let corrected = (estimated as f64 * self.factor).ceil() as u64;
        corrected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_weigh_differently() {
        let english = estimate_tokens("The quick brown fox jumps over the lazy dog");
        assert!((9..=13).contains(&english), "{english}");
        let korean = estimate_tokens("오늘 서울 날씨는 맑고 기온은 이십 도입니다");
        assert!((13..=18).contains(&korean), "{korean}");
        let chinese = estimate_tokens("今天北京的天气很好");
        assert!((7..=9).contains(&chinese), "{chinese}");
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("a"), 1);
    }

    #[test]
    fn real_counts_correct_the_estimate() {
        assert_eq!(Calibration::from_counts([(100, 150)]).apply(200), 300);
        assert_eq!(Calibration::from_counts([(100, 900)]).apply(100), 200);
        assert_eq!(Calibration::from_counts([(20, 40)]).apply(100), 100);
        assert_eq!(Calibration::from_counts([]).apply(7), 7);
    }
}
