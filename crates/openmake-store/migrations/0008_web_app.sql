-- What the page shows of an answer after a reload, from the turn's log: it is
-- dropped after a while, and the message stays.
ALTER TABLE conversation_messages
    ADD COLUMN finish_reason text,
    ADD COLUMN thinking_ms   bigint,
    -- The oldest messages that did not fit into the model's context.
    ADD COLUMN cut_messages  bigint,
    ADD COLUMN cut_tokens    bigint,
    -- A message is deleted with all that follows it, and restored with that:
    -- deleted_with is the message that was asked for. What follows a deleted
    -- message is always deleted too.
    ADD COLUMN deleted_at    timestamptz,
    ADD COLUMN deleted_with  uuid,
    -- On the message that was asked for: the leaf that was shown before, if it
    -- went as well.
    ADD COLUMN deleted_leaf_id uuid,
    ADD CHECK ((deleted_at IS NULL) = (deleted_with IS NULL));
CREATE INDEX conversation_messages_deleted
    ON conversation_messages (deleted_at) WHERE deleted_with = id;

-- The audit trail as a chain: each entry's hash covers the one before it. Both
-- are NULL for entries from before this migration until the next start.
ALTER TABLE audit_logs
    ADD COLUMN seq  bigint,
    ADD COLUMN hash bytea CHECK (length(hash) = 32),
    ADD CHECK ((seq IS NULL) = (hash IS NULL));
CREATE UNIQUE INDEX audit_logs_chain ON audit_logs (seq);
CREATE INDEX audit_logs_unchained ON audit_logs (timestamp, id) WHERE seq IS NULL;

-- Its end. Whoever writes an entry locks this row until the act is committed.
CREATE TABLE audit_chain (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seq         bigint NOT NULL DEFAULT 0,
    hash        bytea NOT NULL CHECK (length(hash) = 32)
);
INSERT INTO audit_chain (hash) VALUES (decode(repeat('00', 32), 'hex'));

-- An account that its owner deleted: it cannot sign in any more, and is being
-- removed.
ALTER TABLE users ADD COLUMN deleted_at timestamptz;
CREATE INDEX users_deleted ON users (deleted_at) WHERE deleted_at IS NOT NULL;
