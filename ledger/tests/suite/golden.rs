//! The bytes of everything that is hashed, signed or stored. A change here breaks signatures, chains and files that
//! exist: it is a new version with a migration, not an edit.

use ledger::account::Account;
use ledger::block::Claim;
use ledger::hash::encode;
use ledger::light::Checkpoint;
use ledger::message::Closing;
use ledger::record::{decode_record, encode_record};
use ledger::transaction::terms_hash;
use ledger::tree::{Place, Tree, TreeProof};
use ledger::{
    AccountKey, Address, Block, Body, Cause, Committed, Envelope, Fact, Genesis, Hash, Header, Height,
    MessageBody, Proof, PublicKey, Receipt, Refusal, RelayedMessage, Scope, Seal, Signature, SubChain, Tag,
    Timestamp, merkle,
};
use proptest::prelude::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn body() -> Body {
    let key = crate::common::alice();
    Body {
        version: 1,
        chain: Hash([1; 32]),
        account: key.public().address(),
        key: key.public(),
        sequence: 2,
        expires: Height(3),
        fee: 4,
        terms: terms_hash("Give 500 t of jute."),
        payload: vec![5, 6],
    }
}

fn genesis() -> Genesis {
    Genesis::new(Timestamp(7), vec![(crate::common::validator().public(), 8)], [b"a", b"b", b"c"]).unwrap()
}

fn claim() -> Claim {
    Claim {
        chain: Hash([1; 32]),
        era: 2,
        height: Height(3),
        block: Hash([4; 32]),
        time: Timestamp(5),
        state_root: Hash([6; 32]),
        receipts_root: Hash([7; 32]),
        outbox_root: Hash([8; 32]),
        grade: 9,
    }
}

fn seal() -> Seal {
    let key = crate::common::validator();
    Seal { claim: claim(), signatures: vec![(key.public(), key.sign(&claim().signing_bytes()))] }
}

fn header() -> Header {
    Header {
        chain: Hash([1; 32]),
        height: Height(2),
        parent: Hash([3; 32]),
        time: Timestamp(4),
        proposer: PublicKey([5; 32]),
        messages_root: Hash([6; 32]),
        transactions_root: Hash([7; 32]),
        executed_height: Height(8),
        state_root: Hash([9; 32]),
        receipts_root: Hash([10; 32]),
        outbox_root: Hash([11; 32]),
    }
}

fn envelope() -> Envelope {
    let refusal = Refusal::new("code", "field", "reason");
    Envelope {
        from: SubChain::Identity,
        to: SubChain::Payment,
        number: 1,
        body: MessageBody::Failed { number: 2, refusal },
    }
}

fn message() -> RelayedMessage {
    let body = MessageBody::Deliver(vec![1, 2]);
    let envelope = Envelope { from: SubChain::Data, to: SubChain::Payment, number: 3, body };
    RelayedMessage { envelope, seal: seal(), index: 4, count: 5, path: vec![Hash([6; 32])] }
}

fn receipts() -> Vec<Receipt> {
    vec![
        Receipt { cause: Cause::Opening, outcome: Ok(()), events: vec![vec![1]] },
        Receipt {
            cause: Cause::Message { from: SubChain::Data, number: 2 },
            outcome: Ok(()),
            events: vec![],
        },
        Receipt {
            cause: Cause::Transaction(Hash([3; 32])),
            outcome: Err(Refusal::new("code", "field", "reason")),
            events: vec![],
        },
    ]
}

fn committed() -> Committed {
    let block = Block {
        header: header(),
        messages: vec![message()],
        transactions: vec![body().sign(&crate::common::alice())],
    };
    Committed { block, receipts: receipts(), outbox: vec![envelope()], seal: seal() }
}

/// What the last block of an era of the identity chain says.
fn word() -> RelayedMessage {
    let body = MessageBody::Validators {
        era: 7,
        members: vec![(PublicKey([5; 32]), 6)],
        blocks: Hash([7; 32]),
        covers: vec![Closing {
            chain: SubChain::Data,
            era: 8,
            height: Height(9),
            block: Hash([10; 32]),
            blocks: Hash([11; 32]),
        }],
    };
    RelayedMessage {
        envelope: Envelope { from: SubChain::Identity, to: SubChain::Data, number: 3, body },
        ..message()
    }
}

fn covered(fact: Fact) -> Vec<u8> {
    let checkpoint = Checkpoint { hand_offs: vec![word()], word: word(), path: vec![Hash([12; 32])] };
    let checkpoint = Some(Box::new(checkpoint));
    Proof { genesis: genesis(), seal: seal(), fact, hand_offs: vec![], checkpoint }.encode()
}

fn proof(fact: Fact) -> Vec<u8> {
    Proof { genesis: genesis(), seal: seal(), fact, hand_offs: vec![word()], checkpoint: None }.encode()
}

/// Short formats as they are; of long ones, length and SHA-256.
fn fingerprint(bytes: &[u8]) -> String {
    if bytes.len() <= 64 {
        return hex(bytes);
    }
    format!("{} bytes {}", bytes.len(), Hash::of(Tag::Content, bytes))
}

fn formats() -> Vec<(&'static str, Vec<u8>)> {
    let key = crate::common::alice();
    let transaction = body().sign(&key);
    let tree = Tree::default().update([(&b"jute"[..], Some(&b"500"[..])), (&b"tea"[..], Some(&b"20"[..]))]);
    let leaves: Vec<Hash> = (0u8..5).map(|n| merkle::leaf(&[n])).collect();
    let other = Place::Other { path: Hash([1; 32]), value: Hash([2; 32]) };
    let account = Account {
        sequence: 1,
        keys: Some(vec![AccountKey {
            key: PublicKey([2; 32]),
            scope: Scope::EnrolOnce { until: Timestamp(3) },
        }]),
    };
    vec![
        ("public key", key.public().0.to_vec()),
        ("address", key.public().address().0.to_vec()),
        ("terms hash", terms_hash("Give 500 t of jute.").0.to_vec()),
        ("body", encode(&body())),
        ("body as signed", body().signing_bytes()),
        ("signature", transaction.signature.0.to_vec()),
        ("transaction", encode(&transaction)),
        ("transaction id", transaction.id().0.to_vec()),
        ("genesis", encode(&genesis())),
        ("genesis hash", genesis().hash().0.to_vec()),
        ("identity chain", genesis().chain_id(SubChain::Identity).0.to_vec()),
        ("payment chain", genesis().chain_id(SubChain::Payment).0.to_vec()),
        ("header", encode(&header())),
        ("header hash", header().hash().0.to_vec()),
        ("claim as signed", claim().signing_bytes()),
        ("seal", encode(&seal())),
        ("envelope", encode(&envelope())),
        ("relayed message", encode(&message())),
        ("receipts", encode(&receipts())),
        ("account", encode(&account)),
        ("merkle root of five", merkle::root(&leaves).0.to_vec()),
        ("state root of two", tree.root().0.to_vec()),
        ("way", encode(&TreeProof { place: other, siblings: vec![Hash([3; 32])] })),
        ("record", encode_record([1, 2, 3], &committed())),
        (
            "proof of a receipt",
            proof(Fact::Receipt {
                index: 1,
                count: 2,
                receipt: encode(&receipts()[0]),
                transaction: Some(encode(&transaction)),
                path: vec![Hash([3; 32])],
            }),
        ),
        (
            "proof of a value",
            proof(Fact::Value { key: vec![1], value: vec![2], siblings: vec![Hash([3; 32])] }),
        ),
        ("proof of absence", proof(Fact::Absence { key: vec![1], place: Place::Empty, siblings: vec![] })),
        ("word at the end of an era", encode(&word())),
        (
            "proof under a checkpoint",
            covered(Fact::Absence { key: vec![1], place: Place::Empty, siblings: vec![] }),
        ),
    ]
}

const GOLDEN: &str = "
public key: 8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c
address: 153b7ca6f18e35f65ef76ff7cd36cfe7ab50ac87
terms hash: 92df5ceef146c1142d4c1ad82461417a784f5dc9ffaf8e689fc3f173dcee0138
body: 155 bytes 4c9253bb4cc0d5bf9aec5f0a6a40233bcfb86a10f7f9ca93e292d53e5a13540a
body as signed: 219 bytes 65f37c6e83d646498e890395bd4a6cdc97d2437c03f5e2c59bfbc107ad2f033f
signature: 0d93a5872484b6b93a1c97add3c05f1aeb5d2c07b6f04951b374721557a62be8e045790ccab3c7852d72d1946c25dfe71101b2b4242bce5c988d27b5b88ad004
transaction: 219 bytes b8cce7427ae5554ccfd383a7ec636e69cc85936a21bfd1af7c6d02234e9be9c6
transaction id: 10fa1792f3ecff5ec9e39b9294b6b8d9f511ff5742ac936bcb243ff9b3938abf
genesis: 171 bytes 298c474b78bcd302c1480cc83eb717a9c03e409706a7cfd60fb2c01d16fbaf94
genesis hash: 072b7118bd6ecddecbc4fbf73d28c39eb7a0a4a555d082134228157e539adb22
identity chain: 3c3a23b3c475e014e37382bc3c84ec4714b2aef189b52e1cb89dfb03094fcd40
payment chain: fe4e1ac2c685cd7f344f113f87ad5bb2cddc3c863b9ead7d4692af9f9e0cd492
header: 280 bytes 542680a9a8c5a0be24642a593b0c9a104135daaf2501a80aac8c8879abd8f9e2
header hash: 9c9990cdd4f97f0b92793e63cf416a0a1838afd480ecaee9ab08684a6ebf6da1
claim as signed: 224 bytes 9ea4304a1638e434f435cfc52f4e13df540c86eba70ae6ed92675fa032cb927d
seal: 292 bytes a0d2d81c805654c74bb491fa8473bb1ad5f157090b0c7077b7cfa2934dd74641
envelope: 0002010000000000000001020000000000000004000000636f6465050000006669656c6406000000726561736f6e
relayed message: 353 bytes 1ad18822b0578534a0ddaeeaa1b890f5622252e21ce5907580db65f5ec490f26
receipts: 95 bytes 34ceb7504cbdb2af589dce18681d29e71de654362d50eba3707c5dd525535d23
account: 010000000000000001010000000202020202020202020202020202020202020202020202020202020202020202010300000000000000
merkle root of five: 942f5db768c2734dc8c7bf1e4f504cb7223fff47b85c47d2bd9177c86bbefe10
state root of two: ffb44c2edca36bfcf84fb54e6c588f51a0fe1337d8dd59b3c3b557bd634f4819
way: 101 bytes 9f979ba4bfa8406bd57d42e9a0707362550197bc6d5def6e526f8df69678ba54
record: 1322 bytes dc96a4ab4958db87338c83172b8449da7c978b8020e127bbde14e7ad2a08732c
proof of a receipt: 1273 bytes d7a2fd88eb2667c2d1f424dfe49309e749514b01e77299e156f42b58096f20bf
proof of a value: 1036 bytes 84bef76565a0c747479ecad7d51026ed300b783341dfc521822d99a98731477c
proof of absence: 1000 bytes 10bab0b9bf54fefd2812de9865211246dde4a3d2d4ebae2124deac4093de68fd
word at the end of an era: 516 bytes 8f3de76482bf2ba5f50733a239b440f68def9dfe2abc9134c8cd4a643875e725
proof under a checkpoint: 1556 bytes 86016080f152b11aa141eb5cd0967008d132baadfe8d071ef175dfdfd9c8a909
";

#[test]
fn every_format_has_the_bytes_it_always_had() {
    let now: Vec<String> =
        formats().iter().map(|(name, bytes)| format!("{name}: {}", fingerprint(bytes))).collect();
    let golden: Vec<&str> = GOLDEN.trim().lines().map(str::trim).collect();
    assert_eq!(now, golden, "a stored or signed format changed");
}

#[test]
fn a_segment_of_the_log_has_the_bytes_it_always_had() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = ledger::log::Log::open(dir.path(), Hash([1; 32]), 1 << 20).unwrap();
    log.append(b"jute").unwrap();
    let bytes = std::fs::read(dir.path().join("00000000000000000000.log")).unwrap();
    assert_eq!(
        hex(&bytes),
        "5045524d4c4f4701010101010101010101010101010101010101010101010101010101010101010100000000000000004a666a41\
                504d5452040000000000000000000000ca423fb54278c74a6a757465"
    );
}

#[test]
fn what_was_written_reads_back() {
    let record = encode_record([1, 2, 3], &committed());
    assert_eq!(decode_record(&record).unwrap(), ([1, 2, 3], committed()));
    let signed = body().signing_bytes();
    assert_eq!(Body::from_signing_bytes(&signed).unwrap(), body());
    assert_eq!(Genesis::decode(&encode(&genesis())).unwrap(), genesis());
    let address = Address([0xAB; 20]);
    assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
    assert_eq!(Signature([7; 64]).to_string().parse::<Signature>().unwrap(), Signature([7; 64]));
}

fn fuzz_all(bytes: &[u8]) {
    ledger::transaction::fuzz_transaction(bytes);
    ledger::genesis::fuzz_genesis(bytes);
    ledger::block::fuzz_block(bytes);
    ledger::message::fuzz_message(bytes);
    ledger::record::fuzz_record(bytes);
    ledger::tree::fuzz_tree_proof(bytes);
    ledger::light::fuzz_proof(bytes);
    ledger::log::fuzz_segment(bytes);
    ledger::koma::frame::fuzz_frame(bytes);
}

proptest! {
    #[test]
    fn no_decoder_panics_on_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz_all(&bytes);
    }

    #[test]
    fn no_decoder_panics_on_damaged_bytes(
        which in 0usize..29,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
    ) {
        let (_, mut bytes) = formats().swap_remove(which);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if shorten {
            bytes.truncate(cut.index(bytes.len()));
        }
        fuzz_all(&bytes);
    }
}
