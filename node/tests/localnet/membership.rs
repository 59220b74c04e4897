//! Validators that come and go by vote, as real processes.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::consortium::{Network, VALIDATORS, free_ports, permuta};

/// Whether something holds of a node on each of its chains.
fn on_all_chains(network: &Network, node: u16, holds: impl Fn(&Value) -> bool) -> bool {
    let health = network.health(node).unwrap_or_default();
    health["chains"].as_object().is_some_and(|chains| chains.values().all(holds))
}

/// What an organisation says to its own node about who decides.
fn council(network: &Network, node: u16, words: &[&str]) -> Output {
    let door = format!("127.0.0.1:{}", network.base_port + 100 + node);
    let key = network.dir.join(format!("node-{node}/organisation.key"));
    let mut command = permuta();
    command.args(["wallet", "council", "--yes", "--node", &door, "--plain-key"]).arg(key);
    command.args(words).output().unwrap()
}

/// What a command prints that succeeds.
fn says(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_new_validator_catches_up_is_voted_in_and_takes_part_and_another_one_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("net");
    let mut network = Network::start_with(&dir, free_ports(), &["--era-blocks", "6"]);
    network.wait_for("a market", || (0..VALIDATORS).all(|node| network.height(node) >= 20));
    let nodes: Value = serde_json::from_slice(&fs::read(dir.join("nodes.json")).unwrap()).unwrap();

    // A key, a certificate, the files of the network, and who the others are: the members change nothing.
    let new = dir.join("node-4");
    fs::create_dir_all(new.join("home")).unwrap();
    for file in ["genesis", "settings"] {
        fs::copy(network.home(0).join(file), new.join("home").join(file)).unwrap();
    }
    let key = says(permuta().args(["keygen", "--out"]).arg(new.join("validator.key")));
    let key = key.trim();
    let mut issue = permuta();
    issue.args(["ca", "issue", "--validator", key, "--dir"]).arg(dir.join("authority"));
    says(issue.arg("--out").arg(new.join("validator.pem")));
    let config = fs::read(dir.join("node-3/node.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    let address = |node: u16, above: u16| format!("127.0.0.1:{}", network.base_port + above + node);
    config["listen"] = address(4, 0).into();
    config["health"] = address(4, 100).into();
    let peer =
        |node: usize| serde_json::json!({"key": nodes[node]["validator"], "address": nodes[node]["address"]});
    config["peers"] = (0..4).map(peer).collect();
    fs::write(new.join("node.json"), config.to_string()).unwrap();
    network.restart(4);
    let target = network.height(0);
    network.wait_for("the new one, at the height of the others", || network.height(4) >= target);
    assert!(on_all_chains(&network, 4, |chain| chain["takes_part"] == false && chain["validators"] == 4));

    // Its organisation proves that it holds the key; three of four agree.
    let organisation = nodes[0]["organisation"].as_str().unwrap();
    let mut prove = permuta();
    prove.args(["keygen", "--show"]).arg(new.join("validator.key")).args(["--for", organisation]);
    let said = says(prove.arg("--genesis").arg(network.home(0).join("genesis")));
    let proof = said.lines().find_map(|line| line.strip_prefix("proof ")).unwrap();
    let admit =
        ["admit", "--validator", key, "--weight", "1", "--organisation", organisation, "--proof", proof];
    let refused = council(&network, 0, &[&admit[..4], &["2"], &admit[5..]].concat());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("a validator would weigh 2"), "{refused:?}");
    let proposed = council(&network, 0, &admit);
    let shown = String::from_utf8_lossy(&proposed.stderr).into_owned();
    assert!(proposed.status.success() && shown.contains("A validator is admitted: "), "{shown}");
    for voter in [1, 2] {
        network
            .wait_for("a proposal to vote on", || council(&network, voter, &["vote", "1"]).status.success());
    }
    network.wait_for("the new one's voice on all chains", || {
        on_all_chains(&network, 4, |chain| chain["takes_part"] == true && chain["validators"] == 5)
    });
    network
        .wait_for("records that five vouch for", || on_all_chains(&network, 0, |chain| chain["weight"] == 5));

    // One takes its own out, and goes on following.
    let leaving = nodes[3]["validator"].as_str().unwrap();
    let left = council(&network, 3, &["leave", "--validator", leaving]);
    assert!(left.status.success(), "{left:?}");
    network.wait_for("four again, without the one that left", || {
        on_all_chains(&network, 0, |chain| chain["validators"] == 4)
            && on_all_chains(&network, 3, |chain| chain["takes_part"] == false)
    });
    let target = network.height(0);
    network.wait_for("the one that left, at the height of the others", || network.height(3) >= target);

    let dir = network.stop();
    let mut verify = permuta();
    verify.args(["verify", "--dir"]).arg(dir.join("node-0/home"));
    for node in 1..=VALIDATORS {
        verify.arg("--with").arg(dir.join(format!("node-{node}/home")));
    }
    let told = says(&mut verify);
    assert_eq!(told.matches("agrees with").count(), 4, "{told}");
}
