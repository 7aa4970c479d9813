//! A batch of rows goes in.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, Executor as _, Row as _};

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

impl Import {
    /// Writes a batch in one transaction; says what became of each row, in
    /// order. Children come in the same batch as their parents, after them, or
    /// in a later one.
    ///
    /// A message that follows one which is deleted here is left out with all
    /// that follow it. A conversation whose active leaf is still the message
    /// before the new ones shows the last of them.
    pub async fn write<R: Record>(&mut self, rows: &[R]) -> Result<Vec<Fate>, ImportError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.begin().await?;
        let fates = self.insert(rows).await?;
        match R::RELATION {
            Relation::Conversations => {
                self.execute(
                    "INSERT INTO conversation_search (session_id)
                     SELECT id FROM import_stage_conversation_sessions ON CONFLICT DO NOTHING",
                )
                .await?;
            }
            Relation::Messages => {
                self.execute(
                    "INSERT INTO message_search (message_id, session_id)
                     SELECT id, session_id FROM import_stage_conversation_messages",
                )
                .await?;
                self.execute(
                    "UPDATE conversation_sessions c SET active_leaf_id = e.leaf
                       FROM (SELECT session_id,
                                    (array_agg(parent_id ORDER BY import_row))[1] AS before,
                                    (array_agg(id ORDER BY import_row DESC))[1] AS leaf
                               FROM import_stage_conversation_messages GROUP BY session_id) e
                      WHERE c.id = e.session_id
                        AND c.active_leaf_id IS NOT DISTINCT FROM e.before",
                )
                .await?;
            }
            _ => {}
        }
        self.commit().await?;
        Ok(fates)
    }

    /// Stages rows, takes out what must not go in, and puts the others in. What
    /// went in is still staged afterwards.
    async fn insert<R: Record>(&mut self, rows: &[R]) -> Result<Vec<Fate>, ImportError> {
        let table = R::RELATION.table();
        let stage = format!("import_stage_{table}");
        let mut fates = vec![Fate::Written; rows.len()];
        let mut staged = self.stage(rows, &mut fates).await?;
        let known = format!(
            "DELETE FROM {stage} s USING import_ledger l
              WHERE l.source_id = {} AND l.id = s.id RETURNING s.import_row",
            self.source
        );
        staged -= self.take_out(&known, Fate::Known, &mut fates).await?;
        staged -= self.take_out_orphans(rows, &stage, &mut fates).await?;
        let columns = quoted_columns(R::COLUMNS);
        let insert = format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} ON CONFLICT DO NOTHING"
        );
        let inserted = self.execute(&insert).await?;
        if inserted < staged as u64 {
            // A row of ours that is there has this transaction's number.
            let conflicting = format!(
                "DELETE FROM {stage} s
                  WHERE NOT EXISTS (SELECT FROM {table} t
                                     WHERE t.id = s.id AND t.xmin = pg_current_xact_id()::xid)
                 RETURNING s.import_row"
            );
            self.take_out(&conflicting, Fate::Conflict, &mut fates)
                .await?;
        }
        let note = format!(
            "INSERT INTO import_ledger (source_id, run, id, relation, checksum)
             SELECT {}, {}, id, {}, import_sum FROM {stage}",
            self.source,
            self.run,
            R::RELATION.number()
        );
        self.execute(&note).await?;
        Ok(fates)
    }

    /// Fills the staging table; a second row of one id is left out. Gives the
    /// number of rows in it.
    async fn stage<R: Record>(
        &mut self,
        rows: &[R],
        fates: &mut [Fate],
    ) -> Result<usize, ImportError> {
        let stage = format!("import_stage_{}", R::RELATION.table());
        let columns = quoted_columns(R::COLUMNS);
        if self.staged.insert(R::RELATION) {
            let make = format!(
                "CREATE TEMP TABLE {stage} AS
                 SELECT {columns}, 0 AS import_row, 0::bigint AS import_sum FROM {}
                   WITH NO DATA",
                R::RELATION.table()
            );
            self.execute(&make).await?;
        } else {
            self.execute(&format!("TRUNCATE {stage}")).await?;
        }
        let mut lines = Lines::default();
        let mut seen = HashSet::with_capacity(rows.len());
        for (number, row) in rows.iter().enumerate() {
            if seen.insert(row.id()) {
                row.write(&mut lines);
                lines.end(number);
            } else if let Some(fate) = fates.get_mut(number) {
                *fate = Fate::Known;
            }
        }
        let copy = format!("COPY {stage} ({columns}, import_row, import_sum) FROM STDIN");
        let mut copying = self.connection.copy_in_raw(&copy).await?;
        copying.send(lines.take()).await?;
        copying.finish().await?;
        Ok(seen.len())
    }

    /// Takes out the rows whose parent is not here, or in the trash.
    async fn take_out_orphans<R: Record>(
        &mut self,
        rows: &[R],
        stage: &str,
        fates: &mut [Fate],
    ) -> Result<usize, ImportError> {
        let mut taken = 0;
        for parent in R::PARENTS {
            let (column, table) = (parent.column, parent.relation.table());
            let alive = if parent.relation.has_trash() {
                "AND p.deleted_at IS NULL"
            } else {
                ""
            };
            let own = if parent.relation == R::RELATION {
                format!("AND NOT EXISTS (SELECT FROM {stage} o WHERE o.id = s.{column})")
            } else {
                String::new()
            };
            let orphans = format!(
                "DELETE FROM {stage} s WHERE s.{column} IS NOT NULL
                    AND NOT EXISTS (SELECT FROM {table} p WHERE p.id = s.{column} {alive})
                    {own}
                 RETURNING s.import_row"
            );
            loop {
                let gone = self.take_out(&orphans, Fate::ParentGone, fates).await?;
                taken += gone;
                // What follows one of them is found by looking again.
                if gone == 0 || parent.relation != R::RELATION {
                    break;
                }
            }
        }
        debug_assert!(taken <= rows.len(), "no more than there were");
        Ok(taken)
    }

    /// Runs a statement that takes rows out of the stage, and notes their fate.
    async fn take_out(
        &mut self,
        statement: &str,
        fate: Fate,
        fates: &mut [Fate],
    ) -> Result<usize, ImportError> {
        let taken = sqlx::query(AssertSqlSafe(statement.to_owned()))
            .fetch_all(&mut self.connection)
            .await?;
        for row in &taken {
            let number: i32 = row.try_get(0)?;
            let place = usize::try_from(number).ok();
            if let Some(place) = place.and_then(|place| fates.get_mut(place)) {
                *place = fate;
            }
        }
        Ok(taken.len())
    }

    async fn execute(&mut self, statement: &str) -> Result<u64, ImportError> {
        let done = sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(&mut self.connection)
            .await?;
        Ok(done.rows_affected())
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

fn quoted_columns(columns: &[&str]) -> String {
    let quoted: Vec<String> = columns
        .iter()
        .map(|name| format!("\"{}\"", name.trim_start_matches("r#")))
        .collect();
    quoted.join(", ")
}
