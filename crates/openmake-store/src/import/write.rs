//! A batch of rows goes in.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use super::{
    Import, ImportError, Mode,
    copy::Lines,
    records::{Record, Relation},
};

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is there now.
    Written,
    /// An earlier run, or an earlier row of this one, brought it.
    Known,
    /// What it belongs to was deleted here.
    ParentGone,
    /// Another row is in its place: something that must be unique is taken.
    Conflict,
}

/// A batch on its way.
struct Batch<'a, R> {
    rows: &'a [R],
    fates: Vec<Fate>,
    lines: &'a Lines,
}

impl<R: Record> Batch<'_, R> {
    /// The rows that are to go in, by their numbers.
    fn accepted(&self) -> Vec<usize> {
        let fates = self.fates.iter().enumerate();
        fates
            .filter_map(|(number, fate)| (*fate == Fate::Written).then_some(number))
            .collect()
    }

    /// The rows that are to go in.
    fn rows(&self) -> impl Iterator<Item = &R> {
        let rows = self.rows.iter().zip(&self.fates);
        rows.filter_map(|(row, fate)| (*fate == Fate::Written).then_some(row))
    }

    /// The same, with their numbers' fates at hand.
    fn each(&mut self) -> impl Iterator<Item = (&R, &mut Fate)> {
        let rows = self.rows.iter().zip(&mut self.fates);
        rows.filter(|(_, fate)| **fate == Fate::Written)
    }
}

impl Import {
    /// Writes a batch in one transaction; says what became of each row, in
    /// order. Children come in the same batch as their parents, after them, or
    /// in a later one.
    ///
    /// A message that follows one which is deleted here is left out with all
    /// that follow it. A conversation whose active leaf is still the message
    /// before the new ones shows the last of them.
    pub async fn write<R: Record>(&mut self, rows: &[R]) -> Result<Vec<Fate>, ImportError> {
        let mut lines = Lines::default();
        for row in rows {
            lines.push(row);
        }
        self.write_lines(rows, &lines).await
    }

    /// The same with the rows' lines, which can be made while another batch is
    /// written.
    pub async fn write_lines<R: Record>(
        &mut self,
        rows: &[R],
        lines: &Lines,
    ) -> Result<Vec<Fate>, ImportError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = Batch {
            rows,
            fates: vec![Fate::Written; rows.len()],
            lines,
        };
        self.begin().await?;
        self.note(&mut batch).await?;
        self.leave_out_orphans(&mut batch).await?;
        self.copy(&mut batch).await?;
        self.forget(&batch).await?;
        match R::RELATION {
            Relation::Conversations => self.titles_wait(&batch).await?,
            Relation::Messages => {
                self.messages_wait(&batch).await?;
                self.show_last(&batch).await?;
            }
            _ => {}
        }
        self.commit().await?;
        Ok(batch.fates)
    }

    /// Writes the rows into the ledger, which knows those that came before.
    async fn note<R: Record>(&mut self, batch: &mut Batch<'_, R>) -> Result<(), ImportError> {
        let ids: Vec<Uuid> = batch.rows.iter().map(Record::id).collect();
        // In the order of ids, so that the index is gone through once.
        let noted = sqlx::query_scalar!(
            "INSERT INTO import_ledger (source_id, run, id, relation, checksum)
             SELECT $1, $2, r.id, $3, r.checksum
               FROM unnest($4::uuid[], $5::bigint[]) AS r (id, checksum)
              ORDER BY r.id
             ON CONFLICT DO NOTHING RETURNING id",
            self.source,
            self.run,
            R::RELATION.number(),
            &ids,
            batch.lines.sums(),
        )
        .fetch_all(&mut self.connection)
        .await?;
        let mut noted: HashSet<Uuid> = noted.into_iter().collect();
        for (row, fate) in batch.each() {
            // The second of two rows with one id does not find it any more.
            if !noted.remove(&row.id()) {
                *fate = Fate::Known;
            }
        }
        Ok(())
    }

    /// Leaves out the rows whose parent is not here, or in the trash, and those
    /// that follow them.
    async fn leave_out_orphans<R: Record>(
        &mut self,
        batch: &mut Batch<'_, R>,
    ) -> Result<(), ImportError> {
        let own: HashSet<Uuid> = batch.rows().map(Record::id).collect();
        let is_own =
            |parent: &super::Parent| parent.relation == R::RELATION && own.contains(&parent.id);
        let mut named: BTreeMap<Relation, HashSet<Uuid>> = BTreeMap::new();
        for parent in batch.rows().flat_map(Record::parents) {
            if !is_own(&parent) {
                named.entry(parent.relation).or_default().insert(parent.id);
            }
        }
        let mut alive: HashMap<Relation, HashSet<Uuid>> = HashMap::new();
        for (relation, ids) in named {
            alive.insert(relation, self.alive(relation, ids).await?);
        }
        let mut gone: HashSet<Uuid> = HashSet::new();
        loop {
            let before = gone.len();
            for (row, fate) in batch.each() {
                let is_orphan = row.parents().any(|parent| {
                    if is_own(&parent) {
                        gone.contains(&parent.id)
                    } else {
                        let alive = alive.get(&parent.relation);
                        !alive.is_some_and(|alive| alive.contains(&parent.id))
                    }
                });
                if is_orphan {
                    *fate = Fate::ParentGone;
                    gone.insert(row.id());
                }
            }
            // What follows one of them is found by looking again.
            if gone.len() == before {
                return Ok(());
            }
        }
    }

    /// Those of some rows that are there, and not in the trash.
    async fn alive(
        &mut self,
        relation: Relation,
        ids: HashSet<Uuid>,
    ) -> Result<HashSet<Uuid>, ImportError> {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let trash = if relation.has_trash() {
            "AND deleted_at IS NULL"
        } else {
            ""
        };
        let statement = format!(
            "SELECT id FROM {} WHERE id = ANY ($1) {trash}",
            relation.table()
        );
        let alive: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(ids)
            .fetch_all(&mut self.connection)
            .await?;
        Ok(alive.into_iter().collect())
    }

    /// Puts the rows in, all at once; where something that must be unique is
    /// taken, half of them and the other half, down to the one.
    async fn copy<R: Record>(&mut self, batch: &mut Batch<'_, R>) -> Result<(), ImportError> {
        let statement = format!(
            "COPY {} ({}) FROM STDIN",
            R::RELATION.table(),
            quoted_columns(R::COLUMNS)
        );
        let accepted = batch.accepted();
        let mut waiting = vec![accepted.as_slice()];
        while let Some(rows) = waiting.pop() {
            if rows.is_empty() {
                continue;
            }
            self.connection.execute("SAVEPOINT import_rows").await?;
            match self.copy_in(&statement, batch.lines.of(rows)).await {
                Ok(()) => {}
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                    self.connection
                        .execute("ROLLBACK TO SAVEPOINT import_rows")
                        .await?;
                    if let [only] = rows {
                        if let Some(fate) = batch.fates.get_mut(*only) {
                            *fate = Fate::Conflict;
                        }
                    } else {
                        let (first, second) = rows.split_at(rows.len() / 2);
                        waiting.extend([second, first]);
                    }
                }
                Err(error) => return Err(error.into()),
            }
            self.connection
                .execute("RELEASE SAVEPOINT import_rows")
                .await?;
        }
        Ok(())
    }

    async fn copy_in(&mut self, statement: &str, lines: Vec<u8>) -> Result<(), sqlx::Error> {
        let mut copying = self.connection.copy_in_raw(statement).await?;
        copying.send(lines).await?;
        copying.finish().await?;
        Ok(())
    }

    /// Takes the rows that did not go in out of the ledger again.
    async fn forget<R: Record>(&mut self, batch: &Batch<'_, R>) -> Result<(), ImportError> {
        let rows = batch.rows.iter().zip(&batch.fates);
        let ids: Vec<Uuid> = rows
            .filter(|(_, fate)| matches!(fate, Fate::ParentGone | Fate::Conflict))
            .map(|(row, _)| row.id())
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "DELETE FROM import_ledger WHERE source_id = $1 AND id = ANY ($2)",
            self.source,
            &ids,
        )
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// Has the titles of conversations indexed.
    async fn titles_wait<R: Record>(&mut self, batch: &Batch<'_, R>) -> Result<(), ImportError> {
        let ids: Vec<Uuid> = batch.rows().map(Record::id).collect();
        sqlx::query!(
            "INSERT INTO conversation_search (session_id) SELECT unnest($1::uuid[])
             ON CONFLICT DO NOTHING",
            &ids,
        )
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// Has the messages of conversations indexed.
    async fn messages_wait<R: Record>(&mut self, batch: &Batch<'_, R>) -> Result<(), ImportError> {
        let ids: HashSet<Uuid> = batch
            .rows()
            .filter_map(|row| named(row, Relation::Conversations))
            .collect();
        // Waits for whoever indexes one of them, which does not see these.
        sqlx::query!(
            "INSERT INTO message_search_waiting (session_id) SELECT unnest($1::uuid[])
             ON CONFLICT (session_id) DO UPDATE SET session_id = excluded.session_id",
            &ids.into_iter().collect::<Vec<_>>(),
        )
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// Shows the last of the new messages where the one before them was shown.
    async fn show_last<R: Record>(&mut self, batch: &Batch<'_, R>) -> Result<(), ImportError> {
        let mut ends: HashMap<Uuid, (Option<Uuid>, Uuid)> = HashMap::new();
        for row in batch.rows() {
            let Some(conversation) = named(row, Relation::Conversations) else {
                continue;
            };
            ends.entry(conversation)
                .and_modify(|(_, last)| *last = row.id())
                .or_insert_with(|| (named(row, Relation::Messages), row.id()));
        }
        let conversations: Vec<Uuid> = ends.keys().copied().collect();
        let (before, last): (Vec<Option<Uuid>>, Vec<Uuid>) = ends.into_values().unzip();
        sqlx::query!(
            "UPDATE conversation_sessions c SET active_leaf_id = e.last
               FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS e (id, before, last)
              WHERE c.id = e.id AND c.active_leaf_id IS NOT DISTINCT FROM e.before",
            &conversations,
            &before as &[Option<Uuid>],
            &last,
        )
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    async fn begin(&mut self) -> Result<(), ImportError> {
        if self.mode == Mode::Real {
            self.connection.execute("BEGIN").await?;
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), ImportError> {
        if self.mode == Mode::Real {
            self.connection.execute("COMMIT").await?;
        }
        Ok(())
    }
}

/// The row of a table that a row names.
fn named<R: Record>(row: &R, relation: Relation) -> Option<Uuid> {
    let mut parents = row.parents();
    parents.find_map(|parent| (parent.relation == relation).then_some(parent.id))
}

fn quoted_columns(columns: &[&str]) -> String {
    let quoted: Vec<String> = columns
        .iter()
        .map(|name| format!("\"{}\"", name.trim_start_matches("r#")))
        .collect();
    quoted.join(", ")
}
