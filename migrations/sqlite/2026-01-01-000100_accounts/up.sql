-- Logins of the portal. They are not derived from the chain and survive a reindex.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    company TEXT NOT NULL,
    registration_number TEXT NOT NULL,
    country TEXT NOT NULL,
    place TEXT NOT NULL,
    lei TEXT,
    roles BIGINT NOT NULL,
    address TEXT,
    language TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX users_by_address ON users (address);

CREATE TABLE sessions (
    id_hash TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Which key pairs a user has made in a browser, with the names people gave them.
CREATE TABLE user_keys (
    public_key TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    label TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
