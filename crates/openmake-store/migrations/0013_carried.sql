-- What the predecessor kept and this product did not yet, and the import that
-- brings it.
--
-- Every table here has an owner whose deletion takes the row along, where it
-- belongs to someone. `metadata` keeps what another product's row said and no
-- column holds: unknown columns, texts that were longer than a limit, JSON that
-- does not parse. `deleted_at` is the trash, as for conversations. A reference
-- to a conversation that only says where something came from has no foreign
-- key: the conversation may be gone, and what came of it stays.

ALTER TABLE users ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}';
ALTER TABLE conversation_messages ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}';

-- Agents that people made. `id` is what conversations and the marketplace name.
CREATE TABLE custom_agents (
    id              uuid PRIMARY KEY,
    -- NULL: the instance's own, which administrators look after.
    created_by      uuid REFERENCES users ON DELETE CASCADE,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description     text NOT NULL DEFAULT '' CHECK (length(description) <= 2000),
    system_prompt   text NOT NULL CHECK (length(system_prompt) <= 100000),
    keywords        jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(keywords) = 'array'),
    category        text NOT NULL DEFAULT 'custom' CHECK (length(category) BETWEEN 1 AND 60),
    emoji           text NOT NULL DEFAULT '🤖' CHECK (length(emoji) BETWEEN 1 AND 32),
    temperature     double precision CHECK (temperature BETWEEN 0 AND 2),
    max_tokens      bigint CHECK (max_tokens > 0),
    enabled         boolean NOT NULL DEFAULT true,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    deleted_at      timestamptz,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX custom_agents_page ON custom_agents (created_by, updated_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX custom_agents_deleted ON custom_agents (deleted_at) WHERE deleted_at IS NOT NULL;

-- One run of an agent. `agent_id` is text: built-in agents have names, and a
-- run outlives the agent.
CREATE TABLE agent_usage_logs (
    id              uuid PRIMARY KEY,
    timestamp       timestamptz NOT NULL,
    user_id         uuid REFERENCES users ON DELETE CASCADE,
    session_id      uuid,
    agent_id        text NOT NULL CHECK (length(agent_id) BETWEEN 1 AND 200),
    query           text,
    response_preview text,
    response_time_ms bigint CHECK (response_time_ms >= 0),
    tokens_used     bigint CHECK (tokens_used >= 0),
    success         boolean NOT NULL DEFAULT true,
    error_message   text,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX agent_usage_logs_page ON agent_usage_logs (timestamp, id);
CREATE INDEX agent_usage_logs_by_agent ON agent_usage_logs (agent_id, timestamp, id);
CREATE INDEX agent_usage_logs_by_user ON agent_usage_logs (user_id, timestamp, id);

CREATE TABLE agent_feedback (
    id              uuid PRIMARY KEY,
    agent_id        text NOT NULL CHECK (length(agent_id) BETWEEN 1 AND 200),
    user_id         uuid REFERENCES users ON DELETE CASCADE,
    rating          integer NOT NULL CHECK (rating BETWEEN 1 AND 5),
    comment         text,
    query           text,
    response        text,
    tags            jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(tags) = 'array'),
    created_at      timestamptz NOT NULL,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX agent_feedback_by_agent ON agent_feedback (agent_id, created_at, id);
CREATE INDEX agent_feedback_by_user ON agent_feedback (user_id, created_at, id);

-- What administrators were warned of.
CREATE TABLE alert_history (
    id              uuid PRIMARY KEY,
    type            text NOT NULL CHECK (length(type) BETWEEN 1 AND 100),
    severity        text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    title           text NOT NULL CHECK (length(title) <= 200),
    message         text NOT NULL DEFAULT '',
    data            jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by uuid REFERENCES users ON DELETE SET NULL
);
CREATE INDEX alert_history_page ON alert_history (created_at, id);
CREATE INDEX alert_history_open ON alert_history (created_at, id) WHERE acknowledged_at IS NULL;

-- What is remembered about a person.
CREATE TABLE user_memories (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    category        text NOT NULL CHECK (category IN
        ('preference', 'fact', 'project', 'relationship', 'skill', 'context')),
    key             text NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
    value           text NOT NULL CHECK (length(value) <= 4000),
    importance      double precision NOT NULL DEFAULT 0.5 CHECK (importance BETWEEN 0 AND 1),
    access_count    bigint NOT NULL DEFAULT 0 CHECK (access_count >= 0),
    last_accessed   timestamptz,
    source_session_id uuid,
    expires_at      timestamptz,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    deleted_at      timestamptz,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
-- One that is in the trash stands in nobody's way.
CREATE UNIQUE INDEX user_memories_key ON user_memories (user_id, category, key)
    WHERE deleted_at IS NULL;
CREATE INDEX user_memories_page ON user_memories (user_id, updated_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX user_memories_deleted ON user_memories (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE memory_tags (
    id              uuid PRIMARY KEY,
    memory_id       uuid NOT NULL REFERENCES user_memories ON DELETE CASCADE,
    tag             text NOT NULL CHECK (length(tag) BETWEEN 1 AND 100),
    UNIQUE (memory_id, tag)
);

CREATE TABLE research_sessions (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    topic           text NOT NULL CHECK (length(topic) <= 4000),
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN
        ('pending', 'running', 'completed', 'failed', 'cancelled')),
    depth           text NOT NULL DEFAULT 'standard' CHECK (depth IN ('quick', 'standard', 'deep')),
    progress        integer NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    summary         text,
    key_findings    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(key_findings) = 'array'),
    sources         jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(sources) = 'array'),
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    completed_at    timestamptz,
    deleted_at      timestamptz,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX research_sessions_page ON research_sessions (user_id, created_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX research_sessions_deleted ON research_sessions (deleted_at)
    WHERE deleted_at IS NOT NULL;

CREATE TABLE research_steps (
    id              uuid PRIMARY KEY,
    session_id      uuid NOT NULL REFERENCES research_sessions ON DELETE CASCADE,
    step_number     bigint NOT NULL,
    step_type       text NOT NULL CHECK (length(step_type) BETWEEN 1 AND 100),
    query           text,
    result          text,
    sources         jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(sources) = 'array'),
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN
        ('pending', 'running', 'completed', 'failed', 'cancelled')),
    created_at      timestamptz NOT NULL,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
-- Not unique: the predecessor wrote numbers twice.
CREATE INDEX research_steps_page ON research_steps (session_id, step_number, id);

-- Agents that are offered to others.
CREATE TABLE agent_marketplace (
    id              uuid PRIMARY KEY,
    agent_id        uuid NOT NULL REFERENCES custom_agents ON DELETE CASCADE,
    author_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    title           text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    description     text NOT NULL DEFAULT '' CHECK (length(description) <= 2000),
    long_description text NOT NULL DEFAULT '' CHECK (length(long_description) <= 50000),
    category        text NOT NULL DEFAULT 'custom' CHECK (length(category) BETWEEN 1 AND 60),
    tags            jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(tags) = 'array'),
    icon            text NOT NULL DEFAULT '🤖' CHECK (length(icon) BETWEEN 1 AND 32),
    banner_url      text CHECK (length(banner_url) <= 2000),
    price           double precision NOT NULL DEFAULT 0 CHECK (price >= 0),
    is_free         boolean NOT NULL DEFAULT true,
    is_featured     boolean NOT NULL DEFAULT false,
    is_verified     boolean NOT NULL DEFAULT false,
    downloads       bigint NOT NULL DEFAULT 0 CHECK (downloads >= 0),
    rating_avg      double precision NOT NULL DEFAULT 0 CHECK (rating_avg BETWEEN 0 AND 5),
    rating_count    bigint NOT NULL DEFAULT 0 CHECK (rating_count >= 0),
    release         text NOT NULL DEFAULT '1.0.0' CHECK (length(release) BETWEEN 1 AND 60),
    changelog       text,
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN
        ('pending', 'approved', 'rejected', 'suspended')),
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    published_at    timestamptz,
    deleted_at      timestamptz,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX agent_marketplace_page ON agent_marketplace (status, created_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX agent_marketplace_by_agent ON agent_marketplace (agent_id);
CREATE INDEX agent_marketplace_by_author ON agent_marketplace (author_id, created_at, id);

CREATE TABLE agent_reviews (
    id              uuid PRIMARY KEY,
    marketplace_id  uuid NOT NULL REFERENCES agent_marketplace ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    rating          integer NOT NULL CHECK (rating BETWEEN 1 AND 5),
    title           text NOT NULL DEFAULT '' CHECK (length(title) <= 200),
    content         text NOT NULL DEFAULT '' CHECK (length(content) <= 10000),
    helpful_count   bigint NOT NULL DEFAULT 0 CHECK (helpful_count >= 0),
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    metadata        jsonb NOT NULL DEFAULT '{}',
    UNIQUE (marketplace_id, user_id)
);
CREATE INDEX agent_reviews_page ON agent_reviews (marketplace_id, created_at DESC, id DESC);
CREATE INDEX agent_reviews_by_user ON agent_reviews (user_id, created_at, id);

CREATE TABLE agent_installations (
    id              uuid PRIMARY KEY,
    marketplace_id  uuid NOT NULL REFERENCES agent_marketplace ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    installed_at    timestamptz NOT NULL,
    uninstalled_at  timestamptz,
    UNIQUE (marketplace_id, user_id)
);
CREATE INDEX agent_installations_by_user ON agent_installations (user_id, installed_at, id);

CREATE TABLE canvas_documents (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    session_id      uuid,
    title           text NOT NULL CHECK (length(title) <= 200),
    doc_type        text NOT NULL DEFAULT 'document' CHECK (doc_type IN
        ('document', 'code', 'diagram', 'table')),
    content         text NOT NULL DEFAULT '',
    language        text CHECK (length(language) <= 60),
    -- The number of the text that is shown; also what an edit must name.
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    is_shared       boolean NOT NULL DEFAULT false,
    -- SHA-256 of the link's token: a stolen database opens no link.
    share_token_hash bytea CHECK (length(share_token_hash) = 32),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    deleted_at      timestamptz,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX canvas_documents_share ON canvas_documents (share_token_hash);
CREATE INDEX canvas_documents_page ON canvas_documents (user_id, updated_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX canvas_documents_deleted ON canvas_documents (deleted_at)
    WHERE deleted_at IS NOT NULL;
CREATE INDEX canvas_documents_by_session ON canvas_documents (session_id)
    WHERE session_id IS NOT NULL;

CREATE TABLE canvas_versions (
    id              uuid PRIMARY KEY,
    document_id     uuid NOT NULL REFERENCES canvas_documents ON DELETE CASCADE,
    version         bigint NOT NULL,
    content         text NOT NULL,
    change_summary  text,
    created_by      uuid REFERENCES users ON DELETE SET NULL,
    created_at      timestamptz NOT NULL,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX canvas_versions_page ON canvas_versions (document_id, version, id);

CREATE TABLE canvas_ai_edits (
    id              uuid PRIMARY KEY,
    document_id     uuid NOT NULL REFERENCES canvas_documents ON DELETE CASCADE,
    instruction     text NOT NULL,
    original_content text,
    modified_content text,
    -- NULL: undecided.
    accepted        boolean,
    created_at      timestamptz NOT NULL,
    metadata        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX canvas_ai_edits_page ON canvas_ai_edits (document_id, created_at, id);

-- Accounts elsewhere that the assistant may use.
CREATE TABLE external_connections (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    service_type    text NOT NULL CHECK (service_type IN
        ('google_drive', 'notion', 'github', 'slack', 'dropbox')),
    -- Sealed with the master key, for `external-access:ID` and
    -- `external-refresh:ID`. NULL: the person must connect again.
    access_token_sealed  bytea,
    refresh_token_sealed bytea,
    token_expires_at timestamptz,
    account_email   text CHECK (length(account_email) <= 254),
    account_name    text CHECK (length(account_name) <= 200),
    is_active       boolean NOT NULL DEFAULT true,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    metadata        jsonb NOT NULL DEFAULT '{}',
    UNIQUE (user_id, service_type)
);

CREATE TABLE external_files (
    id              uuid PRIMARY KEY,
    connection_id   uuid NOT NULL REFERENCES external_connections ON DELETE CASCADE,
    external_id     text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 1000),
    file_name       text NOT NULL CHECK (length(file_name) <= 500),
    file_type       text CHECK (length(file_type) <= 200),
    file_size       bigint CHECK (file_size >= 0),
    web_url         text CHECK (length(web_url) <= 4000),
    last_synced     timestamptz,
    cached_content  text,
    created_at      timestamptz NOT NULL,
    metadata        jsonb NOT NULL DEFAULT '{}',
    UNIQUE (connection_id, external_id)
);
CREATE INDEX external_files_page ON external_files (connection_id, created_at, id);

-- Tool servers that administrators add.
CREATE TABLE mcp_servers (
    id              uuid PRIMARY KEY,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    transport_type  text NOT NULL CHECK (transport_type IN ('stdio', 'sse', 'streamable-http')),
    command         text CHECK (length(command) <= 2000),
    args            jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(args) = 'array'),
    -- The environment as a JSON object, sealed for `mcp-env:ID`: it holds keys.
    env_sealed      bytea,
    url             text CHECK (length(url) <= 2000),
    enabled         boolean NOT NULL DEFAULT true,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    metadata        jsonb NOT NULL DEFAULT '{}',
    CHECK (transport_type <> 'stdio' OR command IS NOT NULL),
    CHECK (transport_type = 'stdio' OR url IS NOT NULL)
);
CREATE UNIQUE INDEX mcp_servers_name_key ON mcp_servers (lower(name));
CREATE INDEX mcp_servers_page ON mcp_servers (created_at, id);

-- Browsers that want to be told.
CREATE TABLE push_subscriptions (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    endpoint        text NOT NULL UNIQUE CHECK (length(endpoint) BETWEEN 1 AND 2000),
    p256dh          text NOT NULL CHECK (length(p256dh) <= 200),
    auth            text NOT NULL CHECK (length(auth) <= 100),
    created_at      timestamptz NOT NULL
);
CREATE INDEX push_subscriptions_by_user ON push_subscriptions (user_id, created_at, id);

-- The predecessor's daily counters, which name no account: they cannot become
-- rows of api_usage, where everybody's own use is.
CREATE TABLE carried_usage (
    id              uuid PRIMARY KEY,
    date            date NOT NULL,
    -- What it called the key; empty where it named none.
    key_label       text NOT NULL DEFAULT '' CHECK (length(key_label) <= 200),
    requests        bigint NOT NULL DEFAULT 0 CHECK (requests >= 0),
    tokens          bigint NOT NULL DEFAULT 0 CHECK (tokens >= 0),
    errors          bigint NOT NULL DEFAULT 0 CHECK (errors >= 0),
    avg_response_ms double precision CHECK (avg_response_ms >= 0),
    models          jsonb NOT NULL DEFAULT '{}',
    metadata        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX carried_usage_page ON carried_usage (date, id);

-- Where data was imported from.
CREATE TABLE import_sources (
    id              integer PRIMARY KEY,
    kind            text NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- Whose own import it is; NULL for the instance's.
    owner_id        uuid REFERENCES users ON DELETE CASCADE,
    -- Rises with every run.
    run             integer NOT NULL DEFAULT 0,
    -- The last run whose rows were read back and compared.
    verified_run    integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    last_run_at     timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (kind, name, owner_id)
);

-- Every row that was ever brought in, so that none comes twice, and none comes
-- back that was deleted since. Ids derive from the source's, and are unique
-- over all tables.
CREATE TABLE import_ledger (
    source_id       integer NOT NULL REFERENCES import_sources ON DELETE CASCADE,
    run             integer NOT NULL,
    id              uuid NOT NULL,
    -- Which table, by the numbers of the program's `Relation`.
    relation        smallint NOT NULL,
    -- Of what was written.
    checksum        bigint NOT NULL,
    -- The row that it became one with, where it is not its own.
    merged_into     uuid,
    PRIMARY KEY (source_id, id)
);

-- Rows that have no place: whose parent is gone, or that belong to nobody.
CREATE TABLE import_holding (
    id              uuid PRIMARY KEY,
    source_id       integer NOT NULL REFERENCES import_sources ON DELETE CASCADE,
    -- Where it stood, and under which id.
    table_name      text NOT NULL CHECK (length(table_name) BETWEEN 1 AND 100),
    old_id          text NOT NULL,
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 60),
    -- Whose it is, where that much is known.
    owner_id        uuid REFERENCES users ON DELETE CASCADE,
    held            jsonb NOT NULL,
    created_at      timestamptz NOT NULL
);
CREATE INDEX import_holding_page ON import_holding (source_id, table_name, created_at, id);
CREATE INDEX import_holding_by_owner ON import_holding (owner_id) WHERE owner_id IS NOT NULL;
