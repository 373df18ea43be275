-- The first answer of each call that carried an Idempotency-Key, written in the transaction of its effect.
CREATE TABLE IF NOT EXISTS idempotency_key (
    caller      uuid        NOT NULL,
    operation   text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    answer      jsonb       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, operation, key)
);
