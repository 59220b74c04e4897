-- What the three chains' blocks say, as tables. Written from blocks only, by web::projector; `permuta reindex`
-- empties these tables and fills them again. Amounts are exact: 39 digits with leading zeros, so that they sort
-- as text. Hashes are 64 hexadecimal digits, accounts 0x and 40. Times are milliseconds since 1970 (UTC).
-- `seq` is height * 1048576 + place of the event within its block: unique within a chain, and in its order.

-- How far each chain is written; the first thing that a writer touches, so that writers stand in line.
CREATE TABLE projection (
    chain TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    height BIGINT
);
INSERT INTO projection (chain, height) VALUES ('identity', NULL), ('data', NULL), ('payment', NULL);

CREATE TABLE blocks (
    chain TEXT COLLATE "C" NOT NULL,
    height BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    parent TEXT COLLATE "C" NOT NULL,
    time_ms BIGINT NOT NULL,
    proposer TEXT COLLATE "C" NOT NULL,
    messages_root TEXT COLLATE "C" NOT NULL,
    transactions_root TEXT COLLATE "C" NOT NULL,
    executed_height BIGINT NOT NULL,
    state_root TEXT COLLATE "C" NOT NULL,
    receipts_root TEXT COLLATE "C" NOT NULL,
    outbox_root TEXT COLLATE "C" NOT NULL,
    era BIGINT NOT NULL,
    grade BIGINT NOT NULL,
    signatures BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    transactions BIGINT NOT NULL,
    receipts BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    seal TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (chain, height)
);
CREATE INDEX blocks_hash ON blocks (hash);

CREATE TABLE transactions (
    chain TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    height BIGINT NOT NULL,
    receipt_index BIGINT NOT NULL,
    receipt_hash TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    fee TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C",
    field TEXT COLLATE "C",
    reason TEXT COLLATE "C",
    time_ms BIGINT NOT NULL,
    PRIMARY KEY (chain, height, receipt_index)
);
CREATE INDEX transactions_id ON transactions (id);
CREATE INDEX transactions_receipt ON transactions (receipt_hash);
CREATE INDEX transactions_account ON transactions (account, time_ms);

CREATE TABLE parties (
    address TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    search TEXT COLLATE "C" NOT NULL,
    registration_number TEXT COLLATE "C" NOT NULL,
    country TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C",
    lei TEXT COLLATE "C",
    asked_roles TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,
    standing TEXT COLLATE "C" NOT NULL,
    decided_by TEXT COLLATE "C",
    reason TEXT COLLATE "C",
    registered_ms BIGINT NOT NULL,
    registered_height BIGINT NOT NULL,
    decided_ms BIGINT,
    settled BIGINT NOT NULL,
    lapsed BIGINT NOT NULL,
    declined BIGINT NOT NULL,
    false_declarations BIGINT NOT NULL,
    settled_micro_usd TEXT COLLATE "C" NOT NULL
);
CREATE INDEX parties_standing ON parties (standing, registered_ms);
CREATE INDEX parties_name ON parties (search, address);

CREATE TABLE party_keys (
    party TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    until_ms BIGINT,
    PRIMARY KEY (party, key)
);

CREATE TABLE standing_changes (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    party TEXT COLLATE "C" NOT NULL,
    standing TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,
    by_party TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    time_ms BIGINT NOT NULL
);
CREATE INDEX standing_changes_party ON standing_changes (party, seq);

CREATE TABLE credit_entries (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    party TEXT COLLATE "C" NOT NULL,
    conduct TEXT COLLATE "C" NOT NULL,
    about TEXT COLLATE "C" NOT NULL,
    value_micro_usd TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX credit_entries_party ON credit_entries (party, seq);

CREATE TABLE credit_grants (
    party TEXT COLLATE "C" NOT NULL,
    with_party TEXT COLLATE "C" NOT NULL,
    until_ms BIGINT NOT NULL,
    granted_ms BIGINT NOT NULL,
    PRIMARY KEY (party, with_party)
);
CREATE INDEX credit_grants_with ON credit_grants (with_party);

CREATE TABLE products (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    hs TEXT COLLATE "C" NOT NULL,
    grade TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    described_ms BIGINT NOT NULL,
    height BIGINT NOT NULL
);
CREATE INDEX products_owner ON products (owner, described_ms);

CREATE TABLE product_documents (
    product TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (product, position)
);

CREATE TABLE documents (
    seq BIGINT NOT NULL PRIMARY KEY,
    hash TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    media_type TEXT COLLATE "C" NOT NULL,
    size_bytes BIGINT NOT NULL,
    height BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL
);
CREATE INDEX documents_hash ON documents (hash);
CREATE INDEX documents_owner ON documents (owner, seq);

CREATE TABLE trades (
    settlement TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    settled_ms BIGINT NOT NULL,
    legs BIGINT NOT NULL
);

CREATE TABLE assets (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    hs TEXT COLLATE "C",
    unit TEXT COLLATE "C" NOT NULL,
    decimals BIGINT NOT NULL,
    issuer TEXT COLLATE "C" NOT NULL,
    product TEXT COLLATE "C" NOT NULL,
    supply TEXT COLLATE "C" NOT NULL,
    defined_ms BIGINT NOT NULL
);

CREATE TABLE balances (
    party TEXT COLLATE "C" NOT NULL,
    asset BIGINT NOT NULL,
    available TEXT COLLATE "C" NOT NULL,
    locked TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (party, asset)
);
CREATE INDEX balances_asset ON balances (asset);

CREATE TABLE transfers (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    from_party TEXT COLLATE "C" NOT NULL,
    to_party TEXT COLLATE "C" NOT NULL,
    asset BIGINT NOT NULL,
    amount TEXT COLLATE "C" NOT NULL,
    time_ms BIGINT NOT NULL
);
CREATE INDEX transfers_from ON transfers (from_party, seq);
CREATE INDEX transfers_to ON transfers (to_party, seq);

CREATE TABLE requests (
    id BIGINT NOT NULL PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    asset BIGINT NOT NULL,
    amount TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    product TEXT COLLATE "C",
    document TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    asked_ms BIGINT NOT NULL,
    answered_ms BIGINT
);
CREATE INDEX requests_owner ON requests (owner, id);
CREATE INDEX requests_asset ON requests (asset, state);

CREATE TABLE prices (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    feed TEXT COLLATE "C" NOT NULL,
    asset BIGINT NOT NULL,
    price TEXT COLLATE "C" NOT NULL,
    as_of_ms BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    published_ms BIGINT NOT NULL
);
CREATE INDEX prices_asset ON prices (asset, seq);

CREATE TABLE latest_prices (
    asset BIGINT NOT NULL,
    feed TEXT COLLATE "C" NOT NULL,
    price TEXT COLLATE "C" NOT NULL,
    as_of_ms BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    published_ms BIGINT NOT NULL,
    PRIMARY KEY (asset, feed)
);

CREATE TABLE offers (
    id BIGINT NOT NULL PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    give BIGINT NOT NULL,
    give_qty TEXT COLLATE "C" NOT NULL,
    want BIGINT NOT NULL,
    want_qty TEXT COLLATE "C" NOT NULL,
    divisible BIGINT NOT NULL,
    min_fill TEXT COLLATE "C" NOT NULL,
    commitment TEXT COLLATE "C" NOT NULL,
    joins_indicative BIGINT NOT NULL,
    valid_until_ms BIGINT NOT NULL,
    incoterm TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    remaining TEXT COLLATE "C" NOT NULL,
    in_contracts TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
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
    state TEXT COLLATE "C" NOT NULL,
    solver TEXT COLLATE "C",
    value_micro_usd TEXT COLLATE "C",
    bound_micro_usd TEXT COLLATE "C",
    rings BIGINT,
    cleared_height BIGINT,
    cleared_ms BIGINT
);

CREATE TABLE submissions (
    seq BIGINT NOT NULL PRIMARY KEY,
    batch BIGINT NOT NULL,
    solver TEXT COLLATE "C" NOT NULL,
    declared_micro_usd TEXT COLLATE "C" NOT NULL,
    rings BIGINT NOT NULL,
    time_ms BIGINT NOT NULL
);
CREATE INDEX submissions_batch ON submissions (batch, seq);

CREATE TABLE fines (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    solver TEXT COLLATE "C" NOT NULL,
    fine TEXT COLLATE "C" NOT NULL,
    fault TEXT COLLATE "C" NOT NULL,
    time_ms BIGINT NOT NULL
);

CREATE TABLE dropped_rings (
    seq BIGINT NOT NULL PRIMARY KEY,
    height BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    party TEXT COLLATE "C" NOT NULL,
    legs BIGINT NOT NULL,
    value_micro_usd TEXT COLLATE "C" NOT NULL,
    time_ms BIGINT NOT NULL
);

CREATE TABLE contracts (
    id BIGINT NOT NULL PRIMARY KEY,
    batch BIGINT NOT NULL,
    rings BIGINT NOT NULL,
    value_micro_usd TEXT COLLATE "C" NOT NULL,
    deadline_height BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C",
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
    party TEXT COLLATE "C" NOT NULL,
    to_party TEXT COLLATE "C" NOT NULL,
    asset BIGINT NOT NULL,
    quantity TEXT COLLATE "C" NOT NULL,
    value_micro_usd TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (contract, ring, position)
);
CREATE INDEX contract_legs_offer ON contract_legs (offer);

CREATE TABLE contract_signers (
    contract BIGINT NOT NULL,
    party TEXT COLLATE "C" NOT NULL,
    answer TEXT COLLATE "C" NOT NULL,
    answered_ms BIGINT,
    PRIMARY KEY (contract, party)
);
CREATE INDEX contract_signers_party ON contract_signers (party, contract);

CREATE TABLE settlements (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    height BIGINT NOT NULL,
    receipt_index BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    contract BIGINT,
    legs BIGINT NOT NULL,
    value_micro_usd TEXT COLLATE "C" NOT NULL,
    grade BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX settlements_seq ON settlements (seq);
CREATE INDEX settlements_contract ON settlements (contract);

CREATE TABLE settlement_legs (
    settlement TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    offer BIGINT NOT NULL,
    party TEXT COLLATE "C" NOT NULL,
    to_party TEXT COLLATE "C" NOT NULL,
    asset BIGINT NOT NULL,
    quantity TEXT COLLATE "C" NOT NULL,
    value_micro_usd TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (settlement, position)
);
CREATE INDEX settlement_legs_party ON settlement_legs (party, seq);
CREATE INDEX settlement_legs_offer ON settlement_legs (offer);

CREATE TABLE settlement_grants (
    settlement TEXT COLLATE "C" NOT NULL,
    by_party TEXT COLLATE "C" NOT NULL,
    with_party TEXT COLLATE "C" NOT NULL,
    until_ms BIGINT NOT NULL,
    granted_ms BIGINT NOT NULL,
    PRIMARY KEY (settlement, by_party, with_party)
);
CREATE INDEX settlement_grants_with ON settlement_grants (with_party, settlement);
