CREATE TABLE email (
    id              uuid        PRIMARY KEY,
    template        text        NOT NULL,
    recipient       text        NOT NULL,
    subject         text        NOT NULL,
    -- Emptied when the e-mail was sent or abandoned: it may contain a secret link.
    body            text        NOT NULL,
    user_id         uuid,
    tenant_id       uuid,
    tenant_code     text,
    region          text,
    state           text        NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    -- When the e-mail is due; while it is leased, when the lease expires.
    next_attempt_at timestamptz NOT NULL,
    failure         text,
    correlation_id  uuid        NOT NULL,
    causation_id    uuid,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE INDEX email_due ON email (next_attempt_at) WHERE state = 'REQUESTED';

-- The messages of each audience.
CREATE TABLE feed (
    -- `user:<id>`, `tenant:<id>` (its admins) or `platform`.
    audience    text        NOT NULL,
    -- Counts within the audience and is assigned under its lock, so rows become visible in this order. The newest row
    -- of an audience must not be deleted: the next cursor is derived from it.
    cursor      bigint      NOT NULL,
    id          uuid        NOT NULL UNIQUE,
    type        text        NOT NULL,
    tenant_code text,
    data        jsonb       NOT NULL,
    time        timestamptz NOT NULL,
    read_at     timestamptz,
    PRIMARY KEY (audience, cursor)
);
