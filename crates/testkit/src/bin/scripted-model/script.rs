//! What the scripted model says.
//!
//! A question that begins with one of these commands gets that answer, any
//! other gets a greeting in its language:
//!
//! - `/slow` a hundred words, a tenth of a second each;
//! - `/long` three thousand words;
//! - `/think` thoughts, then an answer;
//! - `/tool` a call of the calculator, then its result in words;
//! - `/markdown` headings, a list, code, a table, a formula, a diagram;
//! - `/hostile` what a page must not run or load;
//! - `/echo TEXT` the text;
//! - `/images` how many images came with it;
//! - `/break` some words, then the connection is cut;
//! - `/error` a failure before the first word.

use std::time::Duration;

use serde_json::{Value, json};

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    /// Words of the answer.
    Text(String),
    /// Words of the thoughts before it.
    Think(String),
    /// A tool to call.
    Call {
        name: &'static str,
        arguments: Value,
    },
    /// A pause.
    Wait(Duration),
    /// No answer but an error.
    Refuse,
    /// The end of the connection.
    Break,
}

/// What was said last.
pub(crate) enum Said<'a> {
    /// By a person.
    Question {
        /// Their words.
        text: &'a str,
        /// Whether the request offers tools.
        tools: bool,
        /// How many images came with them.
        images: usize,
    },
    /// By a tool that the model called.
    ToolResult(&'a str),
}

/// How the program asks for a conversation's title.
const TITLE_REQUEST: &str = "Write a title for the conversation";

const GREETINGS: [(&str, &str); 4] = [
    (
        "ko",
        "안녕하세요! 저는 **대본대로 답하는 데모 모델**입니다. 이 답변은 미리 적어 둔 글이며, 실제 인공지능이 만든 것이 \
         아닙니다. 화면이 어떻게 움직이는지 보시려면 `/markdown`, `/think`, `/tool`, `/slow` 를 보내 보세요. 진짜 답을 \
         받으시려면 설정에서 모델 서버를 연결해 주세요.",
    ),
    (
        "ja",
        "こんにちは！私は**台本どおりに答えるデモ用モデル**です。この答えはあらかじめ書かれたもので、本物の AI が作ったもの\
         ではありません。`/markdown`、`/think`、`/tool`、`/slow` を送ると画面の動きを確かめられます。本当の答えには、設定でモデル\
         サーバーを接続してください。",
    ),
    (
        "zh",
        "您好！我是一个**按脚本回答的演示模型**。这段回答是事先写好的，并非真正的人工智能生成。发送 `/markdown`、`/think`、\
         `/tool` 或 `/slow` 可以查看界面的效果。想得到真正的回答，请在设置中连接模型服务器。",
    ),
    (
        "en",
        "Hello! I am a **scripted demo model**: this answer was written in advance, and no artificial intelligence made \
         it. Send `/markdown`, `/think`, `/tool` or `/slow` to see what the page does with them. For real answers, \
         connect a model server in the settings.",
    ),
];

const MARKDOWN: &str = r#"# A scripted sample

This answer was **written in advance**. It shows what the page *renders*.

1. A list, with `code` in it
2. and a [link](https://example.com/).

```rust
fn main() {
    println!("scripted");
}
```

| server | protocol |
|---|---|
| Ollama | its own |
| llama.cpp | OpenAI's |

The area of a circle is $A = \pi r^2$, and

$$\int_0^1 x^2\,dx = \frac{1}{3}$$

```mermaid
graph LR
  question --> model --> answer
```

> 한국어, 日本語, 中文.
"#;

const HOSTILE: &str = r#"A scripted answer that tries to harm:

<script>window.harmed = 'script'</script>
<img src="x" onerror="window.harmed = 'onerror'">
<iframe src="https://example.com/frame"></iframe>
<svg onload="window.harmed = 'svg'"></svg>
<a href="javascript:window.harmed='link'">a link</a>
[another link](javascript:window.harmed='markdown')
[a third](data:text/html,<script>window.harmed='data'</script>)
![a picture](https://example.com/track.png?who=reader)
<style>body { display: none }</style>
<form action="https://example.com/"><input name="password"></form>

```html
<script>window.harmed = 'code'</script>
```

$\href{javascript:window.harmed='formula'}{x}$

```mermaid
graph LR
  a["<img src=x onerror=window.harmed='diagram'>"] --> b
  click a "javascript:window.harmed='click'"
```

The end of it.
"#;

/// The answer to what was said last.
pub(crate) fn answer(said: &Said<'_>) -> Vec<Piece> {
    let (text, tools, images) = match said {
        Said::ToolResult(result) => {
            return words(&format!(
                "The tool answered `{}`. (This sentence is scripted.)",
                result.trim()
            ));
        }
        Said::Question {
            text,
            tools,
            images,
        } => (text.trim(), *tools, *images),
    };
    if text.starts_with(TITLE_REQUEST) {
        return words(&title(text));
    }
    let (command, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    match command {
        "/slow" => counted(100, Some(Duration::from_millis(100))),
        "/long" => counted(3_000, None),
        "/think" => {
            let mut pieces: Vec<Piece> =
                "The question begins with /think, so the script thinks first, in a few words. "
                    .split_inclusive(' ')
                    .map(|word| Piece::Think(word.to_owned()))
                    .collect();
            pieces.extend(words("Thought about. (This answer is scripted.)"));
            pieces
        }
        "/tool" if tools => {
            vec![Piece::Call {
                name: "calculator",
                arguments: json!({ "expression": "6 * 7" }),
            }]
        }
        "/tool" => words("No tool was offered. (This answer is scripted.)"),
        "/markdown" => words(MARKDOWN),
        "/hostile" => words(HOSTILE),
        "/echo" => words(rest),
        "/images" => words(&format!("{images} image(s). (This answer is scripted.)")),
        "/break" => {
            let mut pieces = words("The connection ends in the middle of this");
            pieces.push(Piece::Break);
            pieces
        }
        "/error" => vec![Piece::Refuse],
        _ => words(greeting(text)),
    }
}

/// Cuts a text after each space and line, as tokens come.
fn words(text: &str) -> Vec<Piece> {
    text.split_inclusive([' ', '\n', '、', '。', '，'])
        .map(|word| Piece::Text(word.to_owned()))
        .collect()
}

fn counted(count: usize, pause: Option<Duration>) -> Vec<Piece> {
    (1..=count)
        .flat_map(|number| {
            let end = if number % 20 == 0 { "\n\n" } else { " " };
            [
                Some(Piece::Text(format!("word{number}{end}"))),
                pause.map(Piece::Wait),
            ]
        })
        .flatten()
        .collect()
}

fn greeting(question: &str) -> &'static str {
    let any = |from: char, to: char| question.chars().any(|letter| (from..=to).contains(&letter));
    let language = if any('\u{ac00}', '\u{d7a3}') {
        "ko"
    } else if any('\u{3040}', '\u{30ff}') {
        "ja"
    } else if any('\u{4e00}', '\u{9fff}') {
        "zh"
    } else {
        "en"
    };
    GREETINGS
        .iter()
        .find(|(name, _)| *name == language)
        .map_or("", |(_, text)| *text)
}

/// The question's first words.
fn title(request: &str) -> String {
    let question = request
        .split_once("<question>")
        .and_then(|(_, rest)| rest.split_once("</question>"));
    let words: Vec<&str> = question
        .map_or("", |(question, _)| question)
        .split_whitespace()
        .take(6)
        .collect();
    if words.is_empty() {
        "Scripted".to_owned()
    } else {
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> Vec<Piece> {
        answer(&Said::Question {
            text,
            tools: true,
            images: 0,
        })
    }

    fn text(pieces: &[Piece]) -> String {
        pieces
            .iter()
            .filter_map(|piece| {
                if let Piece::Text(text) = piece {
                    Some(text.as_str())
                } else {
                    None
                }
            })
            .collect()
    }

    #[test]
    fn every_greeting_says_that_it_is_scripted_in_the_questions_language() {
        for (question, mark) in [
            ("안녕?", "대본"),
            ("こんにちは", "台本"),
            ("你好", "脚本"),
            ("Hi there", "scripted"),
        ] {
            assert!(text(&ask(question)).contains(mark), "{question}");
        }
    }

    #[test]
    fn commands_are_played() {
        assert_eq!(text(&ask("/markdown")), MARKDOWN);
        assert_eq!(text(&ask("/echo 한 two")), "한 two");
        assert_eq!(ask("/error"), [Piece::Refuse]);
        assert_eq!(ask("/break").last(), Some(&Piece::Break));
        assert!(matches!(ask("/think")[0], Piece::Think(_)));
        assert!(matches!(
            ask("/tool")[0],
            Piece::Call {
                name: "calculator",
                ..
            }
        ));
        assert_eq!(
            ask("/slow")
                .iter()
                .filter(|piece| matches!(piece, Piece::Wait(_)))
                .count(),
            100
        );
        assert!(text(&answer(&Said::ToolResult("42"))).contains("`42`"));
        assert_eq!(
            text(&ask(&format!(
                "{TITLE_REQUEST} below\n<question>\none two\n</question>"
            ))),
            "one two"
        );
    }
}
