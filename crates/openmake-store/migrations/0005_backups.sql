-- Backups: what was asked for, what came of it.
--
-- A row is made by the schedule, by an administrator or by the command line.
-- That only one is made at a time is an advisory lock's business, which ends
-- with the process that holds it; a row that says `running` while nobody holds
-- it tells of a process that was killed.
CREATE TABLE backups (
    id              uuid PRIMARY KEY,
    reason          text NOT NULL CHECK (reason IN ('schedule', 'request', 'command')),
    -- No foreign key: the history outlives the account.
    requested_by    uuid,
    status          text NOT NULL CHECK (status IN ('waiting', 'running', 'done', 'failed')),
    -- Its name, without the directory; NULL where it went to standard output.
    file            text CHECK (length(file) <= 255),
    size            bigint CHECK (size >= 0),
    rows            bigint CHECK (rows >= 0),
    -- Whether the master key is inside, sealed with a passphrase.
    has_key         boolean NOT NULL DEFAULT false,
    -- Whether it was restored into a scratch database and compared. NULL as
    -- long as that is not known.
    verification    text CHECK (verification IN ('verified', 'skipped', 'failed')),
    -- Why it failed, or why it could not be verified.
    detail          text,
    created_at      timestamptz NOT NULL,
    started_at      timestamptz,
    finished_at     timestamptz
);
CREATE INDEX backups_page ON backups (created_at, id);
CREATE INDEX backups_open ON backups (status) WHERE status IN ('waiting', 'running');
