//! A conversation's title, by the model that gave its first answer.

use std::time::Duration;

use futures_util::StreamExt as _;
use openmake_models::{
    ChatDelta, ChatMessage, ChatRequest, ModelCapabilities, ModelError, Role, ThinkingLevel,
};
use openmake_types::TokenCounts;

use crate::{ModelClient, context::shorten, estimate_tokens};

/// Characters of a title at most.
const MAX_CHARS: usize = 60;
/// How long the model may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Tokens that the model may write: a title, and a little talk around it.
const MAX_TOKENS: u32 = 80;
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 4_000;

/// What to find a title for.
#[derive(Debug, Clone, Copy)]
pub struct TitleRequest<'a> {
    /// The model to ask.
    pub model: &'a str,
    /// What it can do.
    pub capabilities: ModelCapabilities,
    /// The first question.
    pub question: &'a str,
    /// Its answer.
    pub answer: &'a str,
}

/// A title, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// The title; none where the model wrote nothing usable.
    pub text: Option<String>,
    /// What the model read and wrote.
    pub tokens: TokenCounts,
}

/// Asks the model for a title in the question's language.
pub async fn make_title(
    models: &dyn ModelClient,
    request: &TitleRequest<'_>,
) -> Result<Title, ModelError> {
    let question = shorten(request.question, 1_000).text;
    let answer = shorten(request.answer, 500).text;
    let prompt = format!(
        "Write a title for the conversation below: 3 to 8 words that name its subject, in the language of \
         the question. Give the title alone: no quotation marks, no Markdown, no full stop, no explanation.\n\n\
         <question>\n{question}\n</question>\n\n<answer>\n{answer}\n</answer>\n\nTitle:"
    );
    let estimated_input = estimate_tokens(&prompt);
    let mut chat = ChatRequest::new(request.model, vec![ChatMessage::text(Role::User, prompt)]);
    chat.options.max_tokens = Some(MAX_TOKENS);
    chat.options.temperature = Some(0.3);
    if request.capabilities.thinking {
        chat.thinking = Some(ThinkingLevel::Off);
    }
    let written = tokio::time::timeout(TIMEOUT, collect(models, chat))
        .await
        .map_err(|_| ModelError::Timeout(openmake_models::TimeoutKind::Request(TIMEOUT)))??;
    let tokens = written.counted.unwrap_or(TokenCounts {
        input: estimated_input,
        output: estimate_tokens(&written.text),
    });
    Ok(Title {
        text: clean_title(&written.text),
        tokens,
    })
}

struct Written {
    text: String,
    counted: Option<TokenCounts>,
}

async fn collect(models: &dyn ModelClient, chat: ChatRequest) -> Result<Written, ModelError> {
    let mut answer = models.chat(chat).await?;
    let mut written = Written {
        text: String::new(),
        counted: None,
    };
    while let Some(delta) = answer.deltas.next().await {
        match delta? {
            ChatDelta::Text(text) => written.text.push_str(&text),
            ChatDelta::Usage(tokens) => written.counted = Some(tokens),
            ChatDelta::Finish(_) => break,
            ChatDelta::Thinking(_) | ChatDelta::ToolCall { .. } => {}
        }
        if written.text.len() > MAX_ANSWER {
            break;
        }
    }
    Ok(written)
}

/// What is left of a model's title without its habits; none when that is
/// nothing.
pub fn clean_title(written: &str) -> Option<String> {
    let mut line = written
        .lines()
        .map(str::trim)
        .find(|line| line.chars().any(char::is_alphanumeric))?;
    for label in ["Title", "제목", "标题", "標題", "タイトル"] {
        let bare = line.trim_start_matches(['*', '#', '_', ' ']);
        let after = bare
            .get(..label.len())
            .filter(|start| start.eq_ignore_ascii_case(label))
            .and_then(|_| bare.get(label.len()..))
            .map(|rest| rest.trim_start_matches(['*', '_', ' ']))
            .and_then(|rest| rest.strip_prefix([':', '：']));
        if let Some(rest) = after {
            line = rest;
        }
    }
    let plain: String = line
        .chars()
        .filter(|c| !matches!(c, '*' | '`' | '#') && !c.is_control())
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let joined = words.join(" ");
    let trimmed = joined.trim_matches(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\''
                    | '“'
                    | '”'
                    | '‘'
                    | '’'
                    | '«'
                    | '»'
                    | '「'
                    | '」'
                    | '『'
                    | '』'
                    | '《'
                    | '》'
                    | '_'
                    | '-'
                    | '.'
                    | '。'
                    | ':'
                    | ','
                    | ';'
            )
    });
    let title = cut(trimmed);
    title.chars().any(char::is_alphanumeric).then_some(title)
}

/// A title from the question's own words, for when no model gives one.
pub fn title_from_question(question: &str) -> Option<String> {
    clean_title(question)
}

/// At most [`MAX_CHARS`] characters, cut between words where there are any.
fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_CHARS {
        return text.to_owned();
    }
    let head: String = text.chars().take(MAX_CHARS - 1).collect();
    let kept = match head.rfind(' ') {
        // A break in the first half is no break between words of a phrase:
        // Chinese and Japanese have none.
        Some(at) if at > head.len() / 2 => head.get(..at).unwrap_or(&head),
        _ => &head,
    };
    format!("{}…", kept.trim_end_matches([' ', ',', ':', ';', '-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn habits_of_models_are_removed() {
        for (written, title) in [
            ("\"Sorting in Rust\"", "Sorting in Rust"),
            ("**Title:** Sorting in Rust.", "Sorting in Rust"),
            ("# 러스트 정렬 방법\n\n이 제목은…", "러스트 정렬 방법"),
            ("제목: 「서울의 날씨」", "서울의 날씨"),
            ("标题：今天的天气。", "今天的天气"),
            ("\n\n  `Vec::sort`   explained  \n", "Vec::sort explained"),
            ("Titles of nobility", "Titles of nobility"),
        ] {
            assert_eq!(clean_title(written).as_deref(), Some(title), "{written}");
        }
        for nothing in ["", "\n\n", "***", "\"\""] {
            assert_eq!(clean_title(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_title_is_short() {
        let long = "word ".repeat(40);
        let title = clean_title(&long).expect("a title");
        assert!(title.chars().count() <= MAX_CHARS, "{title}");
        assert!(title.ends_with("word…"), "{title}");
        let chinese = "天".repeat(100);
        let title = clean_title(&chinese).expect("a title");
        assert_eq!(title.chars().count(), MAX_CHARS);
    }
}
