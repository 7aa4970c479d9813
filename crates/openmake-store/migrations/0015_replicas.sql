-- Several processes on one database: what makes up for a wake-up that is lost.

-- When the row last got another version, by the database's clock. Processes
-- with sockets ask for what changed since they asked last.
ALTER TABLE conversation_sessions ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX conversation_sessions_changed ON conversation_sessions (user_id, changed_at);

-- By a trigger, so that what a process of the version before changes is seen
-- too while both run.
CREATE FUNCTION note_conversation_change() RETURNS trigger LANGUAGE plpgsql
    AS $$
        BEGIN
            NEW.changed_at := clock_timestamp();
            RETURN NEW;
        END
    $$;
CREATE TRIGGER conversation_sessions_changed
    BEFORE UPDATE ON conversation_sessions
    FOR EACH ROW WHEN (NEW.version IS DISTINCT FROM OLD.version)
    EXECUTE FUNCTION note_conversation_change();
