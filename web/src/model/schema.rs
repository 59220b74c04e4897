//! The tables, as Diesel knows them: what `migrations/` makes, column by column.

diesel::table! {
    projection (chain) {
        chain -> Text,
        height -> Nullable<BigInt>,
    }
}

diesel::table! {
    blocks (chain, height) {
        chain -> Text,
        height -> BigInt,
        hash -> Text,
        parent -> Text,
        time_ms -> BigInt,
        proposer -> Text,
        messages_root -> Text,
        transactions_root -> Text,
        executed_height -> BigInt,
        state_root -> Text,
        receipts_root -> Text,
        outbox_root -> Text,
        era -> BigInt,
        grade -> BigInt,
        signatures -> BigInt,
        messages -> BigInt,
        transactions -> BigInt,
        receipts -> BigInt,
        sent -> BigInt,
        seal -> Text,
    }
}

diesel::table! {
    transactions (chain, height, receipt_index) {
        chain -> Text,
        id -> Text,
        height -> BigInt,
        receipt_index -> BigInt,
        receipt_hash -> Text,
        account -> Text,
        key -> Text,
        sequence -> BigInt,
        kind -> Text,
        fee -> Text,
        outcome -> Text,
        code -> Nullable<Text>,
        field -> Nullable<Text>,
        reason -> Nullable<Text>,
        time_ms -> BigInt,
    }
}

diesel::table! {
    parties (address) {
        address -> Text,
        name -> Text,
        search -> Text,
        registration_number -> Text,
        country -> Text,
        place -> Nullable<Text>,
        lei -> Nullable<Text>,
        asked_roles -> Text,
        roles -> Text,
        standing -> Text,
        decided_by -> Nullable<Text>,
        reason -> Nullable<Text>,
        registered_ms -> BigInt,
        registered_height -> BigInt,
        decided_ms -> Nullable<BigInt>,
        settled -> BigInt,
        lapsed -> BigInt,
        declined -> BigInt,
        false_declarations -> BigInt,
        settled_micro_usd -> Text,
    }
}

diesel::table! {
    party_keys (party, key) {
        party -> Text,
        key -> Text,
        scope -> Text,
        until_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    standing_changes (seq) {
        seq -> BigInt,
        height -> BigInt,
        party -> Text,
        standing -> Text,
        roles -> Text,
        by_party -> Text,
        reason -> Nullable<Text>,
        time_ms -> BigInt,
    }
}

diesel::table! {
    credit_entries (seq) {
        seq -> BigInt,
        height -> BigInt,
        party -> Text,
        conduct -> Text,
        about -> Text,
        value_micro_usd -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    credit_grants (party, with_party) {
        party -> Text,
        with_party -> Text,
        until_ms -> BigInt,
        granted_ms -> BigInt,
    }
}

diesel::table! {
    products (id) {
        id -> Text,
        owner -> Text,
        name -> Text,
        hs -> Text,
        grade -> Text,
        origin -> Text,
        unit -> Text,
        place -> Text,
        described_ms -> BigInt,
        height -> BigInt,
    }
}

diesel::table! {
    product_documents (product, position) {
        product -> Text,
        position -> BigInt,
        document -> Text,
    }
}

diesel::table! {
    documents (seq) {
        seq -> BigInt,
        hash -> Text,
        owner -> Text,
        name -> Text,
        media_type -> Text,
        size_bytes -> BigInt,
        height -> BigInt,
        recorded_ms -> BigInt,
    }
}

diesel::table! {
    trades (settlement) {
        settlement -> Text,
        height -> BigInt,
        recorded_ms -> BigInt,
        settled_ms -> BigInt,
        legs -> BigInt,
    }
}

diesel::table! {
    assets (id) {
        id -> BigInt,
        name -> Text,
        hs -> Nullable<Text>,
        unit -> Text,
        decimals -> BigInt,
        issuer -> Text,
        product -> Text,
        supply -> Text,
        defined_ms -> BigInt,
    }
}

diesel::table! {
    balances (party, asset) {
        party -> Text,
        asset -> BigInt,
        available -> Text,
        locked -> Text,
    }
}

diesel::table! {
    transfers (seq) {
        seq -> BigInt,
        height -> BigInt,
        from_party -> Text,
        to_party -> Text,
        asset -> BigInt,
        amount -> Text,
        time_ms -> BigInt,
    }
}

diesel::table! {
    requests (id) {
        id -> BigInt,
        owner -> Text,
        asset -> BigInt,
        amount -> Text,
        kind -> Text,
        product -> Nullable<Text>,
        document -> Nullable<Text>,
        state -> Text,
        reason -> Nullable<Text>,
        asked_ms -> BigInt,
        answered_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    prices (seq) {
        seq -> BigInt,
        height -> BigInt,
        feed -> Text,
        asset -> BigInt,
        price -> Text,
        as_of_ms -> BigInt,
        source -> Text,
        published_ms -> BigInt,
    }
}

diesel::table! {
    latest_prices (asset, feed) {
        asset -> BigInt,
        feed -> Text,
        price -> Text,
        as_of_ms -> BigInt,
        source -> Text,
        published_ms -> BigInt,
    }
}

diesel::table! {
    offers (id) {
        id -> BigInt,
        owner -> Text,
        give -> BigInt,
        give_qty -> Text,
        want -> BigInt,
        want_qty -> Text,
        divisible -> BigInt,
        min_fill -> Text,
        commitment -> Text,
        joins_indicative -> BigInt,
        valid_until_ms -> BigInt,
        incoterm -> Text,
        place -> Text,
        remaining -> Text,
        in_contracts -> Text,
        state -> Text,
        joins -> BigInt,
        cancel_height -> Nullable<BigInt>,
        posted_ms -> BigInt,
        changed_ms -> BigInt,
    }
}

diesel::table! {
    batches (id) {
        id -> BigInt,
        closed_height -> BigInt,
        closed_ms -> BigInt,
        offers -> BigInt,
        window_ends -> BigInt,
        state -> Text,
        solver -> Nullable<Text>,
        value_micro_usd -> Nullable<Text>,
        bound_micro_usd -> Nullable<Text>,
        rings -> Nullable<BigInt>,
        cleared_height -> Nullable<BigInt>,
        cleared_ms -> Nullable<BigInt>,
        certificate -> Nullable<Text>,
    }
}

diesel::table! {
    submissions (seq) {
        seq -> BigInt,
        batch -> BigInt,
        solver -> Text,
        declared_micro_usd -> Text,
        rings -> BigInt,
        time_ms -> BigInt,
        expected_micro_usd -> Nullable<Text>,
    }
}

diesel::table! {
    fines (seq) {
        seq -> BigInt,
        height -> BigInt,
        batch -> BigInt,
        solver -> Text,
        fine -> Text,
        fault -> Text,
        time_ms -> BigInt,
    }
}

diesel::table! {
    dropped_rings (seq) {
        seq -> BigInt,
        height -> BigInt,
        batch -> BigInt,
        party -> Text,
        legs -> BigInt,
        value_micro_usd -> Text,
        time_ms -> BigInt,
    }
}

diesel::table! {
    contracts (id) {
        id -> BigInt,
        batch -> BigInt,
        rings -> BigInt,
        value_micro_usd -> Text,
        deadline_height -> BigInt,
        state -> Text,
        why -> Nullable<Text>,
        made_ms -> BigInt,
        made_height -> BigInt,
        ended_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    contract_legs (contract, ring, position) {
        contract -> BigInt,
        ring -> BigInt,
        position -> BigInt,
        offer -> BigInt,
        party -> Text,
        to_party -> Text,
        asset -> BigInt,
        quantity -> Text,
        value_micro_usd -> Text,
    }
}

diesel::table! {
    contract_signers (contract, party) {
        contract -> BigInt,
        party -> Text,
        answer -> Text,
        answered_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    settlements (id) {
        id -> Text,
        seq -> BigInt,
        height -> BigInt,
        receipt_index -> BigInt,
        batch -> BigInt,
        contract -> Nullable<BigInt>,
        legs -> BigInt,
        value_micro_usd -> Text,
        grade -> BigInt,
        at_ms -> BigInt,
    }
}

diesel::table! {
    settlement_legs (settlement, position) {
        settlement -> Text,
        position -> BigInt,
        seq -> BigInt,
        offer -> BigInt,
        party -> Text,
        to_party -> Text,
        asset -> BigInt,
        quantity -> Text,
        value_micro_usd -> Text,
    }
}

diesel::table! {
    settlement_grants (settlement, by_party, with_party) {
        settlement -> Text,
        by_party -> Text,
        with_party -> Text,
        until_ms -> BigInt,
        granted_ms -> BigInt,
    }
}

diesel::table! {
    oauth_clients (id) {
        id -> Text,
        secret -> Text,
        account -> Text,
        name -> Text,
        scopes -> Text,
        created_ms -> BigInt,
        revoked_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    idempotency_keys (client, key) {
        client -> Text,
        key -> Text,
        fingerprint -> Text,
        status -> BigInt,
        body -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    wishes (account, settlement) {
        account -> Text,
        settlement -> Text,
        per_mille -> BigInt,
        wished_ms -> BigInt,
    }
}

diesel::table! {
    validators (key) {
        key -> Text,
        organisation -> Text,
        weight -> BigInt,
        stand -> Text,
        from_era -> BigInt,
        changed_ms -> BigInt,
        banned_chain -> Nullable<Text>,
        banned_era -> Nullable<BigInt>,
    }
}

diesel::table! {
    sureties (validator, organisation) {
        validator -> Text,
        organisation -> Text,
        amount -> Text,
        free_from_ms -> Nullable<BigInt>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    assets,
    balances,
    contract_legs,
    contract_signers,
    contracts,
    credit_grants,
    offers,
    parties,
    requests,
    settlement_grants,
    settlement_legs,
    settlements,
    validators,
);
