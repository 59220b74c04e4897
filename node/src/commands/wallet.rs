//! `permuta wallet`: signs what was read, for whoever does not sign in a browser.

mod council;
mod key_file;

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args as ClapArgs, Subcommand};
use ledger::transaction::{MAX_TRANSACTION_BYTES, VERSION, terms_hash};
use ledger::{Address, Body, KeyPair};
use zeroize::Zeroizing;

use key_file::{KeyFile, MIN_PASSWORD};

/// The most bytes of terms that are read.
const MAX_TERMS_BYTES: u64 = 1 << 20;

/// The arguments of `wallet`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a key and keep it in a file, sealed with a password.
    New(New),
    /// Show whose key a file holds, without opening it.
    Show(Show),
    /// Show a portal that you hold a key, so that it binds your login to it.
    Prove(Prove),
    /// Show the terms of a transaction and, if they are what its bytes cover, print a signature.
    Sign(Sign),
    /// Have a say in who decides, for an organisation that runs a validator: propose, vote, leave, bond.
    Council(council::Args),
}

#[derive(ClapArgs)]
struct New {
    /// The file to write; it must not exist yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What you call this key.
    #[arg(long, default_value = "command-line wallet")]
    label: String,
    /// The account that it will sign for, if that is not its own.
    #[arg(long, value_name = "0x…")]
    account: Option<Address>,
    /// Seal it so that a browser can open it too (PBKDF2 instead of Argon2id).
    #[arg(long)]
    for_browser: bool,
    #[command(flatten)]
    password: Password,
}

#[derive(ClapArgs)]
struct Show {
    /// A key file of this wallet, or a backup from the portal.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

#[derive(ClapArgs)]
struct Prove {
    /// A key file of this wallet, or a backup from the portal.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The token that the portal's page on keys shows.
    #[arg(long, value_name = "TOKEN")]
    token: String,
    #[command(flatten)]
    password: Password,
}

#[derive(ClapArgs)]
struct Sign {
    /// A key file of this wallet, or a backup from the portal.
    #[arg(long, value_name = "FILE", required_unless_present = "code_file", conflicts_with = "code_file")]
    key: Option<PathBuf>,
    /// A file with a one-time code to sign with, instead of a key file.
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// The bytes to sign, in hexadecimal, as the portal shows them.
    #[arg(long, value_name = "HEX")]
    bytes: String,
    /// A file with the terms as the portal shows them; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    terms: PathBuf,
    /// Sign without asking: you have read the terms.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    password: Password,
}

#[derive(ClapArgs)]
struct Password {
    /// Read the password from the first line of a file instead of asking for it.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.action {
        Action::New(new) => make(new),
        Action::Show(show) => print(show),
        Action::Prove(prove) => prove_key(prove),
        Action::Sign(sign) => sign_terms(sign),
        Action::Council(args) => council::run(args),
    }
}

fn make(new: &New) -> Result<()> {
    ensure!(!new.out.exists(), "{} exists already: choose another name", new.out.display());
    let password = new.password.read("Password for the new key: ")?;
    let characters = password.chars().count();
    ensure!(
        characters >= MIN_PASSWORD,
        "the password needs at least {MIN_PASSWORD} characters, not {characters}"
    );
    if new.password.password_file.is_none() {
        let again = ask_password("The same again: ")?;
        ensure!(*again == *password, "the two passwords differ: nothing was written");
    }
    let mut seed = Zeroizing::new([0; 32]);
    let mut random = [0; 28];
    getrandom::fill(seed.as_mut_slice()).context("this machine gives no randomness")?;
    getrandom::fill(&mut random).context("this machine gives no randomness")?;
    let key = KeyPair::from_seed(*seed);
    let account = new.account.unwrap_or_else(|| key.public().address());
    let file = KeyFile::seal(&key, account, &new.label, &password, new.for_browser, &random)?;
    file.write(&new.out).with_context(|| format!("cannot write {}", new.out.display()))?;
    println!("public key  {}", key.public());
    println!("account     {account}");
    eprintln!(
        "{} holds the key, sealed. Without the file or without the password it is lost: keep a copy of both.",
        new.out.display()
    );
    Ok(())
}

fn print(show: &Show) -> Result<()> {
    let file = load(&show.key)?;
    println!("public key  {}", file.public()?);
    println!("account     {}", file.account()?);
    println!("label       {}", file.label.escape_debug());
    Ok(())
}

fn prove_key(prove: &Prove) -> Result<()> {
    let token = prove.token.trim();
    ensure!(
        token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "--token: expected the 64 hexadecimal digits of the portal's page on keys"
    );
    let file = load(&prove.key)?;
    let password = prove.password.read("Password of the key: ")?;
    let key = file.open(&password)?;
    println!("public key  {}", key.public());
    println!("proof       {}", key.sign(&web::portal::proof_bytes(token)));
    Ok(())
}

fn sign_terms(sign: &Sign) -> Result<()> {
    let bytes = sign.bytes.trim();
    ensure!(bytes.len() <= 2 * MAX_TRANSACTION_BYTES, "--bytes: longer than any transaction");
    let bytes = hex::decode(bytes).context("--bytes: not hexadecimal")?;
    let body = Body::from_signing_bytes(&bytes)
        .context("--bytes: these are not the bytes of a transaction: copy them whole")?;
    ensure!(body.version == VERSION, "--bytes: version {} is unknown to this program", body.version);
    let terms = covered(&body, &read_terms(&sign.terms)?)?;

    show_body(&body, &terms)?;

    // Whose bytes these are is told before anybody types a password.
    let key = match (&sign.key, &sign.code_file) {
        (Some(path), _) => {
            let file = load(path)?;
            prepared_for(&body, &file.public()?)?;
            confirm(sign.yes)?;
            file.open(&sign.password.read("Password of the key: ")?)?
        }
        (None, Some(path)) => {
            let key = KeyPair::from_code(&first_line(path)?);
            prepared_for(&body, &key.public())?;
            confirm(sign.yes)?;
            key
        }
        (None, None) => bail!("--key: missing"),
    };
    println!("{}", key.sign(&bytes));
    Ok(())
}

/// Shows what is about to be signed.
fn show_body(body: &Body, terms: &str) -> Result<()> {
    let mut out = std::io::stderr().lock();
    writeln!(out, "{}\n{terms}{}", "-".repeat(72), "-".repeat(72))?;
    writeln!(out, "account   {}", body.account)?;
    writeln!(out, "chain     {}", body.chain)?;
    writeln!(out, "sequence  {}", body.sequence)?;
    writeln!(out, "void      after height {}", body.expires)?;
    writeln!(out, "fee       {}", body.fee)?;
    Ok(())
}

fn prepared_for(body: &Body, public: &ledger::PublicKey) -> Result<()> {
    ensure!(
        body.key == *public,
        "--bytes: prepared for the key {}, this is {public}: choose this key in the portal",
        body.key
    );
    Ok(())
}

/// The text that the bytes cover. What was copied from a page may have lost its last line break or gained a
/// carriage return; the text that is shown is the one whose hash is signed, to the last character.
fn covered(body: &Body, text: &str) -> Result<String> {
    let plain = text.replace("\r\n", "\n");
    let forms =
        [text.to_owned(), plain.clone(), plain.trim_end().to_owned(), format!("{}\n", plain.trim_end())];
    let Some(terms) = forms.into_iter().find(|form| terms_hash(form) == body.terms) else {
        bail!("--terms: the bytes cover another text than this. Do not sign; tell the operator");
    };
    let odd = |c: char| c != '\n' && (c.is_control() || vocabulary::text::hides(c));
    if let Some(character) = terms.chars().find(|c| odd(*c)) {
        let code = u32::from(character);
        bail!("--terms: the text hides something from you (U+{code:04X}). Do not sign; tell the operator");
    }
    Ok(terms)
}

fn read_terms(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_TERMS_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_TERMS_BYTES).read_to_string(&mut text))
    };
    read.with_context(|| format!("--terms: cannot read {} as text", path.display()))?;
    Ok(text)
}

fn confirm(yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    ensure!(
        std::io::stdin().is_terminal(),
        "nobody is there to confirm: read the terms, then run this again with --yes"
    );
    eprint!("Do you agree and sign? Type yes: ");
    let mut answer = String::new();
    std::io::stdin().lock().take(100).read_line(&mut answer)?;
    ensure!(answer.trim() == "yes", "nothing was signed");
    Ok(())
}

fn load(path: &Path) -> Result<KeyFile> {
    let bytes = KeyFile::load(path).with_context(|| format!("cannot read {}", path.display()))?;
    KeyFile::parse(&bytes).with_context(|| path.display().to_string())
}

impl Password {
    fn read(&self, prompt: &str) -> Result<Zeroizing<String>> {
        match &self.password_file {
            Some(path) => first_line(path),
            None => ask_password(prompt),
        }
    }
}

fn ask_password(prompt: &str) -> Result<Zeroizing<String>> {
    let password = rpassword::prompt_password(prompt);
    Ok(Zeroizing::new(password.context("no terminal to ask at: use --password-file")?))
}

fn first_line(path: &Path) -> Result<Zeroizing<String>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut line = Zeroizing::new(String::new());
    BufReader::new(file)
        .take(4096)
        .read_line(&mut line)
        .with_context(|| format!("cannot read {} as text", path.display()))?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
