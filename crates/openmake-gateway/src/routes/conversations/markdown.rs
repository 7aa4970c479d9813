//! A conversation as Markdown, to read.

use std::fmt::Write as _;

use openmake_api::{conversations::ConversationView, messages::MessageView};

/// The branch that is shown, as Markdown.
pub(crate) fn markdown(conversation: &ConversationView, messages: &[MessageView]) -> String {
    let title = match conversation.title.as_str() {
        "" => "Conversation",
        title => title,
    };
    let mut text = format!("# {}\n", escaped_line(title));
    for message in messages {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {}\n\n", heading(message));
        if !message.attachments.is_empty() {
            let _ = write!(text, "*{} image(s)*\n\n", message.attachments.len());
        }
        for call in &message.tool_calls {
            let _ = write!(text, "> `{}({})`", call.name, one_line(&call.arguments));
            if let Some(output) = &call.output {
                let _ = write!(text, " → {}", one_line(output));
            }
            text.push_str("\n\n");
        }
        text.push_str(message.content.trim_end());
        text.push('\n');
        if let Some(note) = note(&message.status) {
            let _ = write!(text, "\n*{note}*\n");
        }
    }
    text
}

fn heading(message: &MessageView) -> String {
    let who = match message.role.as_str() {
        "user" => "You".to_owned(),
        "assistant" => match &message.model {
            Some(model) => format!("Assistant ({})", escaped_line(model)),
            None => "Assistant".to_owned(),
        },
        _ => "System".to_owned(),
    };
    let when = message.created_at.format("%Y-%m-%d %H:%M UTC");
    format!("{who}, {when}")
}

fn note(status: &str) -> Option<&'static str> {
    match status {
        "running" => Some("Still being written."),
        "cancelled" => Some("Stopped by you."),
        "failed" => Some("Ended with an error."),
        "interrupted" => Some("Interrupted: the server stopped."),
        _ => None,
    }
}

/// A text on one line that Markdown does not read as markup.
fn escaped_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in one_line(text).chars() {
        if matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#') {
            line.push('\\');
        }
        line.push(letter);
    }
    line
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    fn message(role: &str, content: &str, status: &str) -> MessageView {
        MessageView {
            id: Uuid::nil(),
            parent_id: None,
            turn_id: None,
            role: role.to_owned(),
            content: content.to_owned(),
            thinking: None,
            attachments: Vec::new(),
            tool_calls: Vec::new(),
            model: (role == "assistant").then(|| "qwen3:8b".to_owned()),
            agent_id: None,
            status: status.to_owned(),
            error: None,
            metrics: None,
            finish_reason: None,
            thinking_ms: None,
            context_cut: None,
            beside_id: None,
            comparing: false,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn it_reads_like_a_conversation() {
        let conversation = ConversationView {
            id: Uuid::nil(),
            title: "제목 *하나*".to_owned(),
            model: None,
            thinking: None,
            temperature: None,
            instructions: None,
            pinned: false,
            archived: false,
            temporary: false,
            active_leaf_id: None,
            running_turns: Vec::new(),
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            deleted_at: None,
        };
        let messages = [
            message("user", "안녕?", "complete"),
            message("assistant", "**안녕**하세요", "cancelled"),
        ];
        insta::assert_snapshot!(markdown(&conversation, &messages), @r"
        # 제목 \*하나\*

        ## You, 1970-01-01 00:00 UTC

        안녕?

        ## Assistant (qwen3:8b), 1970-01-01 00:00 UTC

        **안녕**하세요

        *Stopped by you.*
        ");
    }
}
