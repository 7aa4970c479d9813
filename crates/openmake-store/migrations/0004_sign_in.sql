-- The other ways to sign in: second factors, passkeys, accounts elsewhere, and
-- links that reset a password.

-- When the account's e-mail was shown to be its owner's: by an issuer that
-- says so, by a mail that arrived, or by whoever invited them. An account
-- elsewhere with the same e-mail joins this one only then.
ALTER TABLE users ADD COLUMN email_verified_at timestamptz;

-- When the person behind the session last proved who they are.
ALTER TABLE sessions ADD COLUMN reauthenticated_at timestamptz;

-- Authenticator apps (RFC 6238), one an account.
CREATE TABLE totp_factors (
    user_id         uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    -- Sealed with the master key.
    sealed          bytea NOT NULL,
    created_at      timestamptz NOT NULL,
    -- NULL until a code showed that the app has the secret: it then counts.
    confirmed_at    timestamptz,
    -- The last interval of 30 seconds whose code was used: none before it is
    -- taken again.
    last_step       bigint NOT NULL DEFAULT 0
);

-- Codes for the day that the app is gone. Hashed with a key that is not in the
-- database.
CREATE TABLE backup_codes (
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    code_hash       bytea NOT NULL,
    created_at      timestamptz NOT NULL,
    used_at         timestamptz,
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE passkeys (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    credential_id   bytea NOT NULL,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    -- The public key with its counter, as the WebAuthn library writes it.
    credential      jsonb NOT NULL,
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz
);
CREATE UNIQUE INDEX passkeys_credential_key ON passkeys (credential_id);
CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at);

-- Accounts elsewhere that sign in here. The issuer and its subject name one;
-- its e-mail may change and names nothing.
CREATE TABLE identities (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    provider        text NOT NULL CHECK (length(provider) BETWEEN 1 AND 40),
    issuer          text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 2000),
    subject         text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    label           text CHECK (length(label) <= 254),
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz
);
CREATE UNIQUE INDEX identities_subject_key ON identities (issuer, subject);
CREATE INDEX identities_by_user ON identities (user_id, created_at);

-- What a step of a sign-in leaves for the next one. The key is a hash, so
-- nothing here can be presented.
CREATE TABLE sign_in_challenges (
    token_hash      bytea PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('second_factor', 'passkey_sign_in',
                        'passkey_registration', 'passkey_reauthentication', 'provider')),
    user_id         uuid REFERENCES users ON DELETE CASCADE,
    -- The account's version at the first step: one that changed since does not
    -- sign in.
    user_version    bigint,
    session_id      uuid REFERENCES sessions ON DELETE CASCADE,
    state           jsonb NOT NULL DEFAULT '{}',
    attempts        integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL
);
CREATE INDEX sign_in_challenges_age ON sign_in_challenges (expires_at);

CREATE TABLE password_resets (
    token_hash      bytea PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- The administrator who made it; NULL when it went out by e-mail, which
    -- then shows whose the address is.
    created_by      uuid REFERENCES users ON DELETE SET NULL,
    by_email        boolean NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz
);
CREATE INDEX password_resets_by_user ON password_resets (user_id, created_at);
CREATE INDEX password_resets_age ON password_resets (expires_at);
