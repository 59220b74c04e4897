//! The demo as somebody meets it at a terminal: the real program, its folder, its port.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that breaks off has failed")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Nothing here takes this long unless something is wrong; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(180);

/// A demo that runs, and ends with the test.
struct Demo {
    child: Child,
    port: u16,
    lines: mpsc::Receiver<String>,
}

/// What `/healthz` says.
#[derive(Debug, PartialEq)]
struct Health {
    status: u16,
    payment: u64,
    identity: u64,
    rings_settled: u64,
}

fn permuta() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_permuta"));
    command.env_remove("DATABASE_URL").env_remove("RUST_LOG");
    command
}

/// A port that nobody has at the moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Demo {
    fn start(dir: &Path, more: &[&str]) -> Demo {
        let port = free_port();
        let mut child = permuta()
            .args(["demo", "--port", &port.to_string(), "--dir"])
            .arg(dir)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Demo { child, port, lines }
    }

    /// Everything that it prints until it says that it is ready.
    fn ready(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut told = String::new();
        loop {
            let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("the demo never became ready; it said:\n{told}"));
            told.push_str(&line);
            told.push('\n');
            if line.contains("Ctrl-C stops") {
                return told;
            }
        }
    }

    fn health(&self) -> Health {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let height = |chain: &str| body["chains"][chain]["height"].as_u64().unwrap();
        assert!(height("data") > 0);
        Health {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            payment: height("payment"),
            identity: height("identity"),
            rings_settled: body["rings_settled"].as_u64().unwrap(),
        }
    }

    /// Waits until the demo is as `wanted`.
    fn wait_for(&self, what: &str, wanted: impl Fn(&Health) -> bool) -> Health {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let health = self.health();
            if wanted(&health) {
                return health;
            }
            assert!(Instant::now() < deadline, "never saw {what}: {health:?}");
            std::thread::yield_now();
        }
    }

    /// Asks it to stop as a person or a service manager does.
    fn stop(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// Ends it between two instructions.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(arguments: &[&str], dir: &Path) -> Output {
    permuta().args(arguments).arg("--dir").arg(dir).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The lines that name a login, a password or the network.
fn lasting(told: &str) -> Vec<String> {
    let without_code = |line: &str| line.rsplit_once("  ").map_or("", |(rest, _)| rest).to_owned();
    let logins = told.lines().filter(|line| line.contains("@permuta.example")).map(without_code);
    let rest = told.lines().filter(|line| line.contains("Genesis") || line.contains("secret"));
    logins.chain(rest.map(str::to_owned)).collect()
}

#[test]
fn a_market_opens_settles_rings_and_goes_on_after_a_stop_and_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("demo");

    // It opens, says who can sign in, and rings settle while one watches.
    let demo = Demo::start(&dir, &[]);
    let first = demo.ready();
    assert!(first.contains("dhaka@permuta.example"), "{first}");
    assert_eq!(lasting(&first).len(), 10, "{first}");
    let opened = demo.wait_for("a settled ring", |health| health.status == 200 && health.rings_settled > 0);
    let busy = demo.wait_for("more settled rings", |health| health.rings_settled > opened.rings_settled);

    // A second permuta keeps its hands off the folder.
    let second =
        permuta().args(["demo", "--port", &free_port().to_string(), "--dir"]).arg(&dir).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(told(&second).contains("in use by another permuta"), "{}", told(&second));

    // Asked to stop, it finishes cleanly; started again, it is the same market further on.
    assert_eq!(demo.stop().code(), Some(0));
    let demo = Demo::start(&dir, &[]);
    let again = demo.ready();
    assert_eq!(lasting(&again), lasting(&first));
    let resumed = demo.wait_for("the market of before", |health| health.status == 200);
    assert!(resumed.payment >= busy.payment && resumed.rings_settled >= busy.rings_settled, "{resumed:?}");
    let busy =
        demo.wait_for("rings that settle again", |health| health.rings_settled > resumed.rings_settled);

    // Killed between two instructions, it has lost nothing that anybody saw.
    demo.kill();
    let checked = run(&["verify"], &dir);
    assert!(checked.status.success() && told(&checked).contains("All holds"), "{}", told(&checked));
    let demo = Demo::start(&dir, &["--quiet"]);
    assert_eq!(lasting(&demo.ready()), lasting(&first));
    let recovered = demo.wait_for("the market of before", |health| health.status == 200);
    assert!(recovered.payment >= busy.payment && recovered.identity >= busy.identity, "{recovered:?}");
    assert!(recovered.rings_settled >= busy.rings_settled, "{recovered:?} after {busy:?}");
    assert_eq!(demo.stop().code(), Some(0));

    // The read model comes out the same when it is written anew, and proofs convince whoever trusts the genesis.
    let reindexed = run(&["reindex"], &dir);
    assert!(reindexed.status.success(), "{}", told(&reindexed));
    prove(&dir, &first);

    // Begun afresh, it is another network.
    let demo = Demo::start(&dir, &["--reset", "--quiet"]);
    let fresh = lasting(&demo.ready());
    assert!(fresh.iter().zip(lasting(&first)).all(|(new, old)| *new != old), "{fresh:?}");
    assert_eq!(demo.stop().code(), Some(0));
}

/// Exports what the operator's account holds of the deposit dollar, and checks it against this and another genesis.
fn prove(dir: &Path, told_first: &str) {
    let file = dir.join("balance.proof");
    let file = file.to_str().unwrap();
    let nobody = "0x0000000000000000000000000000000000000001";
    let exported = run(&["export-proof", "--balance", nobody, "--asset", "1", "--out", file], dir);
    assert!(exported.status.success(), "{}", told(&exported));
    let genesis = told_first.lines().find_map(|line| line.trim().strip_prefix("Genesis")).unwrap().trim();
    let check =
        |genesis: &str| permuta().args(["verify-proof", file, "--genesis", genesis]).output().unwrap();
    for trusted in [genesis, dir.join("genesis").to_str().unwrap()] {
        let holds = check(trusted);
        assert!(holds.status.success() && told(&holds).contains("held nothing under"), "{}", told(&holds));
    }
    let strange = check(&"7".repeat(64));
    assert_eq!(strange.status.code(), Some(1));
    assert!(told(&strange).contains("do not rely on it"), "{}", told(&strange));
}

#[test]
fn what_stands_in_the_way_is_said_before_anything_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let there = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = there.local_addr().unwrap().port().to_string();
    let refusals: [(&[&str], &str); 3] = [
        (&["demo", "--port", &port], "is taken"),
        (&["verify"], "`permuta demo` makes one"),
        (&["reindex"], "`permuta demo` makes one"),
    ];
    let gone = dir.path().join("gone");
    for (arguments, reason) in refusals {
        let refused = run(arguments, &gone);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert!(told(&refused).contains(reason), "{arguments:?}: {}", told(&refused));
        assert!(!gone.exists(), "{arguments:?}");
    }

    let thesis = dir.path().join("thesis.txt");
    std::fs::write(&thesis, "ten years of work").unwrap();
    let refused = run(&["demo", "--reset", "--port", &free_port().to_string()], dir.path());
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("no permuta folder"), "{}", told(&refused));
    assert_eq!(std::fs::read_to_string(&thesis).unwrap(), "ten years of work");
}

/// An answer to a request: its head and its body.
struct Reply {
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The cookies that it sets, as a browser sends them back.
    fn cookies(&self) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let set = lines.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let pairs: Vec<&str> = set.filter_map(|(_, value)| value.split(';').next()).collect();
        pairs.join("; ")
    }
}

/// Sends one request and reads the answer to its end.
fn ask(port: u16, request: &str, cookies: &str, form: &str) -> Reply {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = form.len();
    write!(
        stream,
        "{request} HTTP/1.0\r\nHost: localhost\r\nCookie: {cookies}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    Reply { head: String::from_utf8_lossy(&answer[..end]).into_owned(), body: answer[end + 4..].to_vec() }
}

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap().0
}

/// Unpacks an archive of small files into `dir`; where they lie.
fn unpack(archive: &[u8], dir: &Path) -> std::path::PathBuf {
    let mut rest = archive;
    let mut folder = dir.to_owned();
    while rest.first().is_some_and(|byte| *byte != 0) {
        let field = |from: usize, to: usize| {
            String::from_utf8(rest[from..to].iter().copied().take_while(|byte| *byte != 0).collect()).unwrap()
        };
        let size = usize::from_str_radix(&field(124, 136), 8).unwrap();
        let path = dir.join(field(0, 100));
        folder = path.parent().unwrap().to_owned();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&path, &rest[512..512 + size]).unwrap();
        rest = &rest[512 + size.next_multiple_of(512)..];
    }
    folder
}

#[test]
fn a_loser_takes_a_batch_home_and_proves_it_again_without_trusting_anybody() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(&dir.path().join("demo"), &["--validators", "1"]);
    let first = demo.ready();
    demo.wait_for("a settled ring", |health| health.rings_settled > 0);
    let login = first.lines().find(|line| line.contains("dhaka@permuta.example")).unwrap();
    let password = login.split_once("dhaka@permuta.example").unwrap().1.split_whitespace().next().unwrap();
    let page = ask(demo.port, "GET /signin", "", "");
    let csrf = between(&page.text(), "data-csrf=\"", "\"").to_owned();
    let form = format!("email=dhaka%40permuta.example&password={password}&csrf={csrf}");
    let cookies = ask(demo.port, "POST /signin", &page.cookies(), &form).cookies();

    // The newest batch that brought rings: only such have a share of the bound.
    let list = ask(demo.port, "GET /batches", &cookies, "").text();
    let row = list.split("href=\"/batches/").skip(1).find(|row| row.contains("\u{a0}%")).expect(&list);
    let batch: u64 = row.split('"').next().unwrap().parse().unwrap();
    let page = ask(demo.port, &format!("GET /batches/{batch}"), &cookies, "").text();
    let named = between(&page, "<pre id=\"certificate\" dir=\"ltr\">", "<").to_owned();
    let archive = ask(demo.port, &format!("GET /batches/{batch}/certificate"), &cookies, "");
    let folder = unpack(&archive.body, dir.path());
    assert_eq!(demo.stop().code(), Some(0));

    let audit = || {
        let (assets, offers) = (folder.join("assets.csv"), folder.join("offers.csv"));
        let mut command = permuta();
        command.arg("audit-clearing").arg("--assets").arg(assets).arg("--offers").arg(offers);
        command.arg("--clearing").arg(&folder).output().unwrap()
    };
    let proved = audit();
    assert!(proved.status.success(), "{}", told(&proved));
    assert!(told(&proved).contains("so the summary's bound holds"), "{}", told(&proved));
    assert!(told(&proved).contains(&named), "{named}: {}", told(&proved));

    // With one offer, reference or dual changed it may still be a proof, but not the one that the chain names; and a ring
    // that gives less is worth less than the summary says.
    let changed = |file: &str, change: &dyn Fn(&str) -> String| {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let (rows, last) = text.trim_end().rsplit_once('\n').unwrap();
        std::fs::write(folder.join(file), format!("{rows}\n{}", change(last))).unwrap();
        let said = told(&audit());
        std::fs::write(folder.join(file), text).unwrap();
        said
    };
    let column = |at: usize, change: &'static dyn Fn(&str) -> String| {
        move |row: &str| {
            let mut cells: Vec<String> = row.split(',').map(str::to_owned).collect();
            cells[at] = change(&cells[at]);
            cells.join(",") + "\n"
        }
    };
    let later = column(9, &|second| (second.parse::<u64>().unwrap() + 1).to_string());
    let dearer = column(2, &|usd| if usd.contains('.') { format!("{usd}1") } else { format!("{usd}.1") });
    type Change<'a> = (&'a str, &'a dyn Fn(&str) -> String);
    let changes: [Change<'_>; 4] = [
        ("offers.csv", &later),
        ("offers.csv", &|_| String::new()),
        ("assets.csv", &dearer),
        ("duals.csv", &|_| String::new()),
    ];
    for (file, change) in changes {
        let said = changed(file, change);
        assert!(!said.contains(&named), "{file}: {said}");
    }
    let less = column(3, &|quantity| (quantity.parse::<u128>().unwrap() - 1).to_string());
    let said = changed("rings.csv", &less);
    assert!(!said.contains(&named) && !said.contains("the certificate is"), "{said}");
    assert!(told(&audit()).contains(&named));
}
