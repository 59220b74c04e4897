-- Clients of the bank API, and the answers kept for repeated requests. They are no word of any chain and survive a
-- reindex.
CREATE TABLE oauth_clients (
    id TEXT NOT NULL PRIMARY KEY,
    secret TEXT NOT NULL,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    revoked_ms BIGINT
);
CREATE INDEX oauth_clients_account ON oauth_clients (account);

CREATE TABLE idempotency_keys (
    client TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (client, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_ms);
