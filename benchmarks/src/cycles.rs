//! The plain way to clear a book: list every cycle of offers and take the most valuable ones first. Ends only where there are
//! few enough.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;
use std::time::Instant;

use anyhow::Result;
use clearing::{Book, Offer, Rules};
use petgraph::algo::all_simple_paths;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use serde::Serialize;

use crate::book::{BookOptions, NOW, unit_usd};

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    book: BookOptions,
    /// After so many cycles it gives up.
    #[arg(long, default_value_t = 20_000_000)]
    most: usize,
}

#[derive(Serialize)]
struct Figures {
    seconds: f64,
    cycles: usize,
    /// Whether that were all of them.
    finished: bool,
    /// What the rings taken are worth, in USD, before rounding to whole units.
    usd: f64,
}

/// A cycle that keeps all limits: its offers, and what each gives, in USD, when the first gives one.
struct Cycle {
    offers: Vec<NodeIndex>,
    given: Vec<f64>,
    value: f64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let book = options.book.book()?;
    let begun = Instant::now();
    let live = |offer: &&Offer| offer.valid_from <= NOW && NOW < offer.valid_until;
    let mut graph: StableDiGraph<&Offer, ()> = StableDiGraph::new();
    let nodes: Vec<NodeIndex> =
        book.offers().iter().filter(live).map(|offer| graph.add_node(offer)).collect();
    for from in &nodes {
        for to in &nodes {
            if graph[*to].give == graph[*from].want {
                graph.add_edge(*from, *to, ());
            }
        }
    }
    let offers: BTreeMap<NodeIndex, Terms> =
        nodes.iter().map(|node| (*node, Terms::of(&book, graph[*node]))).collect();
    let (mut cycles, mut listed) = (Vec::new(), 0);
    'listing: for node in &nodes {
        // Each cycle is listed from the first of its offers, which then goes.
        let next: Vec<NodeIndex> = graph.neighbors(*node).collect();
        for next in next {
            for path in all_simple_paths::<Vec<_>, _, RandomState>(&graph, next, *node, 0, Some(4)) {
                listed += 1;
                cycles.extend(Cycle::new(&path, &graph, &offers));
                if listed == options.most {
                    break 'listing;
                }
            }
        }
        graph.remove_node(*node);
    }
    cycles.sort_by(|a, b| b.value.total_cmp(&a.value));
    let mut left: BTreeMap<NodeIndex, f64> = offers.iter().map(|(node, terms)| (*node, terms.most)).collect();
    let mut usd = 0.0;
    for Cycle { offers: ring, given, .. } in &cycles {
        let times = ring.iter().zip(given).map(|(node, given)| left[node] / given).fold(f64::MAX, f64::min);
        let enough = |(node, given): (&NodeIndex, &f64)| times * given >= offers[node].least;
        if times > 0.0 && ring.iter().zip(given).all(enough) {
            for (node, given) in ring.iter().zip(given) {
                let left = left.entry(*node).or_default();
                *left = (*left - times * given).max(0.0);
                usd += times * given;
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let figures = Figures { seconds, cycles: listed, finished: listed < options.most, usd };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// What an offer asks, in USD at the references.
struct Terms {
    /// The least received per USD given.
    floor: f64,
    most: f64,
    least: f64,
}

impl Terms {
    fn of(book: &Book, offer: &Offer) -> Terms {
        let floor = clearing::floor(book, &Rules::default(), offer);
        let floor = floor.map_or(f64::MAX, |floor| f64::from(floor.num()) / f64::from(floor.den()));
        let (give, want) = (unit_usd(book, offer.give), unit_usd(book, offer.want));
        Terms {
            floor: floor * want / give,
            most: offer.give_qty.get() as f64 * give,
            least: offer.least_fill().get() as f64 * give,
        }
    }
}

impl Cycle {
    /// The cycle through these offers, if it is a ring: nobody and no good twice, and no limit or band broken when all gain
    /// equally.
    fn new(
        ring: &[NodeIndex],
        graph: &StableDiGraph<&Offer, ()>,
        terms: &BTreeMap<NodeIndex, Terms>,
    ) -> Option<Cycle> {
        let goods: BTreeSet<_> = ring.iter().map(|node| graph[*node].give).collect();
        let parties: BTreeSet<_> = ring.iter().map(|node| graph[*node].party).collect();
        let product: f64 = ring.iter().map(|node| terms[node].floor).product();
        if goods.len() < ring.len() || parties.len() < ring.len() || product > 1.0 {
            return None;
        }
        let share = product.powf(-1.0 / ring.len() as f64);
        let mut given = vec![1.0];
        for node in &ring[..ring.len() - 1] {
            given.push(given[given.len() - 1] * terms[node].floor * share);
        }
        let times = ring.iter().zip(&given).map(|(node, given)| terms[node].most / given);
        let value = times.fold(f64::MAX, f64::min) * given.iter().sum::<f64>();
        Some(Cycle { offers: ring.to_vec(), given, value })
    }
}
