//! `openmake models` and `openmake nodes`, and the tables that they print.

use openmake_api::{
    models::ModelList,
    nodes::{NodeList, NodeView},
};
use serde_json::Value;

use super::{
    Terminal,
    args::ListArgs,
    failure::Failure,
    screen::Ability,
    text::{Line, Span, Style, line_width, padded, wrap},
};

/// Between two columns.
const GAP: &str = "  ";

/// A list with a head.
pub(crate) struct Table<const COLUMNS: usize> {
    head: [&'static str; COLUMNS],
    rows: Vec<[(String, Style); COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) const fn new(head: [&'static str; COLUMNS]) -> Self {
        Self {
            head,
            rows: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: [(String, Style); COLUMNS]) {
        self.rows.push(row);
    }

    /// Prints it: as columns, or where they do not fit, each row as lines.
    pub(crate) fn print(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        let head = self.head.map(|name| Span::new(Style::DIM, name));
        let rows: Vec<[Span; COLUMNS]> = self
            .rows
            .iter()
            .map(|row| row.clone().map(|(text, style)| Span::new(style, &text)))
            .collect();
        let mut widths = [0; COLUMNS];
        for row in std::iter::once(&head).chain(&rows) {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = line_width(std::slice::from_ref(cell)).max(*widest);
            }
        }
        let whole = widths.iter().sum::<usize>() + GAP.len() * (COLUMNS - 1);
        let columns = terminal.out.columns();
        // What a program reads keeps its columns.
        let fits = whole <= columns || terminal.out.ability == Ability::Text;
        let mut lines: Vec<Line> = Vec::new();
        if fits {
            for row in std::iter::once(&head).chain(&rows) {
                lines.push(in_columns(row, &widths));
            }
        } else {
            for row in rows {
                for (name, cell) in self.head.iter().zip(row) {
                    if cell.text.is_empty() {
                        continue;
                    }
                    let name = Span::new(Style::DIM, &format!("{name}: "));
                    lines.extend(wrap(&[name, cell], columns));
                }
                lines.push(Line::new());
            }
        }
        Ok(terminal.out.print(&lines)?)
    }
}

fn in_columns(row: &[Span], widths: &[usize]) -> Line {
    let last = row.len().saturating_sub(1);
    row.iter()
        .zip(widths)
        .enumerate()
        .map(|(place, (cell, width))| Span {
            text: if place == last {
                cell.text.clone()
            } else {
                format!("{}{GAP}", padded(&cell.text, *width))
            },
            style: cell.style,
        })
        .collect()
}

/// `openmake models`.
pub(crate) async fn models(terminal: &mut Terminal, args: &ListArgs) -> Result<(), Failure> {
    let client = terminal.client(args.server.server.as_deref())?;
    if args.json {
        let document: Value = client.get("/api/v1/models").await?;
        return terminal.print_json(&document);
    }
    let list: ModelList = client.get("/api/v1/models").await?;
    let mut table = Table::new(["MODEL", "CAN", "CONTEXT", "NOTES"]);
    for model in &list.items {
        let style = if model.available {
            Style::PLAIN
        } else {
            Style::DIM
        };
        let default = (model.id == list.default_model).then_some("default");
        let missing = (!model.available).then_some("not available now");
        let behind = model.real_model.as_ref().map(|real| format!("now {real}"));
        let notes = [
            default,
            missing,
            behind.as_deref(),
            model.description.as_deref(),
        ];
        table.push([
            (model.id.clone(), style),
            (model.capabilities.join(", "), style),
            (model.context_length.map_or_else(String::new, tokens), style),
            (
                notes.into_iter().flatten().collect::<Vec<_>>().join("; "),
                style,
            ),
        ]);
    }
    table.print(terminal)?;
    match &list.hint {
        Some(hint) => terminal.say(hint),
        None => Ok(()),
    }
}

/// `131072` as `128k`.
fn tokens(count: u64) -> String {
    if count >= 1024 {
        format!("{}k", count / 1024)
    } else {
        count.to_string()
    }
}

/// `openmake nodes`.
pub(crate) async fn nodes(terminal: &mut Terminal, args: &ListArgs) -> Result<(), Failure> {
    let client = terminal.client(args.server.server.as_deref())?;
    if args.json {
        let document: Value = client.get("/api/v1/nodes").await?;
        return terminal.print_json(&document);
    }
    let list: NodeList = client.get("/api/v1/nodes").await?;
    if list.items.is_empty() {
        return terminal.say("no model server is connected; Settings → Model servers adds one");
    }
    let mut table = Table::new(["NODE", "STATE", "MODELS", "BUSY", "CHECK", "ADDRESS"]);
    for node in &list.items {
        let (state, style) = state(node);
        let check = node
            .latency_ms
            .map_or_else(String::new, |latency| format!("{latency} ms"));
        table.push([
            (node.name.clone(), Style::PLAIN),
            (state, style),
            (node.models.len().to_string(), Style::PLAIN),
            (node.in_flight.to_string(), Style::PLAIN),
            (check, Style::PLAIN),
            (node.base_url.clone(), Style::DIM),
        ]);
    }
    table.print(terminal)?;
    for node in &list.items {
        if let Some(error) = &node.last_error {
            terminal.say(&format!("{}: {error}", node.name))?;
        }
    }
    Ok(())
}

fn state(node: &NodeView) -> (String, Style) {
    if !node.enabled {
        return ("off".to_owned(), Style::DIM);
    }
    let style = match node.health.as_str() {
        "healthy" => Style::GOOD,
        "unknown" => Style::DIM,
        _ => Style::BAD,
    };
    let draining = if node.draining { ", draining" } else { "" };
    (format!("{}{draining}", node.health), style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_in_thousands_of_24() {
        assert_eq!(tokens(131_072), "128k");
        assert_eq!(tokens(512), "512");
    }
}
