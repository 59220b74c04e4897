//! What a stranger can check with nothing but the hash of the genesis, and what nobody can make him believe.

use ledger::light::{MAX_PROOF_BYTES, ProofError, ProvenFact};
use ledger::{Fact, Genesis, Hash, Height, Ledger, Proof, SubChain, Timestamp};
use proptest::prelude::*;

use crate::common::*;

/// A ledger with some history, a proof of a receipt, one of a balance and one of an absence.
fn proofs() -> (Ledger, [Proof; 3]) {
    let ledger = in_memory(SubChain::Payment);
    for _ in 0..5 {
        ledger.submit(pay(&ledger, &alice(), &bob(), 10)).unwrap();
        ledger.submit(pay(&ledger, &bob(), &alice(), 7)).unwrap();
        ledger.step(Timestamp(2_000)).unwrap().unwrap();
    }
    let balance = ledger.prove_state(&BALANCES.key(&bob().public().address())).unwrap();
    let absence = ledger.prove_state(&BALANCES.key(&person(99).public().address())).unwrap();
    let receipt = ledger.prove_receipt(Height(3), 2).unwrap();
    (ledger, [receipt, balance, absence])
}

#[test]
fn every_receipt_of_every_block_is_provable() {
    let (ledger, _) = proofs();
    for height in (0..=5).map(Height) {
        let committed = ledger.committed(height).unwrap().unwrap();
        for (index, expected) in committed.receipts.iter().enumerate() {
            let proof = ledger.prove_receipt(height, index).unwrap();
            let proven = Proof::decode(&proof.encode()).unwrap().verify(genesis().hash()).unwrap();
            let ProvenFact::Receipt { receipt, .. } = proven.fact else { unreachable!() };
            assert_eq!(&receipt, expected);
        }
        assert!(ledger.prove_receipt(height, committed.receipts.len()).is_err());
    }
    assert!(ledger.prove_receipt(Height(6), 0).is_err());
}

/// The parts of a proof of a receipt.
struct Parts<'a> {
    index: &'a mut u32,
    count: &'a mut u32,
    receipt: &'a mut Vec<u8>,
    transaction: &'a mut Option<Vec<u8>>,
    path: &'a mut Vec<Hash>,
}

fn with(fact: &mut Fact) -> Parts<'_> {
    match fact {
        Fact::Receipt { index, count, receipt, transaction, path } => {
            Parts { index, count, receipt, transaction, path }
        }
        Fact::Value { .. } | Fact::Absence { .. } => unreachable!(),
    }
}

#[test]
fn each_fault_of_a_proof_is_named_in_the_documented_order() {
    let (ledger, [receipt, balance, _]) = proofs();
    let trusted = genesis().hash();
    let mend = |proof: &Proof, change: &dyn Fn(&mut Proof)| {
        let mut proof = proof.clone();
        change(&mut proof);
        proof.verify(trusted).unwrap_err()
    };
    let bytes = receipt.encode();
    assert_eq!(Proof::decode(&vec![0; MAX_PROOF_BYTES + 1]), Err(ProofError::TooLong(MAX_PROOF_BYTES + 1)));
    assert_eq!(Proof::decode(b"PMT"), Err(ProofError::Magic));
    assert_eq!(Proof::decode(b"PMTP\x03"), Err(ProofError::Version(3)));
    assert_eq!(Proof::decode(&bytes[..bytes.len() - 1]), Err(ProofError::Malformed));
    assert_eq!(Proof::decode(&[&bytes[..], b"\0"].concat()), Err(ProofError::Malformed));
    assert!(matches!(mend(&receipt, &|proof| proof.genesis.validators.clear()), ProofError::Genesis(_)));
    assert!(matches!(
        mend(&receipt, &|proof| proof.genesis.validators[0].0 = person(3).public()),
        ProofError::OtherNetwork { expected, .. } if expected == trusted
    ));
    let elsewhere = Hash([4; 32]);
    assert_eq!(
        mend(&receipt, &|proof| proof.seal.claim.chain = elsewhere),
        ProofError::OtherChain(elsewhere)
    );
    // A seal of the payment chain does not speak for the data chain.
    let data = ledger.genesis().chain_id(SubChain::Data);
    assert!(matches!(mend(&receipt, &|proof| proof.seal.claim.chain = data), ProofError::Seal(_)));
    assert!(matches!(mend(&receipt, &|proof| proof.seal.signatures.clear()), ProofError::Seal(_)));
    let fact = |proof: &Proof, change: &dyn Fn(&mut Fact)| mend(proof, &|proof| change(&mut proof.fact));
    // How a forger may treat the parts of a proof of a receipt.
    type Forge = fn(&mut Fact);
    let tables: [(Forge, ProofError); 5] = [
        (|fact| with(fact).receipt.push(0), ProofError::Receipt),
        (|fact| *with(fact).transaction = Some(vec![1]), ProofError::Transaction),
        (|fact| *with(fact).index = 1, ProofError::Path),
        (|fact| *with(fact).count = 2, ProofError::Path),
        (|fact| with(fact).path.clear(), ProofError::Path),
    ];
    for (forge, expected) in tables {
        assert_eq!(fact(&receipt, &forge), expected);
    }
    let foreign = borsh::to_vec(&pay(&ledger, &alice(), &bob(), 1)).unwrap();
    let other = fact(&receipt, &|fact| *with(fact).transaction = Some(foreign.clone()));
    assert_eq!(other, ProofError::OtherTransaction);
    let richer = fact(&balance, &|fact| {
        let Fact::Value { value, .. } = fact else { unreachable!() };
        value[0] ^= 1;
    });
    assert_eq!(richer, ProofError::Path);
}

#[test]
fn a_proof_of_the_first_version_is_still_read() {
    let (_, proofs) = proofs();
    for proof in proofs {
        let old =
            [&b"PMTP\x01"[..], &borsh::to_vec(&(&proof.genesis, &proof.seal, &proof.fact)).unwrap()].concat();
        assert_eq!(Proof::decode(&old), Ok(proof));
        assert_eq!(Proof::decode(&[&old[..], b"\0"].concat()), Err(ProofError::Malformed));
    }
}

#[test]
fn a_balance_cannot_be_shown_as_absent() {
    let (_, [_, balance, absence]) = proofs();
    let Fact::Value { key, siblings, .. } = balance.fact.clone() else { unreachable!() };
    let Fact::Absence { place, siblings: beside, .. } = absence.fact else { unreachable!() };
    for siblings in [siblings, beside] {
        let fact = Fact::Absence { key: key.clone(), place, siblings };
        assert_eq!(Proof { fact, ..balance.clone() }.verify(genesis().hash()), Err(ProofError::Path));
    }
}

#[test]
fn the_weight_that_signed_must_carry_the_grade() {
    let (_, [receipt, ..]) = proofs();
    // Three validators of weight 1; seals by one, two and three of them, claiming grades 0 to 3.
    let keys: Vec<_> = (10..13).map(person).collect();
    let validators = keys.iter().map(|key| (key.public(), 1)).collect();
    let three = Genesis::new(Timestamp(1), validators, [b"", b"", b""]).unwrap();
    for signers in 0..=3usize {
        for grade in 0..=3u64 {
            let mut proof = Proof { genesis: three.clone(), ..receipt.clone() };
            proof.seal.claim.chain = three.chain_id(SubChain::Payment);
            proof.seal.claim.grade = grade;
            let bytes = proof.seal.claim.signing_bytes();
            proof.seal.signatures =
                keys[..signers].iter().map(|key| (key.public(), key.sign(&bytes))).collect();
            proof.seal.signatures.sort_unstable_by_key(|(key, _)| *key);
            let enough = 2 * signers as u64 > 3 + grade;
            assert_eq!(proof.verify(three.hash()).is_ok(), enough, "{signers} signers, grade {grade}");
            if enough {
                proof.seal.signatures.swap(0, 1);
                assert!(
                    matches!(proof.verify(three.hash()), Err(ProofError::Seal(_))),
                    "ascending, each once"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    /// A changed byte leaves no proof, or one of something else that is true: that another key is absent as well.
    #[test]
    fn no_changed_byte_proves_what_is_not_so(mask in 1u8..) {
        let (ledger, proofs) = proofs();
        for proof in proofs {
            let bytes = proof.encode();
            for at in 0..bytes.len() {
                let mut forged = bytes.clone();
                forged[at] ^= mask;
                match Proof::decode(&forged).and_then(|proof| proof.verify(genesis().hash())) {
                    Err(_) => {}
                    Ok(proven) => {
                        let ProvenFact::Absence { key } = proven.fact else { unreachable!() };
                        prop_assert!(ledger.view(|state| state.get(&key)).is_none());
                        prop_assert!(key != BALANCES.key(&person(99).public().address()), "byte {}", at);
                    }
                }
            }
        }
    }
}
