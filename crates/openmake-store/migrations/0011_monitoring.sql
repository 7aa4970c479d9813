-- What each process counted in a minute. The row of the running minute is
-- written again every few seconds, whole, by its process alone.
CREATE TABLE metric_samples (
    -- The beginning of the minute.
    at                   timestamptz NOT NULL,
    -- The run of the program.
    process              uuid NOT NULL,
    -- How much of the minute the process has seen.
    seconds              double precision NOT NULL CHECK (seconds >= 0),
    requests_ok          bigint NOT NULL,
    requests_refused     bigint NOT NULL,
    requests_failed      bigint NOT NULL,
    rate_limited         bigint NOT NULL,
    turns_started        bigint NOT NULL,
    turns_completed      bigint NOT NULL,
    turns_failed         bigint NOT NULL,
    turns_stopped        bigint NOT NULL,
    calls_succeeded      bigint NOT NULL,
    calls_refused        bigint NOT NULL,
    calls_failed         bigint NOT NULL,
    input_tokens         bigint NOT NULL,
    output_tokens        bigint NOT NULL,
    -- How many took how long, by the bounds of openmake_types::buckets: sums
    -- of these give true percentiles over minutes and processes, percentiles
    -- of percentiles would not.
    request_buckets      bigint[] NOT NULL,
    first_token_buckets  bigint[] NOT NULL,
    append_buckets       bigint[] NOT NULL,
    -- The most that was seen in the minute.
    turns_running        bigint NOT NULL,
    sockets              bigint NOT NULL,
    streams              bigint NOT NULL,
    database_connections bigint NOT NULL,
    -- NULL where the system does not tell.
    memory_bytes         bigint,
    cpu_seconds          double precision,
    PRIMARY KEY (at, process)
);

-- What was asked of a model server with one of its keys, by the hour.
-- Configured nodes stand in no table, and counts outlive their node.
CREATE TABLE model_key_usage (
    hour                 timestamptz NOT NULL,
    node_id              uuid NOT NULL,
    -- Its place among the node's keys; -1 for a node without keys.
    position             integer NOT NULL CHECK (position >= -1),
    -- Another key at the same place is another row.
    last_four            text NOT NULL CHECK (length(last_four) <= 4),
    node_name            text NOT NULL,
    requests             bigint NOT NULL,
    succeeded            bigint NOT NULL,
    unauthorized         bigint NOT NULL,
    rate_limited         bigint NOT NULL,
    server_errors        bigint NOT NULL,
    other_errors         bigint NOT NULL,
    input_tokens         bigint NOT NULL,
    output_tokens        bigint NOT NULL,
    last_used_at         timestamptz NOT NULL,
    PRIMARY KEY (hour, node_id, position, last_four)
);

-- The trail by what was acted on, and by how it ended: failures are rare.
CREATE INDEX audit_logs_by_resource
    ON audit_logs (resource_type, resource_id, timestamp, id)
    WHERE resource_type IS NOT NULL;
CREATE INDEX audit_logs_by_outcome ON audit_logs (outcome, timestamp, id);
