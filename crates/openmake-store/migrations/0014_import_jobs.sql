-- Imports that people start themselves, from the files of other products.
--
-- The file arrives in pieces and stays here until the import has ended, so
-- that any process can begin it, and another go on with it.

CREATE TABLE import_jobs (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind            text NOT NULL CHECK (kind IN ('chatgpt', 'claude', 'open-webui')),
    file_name       text NOT NULL CHECK (length(file_name) BETWEEN 1 AND 255),
    -- Bytes that were announced, and that have arrived.
    size            bigint NOT NULL CHECK (size > 0),
    received        bigint NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND size),
    status          text NOT NULL CHECK (status IN
        ('uploading', 'waiting', 'running', 'done', 'failed', 'cancelled')),
    -- Who brings it in now, and until when others leave it alone, by this
    -- database's clock. The end and every notice of progress name the epoch.
    owner_process   uuid,
    epoch           bigint NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    cancel_requested_at timestamptz,
    -- How far it is: bytes or rows of the file, and what came of them.
    read_units      bigint NOT NULL DEFAULT 0,
    total_units     bigint NOT NULL DEFAULT 0,
    conversations   bigint NOT NULL DEFAULT 0,
    messages        bigint NOT NULL DEFAULT 0,
    error_code      text CHECK (length(error_code) <= 60),
    error_detail    text CHECK (length(error_detail) <= 2000),
    -- Counts by table, and the whole report.
    summary         jsonb,
    report          jsonb,
    -- How many conversations were taken back, and when.
    undone          bigint,
    undone_at       timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    finished_at     timestamptz
);
-- One at a time for each person.
CREATE UNIQUE INDEX import_jobs_active ON import_jobs (user_id)
    WHERE status IN ('uploading', 'waiting', 'running');
CREATE INDEX import_jobs_page ON import_jobs (user_id, created_at, id);
CREATE INDEX import_jobs_open ON import_jobs (created_at, id)
    WHERE status IN ('uploading', 'waiting', 'running');

CREATE TABLE import_chunks (
    job_id          uuid NOT NULL REFERENCES import_jobs ON DELETE CASCADE,
    -- The first byte's place in the file.
    position        bigint NOT NULL CHECK (position >= 0),
    data            bytea NOT NULL CHECK (length(data) BETWEEN 1 AND 8388608),
    PRIMARY KEY (job_id, position)
);
-- Exports are compressed already; trying again costs time.
ALTER TABLE import_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

-- What an import brought is found by it, to take it back.
CREATE INDEX conversation_sessions_imported
    ON conversation_sessions (user_id, (metadata -> 'import' ->> 'job'))
    WHERE metadata ? 'import';
