-- Packages that tenants can subscribe to. Prices are per month, in minor units; an absent limit means unlimited.
CREATE TABLE package (
    code     text   PRIMARY KEY,
    name     text   NOT NULL,
    price    bigint NOT NULL CHECK (price >= 0),
    currency text   NOT NULL,
    limits   jsonb  NOT NULL,
    modules  jsonb  NOT NULL
);

INSERT INTO package (code, name, price, currency, limits, modules) VALUES
    ('starter', 'Starter', 1900, 'EUR',
     '{"users": 5, "products": 100, "ordersPerMonth": 500, "storageMegabytes": 1024, "requestsPerMinute": 300}',
     '["CATALOGUE", "ORDERS", "NOTIFICATIONS"]'),
    ('business', 'Business', 9900, 'EUR',
     '{"users": 50, "products": 10000, "ordersPerMonth": 20000, "storageMegabytes": 51200, "requestsPerMinute": 3000}',
     '["CATALOGUE", "ORDERS", "NOTIFICATIONS", "ANALYTICS", "FILES"]'),
    ('enterprise', 'Enterprise', 49900, 'EUR',
     '{"requestsPerMinute": 30000}',
     '["CATALOGUE", "ORDERS", "NOTIFICATIONS", "ANALYTICS", "FILES", "WEBHOOKS"]');

-- One subscription per tenant.
CREATE TABLE subscription (
    id                 uuid        PRIMARY KEY,
    tenant_id          uuid        NOT NULL UNIQUE,
    package            text        NOT NULL REFERENCES package (code),
    trial_ends_at      timestamptz NOT NULL,
    current_period_end timestamptz NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    version            bigint      NOT NULL
);
