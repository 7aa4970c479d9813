//! One answer out of the many messages that ChatGPT makes of it.

use super::{
    super::{Flaw, Message, Note, Speaker, ToolUse, text::append, tree::Placed},
    content::Piece,
};

/// Messages as a person saw them.
pub(super) struct Merged {
    pub(super) messages: Vec<Message>,
    /// The message that is shown last.
    pub(super) active: Option<usize>,
}

/// A node goes into the message of the one that it follows where both are the
/// model's and nothing else follows that one.
pub(super) fn merge(
    nodes: Vec<Placed<Piece>>,
    shown: Option<usize>,
    remarks: &mut Vec<Note>,
) -> Merged {
    let mut messages: Vec<Message> = Vec::new();
    // The message of each node, and how many nodes follow that node.
    let mut places: Vec<(usize, usize)> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let above = node.parent.and_then(|parent| places.get(parent)).copied();
        let joins = above.is_some_and(|(message, followers)| {
            followers == 1
                && !matches!(node.says, Piece::User(_))
                && messages
                    .get(message)
                    .is_some_and(|message| message.speaker == Speaker::Assistant)
        });
        let place = match above {
            Some((place, _)) if joins => place,
            _ => {
                messages.push(Message {
                    id: node.id.clone(),
                    parent: above.map(|(message, _)| message),
                    speaker: match node.says {
                        Piece::User(_) => Speaker::User,
                        _ => Speaker::Assistant,
                    },
                    text: String::new(),
                    thinking: None,
                    tools: Vec::new(),
                    model: None,
                    at: node.at,
                });
                messages.len() - 1
            }
        };
        places.push((place, node.followers));
        if let Some(message) = messages.get_mut(place) {
            add(message, &node.id, node.says, remarks);
        }
    }
    let active = shown
        .and_then(|node| places.get(node))
        .map(|(message, _)| *message);
    Merged { messages, active }
}

fn add(message: &mut Message, id: &str, piece: Piece, remarks: &mut Vec<Note>) {
    match piece {
        Piece::User(text) => message.text = text,
        Piece::Said(said) => {
            append(&mut message.text, &said.text);
            message.model = said.model.or(message.model.take());
        }
        Piece::Thought(text) => {
            append(message.thinking.get_or_insert_default(), &text);
        }
        Piece::Asked { tool, arguments } => message.tools.push(ToolUse {
            id: id.to_owned(),
            name: tool,
            arguments,
            output: None,
            is_error: false,
        }),
        Piece::Answered {
            tool,
            output,
            is_error,
        } => {
            let waiting = message
                .tools
                .last_mut()
                .filter(|last| last.output.is_none());
            if let Some(last) = waiting {
                last.output = Some(output);
                last.is_error = is_error;
            } else if let Some(last) = message.tools.last_mut().filter(|last| last.name == tool)
                && let Some(so_far) = &mut last.output
            {
                append(so_far, &output);
            } else {
                remarks.push(Note {
                    id: id.to_owned(),
                    flaw: Flaw::ParentMissing,
                    why: "a tool's answer that nothing asked for".to_owned(),
                });
                message.tools.push(ToolUse {
                    id: id.to_owned(),
                    name: tool,
                    arguments: String::new(),
                    output: Some(output),
                    is_error,
                });
            }
        }
    }
}
