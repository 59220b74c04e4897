//! `permuta ca`: the authority of a consortium, which says in certificates whose keys are validators'.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args as ClapArgs, Subcommand};
use ledger::{PublicKey, Timestamp};
use network::Serial;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::consortium::{self, CERTIFICATE, Consortium, Issued, REVOKED, Which};
use crate::{clock, home};

/// Certificates that expire within so many days are pointed out.
const SOON_DAYS: u64 = 30;

/// The arguments of `ca`.
#[derive(ClapArgs)]
#[command(after_help = "\
How a consortium begins:

  permuta ca new --dir authority                       once, on a machine that is not a validator
  permuta keygen --out validator.key                   by each validator, who sends the public key that it prints
  permuta ca issue --dir authority --validator KEY --out validator.pem

Every validator gets its certificate and the files authority.pem and revoked.pem. None of the three is secret; \
authority.key is, and whoever has it decides who may connect. Certificates expire: issue the next one in time, under the \
same key. A validator that must not connect any more is revoked, and the new revoked.pem goes to all others, who look at \
it again every few seconds.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make an authority in a folder of its own.
    New {
        #[command(flatten)]
        folder: Folder,
        /// For how many days its own certificate is said to hold.
        #[arg(long, default_value_t = 7300, value_name = "DAYS")]
        days: u64,
    },
    /// Sign a certificate that a key is a validator's.
    Issue {
        #[command(flatten)]
        folder: Folder,
        /// The validator's public key, as `permuta keygen` prints it.
        #[arg(long, value_name = "KEY", value_parser = consortium::public_key)]
        validator: PublicKey,
        /// The certificate's file, in PEM.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// For how many days it holds.
        #[arg(long, default_value_t = 365, value_name = "DAYS")]
        days: u64,
    },
    /// Take certificates back, and write the list of revocations anew.
    Revoke {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        which: Chosen,
    },
    /// Show what was issued, until when it holds, and what was revoked.
    List {
        #[command(flatten)]
        folder: Folder,
    },
    /// Write the list of revocations anew, as of now: it promises to be the latest for a month.
    Renew {
        #[command(flatten)]
        folder: Folder,
    },
}

#[derive(ClapArgs)]
struct Folder {
    /// The folder of the authority.
    #[arg(long, default_value = "authority", value_name = "DIR")]
    dir: PathBuf,
}

#[derive(ClapArgs)]
#[group(required = true, multiple = false)]
struct Chosen {
    /// All certificates of this key.
    #[arg(long, value_name = "KEY", value_parser = consortium::public_key)]
    validator: Option<PublicKey>,
    /// One certificate, by its number.
    #[arg(long, value_name = "NUMBER", value_parser = consortium::serial)]
    serial: Option<Serial>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let now = clock::now();
    match &args.action {
        Action::New { folder, days } => {
            Consortium::found(&folder.dir, *days, now)?;
            println!("{}", folder.dir.join(CERTIFICATE).display());
            println!("{}", folder.dir.join(REVOKED).display());
            eprintln!(
                "Every validator gets these two files. Keep a copy of {}: without its key and register nothing can be \
                 revoked.",
                folder.dir.display()
            );
        }
        Action::Issue { folder, validator, out, days } => issue(&folder.dir, *validator, out, *days, now)?,
        Action::Revoke { folder, which } => {
            let which = match (which.validator, which.serial) {
                (Some(key), _) => Which::Validator(key),
                (None, Some(serial)) => Which::Serial(serial),
                (None, None) => anyhow::bail!("name --validator or --serial"),
            };
            let count = Consortium::open(&folder.dir)?.revoke(which, now)?;
            println!("{}", folder.dir.join(REVOKED).display());
            eprintln!("{count} revoked. It counts where this file has arrived: give it to every validator.");
        }
        Action::List { folder } => {
            Consortium::open(&folder.dir)?
                .issued()
                .iter()
                .for_each(|issued| println!("{}", line(issued, now)));
        }
        Action::Renew { folder } => {
            Consortium::open(&folder.dir)?.list(now)?;
            println!("{}", folder.dir.join(REVOKED).display());
        }
    }
    Ok(())
}

fn issue(dir: &Path, validator: PublicKey, out: &Path, days: u64, now: Timestamp) -> Result<()> {
    ensure!(!out.exists(), "{} exists already: choose another name", out.display());
    let mut consortium = Consortium::open(dir)?;
    let pem = consortium.issue(validator, days, now)?;
    home::write_durably(out, pem.as_bytes(), false)?;
    let issued = consortium.issued().last().context("it was just issued")?;
    println!("{}", line(issued, now));
    Ok(())
}

/// One certificate, as the list shows it.
fn line(issued: &Issued, now: Timestamp) -> String {
    let state = match issued.revoked_ms {
        Some(at) => format!("revoked {}", date(at)),
        None if issued.until_ms < now.0 => format!("expired {}", date(issued.until_ms)),
        None if issued.until_ms < now.plus_ms(SOON_DAYS * Timestamp::DAY_MS).0 => {
            format!("until {}, which is soon: issue the next one", date(issued.until_ms))
        }
        None => format!("until {}", date(issued.until_ms)),
    };
    format!("{}  {}  {state}", issued.serial, issued.validator)
}

fn date(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{ms} ms after 1970"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn a_certificate_is_issued_once_into_a_file_and_its_end_is_pointed_out() {
        let dir = tempfile::tempdir().unwrap();
        let key = ledger::KeyPair::from_seed([7; 32]).public();
        let say = |words: &str| {
            let line = format!("ca {words} --dir {}", dir.path().join("authority").display());
            run(&Line::try_parse_from(line.split_whitespace())?.args)
        };
        let out = dir.path().join("validator.pem");
        let issue = format!("issue --validator {key} --out {} --days 20", out.display());
        let told = |outcome: Result<()>| format!("{:#}", outcome.unwrap_err());
        assert!(told(say(&issue)).contains("permuta ca new"));
        say("new").unwrap();
        say(&issue).unwrap();
        assert!(std::fs::read_to_string(&out).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(told(say(&issue)).contains("choose another name"));
        say("list").unwrap();
        say(&format!("revoke --validator {key}")).unwrap();
        say("renew").unwrap();
        assert!(told(say("revoke")).contains("--validator"));
        assert!(told(say("revoke --validator 12")).contains("64 hexadecimal digits"));
    }

    #[test]
    fn a_line_says_what_is_to_be_done() {
        let now = Timestamp(1_800_000_000_000);
        let issued = |days: u64, revoked_ms| Issued {
            serial: "41".repeat(16),
            validator: "07".repeat(32),
            until_ms: now.plus_ms(days * Timestamp::DAY_MS).0,
            revoked_ms,
        };
        assert!(line(&issued(400, None), now).ends_with("until 2028-02-19T08:00:00Z"));
        assert!(line(&issued(29, None), now).ends_with("soon: issue the next one"));
        assert!(line(&issued(0, None), now.plus_ms(1)).ends_with("expired 2027-01-15T08:00:00Z"));
        assert!(line(&issued(400, Some(now.0)), now).ends_with("revoked 2027-01-15T08:00:00Z"));
    }
}
