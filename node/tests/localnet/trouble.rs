//! Clocks that go wrong, certificates that expire, and a validator that runs twice.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::consortium::{Network, VALIDATORS, permuta, verify};
use crate::load::Payer;

/// Where Debian keeps what gives a program another clock.
fn libfaketime() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?.flatten();
    places.map(|place| place.path().join("faketime/libfaketime.so.1")).find(|path| path.exists())
}

/// The variables that give a program a clock so many seconds off.
fn clock(library: &Path, seconds: i64) -> [(&'static str, String); 3] {
    [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME", format!("{seconds:+}s")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}

/// Pays until a node has `more` blocks on top of what it has.
fn pay(network: &Network, payer: &mut Payer, more: u64) {
    let target = network.height(0) + more;
    network.wait_for("payments", || {
        let known = payer.on_record(network, 0);
        if known == payer.signed.len() as u64 {
            payer.sign();
        }
        payer.hand_in(network, 0, known);
        network.height(0) >= target
    });
}

fn faulty(network: &Network, node: u16) -> Option<u64> {
    network.health(node)?["chains"]["payment"]["faulty"].as_u64()
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to)
        } else {
            drop(fs::copy(entry.path(), to))
        }
    }
}

#[test]
fn a_validator_that_runs_twice_is_proven_a_cheat_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut network = Network::quiet(&dir.path().join("net"));
    let mut payer = Payer::of(&network);
    pay(&network, &mut payer, 3);
    // Somebody copies a validator's folder and runs both, as an operator does who thinks that two are safer than one.
    network.kill(3);
    let twin = network.dir.join("twin");
    copy(&network.dir.join("node-3"), &twin);
    let path = twin.join("node.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["listen"] = "127.0.0.1:0".into();
    config["health"] = "127.0.0.1:0".into();
    fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();
    network.restart(3);
    network.run(&twin, &[]);
    network.wait_for("evidence at every honest validator", || {
        let known = payer.on_record(&network, 0);
        if known == payer.signed.len() as u64 {
            payer.sign();
        }
        payer.hand_in(&network, 0, known);
        (0..3).all(|node| faulty(&network, node) == Some(1))
    });
    for node in 0..3 {
        assert!(network.log(node).contains("signed two units where one is allowed"), "node {node}");
        assert_eq!(network.health(node).unwrap()["chains"]["payment"]["halted"], false);
    }
    // They bring it to the identity chain without anybody there: the key is out for good.
    let nodes: Value = serde_json::from_slice(&fs::read(network.dir.join("nodes.json")).unwrap()).unwrap();
    let banned = serde_json::json!([nodes[3]["validator"]]);
    network.wait_for("the ban on record", || {
        (0..3).all(|node| network.health(node).is_some_and(|health| health["banned"] == banned))
    });
    pay(&network, &mut payer, 3);
    verify(&network.stop());
}

#[test]
fn a_clock_that_is_wrong_keeps_its_validator_from_nothing_but_its_own_say() {
    let Some(library) = libfaketime() else {
        eprintln!("skipped: install the package faketime to give a real validator another clock");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut network = Network::quiet(&dir.path().join("net"));
    let mut payer = Payer::of(&network);
    pay(&network, &mut payer, 3);
    for seconds in [1, -1, 600, -600] {
        network.kill(3);
        let clock = clock(&library, seconds);
        let clock: Vec<_> = clock.iter().map(|(name, value)| (*name, value.as_str())).collect();
        network.restart_as(3, &clock);
        pay(&network, &mut payer, 5);
        let target = payer.on_record(&network, 0);
        network.wait_for("the one with the wrong clock, with all payments on record", || {
            payer.on_record(&network, 3) >= target
        });
        assert_eq!(faulty(&network, 0), Some(0), "a wrong clock is no cheat, {seconds} s");
    }
    verify(&network.stop());
}

#[test]
fn a_certificate_that_expires_shuts_its_validator_out_until_it_has_the_next_one() {
    let Some(library) = libfaketime() else {
        eprintln!("skipped: install the package faketime to issue a certificate that expires soon");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut network = Network::quiet(&dir.path().join("net"));
    let mut payer = Payer::of(&network);
    let nodes: Value = serde_json::from_slice(&fs::read(network.dir.join("nodes.json")).unwrap()).unwrap();
    let key = nodes[3]["validator"].as_str().unwrap().to_owned();
    let issue = |network: &Network, variables: &[(&'static str, String)]| {
        let out = network.dir.join("node-3/validator.pem");
        fs::remove_file(&out).unwrap();
        let mut ca = permuta();
        ca.args(["ca", "issue", "--days", "1", "--validator", &key, "--out"]).arg(&out).arg("--dir");
        ca.arg(network.dir.join("authority")).envs(variables.iter().map(|(name, value)| (name, value)));
        let told = ca.output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    };
    // Issued a day ago but for a minute: on a busy machine a node takes its time to start.
    network.kill(3);
    issue(&network, &clock(&library, 60 - 86_400));
    network.restart(3);
    network.wait_for("the one with the short certificate among the others", || network.connected(3) == 3);
    assert!(network.log(3).contains("own certificate expires soon"));
    assert!(network.log(0).contains("a validator's certificate expires soon"));
    network
        .wait_for("its end", || (0..3).all(|node| network.connected(node) == 2) && network.connected(3) == 0);
    network.wait_for("the reason to be counted", || {
        network.health(0).is_some_and(|health| health["refused"]["expired"].as_u64().unwrap_or(0) > 0)
    });
    pay(&network, &mut payer, 5);
    network.kill(3);
    issue(&network, &[]);
    network.restart(3);
    let target = payer.on_record(&network, 0);
    network.wait_for("it is back with the next certificate", || {
        network.connected(3) == 3 && payer.on_record(&network, 3) >= target
    });
    assert_eq!((0..VALIDATORS).map(|node| faulty(&network, node)).max(), Some(Some(0)));
    verify(&network.stop());
}
