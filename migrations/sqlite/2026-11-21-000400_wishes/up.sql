-- How sure readers want settlements to be before they do anything outside: for one, or, with an empty name, for all that
-- they see. No word of any chain; survives a reindex.
CREATE TABLE wishes (
    account TEXT NOT NULL,
    settlement TEXT NOT NULL,
    per_mille BIGINT NOT NULL,
    wished_ms BIGINT NOT NULL,
    PRIMARY KEY (account, settlement)
);

-- When something happened leads to where it stands.
CREATE INDEX blocks_time ON blocks (chain, time_ms);
