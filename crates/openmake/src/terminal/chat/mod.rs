//! `openmake chat`: a conversation in the terminal.

mod command;
mod conversation;
mod input;
mod show;

use std::io::{self, IsTerminal as _};

use openmake_api::{
    auth::UserView,
    conversations::{ConversationView, CreateConversation},
    models::ModelList,
    turns::{Content, Parent, RegenerateRequest, StartTurnRequest, TurnStarted},
};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{
    Terminal,
    answer::{self, Answer, End, Show, Thinking, View},
    args::ChatArgs,
    client::Client,
    failure::Failure,
    stream::thinking as thinking_lines,
    text::{Line, Span, Style, wrap},
    tty::{EchoOff, Interrupts, restore_when_terminated},
};
use command::{Command, NAMES, ThinkingCommand, parse};
use conversation::Listed;
use input::{Input, Typed};

const PROMPT: &str = "> ";

/// Chats until the person leaves.
pub(crate) async fn run(terminal: &mut Terminal, args: &ChatArgs) -> Result<(), Failure> {
    let client = terminal.client(args.server.server.as_deref())?;
    let mut input = Input::new(&terminal.out)?;
    let mut interrupts = Interrupts::keyboard()?;
    if input.is_editor() {
        restore_when_terminated(&TaskTracker::new())?;
    }
    // Whether the sign-in holds is found out before the first question.
    let user: UserView = interrupts.or(client.get("/api/v1/auth/me")).await?;
    let models: ModelList = interrupts.or(client.get("/api/v1/models")).await?;
    input.know_models(models.items.iter().map(|model| model.id.clone()).collect());
    let mut chat = Chat {
        terminal,
        client: &client,
        interrupts,
        input,
        conversation: None,
        model: args.model.clone(),
        level: None,
        thinking: Thinking::Folded,
        last: None,
        listed: Vec::new(),
    };
    if chat.input.is_editor() {
        let who = user.email.unwrap_or(user.display_name);
        let origin = client.origin();
        chat.dim(&format!(
            "{origin} as {who}. /help lists the commands, Ctrl-D leaves."
        ))?;
        if let Some(hint) = &models.hint {
            chat.dim(hint)?;
        }
    }
    if let Some(id) = args.open {
        chat.open(id).await?;
    } else if args.go_on {
        match conversation::latest(&client).await?.first() {
            Some(latest) => chat.open(latest.conversation.id).await?,
            None => chat.dim("there is no conversation yet")?,
        }
    }
    chat.talk().await
}

/// The question that was asked last, and its answer.
struct Exchange {
    turn: Option<Uuid>,
    question: Uuid,
    text: String,
    thinking: String,
}

struct Chat<'a> {
    terminal: &'a mut Terminal,
    client: &'a Client,
    interrupts: Interrupts,
    input: Input,
    /// None until the first question.
    conversation: Option<Uuid>,
    /// The model to ask instead of the conversation's.
    model: Option<String>,
    /// How much to think, when that was said.
    level: Option<String>,
    thinking: Thinking,
    last: Option<Exchange>,
    /// What `/open` goes by.
    listed: Vec<Uuid>,
}

impl Chat<'_> {
    async fn talk(&mut self) -> Result<(), Failure> {
        let mut failed = None;
        loop {
            let text = match self.input.next(PROMPT, "")? {
                Typed::Text(text) => text,
                Typed::Interrupted => {
                    self.dim("Ctrl-D or /quit leaves")?;
                    continue;
                }
                Typed::End => break,
            };
            if !text.is_empty() {
                self.input.remember(&text);
            }
            let command = parse(&text);
            if command == Command::Quit {
                break;
            }
            failed = None;
            match self.obey(command).await {
                Ok(()) => {}
                Err(failure) if failure.is_closed_output() => return Err(failure),
                Err(Failure::Interrupted) if self.input.is_editor() => self.dim("interrupted")?,
                // The sign-in will not come back by itself.
                Err(failure @ (Failure::NotSignedIn { .. } | Failure::Interrupted)) => {
                    return Err(failure);
                }
                Err(failure) if self.input.is_editor() => self.complain(&failure)?,
                Err(failure) => {
                    self.complain(&failure)?;
                    failed = Some(failure);
                }
            }
        }
        // A script sees by the exit code how the last of its lines went.
        failed.map_or(Ok(()), Err)
    }

    async fn obey(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Ask(question) => self.ask(question, Parent::ActiveLeaf).await,
            Command::Help => self.help(),
            Command::New => {
                self.conversation = None;
                self.last = None;
                self.dim("a new conversation")
            }
            Command::History(words) => self.history(words.as_deref()).await,
            Command::Open(which) => {
                let id = self.which(&which)?;
                self.open(id).await
            }
            Command::Show => self.show_all().await,
            Command::Model(name) => self.choose_model(name).await,
            Command::Thinking(command) => self.set_thinking(command),
            Command::Retry(model) => self.retry(model).await,
            Command::Edit(text) => self.edit(text).await,
            Command::Continue => self.go_on().await,
            Command::Stop => self.stop().await,
            Command::Unknown(what) => self.say(&what),
            Command::Quit | Command::Nothing => Ok(()),
        }
    }

    async fn ask(&mut self, question: String, parent: Parent) -> Result<(), Failure> {
        let conversation = if let Some(id) = self.conversation {
            id
        } else {
            let request = CreateConversation {
                title: None,
                model: self.model.clone(),
                ..CreateConversation::default()
            };
            let made = self.client.create_conversation(&request);
            let made = self.interrupts.or(made).await?;
            self.conversation = Some(made.id);
            made.id
        };
        let request = StartTurnRequest {
            content: Content::Text(question.clone()),
            model: self.model.clone(),
            compare_model: None,
            parent_id: parent,
            thinking: self.level.clone(),
        };
        let started = self.client.ask(conversation, &request);
        let started = self.interrupts.or(started).await?;
        self.follow(&started, question).await
    }

    /// Watches an answer to its end.
    async fn follow(&mut self, started: &TurnStarted, question: String) -> Result<(), Failure> {
        self.last = Some(Exchange {
            turn: Some(started.turn_id),
            question: started.user_message_id,
            text: question,
            thinking: String::new(),
        });
        // What is typed meanwhile stands in the next line that is edited,
        // and not in the middle of the answer.
        let _silent = self.silence()?;
        let show = Show::Formatted(self.thinking);
        let view = View::new(&mut self.terminal.out, show);
        let watched =
            answer::watch(self.client, started.turn_id, view, &mut self.interrupts).await?;
        if let Some(last) = &mut self.last {
            last.thinking.clone_from(&watched.answer.folded.thinking);
        }
        self.close(&watched.answer)
    }

    fn silence(&self) -> Result<Option<EchoOff>, Failure> {
        if self.input.is_editor() && io::stdin().is_terminal() {
            Ok(Some(EchoOff::new()?))
        } else {
            Ok(None)
        }
    }

    /// The line below an answer.
    fn close(&mut self, answer: &Answer) -> Result<(), Failure> {
        match &answer.end {
            Some(End::Stopped) => return self.dim("stopped; /continue goes on, /retry asks again"),
            Some(End::CutShort(_)) => {
                return self.dim("the server stopped in mid-answer; /continue goes on");
            }
            Some(End::Failed { .. }) => return answer.check(),
            None => answer.check()?,
        }
        let mut parts: Vec<String> = answer.folded.model.iter().cloned().collect();
        if let Some(usage) = answer.usage {
            let about = if usage.estimated { "about " } else { "" };
            parts.push(format!("{about}{} tokens", usage.output_tokens));
            if let Some(speed) = usage.tokens_per_second {
                parts.push(format!("{speed:.0} a second"));
            }
        }
        if answer.finish_reason.as_deref() == Some("length") {
            parts.push("cut at the model's limit; /continue goes on".to_owned());
        }
        self.dim(&parts.join(" · "))
    }

    fn help(&mut self) -> Result<(), Failure> {
        let columns = self.terminal.out.columns();
        let mut lines: Vec<Line> = Vec::new();
        for (name, what) in NAMES {
            let name = super::text::padded(name, 11);
            let spans = [Span::new(Style::BOLD, &name), Span::new(Style::PLAIN, what)];
            lines.extend(wrap(&spans, columns));
        }
        let more = "A line that ends with \\ goes on in the next; \"\"\" begins and ends a text of \
                    several lines. Ctrl-C stops an answer.";
        lines.push(Line::new());
        lines.extend(wrap(&[Span::new(Style::DIM, more)], columns));
        Ok(self.terminal.out.print(&lines)?)
    }

    async fn choose_model(&mut self, name: Option<String>) -> Result<(), Failure> {
        let list = self.client.get("/api/v1/models");
        let list: ModelList = self.interrupts.or(list).await?;
        let Some(name) = name else {
            return self.show_models(&list);
        };
        if !list.items.iter().any(|model| model.id == name) {
            return Err(Failure::usage(
                format!("there is no model {name}"),
                "/model lists them",
            ));
        }
        self.dim(&format!("{name} answers from here on"))?;
        self.model = Some(name);
        Ok(())
    }

    fn set_thinking(&mut self, command: ThinkingCommand) -> Result<(), Failure> {
        match command {
            ThinkingCommand::Last => {
                let text = self.last.as_ref().map(|last| last.thinking.clone());
                let Some(text) = text.filter(|text| !text.is_empty()) else {
                    return self.dim("the last answer shows no thinking");
                };
                let lines = thinking_lines(&text, self.terminal.out.columns());
                Ok(self.terminal.out.print(&lines)?)
            }
            ThinkingCommand::Show => {
                self.thinking = Thinking::Shown;
                self.dim("thinking is shown from here on")
            }
            ThinkingCommand::Fold => {
                self.thinking = Thinking::Folded;
                self.dim("thinking is folded from here on")
            }
            ThinkingCommand::Level(level) => {
                let said = level.as_deref().unwrap_or("the model's own");
                self.dim(&format!("thinking from here on: {said}"))?;
                self.level = level;
                Ok(())
            }
        }
    }

    async fn retry(&mut self, model: Option<String>) -> Result<(), Failure> {
        let (turn, text) = self.last_turn()?;
        let request = RegenerateRequest {
            model: model.or_else(|| self.model.clone()),
            thinking: self.level.clone(),
        };
        let started = self.client.answer_again(turn, &request);
        let started = self.interrupts.or(started).await?;
        self.follow(&started, text).await
    }

    async fn go_on(&mut self) -> Result<(), Failure> {
        let (turn, text) = self.last_turn()?;
        let started = self.client.continue_answer(turn);
        let started = self.interrupts.or(started).await?;
        self.follow(&started, text).await
    }

    fn last_turn(&self) -> Result<(Uuid, String), Failure> {
        self.last
            .as_ref()
            .and_then(|last| Some((last.turn?, last.text.clone())))
            .ok_or_else(nothing_asked)
    }

    async fn edit(&mut self, text: Option<String>) -> Result<(), Failure> {
        let last = self.last.as_ref().ok_or_else(nothing_asked)?;
        let (question, old) = (last.question, last.text.clone());
        let text = match text {
            Some(text) => text,
            None => match self.input.next("edit> ", &old)? {
                Typed::Text(text) if !text.is_empty() => text,
                _ => return self.dim("left as it was"),
            },
        };
        let conversation = self.conversation.ok_or_else(nothing_asked)?;
        let client = self.client;
        let found = self.interrupts.or(async {
            let view = conversation::get(client, conversation).await?;
            conversation::branch(client, &view).await
        });
        let parent = found
            .await?
            .into_iter()
            .find(|message| message.id == question)
            .and_then(|message| message.parent_id)
            .map_or(Parent::Root, Parent::Message);
        self.ask(text, parent).await
    }

    /// Stops what is written in this conversation, from wherever it was asked.
    async fn stop(&mut self) -> Result<(), Failure> {
        let conversation = self.conversation.ok_or_else(nothing_asked)?;
        let view = conversation::get(self.client, conversation);
        let running = self.interrupts.or(view).await?.running_turns;
        if running.is_empty() {
            return self.dim("nothing is being answered");
        }
        for turn in running {
            let stopped = self.client.stop_turn(turn.turn_id);
            self.interrupts.or(stopped).await?;
        }
        self.dim("stopped")
    }

    async fn history(&mut self, words: Option<&str>) -> Result<(), Failure> {
        let client = self.client;
        let found = self.interrupts.or(async {
            match words {
                Some(words) => conversation::search(client, words).await,
                None => conversation::latest(client).await,
            }
        });
        let found: Vec<Listed> = found.await?;
        if found.is_empty() {
            return self.dim("nothing was found");
        }
        self.listed = found.iter().map(|listed| listed.conversation.id).collect();
        self.show_list(&found)
    }

    /// A number of the last list, or an id.
    fn which(&self, text: &str) -> Result<Uuid, Failure> {
        let listed = text
            .parse::<usize>()
            .ok()
            .and_then(|number| self.listed.get(number.checked_sub(1)?));
        match listed {
            Some(id) => Ok(*id),
            None => text.parse().map_err(|_| {
                Failure::usage(
                    format!("`{text}` names no conversation"),
                    "/history lists them; /open takes a number of that list, or an id",
                )
            }),
        }
    }

    async fn open(&mut self, id: Uuid) -> Result<(), Failure> {
        let (view, messages) = self.read(id).await?;
        self.conversation = Some(id);
        let question = messages.iter().rev().find(|message| message.role == "user");
        let answer = messages.last().filter(|message| message.role != "user");
        self.last = question.map(|question| Exchange {
            turn: answer
                .and_then(|answer| answer.turn_id)
                .or(question.turn_id),
            question: question.id,
            text: question.content.clone(),
            thinking: answer
                .and_then(|answer| answer.thinking.clone())
                .unwrap_or_default(),
        });
        for message in messages.iter().filter(|message| message.role == "user") {
            self.input.remember(&message.content);
        }
        self.show_end(&view, &messages)?;
        let Some(running) = view.running_turns.first() else {
            return Ok(());
        };
        let started = TurnStarted {
            turn_id: running.turn_id,
            user_message_id: question.map_or(running.assistant_message_id, |message| message.id),
            assistant_message_id: running.assistant_message_id,
            beside: None,
        };
        let text = question.map_or_else(String::new, |message| message.content.clone());
        self.follow(&started, text).await
    }

    async fn show_all(&mut self) -> Result<(), Failure> {
        let id = self.conversation.ok_or_else(nothing_asked)?;
        let (view, messages) = self.read(id).await?;
        self.show_whole(&view, &messages)
    }

    async fn read(
        &mut self,
        id: Uuid,
    ) -> Result<(ConversationView, Vec<openmake_api::messages::MessageView>), Failure> {
        let client = self.client;
        self.interrupts
            .or(async {
                let view = conversation::get(client, id).await?;
                let messages = conversation::branch(client, &view).await?;
                Ok((view, messages))
            })
            .await
    }
}

fn nothing_asked() -> Failure {
    Failure::usage(
        "nothing was asked in this conversation yet",
        "ask something, or /open an earlier conversation",
    )
}
