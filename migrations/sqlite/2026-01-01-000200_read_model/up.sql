-- What the three chains' blocks say, as tables. Written from blocks only, by web::projector; `permuta reindex`
-- empties these tables and fills them again. Amounts are exact: 39 digits with leading zeros, so that they sort
-- as text. Hashes are 64 hexadecimal digits, accounts 0x and 40. Times are milliseconds since 1970 (UTC).
-- `seq` is height * 1048576 + place of the event within its block: unique within a chain, and in its order.

-- How far each chain is written; the first thing that a writer touches, so that writers stand in line.
CREATE TABLE projection (
    chain TEXT NOT NULL PRIMARY KEY,
    height BIGINT
);
INSERT INTO projection (chain, height) VALUES ('identity', NULL), ('data', NULL), ('payment', NULL);

CREATE TABLE blocks (
    chain TEXT NOT NULL,
    height BIGINT NOT NULL,
    hash TEXT NOT NULL,
    parent TEXT NOT NULL,
    time_ms BIGINT NOT NULL,
    proposer TEXT NOT NULL,
    messages_root TEXT NOT NULL,
    transactions_root TEXT NOT NULL,
    executed_height BIGINT NOT NULL,
    state_root TEXT NOT NULL,
    receipts_root TEXT NOT NULL,
    outbox_root TEXT NOT NULL,
    era BIGINT NOT NULL,
    grade BIGINT NOT NULL,
    signatures BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    transactions BIGINT NOT NULL,
    receipts BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    seal TEXT NOT NULL,
    PRIMARY KEY (chain, height)
);
CREATE INDEX blocks_hash ON blocks (hash);

CREATE TABLE transactions (
    chain TEXT NOT NULL,
    id TEXT NOT NULL,
    height BIGINT NOT NULL,
    receipt_index BIGINT NOT NULL,
    receipt_hash TEXT NOT NULL,
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    fee TEXT NOT NULL,
    outcome TEXT NOT NULL,
    code TEXT,
    field TEXT,
    reason TEXT,
    time_ms BIGINT NOT NULL,
    PRIMARY KEY (chain, height, receipt_index)
);
CREATE INDEX transactions_id ON transactions (id);
CREATE INDEX transactions_receipt ON transactions (receipt_hash);
CREATE INDEX transactions_account ON transactions (account, time_ms);

CREATE TABLE parties (
    address TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    search TEXT NOT NULL,
    registration_number TEXT NOT NULL,
    country TEXT NOT NULL,
    place TEXT,
    lei TEXT,
    asked_roles TEXT NOT NULL,
    roles TEXT NOT NULL,
    standing TEXT NOT NULL,
    decided_by TEXT,
    reason TEXT,
    registered_ms BIGINT NOT NULL,
    registered_height BIGINT NOT NULL,
    decided_ms BIGINT,
    settled BIGINT NOT NULL,
    lapsed BIGINT NOT NULL,
    declined BIGINT NOT NULL,
    false_declarations BIGINT NOT NULL,
    settled_micro_usd TEXT NOT NULL
);
CREATE INDEX parties_standing ON parties (standing, registered_ms);
CREATE INDEX parties_name ON parties (search, address);

CREATE TABLE party_keys (
    party TEXT NOT NULL,
    key TEXT NOT NULL,
    scope TEXT NOT NULL,
    until_ms BIGINT,
    PRIMARY KEY (party, key)
);

CREATE TABLE standing_changes (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    party TEXT NOT NULL,
    standing TEXT NOT NULL,
    roles TEXT NOT NULL,
    by_party TEXT NOT NULL,
    reason TEXT,
    time_ms BIGINT NOT NULL
);
CREATE INDEX standing_changes_party ON standing_changes (party, seq);

CREATE TABLE credit_entries (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    party TEXT NOT NULL,
    conduct TEXT NOT NULL,
    about TEXT NOT NULL,
    value_micro_usd TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX credit_entries_party ON credit_entries (party, seq);

CREATE TABLE credit_grants (
    party TEXT NOT NULL,
    with_party TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    granted_ms BIGINT NOT NULL,
    PRIMARY KEY (party, with_party)
);
CREATE INDEX credit_grants_with ON credit_grants (with_party);

CREATE TABLE products (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    hs TEXT NOT NULL,
    grade TEXT NOT NULL,
    origin TEXT NOT NULL,
    unit TEXT NOT NULL,
    place TEXT NOT NULL,
    described_ms BIGINT NOT NULL,
    height BIGINT NOT NULL
);
CREATE INDEX products_owner ON products (owner, described_ms);

CREATE TABLE product_documents (
    product TEXT NOT NULL,
    position BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (product, position)
);

CREATE TABLE documents (
    seq BIGINT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    height BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL
);
CREATE INDEX documents_hash ON documents (hash);
CREATE INDEX documents_owner ON documents (owner, seq);

CREATE TABLE trades (
    settlement TEXT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    settled_ms BIGINT NOT NULL,
    legs BIGINT NOT NULL
);

CREATE TABLE assets (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hs TEXT,
    unit TEXT NOT NULL,
    decimals BIGINT NOT NULL,
    issuer TEXT NOT NULL,
    product TEXT NOT NULL,
    supply TEXT NOT NULL,
    defined_ms BIGINT NOT NULL
);

CREATE TABLE balances (
    party TEXT NOT NULL,
    asset BIGINT NOT NULL,
    available TEXT NOT NULL,
    locked TEXT NOT NULL,
    PRIMARY KEY (party, asset)
);
CREATE INDEX balances_asset ON balances (asset);

CREATE TABLE transfers (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    from_party TEXT NOT NULL,
    to_party TEXT NOT NULL,
    asset BIGINT NOT NULL,
    amount TEXT NOT NULL,
    time_ms BIGINT NOT NULL
);
CREATE INDEX transfers_from ON transfers (from_party, seq);
CREATE INDEX transfers_to ON transfers (to_party, seq);

CREATE TABLE requests (
    id BIGINT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    asset BIGINT NOT NULL,
    amount TEXT NOT NULL,
    kind TEXT NOT NULL,
    product TEXT,
    document TEXT,
    state TEXT NOT NULL,
    reason TEXT,
    asked_ms BIGINT NOT NULL,
    answered_ms BIGINT
);
CREATE INDEX requests_owner ON requests (owner, id);
CREATE INDEX requests_asset ON requests (asset, state);

CREATE TABLE prices (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    feed TEXT NOT NULL,
    asset BIGINT NOT NULL,
    price TEXT NOT NULL,
    as_of_ms BIGINT NOT NULL,
    source TEXT NOT NULL,
    published_ms BIGINT NOT NULL
);
CREATE INDEX prices_asset ON prices (asset, seq);

CREATE TABLE latest_prices (
    asset BIGINT NOT NULL,
    feed TEXT NOT NULL,
    price TEXT NOT NULL,
    as_of_ms BIGINT NOT NULL,
    source TEXT NOT NULL,
    published_ms BIGINT NOT NULL,
    PRIMARY KEY (asset, feed)
);

CREATE TABLE offers (
    id BIGINT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    give BIGINT NOT NULL,
    give_qty TEXT NOT NULL,
    want BIGINT NOT NULL,
    want_qty TEXT NOT NULL,
    divisible BIGINT NOT NULL,
    min_fill TEXT NOT NULL,
    commitment TEXT NOT NULL,
    joins_indicative BIGINT NOT NULL,
    valid_until_ms BIGINT NOT NULL,
    incoterm TEXT NOT NULL,
    place TEXT NOT NULL,
    remaining TEXT NOT NULL,
    in_contracts TEXT NOT NULL,
    state TEXT NOT NULL,
    joins BIGINT NOT NULL,
    cancel_height BIGINT,
    posted_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX offers_owner ON offers (owner, id);
CREATE INDEX offers_pair ON offers (state, give, want);

CREATE TABLE batches (
    id BIGINT NOT NULL PRIMARY KEY,
    closed_height BIGINT NOT NULL,
    closed_ms BIGINT NOT NULL,
    offers BIGINT NOT NULL,
    window_ends BIGINT NOT NULL,
    state TEXT NOT NULL,
    solver TEXT,
    value_micro_usd TEXT,
    bound_micro_usd TEXT,
    rings BIGINT,
    cleared_height BIGINT,
    cleared_ms BIGINT
);

CREATE TABLE submissions (
    seq BIGINT NOT NULL PRIMARY KEY,
    batch BIGINT NOT NULL,
    solver TEXT NOT NULL,
    declared_micro_usd TEXT NOT NULL,
    rings BIGINT NOT NULL,
    time_ms BIGINT NOT NULL
);
CREATE INDEX submissions_batch ON submissions (batch, seq);

CREATE TABLE fines (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    solver TEXT NOT NULL,
    fine TEXT NOT NULL,
    fault TEXT NOT NULL,
    time_ms BIGINT NOT NULL
);

CREATE TABLE dropped_rings (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    party TEXT NOT NULL,
    legs BIGINT NOT NULL,
    value_micro_usd TEXT NOT NULL,
    time_ms BIGINT NOT NULL
);

CREATE TABLE contracts (
    id BIGINT NOT NULL PRIMARY KEY,
    batch BIGINT NOT NULL,
    rings BIGINT NOT NULL,
    value_micro_usd TEXT NOT NULL,
    deadline_height BIGINT NOT NULL,
    state TEXT NOT NULL,
    why TEXT,
    made_ms BIGINT NOT NULL,
    made_height BIGINT NOT NULL,
    ended_ms BIGINT
);
CREATE INDEX contracts_state ON contracts (state, deadline_height);

CREATE TABLE contract_legs (
    contract BIGINT NOT NULL,
    ring BIGINT NOT NULL,
    position BIGINT NOT NULL,
    offer BIGINT NOT NULL,
    party TEXT NOT NULL,
    to_party TEXT NOT NULL,
    asset BIGINT NOT NULL,
    quantity TEXT NOT NULL,
    value_micro_usd TEXT NOT NULL,
    PRIMARY KEY (contract, ring, position)
);
CREATE INDEX contract_legs_offer ON contract_legs (offer);

CREATE TABLE contract_signers (
    contract BIGINT NOT NULL,
    party TEXT NOT NULL,
    answer TEXT NOT NULL,
    answered_ms BIGINT,
    PRIMARY KEY (contract, party)
);
CREATE INDEX contract_signers_party ON contract_signers (party, contract);

CREATE TABLE settlements (
    id TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    height BIGINT NOT NULL,
    receipt_index BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    contract BIGINT,
    legs BIGINT NOT NULL,
    value_micro_usd TEXT NOT NULL,
    grade BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX settlements_seq ON settlements (seq);
CREATE INDEX settlements_contract ON settlements (contract);

CREATE TABLE settlement_legs (
    settlement TEXT NOT NULL,
    position BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    offer BIGINT NOT NULL,
    party TEXT NOT NULL,
    to_party TEXT NOT NULL,
    asset BIGINT NOT NULL,
    quantity TEXT NOT NULL,
    value_micro_usd TEXT NOT NULL,
    PRIMARY KEY (settlement, position)
);
CREATE INDEX settlement_legs_party ON settlement_legs (party, seq);
CREATE INDEX settlement_legs_offer ON settlement_legs (offer);

CREATE TABLE settlement_grants (
    settlement TEXT NOT NULL,
    by_party TEXT NOT NULL,
    with_party TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    granted_ms BIGINT NOT NULL,
    PRIMARY KEY (settlement, by_party, with_party)
);
CREATE INDEX settlement_grants_with ON settlement_grants (with_party, settlement);
