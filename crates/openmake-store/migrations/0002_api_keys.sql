-- Keys for programs, and groups of accounts.

-- A key is 256 random bits, so its SHA-256 needs no salt and no stretching, and
-- is what it is looked up by. Rotating replaces the hash in place: the id, and
-- with it the key's usage, stays.
CREATE TABLE api_keys (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    key_hash        bytea NOT NULL CHECK (length(key_hash) = 32),
    last_four       text NOT NULL CHECK (length(last_four) = 4),
    scopes          text[] NOT NULL CHECK (cardinality(scopes) > 0),
    -- NULL: all that the owner may ask.
    allowed_models  text[] CHECK (cardinality(allowed_models) BETWEEN 1 AND 200),
    requests_per_minute integer CHECK (requests_per_minute > 0),
    tokens_per_minute   integer CHECK (tokens_per_minute > 0),
    expires_at      timestamptz,
    last_used_at    timestamptz,
    revoked_at      timestamptz,
    version         bigint NOT NULL DEFAULT 1,
    -- When what the key may do last changed, by the database's clock: what every
    -- process follows.
    authority_changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (key_hash);
CREATE INDEX api_keys_page ON api_keys (user_id, created_at, id);
CREATE INDEX api_keys_authority ON api_keys (authority_changed_at);
CREATE INDEX api_keys_revoked ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE user_groups (
    id              uuid PRIMARY KEY,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description     text NOT NULL DEFAULT '' CHECK (length(description) <= 500),
    -- NULL: the group says nothing about models.
    allowed_models  text[] CHECK (cardinality(allowed_models) BETWEEN 1 AND 200),
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX user_groups_name_key ON user_groups (lower(name));
CREATE INDEX user_groups_page ON user_groups (created_at, id);

CREATE TABLE user_group_members (
    group_id        uuid NOT NULL REFERENCES user_groups ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role            text NOT NULL CHECK (role IN ('member', 'manager')),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX user_group_members_by_user ON user_group_members (user_id);
CREATE INDEX user_group_members_page ON user_group_members (group_id, created_at, user_id);

-- The models that an account may ask: those of all lists of its groups together,
-- or NULL, which is all, where no group of its has a list. In one place, because
-- a session, a refresh and a key are all checked against it.
CREATE FUNCTION user_allowed_models(account uuid) RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
        SELECT array_agg(DISTINCT model ORDER BY model)
          FROM user_group_members m
          JOIN user_groups g ON g.id = m.group_id
         CROSS JOIN unnest(g.allowed_models) AS allowed (model)
         WHERE m.user_id = account
    $$;
