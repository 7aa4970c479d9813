-- Prices, budgets, and what processes have drawn of them.

-- What a model's tokens cost, in millionths of the currency for a million
-- tokens. A model without a row costs nothing.
CREATE TABLE model_prices (
    model           text PRIMARY KEY CHECK (length(model) BETWEEN 1 AND 200),
    input_price     bigint NOT NULL CHECK (input_price BETWEEN 0 AND 1000000000000),
    output_price    bigint NOT NULL CHECK (output_price BETWEEN 0 AND 1000000000000),
    updated_at      timestamptz NOT NULL
);

-- A limit on what a key, an account or a group uses in a day or a month of
-- UTC: tokens, or money in millionths of the currency.
CREATE TABLE budgets (
    id              uuid PRIMARY KEY,
    api_key_id      uuid REFERENCES api_keys ON DELETE CASCADE,
    user_id         uuid REFERENCES users ON DELETE CASCADE,
    group_id        uuid REFERENCES user_groups ON DELETE CASCADE,
    unit            text NOT NULL CHECK (unit IN ('tokens', 'money')),
    period          text NOT NULL CHECK (period IN ('day', 'month')),
    amount          bigint NOT NULL CHECK (amount BETWEEN 0 AND 1000000000000000),
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CHECK (num_nonnulls(api_key_id, user_id, group_id) = 1),
    CONSTRAINT budgets_subject_key
        UNIQUE NULLS NOT DISTINCT (user_id, api_key_id, group_id, unit, period)
);
CREATE INDEX budgets_page ON budgets (created_at, id);
CREATE INDEX budgets_by_key ON budgets (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX budgets_by_group ON budgets (group_id) WHERE group_id IS NOT NULL;

-- Rises with every change of a budget or a price: what each process compares
-- once a second. The cascades above change nothing that a process would have to
-- hear of at once: who is gone asks nothing.
CREATE TABLE budget_feed (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version         bigint NOT NULL DEFAULT 1
);
INSERT INTO budget_feed DEFAULT VALUES;

-- One period of one budget: what was used through slices that are closed, and
-- what open slices may use in all. Never more than the limit together, unless a
-- call took more than it was estimated at. Whoever changes it locks its row
-- first, and then slices in the order of their ids.
CREATE TABLE budget_periods (
    budget_id       uuid NOT NULL REFERENCES budgets ON DELETE CASCADE,
    period_start    date NOT NULL,
    spent           bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    drawn           bigint NOT NULL DEFAULT 0 CHECK (drawn >= 0),
    PRIMARY KEY (budget_id, period_start)
);
CREATE INDEX budget_periods_age ON budget_periods (period_start);

-- What one process has drawn ahead of need, until it gives it back or is
-- silent for too long.
CREATE TABLE budget_slices (
    id              uuid PRIMARY KEY,
    budget_id       uuid NOT NULL,
    period_start    date NOT NULL,
    process         uuid NOT NULL,
    -- What it may use, over its whole life.
    amount          bigint NOT NULL CHECK (amount >= 0),
    -- What calls that ended have used.
    used            bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
    -- What those and the calls that run may have used at the most: this counts
    -- as used when the process dies.
    committed       bigint NOT NULL DEFAULT 0 CHECK (committed >= 0),
    -- The owner's count of its writes: a late one does not undo a later one.
    seq             bigint NOT NULL,
    -- By this database's clock.
    expires_at      timestamptz NOT NULL,
    FOREIGN KEY (budget_id, period_start) REFERENCES budget_periods ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX budget_slices_by_period ON budget_slices (budget_id, period_start);

-- What calls cost when they were made, and how many were made of models that
-- had no price then.
ALTER TABLE api_usage
    ADD COLUMN cost bigint NOT NULL DEFAULT 0,
    ADD COLUMN unpriced bigint NOT NULL DEFAULT 0;
UPDATE api_usage SET unpriced = requests;
