-- Who decides on the chains, as the identity chain's events tell.
CREATE TABLE validators (
    key TEXT NOT NULL PRIMARY KEY,
    organisation TEXT NOT NULL,
    weight BIGINT NOT NULL,
    stand TEXT NOT NULL,
    from_era BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    -- Where it equivocated, if it did.
    banned_chain TEXT,
    banned_era BIGINT
);

-- What is set aside for validators, as the payment chain's events tell.
CREATE TABLE sureties (
    validator TEXT NOT NULL,
    organisation TEXT NOT NULL,
    amount TEXT NOT NULL,
    free_from_ms BIGINT,
    PRIMARY KEY (validator, organisation)
);
