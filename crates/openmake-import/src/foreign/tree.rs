//! A sound tree out of whatever nodes a file has.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, Utc};

use super::form::{Flaw, Message, Note};

/// One node as the file has it.
#[derive(Debug, Clone)]
pub(super) struct Node<T> {
    /// Its id.
    pub(super) id: String,
    /// The id of the one that it follows.
    pub(super) parent: Option<String>,
    /// When it was written, where the file says so.
    pub(super) at: Option<DateTime<Utc>>,
    /// What it says; none for a node that only holds others together.
    pub(super) says: Option<T>,
}

/// A node that says something, in a tree without holes.
#[derive(Debug)]
pub(super) struct Placed<T> {
    /// Its id.
    pub(super) id: String,
    /// The index of the one that it follows, always before it.
    pub(super) parent: Option<usize>,
    /// How many follow it.
    pub(super) followers: usize,
    /// When it was written, never before what it follows.
    pub(super) at: DateTime<Utc>,
    /// What it says.
    pub(super) says: T,
}

/// A tree.
#[derive(Debug)]
pub(super) struct Tree<T> {
    /// Parents before what follows them.
    pub(super) nodes: Vec<Placed<T>>,
    /// Where each of the file's nodes ended up: itself, or the nearest node
    /// above it that says something.
    pub(super) places: HashMap<String, Option<usize>>,
    /// What was repaired.
    pub(super) remarks: Vec<Note>,
}

impl Tree<Message> {
    /// The messages, where each ended up and when.
    pub(super) fn messages(self) -> Vec<Message> {
        let placed = self.nodes.into_iter().map(|node| Message {
            id: node.id,
            parent: node.parent,
            at: node.at,
            ..node.says
        });
        placed.collect()
    }
}

/// Builds it. A second node of an id is left out; a node that follows none
/// that is there follows the one written before it; a circle is opened.
/// `begin` is the time of nodes that have none and follow none.
pub(super) fn build<T>(nodes: Vec<Node<T>>, begin: DateTime<Utc>) -> Tree<T> {
    let mut remarks = Vec::new();
    let nodes = distinct(nodes, &mut remarks);
    let parents = sound_parents(&nodes, &mut remarks);
    place(nodes, &parents, begin, remarks)
}

fn distinct<T>(nodes: Vec<Node<T>>, remarks: &mut Vec<Note>) -> Vec<Node<T>> {
    let mut seen = std::collections::HashSet::new();
    let mut kept = Vec::with_capacity(nodes.len());
    for node in nodes {
        if seen.insert(node.id.clone()) {
            kept.push(node);
        } else {
            remarks.push(note(&node.id, Flaw::Duplicate, "its id came before"));
        }
    }
    kept
}

fn note(id: &str, flaw: Flaw, why: &str) -> Note {
    Note {
        id: id.to_owned(),
        flaw,
        why: why.to_owned(),
    }
}

/// The index that each follows, without circles and holes.
fn sound_parents<T>(nodes: &[Node<T>], remarks: &mut Vec<Note>) -> Vec<Option<usize>> {
    let index: HashMap<&str, usize> = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (node.id.as_str(), at))
        .collect();
    let mut orphans = Vec::new();
    let mut parents: Vec<Option<usize>> = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| {
            let parent = index.get(node.parent.as_deref()?).copied();
            if parent.is_none() {
                orphans.push(at);
            }
            parent
        })
        .collect();
    for at in open_circles(&mut parents) {
        if let Some(node) = nodes.get(at) {
            remarks.push(note(&node.id, Flaw::Cycle, "it followed itself"));
        }
        orphans.push(at);
    }
    orphans.sort_unstable();
    adopt(nodes, &mut parents, &orphans, remarks);
    parents
}

/// Cuts each circle at one node, and says which those are.
fn open_circles(parents: &mut [Option<usize>]) -> Vec<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        OnThisWay,
        Good,
    }
    let mut seen = vec![Seen::No; parents.len()];
    let mut cut = Vec::new();
    for start in 0..parents.len() {
        let mut way = Vec::new();
        let mut at = Some(start);
        while let Some(here) = at {
            match seen.get(here) {
                Some(Seen::No) => {
                    if let Some(mark) = seen.get_mut(here) {
                        *mark = Seen::OnThisWay;
                    }
                    way.push(here);
                    at = parents.get(here).copied().flatten();
                }
                Some(Seen::OnThisWay) => {
                    if let Some(parent) = parents.get_mut(here) {
                        *parent = None;
                    }
                    cut.push(here);
                    at = None;
                }
                Some(Seen::Good) | None => at = None,
            }
        }
        for here in way {
            if let Some(mark) = seen.get_mut(here) {
                *mark = Seen::Good;
            }
        }
    }
    cut
}

/// Lets nodes whose parent is missing follow the one written before them,
/// unless that one follows them.
fn adopt<T>(
    nodes: &[Node<T>],
    parents: &mut [Option<usize>],
    orphans: &[usize],
    remarks: &mut Vec<Note>,
) {
    if orphans.is_empty() {
        return;
    }
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    // Without a time it stays where the file has it, which is last.
    order.sort_by_key(|at| {
        let time = nodes.get(*at).and_then(|node| node.at);
        (time.unwrap_or(DateTime::<Utc>::MAX_UTC), *at)
    });
    let mut roots = Roots::of(parents);
    let mut before = HashMap::new();
    for pair in order.windows(2) {
        if let [earlier, later] = pair {
            before.insert(*later, *earlier);
        }
    }
    for orphan in orphans {
        let Some(node) = nodes.get(*orphan) else {
            continue;
        };
        let candidate = before.get(orphan).copied();
        let fits = candidate.filter(|candidate| roots.of_node(*candidate) != *orphan);
        if let (Some(candidate), Some(parent)) = (fits, parents.get_mut(*orphan)) {
            *parent = Some(candidate);
            roots.join(*orphan, candidate);
        }
        remarks.push(note(
            &node.id,
            Flaw::ParentMissing,
            "what it follows is not there; it follows the message before it",
        ));
    }
}

/// The uppermost node of each, found in next to no time (union-find).
struct Roots(Vec<usize>);

impl Roots {
    fn of(parents: &[Option<usize>]) -> Self {
        Self(
            parents
                .iter()
                .enumerate()
                .map(|(at, parent)| parent.unwrap_or(at))
                .collect(),
        )
    }

    fn up(&self, at: usize) -> usize {
        self.0.get(at).copied().unwrap_or(at)
    }

    fn of_node(&mut self, mut at: usize) -> usize {
        while self.up(at) != at {
            let grand = self.up(self.up(at));
            if let Some(slot) = self.0.get_mut(at) {
                *slot = grand;
            }
            at = grand;
        }
        at
    }

    fn join(&mut self, orphan: usize, under: usize) {
        if let Some(slot) = self.0.get_mut(orphan) {
            *slot = under;
        }
    }
}

fn place<T>(
    nodes: Vec<Node<T>>,
    parents: &[Option<usize>],
    begin: DateTime<Utc>,
    remarks: Vec<Note>,
) -> Tree<T> {
    let mut children = vec![Vec::new(); nodes.len()];
    let mut queue = VecDeque::new();
    for (at, parent) in parents.iter().enumerate() {
        match parent.and_then(|parent| children.get_mut(parent)) {
            Some(list) => list.push(at),
            None => queue.push_back(at),
        }
    }
    let mut slots: Vec<Option<Node<T>>> = nodes.into_iter().map(Some).collect();
    let mut tree = Tree {
        nodes: Vec::with_capacity(slots.len()),
        places: HashMap::with_capacity(slots.len()),
        remarks,
    };
    // Where each node ended up, by its index.
    let mut places: Vec<Option<usize>> = vec![None; slots.len()];
    while let Some(at) = queue.pop_front() {
        queue.extend(children.get(at).into_iter().flatten());
        let Some(node) = slots.get_mut(at).and_then(Option::take) else {
            continue;
        };
        let above = parents
            .get(at)
            .copied()
            .flatten()
            .and_then(|parent| places.get(parent).copied().flatten());
        let place = match node.says {
            None => above,
            Some(says) => {
                let earliest = above
                    .and_then(|above| tree.nodes.get_mut(above))
                    .map(|parent| {
                        parent.followers += 1;
                        parent.at
                    });
                let at = match (node.at, earliest) {
                    (Some(at), Some(earliest)) => at.max(earliest),
                    (Some(at), None) => at,
                    (None, Some(earliest)) => earliest,
                    (None, None) => begin,
                };
                tree.nodes.push(Placed {
                    id: node.id.clone(),
                    parent: above,
                    followers: 0,
                    at,
                    says,
                });
                Some(tree.nodes.len() - 1)
            }
        };
        if let Some(slot) = places.get_mut(at) {
            *slot = place;
        }
        tree.places.insert(node.id, place);
    }
    tree
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(id: &str, parent: Option<&str>, says: bool) -> Node<()> {
        Node {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            at: None,
            says: says.then_some(()),
        }
    }

    fn shape(tree: &Tree<()>) -> Vec<(&str, Option<&str>)> {
        tree.nodes
            .iter()
            .map(|node| {
                let parent = node.parent.map(|at| tree.nodes[at].id.as_str());
                (node.id.as_str(), parent)
            })
            .collect()
    }

    #[test]
    fn holes_are_closed_and_circles_opened() {
        let tree = build(
            vec![
                node("root", None, false),
                node("a", Some("root"), true),
                node("hidden", Some("a"), false),
                node("b", Some("hidden"), true),
                node("c", Some("gone"), true),
                node("a", None, true),
                node("x", Some("y"), true),
                node("y", Some("x"), true),
            ],
            DateTime::UNIX_EPOCH,
        );
        assert_eq!(
            shape(&tree),
            [
                ("a", None),
                ("b", Some("a")),
                ("c", Some("b")),
                ("x", Some("c")),
                ("y", Some("x")),
            ]
        );
        assert_eq!(tree.places["hidden"], Some(0));
        let flaws: Vec<Flaw> = tree.remarks.iter().map(|note| note.flaw).collect();
        assert_eq!(
            flaws,
            [
                Flaw::Duplicate,
                Flaw::Cycle,
                Flaw::ParentMissing,
                Flaw::ParentMissing
            ]
        );
    }

    proptest! {
        /// Whatever points where: everything that says something is there
        /// once, after what it follows, and no later than that.
        #[test]
        fn any_graph_becomes_a_tree(
            links in prop::collection::vec((0_u8..12, prop::option::of(0_u8..14), any::<bool>(), prop::option::of(0_i64..50)), 0..40)
        ) {
            let nodes: Vec<Node<()>> = links
                .iter()
                .map(|(id, parent, says, at)| Node {
                    at: at.and_then(|at| DateTime::from_timestamp(at, 0)),
                    ..node(&id.to_string(), parent.map(|parent| parent.to_string()).as_deref(), *says)
                })
                .collect();
            let mut first = HashMap::new();
            for node in &nodes {
                first.entry(node.id.clone()).or_insert(node.says.is_some());
            }
            let wanted = first.values().filter(|says| **says).count();
            let tree = build(nodes, DateTime::UNIX_EPOCH);
            prop_assert_eq!(tree.nodes.len(), wanted);
            prop_assert_eq!(tree.places.len(), first.len());
            for (at, node) in tree.nodes.iter().enumerate() {
                if let Some(parent) = node.parent {
                    prop_assert!(parent < at);
                    prop_assert!(tree.nodes[parent].at <= node.at);
                }
            }
        }
    }
}
