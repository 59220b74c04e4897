//! The command-line wallet, from a new key to a signature that the chain takes.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use ledger::transaction::terms_hash;
use ledger::{Body, Hash, Height, KeyPair, PublicKey, Signature, Transaction};

const TERMS: &str =
    "You give 412 t jute yarn and get 118 t robusta coffee.\n\nNothing moves unless everyone signs.\n";

fn permuta(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_permuta"))
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A wallet with a password, and the key in it.
fn wallet(dir: &Path, options: &[&str]) -> PublicKey {
    std::fs::write(dir.join("password"), "a long walk to Chittagong\n").expect("a file");
    let new = ["wallet", "new", "--out", "key.json", "--password-file", "password"];
    let output = permuta(dir, &[&new, options].concat());
    assert!(output.status.success(), "{}", told(&output));
    let shown = String::from_utf8(output.stdout).expect("text");
    let key = shown.lines().next().and_then(|line| line.split_whitespace().last());
    key.expect("the public key comes first").parse().expect("a public key")
}

fn body(key: PublicKey, terms: &str) -> Body {
    Body {
        version: 1,
        chain: Hash([3; 32]),
        account: key.address(),
        key,
        sequence: 0,
        expires: Height(2_000),
        fee: 0,
        terms: terms_hash(terms),
        payload: b"a request".to_vec(),
    }
}

fn sign(dir: &Path, body: &Body, terms: &str) -> Output {
    std::fs::write(dir.join("terms"), terms).expect("a file");
    let bytes = hex::encode(body.signing_bytes());
    let how = ["wallet", "sign", "--key", "key.json", "--password-file", "password", "--yes"];
    permuta(dir, &[&how[..], &["--terms", "terms", "--bytes", &bytes]].concat())
}

fn refused(output: &Output, reason: &str) {
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(told(output).contains(reason), "{}", told(output));
}

#[test]
fn what_was_read_is_signed() {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, options) in [("argon2", vec![]), ("browser", vec!["--for-browser"])] {
        let dir = dir.path().join(name);
        std::fs::create_dir(&dir).expect("a directory");
        let key = wallet(&dir, &options);
        let body = body(key, TERMS);
        // As the portal shows them, as an editor of another system keeps them, and without the last line break.
        for terms in [TERMS.to_owned(), TERMS.replace('\n', "\r\n"), TERMS.trim_end().to_owned()] {
            let output = sign(&dir, &body, &terms);
            assert!(output.status.success(), "{}", told(&output));
            assert!(told(&output).contains(TERMS), "the terms are shown");
            let signature: Signature =
                String::from_utf8(output.stdout).expect("text").trim().parse().expect("a signature");
            assert_eq!(Transaction { body: body.clone(), signature }.verify(), Ok(()));
        }
        let shown = permuta(&dir, &["wallet", "show", "--key", "key.json"]);
        assert!(String::from_utf8_lossy(&shown.stdout).contains(&key.address().to_string()));
    }
}

#[test]
fn a_portal_is_shown_that_the_wallet_holds_the_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let key = wallet(dir, &[]);
    let how = ["wallet", "prove", "--key", "key.json", "--password-file", "password", "--token"];
    let token = "5".repeat(64);
    let output = permuta(dir, &[&how[..], &[&token]].concat());
    let shown = String::from_utf8(output.stdout).expect("text");
    let proof = shown.split_whitespace().last().expect("the proof comes last");
    let proof: Signature = proof.parse().expect("a signature");
    let tagged = [b"permuta/1/portal-key".as_slice(), &[0; 12], token.as_bytes()].concat();
    assert_eq!(key.verify(&tagged, &proof), Ok(()));
    refused(&permuta(dir, &[&how[..], &["a token"]].concat()), "--token: expected the 64 hexadecimal digits");
}

#[test]
fn what_was_not_read_is_not_signed() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let key = wallet(dir, &[]);
    let good = body(key, TERMS);
    refused(&sign(dir, &good, &TERMS.replace("412", "4120")), "cover another text");
    refused(&sign(dir, &good, ""), "cover another text");
    let hidden = "You give 1 t\u{202e} jute.\n";
    refused(&sign(dir, &body(key, hidden), hidden), "U+202E");
    let erased = "You give 400 t jute.\u{1b}[2K\n";
    refused(&sign(dir, &body(key, erased), erased), "U+001B");
    let other = KeyPair::from_seed([5; 32]).public();
    refused(&sign(dir, &body(other, TERMS), TERMS), "prepared for the key");
    refused(&sign(dir, &Body { version: 2, ..good.clone() }, TERMS), "version 2");
    std::fs::write(dir.join("password"), "another password, just as long\n").expect("a file");
    refused(&sign(dir, &good, TERMS), "does not open");

    for (bytes, reason) in [("zz", "not hexadecimal"), ("00", "not the bytes of a transaction")] {
        let how = ["wallet", "sign", "--key", "key.json", "--yes", "--terms", "terms", "--bytes", bytes];
        refused(&permuta(dir, &how), reason);
    }
    let bytes = hex::encode(good.signing_bytes());
    std::fs::write(dir.join("terms"), TERMS).expect("a file");
    let how = ["wallet", "sign", "--key", "key.json", "--terms", "terms", "--bytes", &bytes];
    refused(&permuta(dir, &how), "--yes");
}

#[test]
fn a_key_file_is_private_and_never_written_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    wallet(dir, &[]);
    let path = dir.join("key.json");
    let before = std::fs::read(&path).expect("it was written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().expect("it is there").permissions().mode() & 0o777, 0o600);
    }
    let again = permuta(dir, &["wallet", "new", "--out", "key.json", "--password-file", "password"]);
    refused(&again, "exists already");
    assert_eq!(std::fs::read(&path).expect("it is still there"), before);
    std::fs::write(dir.join("password"), "short\n").expect("a file");
    let weak = permuta(dir, &["wallet", "new", "--out", "other.json", "--password-file", "password"]);
    refused(&weak, "at least 12 characters");
    assert!(!dir.join("other.json").exists());
}

#[test]
fn a_one_time_code_signs_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    std::fs::write(dir.join("code"), "k7qf-22mx\n").expect("a file");
    std::fs::write(dir.join("terms"), TERMS).expect("a file");
    let body = body(KeyPair::from_code("K7QF22MX").public(), TERMS);
    let bytes = hex::encode(body.signing_bytes());
    let how = ["wallet", "sign", "--code-file", "code", "--terms", "terms", "--yes", "--bytes", &bytes];
    let output = permuta(dir, &how);
    let signature: Signature = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a signature");
    assert_eq!(Transaction { body, signature }.verify(), Ok(()));
}
