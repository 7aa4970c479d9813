//! What Open WebUI writes as HTML into the text of an answer.

use super::super::{ToolUse, text::append};

/// An answer without its `<details>`, and what was in them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Unfolded {
    pub(super) text: String,
    pub(super) thinking: Option<String>,
    pub(super) tools: Vec<ToolUse>,
}

const OPEN: &str = "<details type=\"";
const CLOSE: &str = "</details>";

/// Takes the folded parts out. What is not Open WebUI's own stays where it is.
pub(super) fn unfold(text: &str) -> Unfolded {
    let mut out = Unfolded::default();
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        let (before, from) = rest.split_at(at);
        let Some(part) = Part::of(from) else {
            let (mark, after) = from.split_at(OPEN.len());
            kept.push_str(before);
            kept.push_str(mark);
            rest = after;
            continue;
        };
        kept.push_str(before);
        rest = part.after;
        match part.kind {
            "reasoning" => append(
                out.thinking.get_or_insert_default(),
                &without_quotes(part.body),
            ),
            "tool_calls" => out.tools.push(ToolUse {
                id: part.attribute("id").unwrap_or_default(),
                name: part.attribute("name").unwrap_or_else(|| "tool".to_owned()),
                arguments: unquoted(&part.attribute("arguments").unwrap_or_default()),
                output: part
                    .attribute("result")
                    .filter(|result| !result.is_empty())
                    .map(|result| unquoted(&result)),
                is_error: false,
            }),
            "code_interpreter" => out.tools.push(ToolUse {
                id: String::new(),
                name: "code_interpreter".to_owned(),
                arguments: part.body.trim().to_owned(),
                output: part.attribute("output").map(|output| unquoted(&output)),
                is_error: false,
            }),
            _ => kept.push_str(part.whole),
        }
    }
    kept.push_str(rest);
    kept.trim().clone_into(&mut out.text);
    // Models whose thoughts nobody took out.
    if out.thinking.is_none()
        && let Some(inner) = out.text.strip_prefix("<think>")
        && let Some((thought, answer)) = inner.split_once("</think>")
    {
        let (thought, answer) = (thought.trim().to_owned(), answer.trim().to_owned());
        out.thinking = Some(thought).filter(|thought| !thought.is_empty());
        out.text = answer;
    }
    out
}

/// One `<details>`.
struct Part<'a> {
    kind: &'a str,
    /// The opening tag.
    tag: &'a str,
    /// Between summary and end.
    body: &'a str,
    whole: &'a str,
    after: &'a str,
}

impl<'a> Part<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let kind = text.get(OPEN.len()..)?.split('"').next()?;
        let tag_end = tag_end(text)?;
        let end = text.find(CLOSE)?;
        let body = text.get(tag_end..end)?;
        let body = match body.split_once("</summary>") {
            Some((_, body)) => body,
            None => body,
        };
        let (whole, after) = text.split_at(end + CLOSE.len());
        Some(Self {
            kind,
            tag: text.get(..tag_end)?,
            body,
            whole,
            after,
        })
    }

    fn attribute(&self, name: &str) -> Option<String> {
        let (_, from) = self.tag.split_once(&format!(" {name}=\""))?;
        Some(unescaped(from.split('"').next()?))
    }
}

/// The first `>` outside quotes, and past it.
fn tag_end(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn without_quotes(body: &str) -> String {
    let lines: Vec<&str> = body
        .trim()
        .lines()
        .map(|line| {
            let line = line
                .strip_prefix("&gt;")
                .or_else(|| line.strip_prefix('>'))
                .unwrap_or(line);
            line.strip_prefix(' ').unwrap_or(line)
        })
        .collect();
    unescaped(&lines.join("\n"))
}

fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// JSON inside a JSON string is what it says.
fn unquoted(text: &str) -> String {
    match serde_json::from_str::<String>(text) {
        Ok(inner) => inner,
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thoughts_and_tools_are_taken_out() {
        let text = "<details type=\"reasoning\" done=\"true\" duration=\"3\">\n<summary>Thought for 3 seconds</summary>\n> First\n> &lt;then&gt;\n</details>\n<details type=\"tool_calls\" done=\"true\" id=\"c1\" name=\"search\" arguments=\"&quot;{\\&quot;q\\&quot;: \\&quot;a>b\\&quot;}&quot;\" result=\"&quot;found&quot;\">\n<summary>Tool Executed</summary>\n</details>\nThe answer.\n\n<details type=\"other\">x</details>";
        let unfolded = unfold(text);
        assert_eq!(unfolded.thinking.as_deref(), Some("First\n<then>"));
        assert_eq!(
            unfolded.text,
            "The answer.\n\n<details type=\"other\">x</details>"
        );
        assert_eq!(
            unfolded.tools,
            [ToolUse {
                id: "c1".to_owned(),
                name: "search".to_owned(),
                arguments: r#"{"q": "a>b"}"#.to_owned(),
                output: Some("found".to_owned()),
                is_error: false,
            }]
        );
        assert_eq!(unfold("<think>a</think>b").thinking.as_deref(), Some("a"));
    }

    proptest! {
        #[test]
        fn any_text_comes_through(parts in prop::collection::vec(prop_oneof![
            Just(OPEN.to_owned()), Just(CLOSE.to_owned()), Just("reasoning\">".to_owned()),
            Just("tool_calls\" name=\"".to_owned()), Just("</summary>".to_owned()), ".{0,8}",
        ], 0..20)) {
            let _ = unfold(&parts.concat());
        }

        #[test]
        fn text_without_tags_stays(text in "[^<]{0,80}") {
            prop_assert_eq!(unfold(&text).text, text.trim());
        }
    }
}
