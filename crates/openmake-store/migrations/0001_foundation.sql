-- The foundation: accounts, conversations, durable turns.
--
-- Ids are UUIDs made by the program and carry no order: pages go by
-- (created_at, id). Times are timestamptz, enumerations text with a CHECK,
-- counts bigint. Every statement here must be safe on PostgreSQL 16 and later
-- without contrib modules.

-- One row for the instance. Locked for the registration of the first account,
-- so that two first visitors cannot both become its administrator.
CREATE TABLE instance (
    only_row            boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id                  uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at          timestamptz NOT NULL DEFAULT now(),
    -- Which master key this database was used with, and a value that only
    -- that key gives: a wrong key is refused at start.
    master_key_id       text,
    master_key_check    bytea
);
INSERT INTO instance DEFAULT VALUES;

-- What administrators set at run time. An absent key means "not set".
CREATE TABLE instance_settings (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    instance_name   text CHECK (length(instance_name) BETWEEN 1 AND 60),
    registration    text CHECK (registration IN ('open', 'invitation', 'closed')),
    guests_allowed  boolean,
    default_model   text CHECK (length(default_model) BETWEEN 1 AND 200),
    version         bigint NOT NULL DEFAULT 1,
    updated_at      timestamptz NOT NULL DEFAULT now()
);
INSERT INTO instance_settings DEFAULT VALUES;

CREATE TABLE users (
    id              uuid PRIMARY KEY,
    -- As it was typed; compared by users_email_key. NULL for a guest.
    email           text CHECK (length(email) <= 254),
    display_name    text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 100),
    -- A PHC string (Argon2id), or bcrypt from the predecessor until its owner
    -- signs in. NULL where no password can sign in.
    password_hash   text,
    role            text NOT NULL CHECK (role IN ('admin', 'user', 'guest')),
    is_active       boolean NOT NULL DEFAULT true,
    -- Rises when role, password or activation change: what access tokens and
    -- live streams are checked against.
    version         bigint NOT NULL DEFAULT 1,
    authority_changed_at timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    last_login      timestamptz,
    -- Guests are removed when they have been away for long, and become part of
    -- another account; neither must ever happen to a person's account.
    CHECK ((role = 'guest') = (email IS NULL))
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX users_page ON users (created_at, id);
CREATE INDEX users_guests ON users (created_at) WHERE role = 'guest';
CREATE INDEX users_authority ON users (authority_changed_at);

-- One sign-in on one device. The refresh token is derived from the row by a
-- key that is not in the database, so nothing here can be presented as one.
CREATE TABLE sessions (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    nonce           bytea NOT NULL,
    generation      integer NOT NULL DEFAULT 1,
    rotated_at      timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    ended_reason    text CHECK (ended_reason IN
        ('signed_out', 'revoked', 'expired', 'password_changed', 'account_changed', 'token_reused')),
    user_agent      text CHECK (length(user_agent) <= 300),
    ip_address      text
);
CREATE INDEX sessions_by_user ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE invitations (
    id              uuid PRIMARY KEY,
    code_hash       bytea NOT NULL UNIQUE,
    email           text CHECK (length(email) <= 254),
    role            text NOT NULL CHECK (role IN ('admin', 'user')),
    created_by      uuid REFERENCES users ON DELETE SET NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    used_by         uuid REFERENCES users ON DELETE SET NULL,
    revoked_at      timestamptz
);
CREATE INDEX invitations_page ON invitations (created_at, id);

-- Failed sign-ins by account and by address. The key is a hash, so the table
-- tells nothing about who tried.
CREATE TABLE sign_in_throttle (
    key             bytea PRIMARY KEY,
    failures        integer NOT NULL,
    last_failure_at timestamptz NOT NULL,
    locked_until    timestamptz NOT NULL
);
CREATE INDEX sign_in_throttle_age ON sign_in_throttle (last_failure_at);

CREATE TABLE audit_logs (
    id              uuid PRIMARY KEY,
    timestamp       timestamptz NOT NULL,
    action          text NOT NULL,
    outcome         text NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
    -- No foreign key: the trail outlives the account.
    user_id         uuid,
    resource_type   text,
    resource_id     text,
    details         jsonb NOT NULL DEFAULT '{}',
    ip_address      text,
    user_agent      text,
    request_id      text
);
CREATE INDEX audit_logs_page ON audit_logs (timestamp, id);
CREATE INDEX audit_logs_by_action ON audit_logs (action, timestamp, id);
CREATE INDEX audit_logs_by_user ON audit_logs (user_id, timestamp, id);

-- Model servers that an administrator added at run time.
CREATE TABLE model_nodes (
    id              uuid PRIMARY KEY,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    kind            text NOT NULL CHECK (kind IN ('ollama', 'openai')),
    base_url        text NOT NULL CHECK (length(base_url) <= 2000),
    enabled         boolean NOT NULL DEFAULT true,
    draining        boolean NOT NULL DEFAULT false,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX model_nodes_name_key ON model_nodes (lower(name));

CREATE TABLE model_node_keys (
    node_id         uuid NOT NULL REFERENCES model_nodes ON DELETE CASCADE,
    position        integer NOT NULL,
    last_four       text NOT NULL,
    sealed          bytea NOT NULL,
    PRIMARY KEY (node_id, position)
);

CREATE TABLE conversation_sessions (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    title           text NOT NULL DEFAULT '' CHECK (length(title) <= 200),
    -- Who made the title: nobody yet, the model, or the person. The model
    -- never replaces a person's.
    title_source    text NOT NULL DEFAULT 'none' CHECK (title_source IN ('none', 'model', 'user')),
    model           text CHECK (length(model) <= 200),
    active_leaf_id  uuid,
    pinned_at       timestamptz,
    archived_at     timestamptz,
    deleted_at      timestamptz,
    is_temporary    boolean NOT NULL DEFAULT false,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX conversation_sessions_page
    ON conversation_sessions (user_id, updated_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX conversation_sessions_pinned
    ON conversation_sessions (user_id, pinned_at) WHERE pinned_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX conversation_sessions_deleted
    ON conversation_sessions (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX conversation_sessions_trash
    ON conversation_sessions (user_id, updated_at DESC, id DESC) WHERE deleted_at IS NOT NULL;

-- Images and other binary parts, once per account however often they are sent.
CREATE TABLE blobs (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    sha256          bytea NOT NULL,
    media_type      text NOT NULL,
    size            bigint NOT NULL CHECK (size BETWEEN 1 AND 8388608),
    data            bytea NOT NULL,
    created_at      timestamptz NOT NULL,
    UNIQUE (user_id, sha256)
);
-- Images are compressed already; trying again costs time.
ALTER TABLE blobs ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE conversation_messages (
    id              uuid PRIMARY KEY,
    session_id      uuid NOT NULL REFERENCES conversation_sessions ON DELETE CASCADE,
    parent_id       uuid REFERENCES conversation_messages ON DELETE CASCADE,
    turn_id         uuid,
    role            text NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
    content         text NOT NULL,
    -- [{"type":"image","blob":UUID,"media_type":TEXT}] in the order they were sent.
    attachments     jsonb NOT NULL DEFAULT '[]',
    thinking        text,
    -- [{"call_id","name","arguments","output","is_error","duration_ms"}]
    tool_calls      jsonb NOT NULL DEFAULT '[]',
    model           text,
    agent_id        text,
    status          text NOT NULL DEFAULT 'complete'
        CHECK (status IN ('running', 'complete', 'cancelled', 'failed', 'interrupted')),
    error_code      text,
    error_detail    text,
    error_hint      text,
    input_tokens    bigint,
    tokens          bigint,
    tokens_estimated boolean NOT NULL DEFAULT false,
    first_token_ms  bigint,
    response_time_ms bigint,
    tokens_per_second double precision,
    created_at      timestamptz NOT NULL
);
CREATE INDEX conversation_messages_page ON conversation_messages (session_id, created_at, id);
CREATE INDEX conversation_messages_children ON conversation_messages (parent_id);

CREATE TABLE turns (
    id                  uuid PRIMARY KEY,
    session_id          uuid NOT NULL REFERENCES conversation_sessions ON DELETE CASCADE,
    user_id             uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    api_key_id          uuid,
    user_message_id     uuid NOT NULL REFERENCES conversation_messages ON DELETE CASCADE,
    assistant_message_id uuid NOT NULL REFERENCES conversation_messages ON DELETE CASCADE,
    -- The answer that this turn continues, where it continues one.
    continues_message_id uuid REFERENCES conversation_messages ON DELETE SET NULL,
    idempotency_key     text CHECK (length(idempotency_key) <= 200),
    request_hash        bytea,
    status              text NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'completed', 'failed', 'cancelled', 'interrupted')),
    requested_model     text NOT NULL,
    thinking            text CHECK (thinking IN ('off', 'low', 'medium', 'high')),
    model               text,
    node                text,
    -- Who writes it now, and until when the others leave it alone, by this
    -- database's clock. Every append and the end name the epoch.
    owner_process       uuid NOT NULL,
    epoch               bigint NOT NULL DEFAULT 1,
    lease_until         timestamptz NOT NULL,
    cancel_requested_at timestamptz,
    -- The partition of turn_events that holds this turn.
    log_day             date NOT NULL,
    last_seq            bigint NOT NULL DEFAULT 0,
    error_code          text,
    error_detail        text,
    error_hint          text,
    created_at          timestamptz NOT NULL,
    finished_at         timestamptz
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX turns_idempotency ON turns (user_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX turns_running ON turns (session_id) WHERE status = 'running';
-- Without lease_until, so that renewing a lease touches no index.
CREATE INDEX turns_leased ON turns (owner_process) WHERE status = 'running';
CREATE INDEX turns_by_session ON turns (session_id, created_at);
CREATE INDEX turns_finished ON turns (log_day, finished_at);
-- An answer belongs to one turn. These also find a message's turns when it is
-- removed.
CREATE UNIQUE INDEX turns_answer ON turns (assistant_message_id);
CREATE INDEX turns_question ON turns (user_message_id);
CREATE INDEX turns_continues ON turns (continues_message_id)
    WHERE continues_message_id IS NOT NULL;

-- The durable log. A partition a day, by the day that the turn began, so that
-- a turn is read from one partition and old ones are dropped whole. The
-- program makes partitions ahead of need.
CREATE TABLE turn_events (
    log_day         date NOT NULL,
    turn_id         uuid NOT NULL,
    seq             bigint NOT NULL CHECK (seq >= 1),
    type            text NOT NULL,
    data            jsonb NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_day, turn_id, seq)
) PARTITION BY RANGE (log_day);

-- What was used, a row a day, account, key and model. The key is the nil UUID
-- where a person asked, since NULLs would not be unique.
CREATE TABLE api_usage (
    date            date NOT NULL,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    api_key_id      uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    model           text NOT NULL,
    requests        bigint NOT NULL DEFAULT 0,
    errors          bigint NOT NULL DEFAULT 0,
    input_tokens    bigint NOT NULL DEFAULT 0,
    output_tokens   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, date, api_key_id, model)
);

-- Words for search, apart from the messages: cutting them can fail or lag
-- without hurting a message. Words are cut by the program; the owner's id is
-- one of the lexemes, so that one index answers "mine, with these words".
-- A message gets its first row, still without words, with its text: tokenizer 0
-- says that it waits to be indexed.
CREATE TABLE message_search (
    message_id      uuid NOT NULL REFERENCES conversation_messages ON DELETE CASCADE,
    piece           integer NOT NULL DEFAULT 0,
    session_id      uuid NOT NULL,
    tokenizer       integer NOT NULL DEFAULT 0,
    words           tsvector NOT NULL DEFAULT '',
    PRIMARY KEY (message_id, piece)
);
CREATE INDEX message_search_words ON message_search USING gin (words);
CREATE INDEX message_search_tokenizer ON message_search (tokenizer, message_id);

CREATE TABLE conversation_search (
    session_id      uuid PRIMARY KEY REFERENCES conversation_sessions ON DELETE CASCADE,
    tokenizer       integer NOT NULL DEFAULT 0,
    words           tsvector NOT NULL DEFAULT ''
);
CREATE INDEX conversation_search_words ON conversation_search USING gin (words);
CREATE INDEX conversation_search_tokenizer ON conversation_search (tokenizer, session_id);
