-- Who decides on the chains, as the identity chain's events tell.
CREATE TABLE validators (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organisation TEXT COLLATE "C" NOT NULL,
    weight BIGINT NOT NULL,
    stand TEXT COLLATE "C" NOT NULL,
    from_era BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    -- Where it equivocated, if it did.
    banned_chain TEXT COLLATE "C",
    banned_era BIGINT
);

-- What is set aside for validators, as the payment chain's events tell.
CREATE TABLE sureties (
    validator TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C" NOT NULL,
    amount TEXT COLLATE "C" NOT NULL,
    free_from_ms BIGINT,
    PRIMARY KEY (validator, organisation)
);
