-- How a conversation's questions are asked, unless a question says otherwise.
-- NULL leaves it to the model's profile.
ALTER TABLE conversation_sessions
    ADD COLUMN thinking     text CHECK (thinking IN ('off', 'low', 'medium', 'high')),
    ADD COLUMN temperature  double precision CHECK (temperature BETWEEN 0 AND 2),
    ADD COLUMN instructions text CHECK (length(instructions) BETWEEN 1 AND 8000);

-- What an account's new conversations begin with.
ALTER TABLE users
    ADD COLUMN default_model        text CHECK (length(default_model) BETWEEN 1 AND 200),
    ADD COLUMN default_instructions text CHECK (length(default_instructions) BETWEEN 1 AND 8000);

-- An answer that was asked for together with another one: two models, one
-- question. On the second of the two.
ALTER TABLE conversation_messages
    ADD COLUMN beside_id  uuid REFERENCES conversation_messages ON DELETE SET NULL,
    -- Until one of the two is kept, or the conversation goes on from one.
    ADD COLUMN comparing  boolean NOT NULL DEFAULT false;
CREATE INDEX conversation_messages_beside
    ON conversation_messages (beside_id) WHERE beside_id IS NOT NULL;
