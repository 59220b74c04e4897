//! A network of real processes on this machine, that ends with the test.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing here takes this long unless something is wrong; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(300);
pub(crate) const VALIDATORS: u16 = 4;

pub(crate) fn permuta() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_permuta"));
    command.env_remove("DATABASE_URL").env_remove("RUST_LOG");
    command
}

/// A port from which on all that a network needs is free at the moment, another one for each test of this process.
pub(crate) fn free_ports() -> u16 {
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let free = |base: &u16| {
        (0..=VALIDATORS).all(|node| {
            UdpSocket::bind(("127.0.0.1", base + node)).is_ok()
                && TcpListener::bind(("127.0.0.1", base + 100 + node)).is_ok()
        }) && TcpListener::bind(("127.0.0.1", base + 200)).is_ok()
    };
    let asked = ASKED.fetch_add(1, Ordering::Relaxed);
    // Below the ports that systems give to connections of their own, which may be taken at any moment.
    let start = 10_240 + u16::try_from(std::process::id() % 3_000).unwrap() + 5_000 * (asked % 4);
    (0..20).map(|step| start + 211 * step).find(free).unwrap()
}

/// A network that ends with the test.
pub(crate) struct Network {
    pub(crate) dir: PathBuf,
    pub(crate) base_port: u16,
    parent: Child,
    /// Nodes that were started again.
    again: Vec<Child>,
}

impl Network {
    pub(crate) fn start(dir: &Path) -> Network {
        Network::start_at(dir, free_ports())
    }

    pub(crate) fn start_at(dir: &Path, base_port: u16) -> Network {
        Network::start_with(dir, base_port, &["--era-blocks", "40"])
    }

    /// Without the market: nothing happens but what the test does.
    pub(crate) fn quiet(dir: &Path) -> Network {
        let network = Network::start_with(dir, free_ports(), &["--market", "false"]);
        network.wait_for("connections", || (0..VALIDATORS).all(|node| network.connected(node) == 3));
        network
    }

    pub(crate) fn start_with(dir: &Path, base_port: u16, arguments: &[&str]) -> Network {
        let parent = permuta()
            .args(["localnet", "--base-port", &base_port.to_string()])
            .args(arguments)
            .arg("--dir")
            .arg(dir)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Network { dir: dir.to_owned(), base_port, parent, again: Vec::new() }
    }

    pub(crate) fn home(&self, node: u16) -> PathBuf {
        self.dir.join(format!("node-{node}/home"))
    }

    /// What a node answers on `/healthz`, when it answers.
    pub(crate) fn health(&self, node: u16) -> Option<Value> {
        Some(self.ask(node, "GET", "/healthz", &[])?.1)
    }

    /// What a node answers to a request at its door: status and JSON.
    pub(crate) fn ask(&self, node: u16, method: &str, path: &str, body: &[u8]) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.base_port + 100 + node)).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).ok()?))
    }

    /// What a node's log says.
    pub(crate) fn log(&self, node: u16) -> String {
        fs::read_to_string(self.dir.join(format!("node-{node}/log"))).unwrap_or_default()
    }

    pub(crate) fn height(&self, node: u16) -> u64 {
        self.health(node).and_then(|health| health["chains"]["payment"]["height"].as_u64()).unwrap_or(0)
    }

    /// How many of its peers a node is connected to.
    pub(crate) fn connected(&self, node: u16) -> usize {
        let health = self.health(node).unwrap_or_default();
        let peers = health["peers"].as_array().cloned().unwrap_or_default();
        peers.iter().filter(|peer| peer["connected"] == true).count()
    }

    pub(crate) fn wait_for(&self, what: &str, mut come: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !come() {
            let state: Vec<_> = (0..VALIDATORS).map(|node| self.health(node)).collect();
            assert!(Instant::now() < deadline, "never saw {what}: {state:?}");
            std::thread::yield_now();
        }
    }

    /// Ends a node between two instructions.
    pub(crate) fn kill(&mut self, node: u16) {
        let config = format!("node-{node}/node.json");
        let process = fs::read_dir("/proc").unwrap().flatten().find(|entry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains("permuta") && line.contains(self.dir.to_str().unwrap()) && line.contains(&config)
        });
        let id = process.unwrap_or_else(|| panic!("node {node} does not run")).file_name();
        assert!(Command::new("kill").arg("-KILL").arg(id).status().unwrap().success());
        let silent = || self.health(node).is_none();
        self.wait_for("a dead node", silent);
    }

    pub(crate) fn restart(&mut self, node: u16) {
        self.restart_as(node, &[]);
    }

    /// Starts a node again, with these variables around it.
    pub(crate) fn restart_as(&mut self, node: u16, variables: &[(&str, &str)]) {
        let dir = self.dir.join(format!("node-{node}"));
        self.run(&dir, variables);
    }

    /// Runs a node of this folder, beside the log of the one that ran there before.
    pub(crate) fn run(&mut self, dir: &Path, variables: &[(&str, &str)]) {
        let log = fs::File::options().create(true).append(true).open(dir.join("log")).unwrap();
        let mut node = permuta();
        node.args(["node", "--config"]).arg(dir.join("node.json")).envs(variables.iter().copied());
        let child = node.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.again.push(child);
    }

    /// Asks all of it to stop, as a person does.
    pub(crate) fn stop(mut self) -> PathBuf {
        let ask = |child: &Child| {
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        };
        self.again.retain_mut(|child| child.try_wait().unwrap().is_none());
        self.again.iter().for_each(ask);
        ask(&self.parent);
        for child in self.again.iter_mut() {
            assert_eq!(child.wait().unwrap().code(), Some(0));
        }
        assert_eq!(self.parent.wait().unwrap().code(), Some(0));
        self.dir.clone()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for child in self.again.iter_mut().chain([&mut self.parent]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Every block, signature and balance holds at each node, and all say the same.
pub(crate) fn verify(dir: &Path) {
    let home = |node: u16| dir.join(format!("node-{node}/home"));
    let mut verify = permuta();
    verify.args(["verify", "--dir"]).arg(home(0));
    for node in 1..VALIDATORS {
        verify.arg("--with").arg(home(node));
    }
    let checked = verify.output().unwrap();
    let told =
        String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && told.contains("All holds"), "{told}");
    assert_eq!(told.matches("agrees with").count(), usize::from(VALIDATORS) - 1, "{told}");
}
