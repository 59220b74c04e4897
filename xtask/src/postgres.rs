//! A throw-away PostgreSQL cluster on a free loopback port.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tools::is_root;

/// A running cluster; stopped and deleted when dropped.
pub(crate) struct Cluster {
    server: Child,
    folder: PathBuf,
    /// The port on 127.0.0.1.
    pub(crate) port: u16,
}

/// A free TCP port on the loopback address.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Waits until something listens on `port`, or `child` ended, or a minute passed.
pub(crate) fn wait_for_port(port: u16, child: &mut Child, what: &str) -> Result<()> {
    let start = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("{what} ended at once: {status}");
        }
        if start.elapsed() > Duration::from_mins(1) {
            bail!("{what} does not listen on port {port} after a minute");
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Ok(())
}

/// PostgreSQL refuses to run as root: there, its programs run as Debian's user `postgres`.
fn as_postgres(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

impl Cluster {
    /// Makes and starts a cluster with the programs in `bin`; `settings` go to the server as `-c` options.
    pub(crate) fn start(bin: &Path, settings: &[&str]) -> Result<Cluster> {
        let port = free_port()?;
        let folder = std::env::temp_dir().join(format!("permuta-postgres-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder)?;
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(&folder).status()?;
            if !owned.success() {
                bail!("there is no user `postgres` to run the server as");
            }
        }
        let data = folder.join("data");
        let made = as_postgres(&bin.join("initdb"))
            .current_dir(&folder)
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .context("initdb does not start")?;
        if !made.success() {
            bail!("initdb failed: {made}");
        }
        let log = fs::File::create(folder.join("log"))?;
        let mut command = as_postgres(&bin.join("postgres"));
        command.current_dir(&folder).arg("-D").arg(&data).arg("-k").arg(&folder);
        command.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        let server = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("postgres does not start")?;
        let mut cluster = Cluster { server, folder, port };
        wait_for_port(port, &mut cluster.server, "PostgreSQL")?;
        Ok(cluster)
    }

    /// The URL of its `postgres` database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The first line of the pid file is the server's own process; SIGINT asks for a fast shutdown.
        let pid = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next().filter(|pid| pid.parse::<u32>().is_ok()) {
            let _ = Command::new("kill").args(["-INT", pid]).status();
        } else {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
