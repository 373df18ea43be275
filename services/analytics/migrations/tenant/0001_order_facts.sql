-- The merged events of each order of this tenant. Rows are merged, never incremented: see domain/order_fact.rs.
CREATE TABLE order_fact (
    order_id     uuid        PRIMARY KEY,
    buyer_id     uuid        NOT NULL,
    total        bigint      NOT NULL CHECK (total >= 0),
    currency     text        NOT NULL,
    status       text        NOT NULL,
    -- The version of the order at which it had `status`.
    version      bigint      NOT NULL,
    placed_at    timestamptz NOT NULL,
    paid_at      timestamptz,
    completed_at timestamptz
);
CREATE INDEX order_fact_by_buyer ON order_fact (buyer_id);
