-- One payment per order of this tenant, settled and refunded at most once.
CREATE TABLE payment (
    id         uuid        PRIMARY KEY,
    order_id   uuid        NOT NULL UNIQUE,
    buyer_id   uuid        NOT NULL,
    amount     bigint      NOT NULL CHECK (amount >= 0),
    currency   text        NOT NULL,
    status     text        NOT NULL,
    gateway    text        NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version    bigint      NOT NULL
);
CREATE INDEX payment_by_age ON payment (created_at DESC, id DESC);
