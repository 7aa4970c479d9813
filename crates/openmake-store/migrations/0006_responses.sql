-- Turns that were asked for through /v1/responses, with what their answers
-- repeat of the request. Whose they are is said by their turns.
CREATE TABLE responses (
    turn_id uuid PRIMARY KEY REFERENCES turns ON DELETE CASCADE,
    request jsonb NOT NULL
);
