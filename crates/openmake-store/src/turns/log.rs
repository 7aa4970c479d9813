//! The log of a turn.

use std::{collections::BTreeMap, time::Duration};

use openmake_types::{TurnId, UserId};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Append, LogPage, NewEvent, StoredEvent, Turns,
    row::{seq_from_column, seq_to_column},
};
use crate::{StoreError, error::parsed, text::storable_json};

/// Events as columns, for `unnest`.
#[derive(Default)]
pub(super) struct EventColumns {
    turn_ids: Vec<Uuid>,
    seqs: Vec<i64>,
    kinds: Vec<String>,
    data: Vec<Value>,
}

impl EventColumns {
    pub(super) fn extend(&mut self, turn: TurnId, events: &[NewEvent]) {
        for event in events {
            self.turn_ids.push(turn.as_uuid());
            self.seqs.push(seq_to_column(event.seq));
            self.kinds.push(event.kind.to_owned());
            self.data.push(storable_json(&event.data).into_owned());
        }
    }
}

/// What one turn gets in a statement.
struct Asked {
    epoch: i64,
    /// First and last event, unless there are none.
    range: Option<(i64, i64)>,
}

/// The numbers of the first and the last of `events`.
pub(super) fn range(events: &[NewEvent]) -> Option<(i64, i64)> {
    match events {
        [] => None,
        [first, .., last] => Some((seq_to_column(first.seq), seq_to_column(last.seq))),
        [only] => Some((seq_to_column(only.seq), seq_to_column(only.seq))),
    }
}

/// One row a turn, in the order of their ids, as columns.
fn asked(appends: &[Append]) -> BTreeMap<Uuid, Asked> {
    let mut turns = BTreeMap::<Uuid, Asked>::new();
    for append in appends {
        let range = range(&append.events);
        let turn = turns.entry(append.turn_id.as_uuid()).or_insert(Asked {
            epoch: append.epoch,
            range: None,
        });
        // Two of one turn count as one.
        turn.range = match (turn.range, range) {
            (Some((first, _)), Some((_, last))) => Some((first, last)),
            (one, other) => one.or(other),
        };
    }
    turns
}

impl Turns<'_> {
    /// Appends events of many turns in one statement and one commit, and renews
    /// their leases. Gives the turns that are still the caller's; of the others
    /// nothing was written. One without events has only its lease renewed.
    ///
    /// A caller that did not hear the answer may append the same events again,
    /// with more behind them: those that are stored already are passed over.
    pub async fn append(
        &self,
        appends: &[Append],
        lease: Duration,
    ) -> Result<Vec<TurnId>, StoreError> {
        if appends.is_empty() {
            return Ok(Vec::new());
        }
        let asked = asked(appends);
        let ids: Vec<Uuid> = asked.keys().copied().collect();
        let epochs: Vec<i64> = asked.values().map(|turn| turn.epoch).collect();
        let first: Vec<Option<i64>> = asked.values().map(|turn| turn.range.map(|r| r.0)).collect();
        let last: Vec<Option<i64>> = asked.values().map(|turn| turn.range.map(|r| r.1)).collect();
        let mut events = EventColumns::default();
        for append in appends {
            events.extend(append.turn_id, &append.events);
        }
        // The rows are locked in the order of their ids, as everyone does who
        // locks several. One that someone else changed meanwhile is read again
        // after the wait, so that the epoch that counts is the newest.
        let held = sqlx::query_scalar!(
            r#"WITH asked AS (
                   SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])
                              AS a (id, epoch, first_seq, last_seq)
               ), locked AS (
                   SELECT t.id FROM turns t JOIN asked a ON a.id = t.id
                    WHERE t.epoch = a.epoch AND t.status = 'running'
                    ORDER BY t.id FOR NO KEY UPDATE OF t
               ), held AS (
                   UPDATE turns t
                      SET last_seq = greatest(t.last_seq, a.last_seq),
                          lease_until = clock_timestamp() + make_interval(secs => $5)
                     FROM locked l JOIN asked a ON a.id = l.id
                    WHERE t.id = l.id AND t.epoch = a.epoch AND t.status = 'running'
                      AND (a.last_seq IS NULL
                           OR t.last_seq BETWEEN a.first_seq - 1 AND a.last_seq)
                   RETURNING t.id, t.log_day
               ), written AS (
                   INSERT INTO turn_events (log_day, turn_id, seq, type, data)
                   SELECT h.log_day, h.id, e.seq, e.type, e.data
                     FROM unnest($6::uuid[], $7::bigint[], $8::text[], $9::jsonb[])
                            AS e (turn_id, seq, type, data)
                     JOIN held h ON h.id = e.turn_id
                   ON CONFLICT DO NOTHING
               )
               SELECT id AS "id!" FROM held"#,
            &ids,
            &epochs,
            &first as &[Option<i64>],
            &last as &[Option<i64>],
            lease.as_secs_f64(),
            &events.turn_ids,
            &events.seqs,
            &events.kinds,
            &events.data,
        )
        .fetch_all(&self.0.pool)
        .await?;
        Ok(held.into_iter().map(TurnId::from_uuid).collect())
    }

    /// A piece of an owner's turn's log: the events after `after`, at most
    /// `limit`.
    pub async fn log(
        &self,
        owner: UserId,
        id: TurnId,
        after: u64,
        limit: u32,
    ) -> Result<LogPage, StoreError> {
        // One statement sees one moment: the status belongs to the events.
        let rows = sqlx::query!(
            r#"SELECT t.status,
                      (t.last_seq = 0 OR EXISTS (
                          SELECT FROM turn_events l
                           WHERE l.log_day = t.log_day AND l.turn_id = t.id
                             AND l.seq = t.last_seq)) AS "kept!",
                      e.seq AS "seq?", e.data AS "data?"
                 FROM turns t
                 LEFT JOIN LATERAL (
                     SELECT seq, data FROM turn_events
                      WHERE log_day = t.log_day AND turn_id = t.id AND seq > $3
                      ORDER BY seq LIMIT $4) e ON true
                WHERE t.id = $1 AND t.user_id = $2
                ORDER BY e.seq"#,
            id.as_uuid(),
            owner.as_uuid(),
            seq_to_column(after),
            i64::from(limit),
        )
        .fetch_all(&self.0.pool)
        .await?;
        let Some(turn) = rows.first() else {
            return Err(StoreError::NotFound);
        };
        let (status, kept) = (parsed("status", &turn.status)?, turn.kept);
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            if let (Some(seq), Some(data)) = (row.seq, row.data) {
                events.push(StoredEvent {
                    seq: seq_from_column(seq)?,
                    data,
                });
            }
        }
        Ok(LogPage {
            events,
            status,
            kept,
        })
    }
}

/// Appends the last events of a turn that the transaction has just ended.
pub(super) async fn append_last(
    connection: &mut PgConnection,
    turn: TurnId,
    events: &[NewEvent],
) -> Result<(), StoreError> {
    let mut columns = EventColumns::default();
    columns.extend(turn, events);
    sqlx::query!(
        "INSERT INTO turn_events (log_day, turn_id, seq, type, data)
         SELECT t.log_day, t.id, e.seq, e.type, e.data
           FROM unnest($2::bigint[], $3::text[], $4::jsonb[]) AS e (seq, type, data)
           JOIN turns t ON t.id = $1
         ON CONFLICT DO NOTHING",
        turn.as_uuid(),
        &columns.seqs,
        &columns.kinds,
        &columns.data,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The whole logs of these turns.
pub(super) async fn read_all(
    connection: &mut PgConnection,
    turns: &[Uuid],
) -> Result<BTreeMap<Uuid, Vec<StoredEvent>>, StoreError> {
    let rows = sqlx::query!(
        "SELECT e.turn_id, e.seq, e.data
           FROM turns t JOIN turn_events e ON e.log_day = t.log_day AND e.turn_id = t.id
          WHERE t.id = ANY ($1)
          ORDER BY e.turn_id, e.seq",
        turns,
    )
    .fetch_all(connection)
    .await?;
    let mut logs = BTreeMap::<Uuid, Vec<StoredEvent>>::new();
    for row in rows {
        logs.entry(row.turn_id).or_default().push(StoredEvent {
            seq: seq_from_column(row.seq)?,
            data: row.data,
        });
    }
    Ok(logs)
}
