-- Users who can log in.
CREATE TABLE users (
    id            uuid        PRIMARY KEY,
    email         text        NOT NULL UNIQUE, -- normalised to lower case
    name          text        NOT NULL,
    role          text        NOT NULL CHECK (role IN ('ADMIN', 'CUSTOMER', 'PLATFORM_ADMIN')),
    tenant_id     uuid,                        -- set exactly for ADMIN
    tenant_code   text,
    password_hash text,                        -- NULL until the invitation is accepted
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CHECK ((role = 'ADMIN') = (tenant_id IS NOT NULL)),
    CHECK ((tenant_id IS NULL) = (tenant_code IS NULL))
);
CREATE INDEX users_of_tenant ON users (tenant_id, id) WHERE tenant_id IS NOT NULL;

-- Lists can be searched by any part of the name or address.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX users_search ON users USING gin ((name || ' ' || email) gin_trgm_ops);

-- Tokens that let a user set a password without the old one, at most one per user and purpose. A reset request or an
-- invitation opens a token; secret_hash is set when the e-mail is written and belongs to the latest e-mail.
CREATE TABLE password_token (
    user_id     uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    purpose     text        NOT NULL CHECK (purpose IN ('PASSWORD_RESET', 'INVITATION')),
    secret_hash bytea       UNIQUE,            -- SHA-256
    opened_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, purpose)
);
