CREATE TABLE product (
    id          uuid        PRIMARY KEY,
    name        text        NOT NULL,
    description text,
    price       bigint      NOT NULL CHECK (price >= 0),
    currency    text        NOT NULL,
    -- Pieces that can be sold, and pieces held for orders that are not paid yet.
    stock       bigint      NOT NULL CHECK (stock >= 0),
    reserved    bigint      NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    version     bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    deleted_at  timestamptz
);
CREATE INDEX product_by_name ON product (name, id) WHERE deleted_at IS NULL;
CREATE INDEX product_by_price ON product (price, id) WHERE deleted_at IS NULL;
CREATE INDEX product_by_age ON product (created_at DESC, id DESC) WHERE deleted_at IS NULL;

CREATE TABLE customer_order (
    id              uuid        PRIMARY KEY,
    buyer_id        uuid        NOT NULL,
    buyer_email     text        NOT NULL,
    status          text        NOT NULL,
    -- Lines with name and price as they were when the order was placed; they never change.
    items           jsonb       NOT NULL,
    total           bigint      NOT NULL CHECK (total >= 0),
    currency        text        NOT NULL,
    payment_id      uuid,
    payment_link    text,
    payment_gateway text,
    transaction_id  text,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    version         bigint      NOT NULL
);
CREATE INDEX customer_order_by_buyer ON customer_order (buyer_id, created_at DESC, id DESC);
