//! The engine on books whose best answers are known, where they are at hand.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::report::{Report, with_thousands};
use super::{Programs, ROUNDS, median, number};

/// A book, and what is known of it.
struct Known {
    name: &'static str,
    /// What it is, for the heading.
    title: &'static str,
    mode: &'static str,
    /// What the value is compared with, USD.
    reference_usd: f64,
    /// What that is.
    reference: &'static str,
    rounds: usize,
    seconds: &'static str,
    ratio: &'static str,
    /// The reference solver's script and options; none where it takes too long.
    solver: &'static [&'static str],
    /// What `permuta clear` is told beside the book.
    options: &'static [&'static str],
}

const ALL_RINGS: &str = "a mixed-integer programme over all rings of the book, in reals";

const UNIFORM: &str =
    "a linear programme over all rings at reference prices, in reals, that knows no minimums";

const BOOKS: [Known; 10] = [
    Known {
        name: "real-2k",
        title: "Ring mode on a real book of 2,000 offers",
        mode: "ring",
        reference_usd: 180_417_445.67,
        reference: ALL_RINGS,
        rounds: ROUNDS,
        seconds: "at most 2",
        ratio: "at least 0.98",
        solver: &["ref_ring_milp.py"],
        options: &[],
    },
    Known {
        name: "synthetic/s1k_sparse",
        title: "Ring mode on a sparse book of 1,000 offers",
        mode: "ring",
        reference_usd: 1_931_580.26,
        reference: ALL_RINGS,
        rounds: ROUNDS,
        seconds: "at most 10",
        ratio: "at least 0.999",
        solver: &["ref_ring_milp.py"],
        options: &[],
    },
    Known {
        name: "real-20k",
        title: "Ring mode on a real book of 20,000 offers",
        mode: "ring",
        reference_usd: 20_290_536_864.0,
        reference: "the bound of a linear programme that knows neither minimums nor the length of rings",
        rounds: 1,
        seconds: "at most 60",
        ratio: "at least 0.95",
        solver: &[],
        options: &[],
    },
    Known {
        name: "real-20k",
        title: "Ring mode on a real book of 20,000 offers, told to answer after ten seconds",
        mode: "ring",
        reference_usd: 20_290_536_864.0,
        reference: "the bound of a linear programme that knows neither minimums nor the length of rings",
        rounds: ROUNDS,
        seconds: "at most 10",
        ratio: "at least 0.85",
        solver: &[],
        options: &["--time-limit", "10"],
    },
    Known {
        name: "real-200k",
        title: "Ring mode on a real book of 200,000 offers",
        mode: "ring",
        reference_usd: 227_803_956_837.0,
        reference: "the bound of a linear programme that knows neither minimums nor the length of rings",
        rounds: 1,
        seconds: "at most 120",
        ratio: "at least 0.90",
        solver: &[],
        options: &[],
    },
    Known {
        name: "real-20k",
        title: "One price per asset on a real book of 20,000 offers",
        mode: "uniform",
        reference_usd: 10_742_837_470.15,
        reference: UNIFORM,
        rounds: 1,
        seconds: "at most 5",
        ratio: "at least 0.995",
        solver: &[],
        options: &[],
    },
    Known {
        name: "synthetic/s10k_dense",
        title: "One price per asset on a dense book of 10,000 offers",
        mode: "uniform",
        reference_usd: 67_808_848.902_5,
        reference: UNIFORM,
        rounds: ROUNDS,
        seconds: "at most 1",
        ratio: "at least 0.999",
        solver: &["ref_clear.py", "--no-bounds"],
        options: &[],
    },
    Known {
        name: "synthetic/s10k_sparse",
        title: "One price per asset on a sparse book of 10,000 offers",
        mode: "uniform",
        reference_usd: 35_700_899.608_7,
        reference: UNIFORM,
        rounds: ROUNDS,
        seconds: "at most 1",
        ratio: "at least 0.999",
        solver: &["ref_clear.py", "--no-bounds"],
        options: &[],
    },
    Known {
        name: "synthetic/s10k_aon",
        title: "All or nothing, at one price per asset, on a book of 10,000 offers",
        mode: "uniform",
        reference_usd: 65_462_579.413_7,
        reference: UNIFORM,
        rounds: ROUNDS,
        seconds: "at most 1",
        ratio: "at least 0.999",
        solver: &["ref_clear.py", "--no-bounds"],
        options: &[],
    },
    Known {
        name: "synthetic/l1k_sparse",
        title: "Whole lots on a sparse book of 1,000 offers",
        mode: "lots",
        reference_usd: 1_244_295.566_4,
        reference: "an integer programme over all rings of the book",
        rounds: ROUNDS,
        seconds: "at most 1",
        ratio: "exact: 1",
        solver: &["ref_clear.py", "--no-bounds", "--mode", "lots"],
        options: &[],
    },
];

/// The folder of data that `PERMUTA_DATA` names, if it is there.
fn data() -> Option<PathBuf> {
    let data = env::var_os("PERMUTA_DATA").map(PathBuf::from).filter(|data| data.join("books").is_dir());
    if data.is_none() {
        eprintln!("figures over real books are left out: PERMUTA_DATA names no folder with books");
    }
    data
}

/// A book's files.
fn files(book: &Path) -> Result<(PathBuf, PathBuf)> {
    let offers = ["offers.csv", "offers.csv.zst"].map(|name| book.join(name));
    let offers = offers.into_iter().find(|path| path.is_file());
    Ok((book.join("assets.csv"), offers.with_context(|| format!("{} has its offers", book.display()))?))
}

/// Clears books whose best answers are known.
pub(super) fn clearing(programs: &Programs, report: &mut Report) -> Result<()> {
    let Some(data) = data() else { return Ok(()) };
    BOOKS.iter().try_for_each(|known| clear(programs, report, &data, known))
}

/// The reference solver is waited for so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// The reference solver beside the data, where Python has what it needs; how many seconds it takes for a book.
fn reference_solver(data: &Path, book: &Path, arguments: &[&str]) -> Option<f64> {
    let (script, options) = arguments.split_first()?;
    let script = data.parent()?.join("tools").join(script);
    let python = |arguments: &[&OsStr]| {
        let mut command = Command::new("python3");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (mut child, begun) = (command.spawn().ok()?, Instant::now());
        loop {
            if let Some(status) = child.try_wait().ok()? {
                return status.success().then_some(());
            }
            if begun.elapsed() > PATIENCE {
                child.kill().ok()?;
                child.wait().ok()?;
                eprintln!("… takes more than {} s, and is left out", PATIENCE.as_secs());
                return None;
            }
            thread::sleep(Duration::from_millis(20));
        }
    };
    if !script.is_file() {
        return None;
    }
    python(&["-c".as_ref(), "import highspy, numpy".as_ref()])?;
    eprintln!("the reference solver on {} …", book.display());
    let fixed = [script.as_os_str(), book.as_os_str()];
    let begun = Instant::now();
    python(&[&fixed[..], &options.iter().map(OsStr::new).collect::<Vec<_>>()].concat())?;
    Some(begun.elapsed().as_secs_f64())
}

/// Clears a small book by listing all cycles, and by the engine.
pub(super) fn cycles(programs: &Programs, report: &mut Report) -> Result<()> {
    let Some(data) = data() else { return Ok(()) };
    for (name, title) in [("s100_sparse", "100"), ("s1k_sparse", "1,000")] {
        let (assets, offers) = files(&data.join("books/synthetic").join(name))?;
        let (assets, offers) = (assets.as_os_str(), offers.as_os_str());
        let book = ["--assets".as_ref(), assets, "--offers".as_ref(), offers];
        let plain = programs.json(&[&["cycles".as_ref()], &book[..]].concat())?;
        let fixed = ["clear", "--now", "1800000000", "--mode", "ring"].map(OsStr::new);
        let (took, summary) = timed(programs, &format!("cycles-{name}"), &[&fixed[..], &book].concat())?;
        report.section(
            &format!("A sparse book of {title} offers, beside a list of all its cycles"),
            "`permuta clear` as a whole process, exact in integers; the baseline lists the cycles of at most six offers with \
             petgraph and takes the most valuable ones first, in reals. One run.",
        );
        let cycles = with_thousands(number(&plain, "cycles")?, 0);
        let all = if plain["finished"] == true { "all" } else { "the first" };
        let listed = format!("a list of {all} {cycles} cycles, s");
        report.goal("seconds", took, 3, "");
        report.beside(&listed, took, number(&plain, "seconds")?, 3, "");
        let value = stated(&summary, "value_usd")?;
        report.goal("value in USD", value, 0, "");
        report.beside(
            "what the most valuable of those are worth",
            value,
            number(&plain, "usd")?,
            0,
            "at least 1",
        );
    }
    Ok(())
}

/// Asks a market of many offers for quotes, and tries offers against it.
pub(super) fn quotes(programs: &Programs, report: &mut Report) -> Result<()> {
    let real = data().map(|data| files(&data.join("books/real-200k"))).transpose()?;
    let mut arguments = vec!["quotes".as_ref()];
    if let Some((assets, offers)) = &real {
        let book = ["--assets".as_ref(), assets.as_os_str(), "--offers".as_ref(), offers.as_os_str()];
        arguments.extend(book);
    }
    eprintln!("quotes …");
    let figures = programs.json(&arguments)?;
    let whole = |name: &str| number(&figures, name).map(|number| with_thousands(number, 0));
    let (offers, assets) = (whole("offers")?, whole("assets")?);
    let book = if real.is_some() { "a real book" } else { "a book made from a seed" };
    report.section(
        &format!("Quotes over {book} of {offers} offers"),
        &format!(
            "In one process, on one core, over {assets} assets: what one good brings in another, through at most six assets, \
             split over at most four paths, for {} pairs and sizes of each kind; {:.0} % of them bring something. Then offers \
             go and come, and offers are tried against half of the book. The baseline is the shortest path that \
             petgraph finds over the best offer of each pair, not split, with losses for lengths; gains count as nothing \
             there, since it bears no negative ones.",
            with_thousands(number(&figures["send"], "count")?, 0),
            100.0 * number(&figures, "answered")?,
        ),
    );
    let kinds = [
        ("send", "µs for a quote of so much sent", "at most 100", "at most 1,000"),
        ("receive", "µs for a quote of so much received", "at most 100", "at most 1,000"),
        ("trial", "µs to try a new offer", "", "at most 1,000"),
        ("insert", "µs to take an offer in", "", ""),
        ("remove", "µs to take an offer out", "", ""),
    ];
    for (kind, name, p50, p99) in kinds {
        let of = |field: &str| number(&figures[kind], field);
        let name = match kind {
            "trial" => format!("{name} against {}", whole("trial_offers")?),
            _ => name.to_owned(),
        };
        report.goal(&format!("{name}, p50"), of("p50_us")?, 1, p50);
        report.goal(&format!("{name}, p99"), of("p99_us")?, 1, p99);
        if kind == "send" {
            report.beside("a shortest path, p50", of("p50_us")?, number(&figures["plain"], "p50_us")?, 1, "");
            let brings = number(&figures, "brings")?;
            report.figure("… what that brings, as a multiple of what the shortest paths bring", brings, 2);
        }
    }
    report.figure("share of the offers tried that close a ring at once", number(&figures, "closed")?, 2);
    Ok(())
}

/// Nets debts, made ones and real ones.
pub(super) fn netting(programs: &Programs, report: &mut Report) -> Result<()> {
    if let Some(data) = data() {
        net(programs, report, &data.join("netting/sarafu_debt.csv.gz"))?;
    }
    for (count, goal) in [("100000", "at most 0.5"), ("300000", "at most 1.5")] {
        let debts = programs.scratch.fresh(&format!("debts-{count}.csv"));
        let out = ["--out".as_ref(), debts.as_os_str(), "--count".as_ref(), count.as_ref()];
        let made = programs.json(&[&["debts".as_ref()], &out[..]].concat())?;
        let (seconds, cleared) = nettings(programs, count, &debts)?;
        report.section(
            &format!("Netting {} debts made from a seed", with_thousands(count.parse()?, 0)),
            "`permuta net` as a whole process, to the proven answer; the baseline is what each two companies could cancel \
             by themselves.",
        );
        report.goal("seconds", seconds, 2, goal);
        report.goal("cleared", cleared, 0, "");
        report.beside("what two alone cancel", cleared, number(&made, "two_sided")?, 0, "");
    }
    Ok(())
}

/// Matches the published exchanges of kidneys.
pub(super) fn matching(programs: &Programs, report: &mut Report) -> Result<()> {
    let Some(data) = data() else { return Ok(()) };
    exchange(programs, report, &data.join("matching/kidney_preflib"))
}

/// Nets the debts of a file a few times; the median of the seconds, and what is cleared.
fn nettings(programs: &Programs, name: &str, debts: &Path) -> Result<(f64, f64)> {
    let (mut seconds, mut cleared) = (Vec::new(), 0.0);
    for round in 0..ROUNDS {
        eprintln!("netting, round {} of {ROUNDS} …", round + 1);
        let args = ["net".as_ref(), "--obligations".as_ref(), debts.as_os_str()];
        let (took, summary) = timed(programs, &format!("netting-{name}-{round}"), &args)?;
        seconds.push(took);
        cleared = stated(&summary, "cleared")?;
    }
    Ok((median(seconds), cleared))
}

/// Runs one command of `permuta`; returns how long that took, in seconds, and its summary.
fn timed(programs: &Programs, out: &str, args: &[&OsStr]) -> Result<(f64, serde_json::Value)> {
    let out = programs.scratch.fresh(out);
    let start = Instant::now();
    let status = programs.command("permuta").args(args).arg("--out").arg(&out).status()?;
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        bail!("`permuta {}` failed: {status}", args[0].display());
    }
    Ok((seconds, serde_json::from_slice(&fs::read(out.join("summary.json"))?)?))
}

/// A number of a summary, which may stand there as text.
fn stated(summary: &serde_json::Value, name: &str) -> Result<f64> {
    let value = &summary[name];
    let value = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    value.with_context(|| format!("the summary says {name}"))
}

/// Nets real debts of which the most that can be cleared is known.
fn net(programs: &Programs, report: &mut Report, debts: &Path) -> Result<()> {
    const MOST: f64 = 72_671_889.614;
    let (seconds, cleared) = nettings(programs, "real", debts)?;
    report.section(
        "Netting 94,223 real debts",
        "`permuta net` as a whole process, from the packed file to the proven answer; the most that can be cleared is known \
         from another solver.",
    );
    report.goal("seconds", seconds, 2, "at most 0.5");
    report.goal("cleared, as a ratio to the most that can be", cleared / MOST, 6, "exact: 1");
    Ok(())
}

/// Matches published exchanges of kidneys, in cycles of at most six pairs.
fn exchange(programs: &Programs, report: &mut Report, folder: &Path) -> Result<()> {
    let mut files: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let numbered = |path: &PathBuf| {
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit())
    };
    files.retain(numbered);
    files.sort();
    let (mut longest, mut least) = (0.0f64, 1.0f64);
    for (at, file) in files.iter().enumerate() {
        let args =
            ["match".as_ref(), "--longest".as_ref(), "6".as_ref(), "--instance".as_ref(), file.as_os_str()];
        let (took, summary) = timed(programs, &format!("matching-{at}"), &args)?;
        longest = longest.max(took);
        let (value, bound) = (stated(&summary, "value")?, stated(&summary, "bound")?);
        if bound > 0.0 {
            least = least.min(value / bound);
        }
    }
    report.section(
        &format!("{} published exchanges of kidneys, in cycles of at most six pairs", files.len()),
        "`permuta match` as a whole process; the baseline of each answer is the bound that its own prices prove. The worst \
         of all of them.",
    );
    report.goal("seconds", longest, 2, "at most 60");
    report.goal("value, as a ratio to the bound", least, 4, "at least 0.99");
    Ok(())
}

/// Clears a book and compares what it finds with what is known.
fn clear(programs: &Programs, report: &mut Report, data: &Path, known: &Known) -> Result<()> {
    let book = data.join("books").join(known.name);
    let (assets, offers) = files(&book)?;
    let (mut seconds, mut values, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..known.rounds {
        eprintln!("clearing {}, round {} of {} …", known.name, round + 1, known.rounds);
        let fixed = ["clear", "--now", "1800000000", "--mode", known.mode, "--assets"].map(OsStr::new);
        let files = [assets.as_os_str(), "--offers".as_ref(), offers.as_os_str()];
        let options: Vec<&OsStr> = known.options.iter().map(OsStr::new).collect();
        let told = known.options.concat();
        let out = format!("clearing-{}-{}{told}-{round}", known.mode, known.name.replace('/', "-"));
        let (took, summary) = timed(programs, &out, &[fixed.as_slice(), &files, &options].concat())?;
        seconds.push(took);
        values.push(stated(&summary, "value_usd")?);
        bounds.push(stated(&summary, "bound_usd")?);
    }
    report.section(
        known.title,
        &format!(
            "`permuta clear` as a whole process, band 2 %, minimum fills honoured, exact in integers; the baseline is \
             the value of {}.{}",
            known.reference,
            if known.rounds == 1 { " One run." } else { "" }
        ),
    );
    let seconds = median(seconds);
    report.goal("seconds", seconds, 2, known.seconds);
    if let Some(reference) = reference_solver(data, &book, known.solver) {
        report.beside("those of the reference solver, HiGHS under Python", seconds, reference, 1, "");
    }
    let value = median(values);
    let name = format!("value in USD, as a ratio to {:.0}", known.reference_usd);
    report.goal(&name, value / known.reference_usd, 4, known.ratio);
    let bound = median(bounds);
    report.figure(&format!("… as a ratio to the bound that the answer proves, {bound:.0}"), value / bound, 4);
    Ok(())
}
