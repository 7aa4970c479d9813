//! Several calls of one model turn at once.

use std::num::NonZeroUsize;

use futures_util::stream::{self, Stream, StreamExt as _};
use openmake_types::ToolCall;

use crate::{Execution, Registry, ToolContext};

/// How the calls of a turn are coming along. The number is the call's place in
/// the list that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// This call has begun.
    Started(usize),
    /// This call has ended.
    Finished(usize, Execution),
}

impl Registry {
    /// Runs the calls, at most `at_once` of them at a time, and says when each
    /// begins and ends, in the order in which that happens. Dropping the
    /// stream stops what is running.
    pub fn execute_all<'a>(
        &'a self,
        context: &'a ToolContext,
        calls: &'a [ToolCall],
        at_once: NonZeroUsize,
    ) -> impl Stream<Item = Progress> + Send + 'a {
        let runs = calls.iter().enumerate().map(move |(place, call)| {
            let begun = stream::once(std::future::ready(Progress::Started(place)));
            let ended = stream::once(async move {
                Progress::Finished(place, self.execute(context, call).await)
            });
            begun.chain(ended).boxed()
        });
        stream::iter(runs).flatten_unordered(at_once.get())
    }
}
