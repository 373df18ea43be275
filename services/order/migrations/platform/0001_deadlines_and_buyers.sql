-- Orders that expire unless they are paid. Written before the order is committed in its tenant's database, so an
-- order without a deadline cannot exist; a deadline without an order is dropped when it is due.
CREATE TABLE order_deadline (
    order_id  uuid        PRIMARY KEY,
    tenant_id uuid        NOT NULL,
    due_at    timestamptz NOT NULL
);
CREATE INDEX order_deadline_due ON order_deadline (due_at);

-- At which tenants a buyer has orders, so that their list asks only those.
CREATE TABLE buyer_tenant (
    buyer_id  uuid NOT NULL,
    tenant_id uuid NOT NULL,
    PRIMARY KEY (buyer_id, tenant_id)
);
