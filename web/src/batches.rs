//! Batches: what was cleared, how near the best possible that is by its solver's word, and the files with which anybody in the market
//! proves it again.

use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use askama::Template;
use ledger::Hash;
use payment_chain::model::BatchId;
use vocabulary::Standing;

use crate::app::Shared;
use crate::clearings::{Clearings, FILES};
use crate::error::WebError;
use crate::model::offer::{Batch, Submission};
use crate::model::{Model, PaddedAmount};
use crate::page::{self, Page};
use crate::session::Visitor;
use crate::show;

/// How many batches are listed.
const LISTED: i64 = 50;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/batches", web::get().to(list))
        .route("/batches/{batch:\\d{1,18}}", web::get().to(show_batch))
        .route("/batches/{batch:\\d{1,18}}/certificate", web::get().to(archive))
        .route("/batches/{batch:\\d{1,18}}/certificate/{file}", web::get().to(file));
}

/// How much of the bound of its solver a batch reached, in words: `97.3 %`, rounded down.
pub(crate) fn reached(batch: &Batch) -> Option<String> {
    let (value, bound) = (batch.value_micro_usd.as_ref()?.get(), batch.bound_micro_usd.as_ref()?.get());
    let below = show::tenths_below(value, bound)?;
    let tenths = 1_000u128.saturating_sub(below);
    Some(format!("{}.{}\u{a0}%", tenths / 10, tenths % 10))
}

/// The certificate of a batch, where its clearing came with one.
pub(crate) fn certificate(batch: &Batch) -> Option<Hash> {
    batch.certificate.as_ref()?.parse().ok()
}

struct Row {
    id: i64,
    closed: String,
    offers: i64,
    rings: String,
    value: String,
    bound: String,
    reached: String,
}

impl Row {
    fn new(batch: &Batch) -> Row {
        let cleared = batch.solver.is_some();
        let dash = || "–".to_owned();
        let usd = |micro: u128| if cleared { show::usd_brief(micro) } else { dash() };
        Row {
            id: batch.id,
            closed: show::date_time(batch.closed_ms),
            offers: batch.offers,
            rings: if batch.state == "frozen" {
                "open".to_owned()
            } else {
                batch.rings.unwrap_or(0).to_string()
            },
            value: batch.value_micro_usd.as_ref().map_or_else(dash, |value| usd(value.get())),
            bound: batch.bound_micro_usd.as_ref().map_or_else(dash, |bound| usd(bound.get())),
            reached: reached(batch).filter(|_| cleared).unwrap_or_else(dash),
        }
    }
}

#[derive(Template)]
#[template(path = "portal/batches.html")]
struct ListPage {
    page: Page,
    rows: Vec<Row>,
}

async fn list(visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    visitor.user()?;
    let rows = app
        .read(|connection| Ok(Model::new(connection).batches(LISTED)?.iter().map(Row::new).collect()))
        .await?;
    page::html(&ListPage { page: visitor.page("Batches"), rows })
}

#[derive(Template)]
#[template(path = "portal/batch.html")]
struct BatchPage {
    page: Page,
    id: i64,
    headline: String,
    lead: String,
    facts: Vec<(&'static str, String)>,
    /// The certificate's name and, for those who were let in, the files that are kept here.
    certificate: Option<String>,
    /// The bound that the chain has, as `permuta audit-clearing` tells it.
    bound: String,
    files: &'static [&'static str],
    /// The clearings that were handed in, once they have their ranks.
    ranked: Vec<Ranked>,
}

/// A clearing among those of its batch.
struct Ranked {
    solver: String,
    rings: i64,
    declared: String,
    expected: String,
    outcome: &'static str,
}

impl Ranked {
    fn new(handed_in: &Submission, name: Option<String>, taken: bool) -> Ranked {
        let expected = handed_in.expected_micro_usd.as_ref().map(|expected| show::usd(expected.get()));
        Ranked {
            solver: name.unwrap_or_else(|| handed_in.solver.clone()),
            rings: handed_in.rings,
            declared: show::usd(handed_in.declared_micro_usd.get()),
            expected: expected.unwrap_or_else(|| "–".to_owned()),
            outcome: if taken { "taken" } else { "not taken" },
        }
    }
}

async fn show_batch(visitor: Visitor, app: Shared, path: web::Path<i64>) -> Result<HttpResponse, WebError> {
    visitor.user()?;
    let id = path.into_inner();
    let (batch, solver, ranked) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let batch = model.batch(id)?.ok_or(WebError::NotFound)?;
            let solver = match &batch.solver {
                Some(address) => model.party(address)?.map(|party| party.name),
                None => None,
            };
            let mut handed_in = model.submissions(id)?;
            handed_in.retain(|one| one.expected_micro_usd.is_some());
            handed_in
                .sort_by_key(|one| std::cmp::Reverse(one.expected_micro_usd.as_ref().map(PaddedAmount::get)));
            let mut ranked = Vec::with_capacity(handed_in.len());
            for one in &handed_in {
                let name = model.party(&one.solver)?.map(|party| party.name);
                ranked.push(Ranked::new(one, name, batch.solver.as_ref() == Some(&one.solver)));
            }
            Ok((batch, solver, ranked))
        })
        .await?;
    let row = Row::new(&batch);
    let cleared = batch.solver.is_some();
    let (headline, lead) = match (batch.state.as_str(), cleared) {
        ("frozen", _) => (
            format!("Batch {id} waits for clearings"),
            "The book is frozen. Of the clearings that hold, the one is taken that is expected to bring most."
                .to_owned(),
        ),
        (_, false) => (
            format!("Batch {id} brought no ring"),
            "No clearing was handed in that holds. Every offer stayed as it was.".to_owned(),
        ),
        (_, true) => (
            format!("Batch {id} cleared {} in {}", row.value, show::counted(rings(&batch), "ring", "rings")),
            match &batch.certificate {
                Some(_) => format!(
                    "By its solver's word that is at least {} of the best that was possible. The certificate's files prove \
                     it or not: anybody let into the market can check.",
                    row.reached
                ),
                None => format!(
                    "By its solver's word, without a certificate, that is at least {} of the best that was possible.",
                    row.reached
                ),
            },
        ),
    };
    let mut facts = vec![("Book frozen", row.closed), ("Offers in it", row.offers.to_string())];
    if cleared {
        let usd = |micro: Option<u128>| micro.map(show::usd).unwrap_or_default();
        let micro = |column: &Option<PaddedAmount>| column.as_ref().map(PaddedAmount::get);
        facts.push(("Value of all legs", usd(micro(&batch.value_micro_usd))));
        facts.push(("By its solver no clearing is worth more than", usd(micro(&batch.bound_micro_usd))));
        facts.push(("Reached of that", row.reached));
        facts.push(("Cleared by", solver.or(batch.solver.clone()).unwrap_or_default()));
    }
    let bound = batch.bound_micro_usd.as_ref().map_or(0, PaddedAmount::get);
    let kept = certificate(&batch).filter(|hash| clearings(&app).has(number(id), *hash));
    page::html(&BatchPage {
        page: visitor.page("Batch"),
        id,
        headline,
        lead,
        facts,
        files: if kept.is_some() && admitted(&visitor) { &FILES } else { &[] },
        ranked,
        certificate: batch.certificate,
        bound: format!("{}.{:06}", bound / 1_000_000, bound % 1_000_000),
    })
}

fn rings(batch: &Batch) -> usize {
    usize::try_from(batch.rings.unwrap_or(0)).unwrap_or(0)
}

fn number(id: i64) -> BatchId {
    BatchId(u64::try_from(id).unwrap_or(u64::MAX))
}

fn clearings(app: &Shared) -> Clearings {
    Clearings::beside(&app.settings.files_dir)
}

/// Offers with their owners are for those who were let into the market.
fn admitted(visitor: &Visitor) -> bool {
    visitor.party.as_ref().is_some_and(|party| party.standing == Standing::Admitted)
}

/// The certificate's name of a batch, for somebody who may have its files.
async fn wanted(visitor: &Visitor, app: &Shared, id: i64) -> Result<Hash, WebError> {
    visitor.user()?;
    if !admitted(visitor) {
        return Err(WebError::Forbidden { needs: "organisations that were let into the market" });
    }
    let batch = app.read(move |connection| Ok(Model::new(connection).batch(id)?)).await?;
    batch.as_ref().and_then(certificate).ok_or(WebError::NotFound)
}

/// A file on its way, piece by piece: a book of two hundred thousand offers does not stand in memory for each who wants it.
struct Pieces {
    file: File,
    left: u64,
}

impl MessageBody for Pieces {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left)
    }

    /// Reads on. A piece is small, and what is read was written or read a moment ago, so this does not wait for a disk.
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        const PIECE: u64 = 64 << 10;
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut piece = Vec::new();
        let read = (&self.file).take(self.left.min(PIECE)).read_to_end(&mut piece);
        self.left -= piece.len() as u64;
        Poll::Ready(Some(match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read.map(|_| piece.into()),
        }))
    }
}

fn download(name: &str, kind: &'static str, file: Option<File>) -> Result<HttpResponse, WebError> {
    let file = file.ok_or(WebError::NotFound)?;
    let left = file.metadata().map_err(WebError::internal)?.len();
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(Pieces { file, left }))
}

/// Everything that proves a batch, in one archive.
async fn archive(visitor: Visitor, app: Shared, path: web::Path<i64>) -> Result<HttpResponse, WebError> {
    let id = path.into_inner();
    let hash = wanted(&visitor, &app, id).await?;
    let clearings = clearings(&app);
    let file = web::block(move || clearings.archive(number(id), hash)).await?;
    download(&format!("batch-{id}.tar"), "application/x-tar", file.map_err(WebError::internal)?)
}

/// One of the files.
async fn file(
    visitor: Visitor,
    app: Shared,
    path: web::Path<(i64, String)>,
) -> Result<HttpResponse, WebError> {
    let (id, name) = path.into_inner();
    let name = FILES.into_iter().find(|known| *known == name).ok_or(WebError::NotFound)?;
    let hash = wanted(&visitor, &app, id).await?;
    let clearings = clearings(&app);
    let file = web::block(move || clearings.file(number(id), hash, name)).await?;
    let kind = if name.ends_with(".json") { "application/json" } else { "text/csv; charset=utf-8" };
    download(name, kind, file.map_err(WebError::internal)?)
}
