//! A demo of one's own: the real program in a folder that is deleted afterwards.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

/// A running demo; killed when dropped.
pub(crate) struct Demo {
    process: Child,
    _dir: tempfile::TempDir,
    /// Where its portal is.
    pub(crate) url: String,
    logins: Vec<Login>,
}

/// A login that the demo printed.
pub(crate) struct Login {
    who: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) code: String,
}

impl Demo {
    /// Starts a demo in an empty folder and waits until it has printed its logins.
    pub(crate) fn start(arguments: &[&str]) -> Demo {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut process = Command::new(env!("CARGO_BIN_EXE_permuta"))
            .args(["demo", "--port", &port.to_string(), "--dir"])
            .arg(dir.path().join("demo"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut logins = Vec::new();
        let mut printed = String::new();
        loop {
            let line = lines.next().unwrap_or_else(|| panic!("the demo ended:\n{printed}")).unwrap();
            printed += &line;
            printed.push('\n');
            match Login::read(&line) {
                Some(login) => logins.push(login),
                None if !logins.is_empty() => break,
                None => {}
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
        Demo { process, _dir: dir, url: format!("http://localhost:{port}"), logins }
    }

    /// The first login whose label begins with `who`.
    pub(crate) fn login(&self, who: &str) -> &Login {
        self.logins.iter().find(|login| login.who.starts_with(who)).unwrap()
    }
}

impl Login {
    /// Reads a line of the table: who, e-mail address, password, one-time code.
    fn read(line: &str) -> Option<Login> {
        let (who, rest) = line.trim().split_once("  ")?;
        let mut words = rest.split_whitespace();
        let email = words.next().filter(|word| word.contains('@'))?;
        let (password, code) = (words.next()?, words.next()?);
        let [who, email, password, code] = [who, email, password, code].map(str::to_owned);
        Some(Login { who, email, password, code })
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
