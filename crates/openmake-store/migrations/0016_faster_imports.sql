-- Conversations whose messages came in bulk, some of them without an entry in
-- the index of words. A row here for each conversation costs an import next to
-- nothing; an empty entry for each message costs it as much as the messages.
CREATE TABLE message_search_waiting (
    session_id      uuid PRIMARY KEY REFERENCES conversation_sessions ON DELETE CASCADE
);

-- The ledger has a row for each row that was brought. Its entries go with their
-- source by this trigger: a foreign key would look the source up for each.
ALTER TABLE import_ledger DROP CONSTRAINT import_ledger_source_id_fkey;
CREATE FUNCTION forget_import_source() RETURNS trigger LANGUAGE plpgsql
    AS $$
        BEGIN
            DELETE FROM import_ledger WHERE source_id = OLD.id;
            RETURN NULL;
        END
    $$;
CREATE TRIGGER import_sources_forgotten
    AFTER DELETE ON import_sources
    FOR EACH ROW EXECUTE FUNCTION forget_import_source();
