//! How soon a market of many offers answers what a good would bring, tries a new offer, and takes one in or out.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use barter_engine::{Ask, Market, Strict};
use clearing::{Amount, AssetKey, Book, Offer, Rules};
use petgraph::algo::astar;
use petgraph::graphmap::DiGraphMap;
use serde::Serialize;

use crate::book::{BookOptions, Dice, NOW, unit_usd};

/// Over how many paths a quote may be split.
const PATHS: usize = 4;
/// The most steps of a path.
const STEPS: usize = 5;
/// The sizes of questions, in hundredths of the offer that lends its goods.
const SIZES: [u128; 4] = [1, 10, 100, 1_000];

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    book: BookOptions,
    /// How many questions of each kind.
    #[arg(long, default_value_t = 20_000)]
    questions: usize,
}

/// How long something took, in microseconds.
#[derive(Serialize)]
struct Times {
    count: usize,
    p50_us: f64,
    p99_us: f64,
    most_us: f64,
}

impl Times {
    fn of(mut times: Vec<f64>) -> Result<Times> {
        times.sort_by(f64::total_cmp);
        let at = |hundredths: usize| times.get(times.len() * hundredths / 100).copied();
        let most_us = times.last().copied().context("nothing was timed")?;
        let (p50_us, p99_us) = (at(50).unwrap_or(most_us), at(99).unwrap_or(most_us));
        Ok(Times { count: times.len(), p50_us, p99_us, most_us })
    }
}

#[derive(Serialize)]
struct Figures {
    offers: usize,
    assets: usize,
    build_ms: f64,
    send: Times,
    receive: Times,
    /// The share of questions that were answered with anything.
    answered: f64,
    insert: Times,
    remove: Times,
    trial_offers: usize,
    trial: Times,
    /// The share of trials that closed a ring.
    closed: f64,
    /// Shortest paths by petgraph.
    plain: Times,
    /// What quotes bring as a multiple of what those paths bring, by value over the same questions.
    brings: f64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let book = options.book.book()?;
    let (rules, count) = (Rules::default(), options.questions);
    let begun = Instant::now();
    let mut market = Market::new(&book, &rules, NOW);
    let build_ms = begun.elapsed().as_secs_f64() * 1e3;
    ensure!(market.len() > 1, "a book of live offers has quotes");
    let dice = &mut Dice::new(2);
    let sent = questions(&book, Strict::Send, count, dice);
    let (send, brought) = quotes(&market, &book, &sent)?;
    let received = questions(&book, Strict::Receive, count, dice);
    let (receive, _) = quotes(&market, &book, &received)?;
    let answered = brought.iter().filter(|value| **value > 0.0).count() as f64 / brought.len() as f64;
    // A search over the whole graph takes its time.
    let few = &sent[..sent.len().min(count / 20)];
    let (plain, plainly) = PlainPaths::new(&book, &rules).answer(&book, few)?;
    let brings = brought[..few.len()].iter().sum::<f64>() / plainly;

    let (mut removals, mut insertions) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let offer = dice.pick(book.offers());
        let (took, there) = timed(|| market.remove(offer.key));
        if there {
            removals.push(took);
            let (took, put) = timed(|| market.insert(offer));
            put?;
            insertions.push(took);
        }
    }
    let half: Vec<Offer> = book.offers().iter().step_by(2).copied().collect();
    let half = Book::new(book.assets().to_vec(), half)?;
    let mut market = Market::new(&half, &rules, NOW);
    let trial_offers = market.len();
    let (mut trials, mut closed) = (Vec::new(), 0.0);
    for _ in 0..count {
        let offer = dice.pick(half.offers());
        if market.remove(offer.key) {
            let (took, trial) = timed(|| market.try_offer(offer));
            closed += f64::from(u8::from(!trial?.rings.is_empty()));
            trials.push(took);
            market.insert(offer)?;
        }
    }
    let figures = Figures {
        offers: book.offers().len(),
        assets: book.assets().len(),
        build_ms,
        send,
        receive,
        answered,
        insert: Times::of(insertions)?,
        remove: Times::of(removals)?,
        trial_offers,
        closed: closed / trials.len() as f64,
        trial: Times::of(trials)?,
        plain,
        brings,
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// How long it took in microseconds, and what came of it.
fn timed<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let begun = Instant::now();
    let done = run();
    (begun.elapsed().as_secs_f64() * 1e6, done)
}

/// Questions from what one offer gives to what another gives, from a hundredth of the one's size to ten times that.
fn questions(book: &Book, strict: Strict, count: usize, dice: &mut Dice) -> Vec<Ask> {
    let mut asks = Vec::new();
    while asks.len() < count {
        let (one, other) = (dice.pick(book.offers()), dice.pick(book.offers()));
        let units = one.give_qty.get() * dice.pick(&SIZES) / 100;
        let (send, receive) = match strict {
            Strict::Send => (one.give, other.give),
            Strict::Receive => (other.give, one.give),
        };
        if let Ok(amount) = Amount::new(units.max(1))
            && send != receive
        {
            asks.push(Ask { send, receive, amount, strict, paths: PATHS, party: None });
        }
    }
    asks
}

/// Asks them all: how long each took, and what each brings, in USD.
fn quotes(market: &Market, book: &Book, asks: &[Ask]) -> Result<(Times, Vec<f64>)> {
    let (mut times, mut brought) = (Vec::new(), Vec::new());
    for ask in asks {
        let (took, quote) = timed(|| market.quote(ask));
        times.push(took);
        brought.push(quote?.receive.get() as f64 * unit_usd(book, ask.receive));
    }
    Ok((Times::of(times)?, brought))
}

/// The best offer of each pair as an edge from what it wants to what it gives.
struct PlainPaths(DiGraphMap<AssetKey, Edge>);

#[derive(Clone, Copy)]
struct Edge {
    /// Smallest units given per smallest unit received.
    rate: f64,
    /// The most that it gives.
    most: f64,
    /// What of the value is lost, as a logarithm. What is gained counts as nothing: shortest paths bear no negative lengths.
    loss: f64,
}

impl PlainPaths {
    fn new(book: &Book, rules: &Rules) -> PlainPaths {
        let mut best: BTreeMap<(AssetKey, AssetKey), Edge> = BTreeMap::new();
        for offer in book.offers() {
            let Some(floor) = clearing::floor(book, rules, offer) else { continue };
            let rate = f64::from(floor.den()) / f64::from(floor.num());
            let loss = -(rate * unit_usd(book, offer.give) / unit_usd(book, offer.want)).ln();
            let edge = Edge { rate, most: offer.give_qty.get() as f64, loss: loss.max(0.0) };
            let known = best.entry((offer.want, offer.give)).or_insert(edge);
            if edge.rate > known.rate {
                *known = edge;
            }
        }
        PlainPaths(best.into_iter().map(|((from, to), edge)| (from, to, edge)).collect())
    }

    /// Asks what so much sent brings on the shortest path: how long each answer took, and what they bring in all, in USD. A path
    /// of more steps than a ring may have brings nothing.
    fn answer(&self, book: &Book, asks: &[Ask]) -> Result<(Times, f64)> {
        let (mut times, mut brought) = (Vec::new(), 0.0);
        for ask in asks {
            let (took, units) = timed(|| {
                let goal = |asset| asset == ask.receive;
                let (_, path) = astar(&self.0, ask.send, goal, |(_, _, edge)| edge.loss, |_| 0.0)?;
                let amount = ask.amount.get() as f64;
                let carried = |carried: f64, step: &[AssetKey]| {
                    let edge = self.0.edge_weight(step[0], step[1])?;
                    Some((carried * edge.rate).min(edge.most))
                };
                let short = Some(path).filter(|path| path.len() <= STEPS + 1)?;
                short.windows(2).try_fold(amount, carried)
            });
            times.push(took);
            brought += units.unwrap_or(0.0) * unit_usd(book, ask.receive);
        }
        Ok((Times::of(times)?, brought))
    }
}
