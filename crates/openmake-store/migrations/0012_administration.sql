-- What administrators decide at run time: models by role, limits, profiles.

-- The models that accounts of a role may ask, besides what their groups and
-- keys say. One row a role, always: a change of any is seen by its time.
CREATE TABLE role_models (
    role            text PRIMARY KEY CHECK (role IN ('admin', 'user', 'guest')),
    -- NULL: all.
    allowed_models  text[] CHECK (cardinality(allowed_models) BETWEEN 1 AND 200),
    changed_at      timestamptz NOT NULL DEFAULT now()
);
INSERT INTO role_models (role) VALUES ('admin'), ('user'), ('guest');

-- As before, and no more than the role allows. An empty list allows nothing:
-- then group and role have no model in common.
CREATE OR REPLACE FUNCTION user_allowed_models(account uuid) RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
        WITH by_group AS (
            SELECT array_agg(DISTINCT model ORDER BY model) AS models
              FROM user_group_members m
              JOIN user_groups g ON g.id = m.group_id
             CROSS JOIN unnest(g.allowed_models) AS allowed (model)
             WHERE m.user_id = account
        ), by_role AS (
            SELECT r.allowed_models AS models
              FROM users u JOIN role_models r ON r.role = u.role
             WHERE u.id = account
        )
        SELECT CASE WHEN g.models IS NULL THEN r.models
                    WHEN r.models IS NULL THEN g.models
                    ELSE ARRAY(SELECT model FROM unnest(g.models) AS model
                                WHERE model = ANY (r.models) ORDER BY model) END
          FROM by_group g LEFT JOIN by_role r ON true
    $$;

-- Limits that differ from the configuration; one that is not here is as
-- configured. A name that this version does not know is a later one's.
CREATE TABLE instance_limits (
    name            text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 60),
    amount          bigint NOT NULL CHECK (amount > 0),
    updated_at      timestamptz NOT NULL
);

-- Where profiles differ from the built-in ones; NULL is as built in.
CREATE TABLE profile_edits (
    profile         text PRIMARY KEY CHECK (length(profile) BETWEEN 1 AND 100),
    is_enabled      boolean NOT NULL,
    prefer          text[] CHECK (cardinality(prefer) <= 100),
    size            text CHECK (size IN ('smallest', 'balanced', 'largest')),
    thinking        text CHECK (thinking IN ('off', 'low', 'medium', 'high')),
    temperature     double precision CHECK (temperature BETWEEN 0 AND 2),
    context_tokens  integer CHECK (context_tokens > 0),
    tool_turns      integer CHECK (tool_turns >= 0),
    time_budget_seconds integer CHECK (time_budget_seconds >= 0),
    instructions    text CHECK (length(instructions) <= 8000),
    updated_at      timestamptz NOT NULL
);
