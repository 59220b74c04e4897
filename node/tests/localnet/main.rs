//! A consortium as somebody meets it at a terminal: real processes, real sockets, real failures.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that breaks off has failed")]

mod consortium;
mod load;
mod membership;
mod trouble;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use network::proxy::{Proxy, Weather};
use serde_json::Value;
use tokio::runtime::Runtime;

use consortium::{Network, VALIDATORS, free_ports, permuta, verify};

#[test]
fn a_consortium_trades_on_while_validators_die_and_lose_their_disks_and_all_agree_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let mut network = Network::start(&dir.path().join("net"));
    network
        .wait_for("a market on four validators", || (0..VALIDATORS).all(|node| network.height(node) >= 30));
    let health = network.health(1).unwrap();
    assert_eq!(health["peers"].as_array().unwrap().len(), 3);
    assert_eq!(health["chains"]["payment"]["weight"], 4);

    // One dies; the others are enough, and it catches up when it is back.
    network.kill(2);
    let before = network.height(0);
    network.wait_for("trade without it", || network.height(0) >= before + 10);
    network.restart(2);
    let target = network.height(0);
    network.wait_for("the one that died, at the height of the others", || network.height(2) >= target);

    // Another loses its disk: it follows, and takes part again once it can contradict nothing that it said.
    network.kill(3);
    fs::remove_dir_all(network.home(3).join("chains")).unwrap();
    network.restart(3);
    let takes_part = |health: &Value| {
        let chains = health["chains"].as_object().unwrap();
        chains["payment"]["takes_part"].as_bool() == Some(true)
    };
    let target = network.height(0);
    network.wait_for("the one without a disk, at the height of the others", || network.height(3) >= target);
    network.wait_for("its voice in a later era", || network.health(3).as_ref().is_some_and(takes_part));
    let era = network.health(3).unwrap()["chains"]["payment"]["era"].as_u64().unwrap();
    assert!(era >= 1, "in the era of its loss it said nothing");
    network.wait_for("records that all but one would have to cheat to undo", || {
        network.health(0).is_some_and(|health| health["chains"]["payment"]["grade"] == 3)
    });

    // Every block, signature and balance holds at each of them, and all say the same.
    verify(&network.stop());
}

/// Relays between each two validators, in both directions: who calls whom is nobody's choice.
struct Links(Vec<((u16, u16), Proxy)>);

impl Links {
    /// Puts relays into the configurations of a network that does not run.
    fn lay(dir: &Path, base_port: u16, runtime: &Runtime) -> Links {
        let mut links = Vec::new();
        let address = |node: u16| SocketAddr::from(([127, 0, 0, 1], base_port + node));
        for from in 0..VALIDATORS {
            let path = dir.join(format!("node-{from}/node.json"));
            let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            for peer in config["peers"].as_array_mut().unwrap() {
                let to = (0..VALIDATORS).find(|to| peer["address"] == address(*to).to_string()).unwrap();
                let any = SocketAddr::from(([127, 0, 0, 1], 0));
                let proxy =
                    runtime.block_on(Proxy::start(any, address(to), u64::from(from * 10 + to))).unwrap();
                peer["address"] = proxy.address().to_string().into();
                links.push(((from, to), proxy));
            }
            fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();
        }
        Links(links)
    }

    /// Slow links; between the first two validators and the last two, cut ones if so told.
    fn set(&self, cut: bool) {
        for ((from, to), proxy) in &self.0 {
            proxy.set(Weather {
                delay: Duration::from_millis(20),
                jitter: Duration::from_millis(10),
                lost_per_mille: 5,
                cut: cut && (*from < 2) != (*to < 2),
            });
        }
    }
}

#[test]
fn a_consortium_on_slow_links_is_cut_in_half_goes_on_as_one_and_shuts_out_whose_certificate_is_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("net");
    let network = Network::start(&dir);
    let base_port = network.base_port;
    network.wait_for("a market", || network.height(0) >= 20);
    network.stop();

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let links = Links::lay(&dir, base_port, &runtime);
    links.set(false);
    let network = Network::start_at(&dir, base_port);
    network.wait_for("connections", || (0..VALIDATORS).all(|node| network.connected(node) == 3));
    let before = network.height(0);
    network.wait_for("trade over slow links", || network.height(0) >= before + 10);

    // Half of them is no quorum: neither half may go on, and so none has anything to take back.
    links.set(true);
    network.wait_for("halves", || (0..VALIDATORS).all(|node| network.connected(node) == 1));
    let most = (0..VALIDATORS).map(|node| network.height(node)).max().unwrap();
    links.set(false);
    network.wait_for("trade after the halves met again", || {
        (0..VALIDATORS).all(|node| network.height(node) >= most + 10)
    });

    // A certificate is taken back while its validator is connected.
    let nodes: Value = serde_json::from_slice(&fs::read(dir.join("nodes.json")).unwrap()).unwrap();
    let key = nodes[3]["validator"].as_str().unwrap();
    let mut revoke = permuta();
    revoke.args(["ca", "revoke", "--validator", key, "--dir"]).arg(dir.join("authority"));
    assert!(revoke.output().unwrap().status.success());
    network.wait_for("nobody with the one that was revoked", || network.connected(3) == 0);
    let before = network.height(0);
    network.wait_for("trade among the others", || network.height(0) >= before + 5);
    assert_eq!(network.connected(0), 2);

    verify(&network.stop());
}

#[test]
fn a_stranger_a_damaged_configuration_and_taken_ports_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("node.json");
    let run = |arguments: &[&str]| {
        let output = permuta().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let path = config.to_str().unwrap();
    assert!(run(&["node", "--config", path]).contains("cannot read"));
    fs::write(&config, "{\"dir\": \"home\"}").unwrap();
    assert!(run(&["node", "--config", path]).contains("see `permuta node --help`"));

    let base = free_ports();
    let taken = UdpSocket::bind(("127.0.0.1", base + 1)).unwrap();
    let told = run(&[
        "localnet",
        "--base-port",
        &base.to_string(),
        "--dir",
        dir.path().join("net").to_str().unwrap(),
    ]);
    assert!(told.contains("name another --base-port"), "{told}");
    drop(taken);
}
