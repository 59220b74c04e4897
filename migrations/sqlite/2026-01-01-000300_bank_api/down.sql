DROP TABLE idempotency_keys;
DROP TABLE oauth_clients;
