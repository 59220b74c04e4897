//! The operator's admissions and the gateway's requests.

use actix_web::{HttpResponse, web};
use askama::Template;
use identity_chain::Payload as IdentityPayload;
use ledger::{Address, SubChain};
use payment_chain::Payload as PaymentPayload;
use payment_chain::model::RequestId;
use vocabulary::{Role, Roles, Standing, Text};

use crate::app::{App, Posted, Shared};
use crate::error::WebError;
use crate::form::Form;
use crate::language::Lang;
use crate::model::Model;
use crate::model::market::Request;
use crate::model::party::Party;
use crate::page::{self, Page};
use crate::portal::stock::{Goods, amount};
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};
use crate::sure::release;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admissions", web::get().to(admissions_page))
        .route("/admissions", web::post().to(decide))
        .route("/requests", web::get().to(requests_page))
        .route("/requests", web::post().to(answer));
}

struct Candidate {
    party: Party,
    roles: Vec<(&'static str, bool)>,
    since: String,
    account: String,
}

fn candidate(party: Party) -> Candidate {
    let asked = party.asked();
    let held = party.standing() != Standing::Pending;
    let roles = Role::ALL
        .into_iter()
        .filter(|role| *role != Role::Operator)
        .map(|role| (role.name(), if held { party.has_role(role) } else { asked.has(role) }))
        .collect();
    Candidate { since: show::date_time(party.registered_ms), account: party.address.clone(), roles, party }
}

#[derive(Template)]
#[template(path = "portal/admissions.html")]
struct AdmissionsPage {
    page: Page,
    form: Form,
    pending: Vec<Candidate>,
    others: Vec<Candidate>,
    sought: String,
    played: bool,
}

async fn admissions_view(
    visitor: &Visitor,
    app: &Shared,
    form: Form,
    sought: String,
) -> Result<AdmissionsPage, WebError> {
    visitor.require(Role::Operator)?;
    let search = sought.clone();
    let (pending, others) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let pending = model.parties_standing(Standing::Pending)?;
            let others = model.search_parties(&search, 0, 50)?;
            Ok((pending, others))
        })
        .await?;
    Ok(AdmissionsPage {
        page: visitor.page("Admissions"),
        form,
        pending: pending.into_iter().map(candidate).collect(),
        others: others
            .into_iter()
            .filter(|party| party.standing() != Standing::Pending)
            .map(candidate)
            .collect(),
        sought,
        played: visitor.demo,
    })
}

async fn admissions_page(
    visitor: Visitor,
    app: Shared,
    query: web::Query<std::collections::BTreeMap<String, String>>,
) -> Result<HttpResponse, WebError> {
    let sought: String = query.get("q").map_or("", |q| q.trim()).chars().take(60).collect();
    page::html(&admissions_view(&visitor, &app, Form::default(), sought).await?)
}

/// Reads a decision about a party: which, and what is done.
pub(super) fn read_decision(form: &mut Form) -> Option<IdentityPayload> {
    let party = form.required::<Address>("party");
    let what = form.value("decision").to_owned();
    if what == "admit" {
        let roles: Vec<Role> =
            Role::ALL.into_iter().filter(|role| form.ticked(&format!("role-{}", role.name()))).collect();
        if roles.is_empty() {
            form.refuse("roles", "Tick at least one role.");
            return None;
        }
        return Some(IdentityPayload::Admit { party: party?, roles: Roles::of(&roles) });
    }
    let reason = form.required::<Text<200>>("reason");
    let (party, reason) = (party?, reason?);
    match what.as_str() {
        "refuse" => Some(IdentityPayload::Refuse { party, reason }),
        "suspend" => Some(IdentityPayload::Suspend { party, reason }),
        "reinstate" => Some(IdentityPayload::Reinstate { party, reason }),
        _ => {
            form.refuse("form", "Choose what to do.");
            None
        }
    }
}

async fn decide(visitor: Visitor, app: Shared, Posted(mut form): Posted) -> Result<HttpResponse, WebError> {
    visitor.require(Role::Operator)?;
    if let Some(payload) = read_decision(&mut form) {
        let verb = match &payload {
            IdentityPayload::Admit { .. } => "admit",
            IdentityPayload::Refuse { .. } => "refuse",
            IdentityPayload::Suspend { .. } => "suspend",
            _ => "reinstate",
        };
        let wish = Wish {
            chain: SubChain::Identity,
            payload: &payload,
            headline: format!("You {verb} {}", form.value("name")),
            next: "/admissions".to_owned(),
        };
        match signing::ask(&app, &visitor, wish).await {
            Err(WebError::Refused(refusal)) => form.refuse("form", crate::form::sentence(&refusal.reason)),
            other => return other,
        }
    }
    let view = admissions_view(&visitor, &app, form, String::new()).await?;
    page::html_with(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY, &view)
}

struct Ask {
    id: i64,
    /// Why goods may not be handed out yet, in words.
    waits: Option<String>,
    what: String,
    who: String,
    when: String,
    detail: Vec<(&'static str, String)>,
    documents: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "portal/requests.html")]
struct RequestsPage {
    page: Page,
    form: Form,
    issue: Vec<Ask>,
    redeem: Vec<Ask>,
    played: bool,
}

async fn requests_view(visitor: &Visitor, app: &Shared, form: Form) -> Result<RequestsPage, WebError> {
    let own = visitor.require(Role::Gateway)?.to_string();
    let chains = app.clone();
    let (issue, redeem) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let goods = Goods::load(&mut model)?;
            let (mut issue, mut redeem) = (Vec::new(), Vec::new());
            for request in model.requests_for(&own)?.into_iter().take(100) {
                let owner = model.party(&request.owner)?;
                let mut detail = vec![("Worth", goods.worth_text(request.asset, amount(&request.amount)))];
                if let Some(party) = &owner {
                    detail.push(("Standing", format!("{}, {}", party.standing, party.country)));
                }
                let mut documents = Vec::new();
                if let Some(id) = &request.product
                    && let Some(product) = model.product(id)?
                {
                    detail.push(("Goods", format!("{} (HS {})", product.name, product.hs)));
                    detail.push(("Grade", product.grade));
                    detail.push(("Lies in", format!("{}, from {}", product.place, product.origin)));
                    documents = model.documents_behind(id)?;
                }
                let quantity = goods.exact(request.asset, amount(&request.amount));
                let waits = hand_out(&chains, &mut model, &goods, &request, &own)?;
                let ask = Ask {
                    id: request.id,
                    waits,
                    what: format!("{quantity} {}", goods.name(request.asset)),
                    who: owner.map_or_else(|| show::short(&request.owner), |party| party.name),
                    when: show::date_time(request.asked_ms),
                    detail,
                    documents,
                };
                if request.kind == "issue" { issue.push(ask) } else { redeem.push(ask) }
            }
            Ok((issue, redeem))
        })
        .await?;
    Ok(RequestsPage { page: visitor.page("Requests"), form, issue, redeem, played: visitor.demo })
}

/// Why goods may not leave the warehouse of `gateway` yet: the request for them is not as sure as their worth, its owner
/// or the warehouse asks for. What has no price counts as worth the most.
fn hand_out(
    app: &App,
    model: &mut Model<'_>,
    goods: &Goods,
    request: &Request,
    gateway: &str,
) -> Result<Option<String>, WebError> {
    if request.kind != "redeem" {
        return Ok(None);
    }
    let height = model.height_at(SubChain::Payment, request.asked_ms)?.unwrap_or(i64::MAX);
    let worth = goods.worth(request.asset, amount(&request.amount)).unwrap_or(u128::MAX);
    let wish = model.wish_for_all(&request.owner)?.max(model.wish_for_all(gateway)?);
    let release = release(app, SubChain::Payment, height, worth, wish);
    Ok((!release.may_leave()).then(|| release.words(Lang::English)))
}

async fn requests_page(visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    page::html(&requests_view(&visitor, &app, Form::default()).await?)
}

async fn answer(visitor: Visitor, app: Shared, Posted(mut form): Posted) -> Result<HttpResponse, WebError> {
    let own = visitor.require(Role::Gateway)?.to_string();
    let request = form.required::<u64>("request").map(RequestId);
    let payload = if form.value("decision") == "grant" {
        request.map(|request| PaymentPayload::GrantRequest { request })
    } else {
        let reason = form.required::<Text<200>>("reason");
        request.zip(reason).map(|(request, reason)| PaymentPayload::RefuseRequest { request, reason })
    };
    let held = match &payload {
        Some(PaymentPayload::GrantRequest { request: RequestId(id) }) => {
            let (chains, id) = (app.clone(), i64::try_from(*id).unwrap_or(i64::MAX));
            let held = app.read(move |connection| {
                let mut model = Model::new(connection);
                let goods = Goods::load(&mut model)?;
                let request = model.request(id)?;
                request.map_or(Ok(None), |request| hand_out(&chains, &mut model, &goods, &request, &own))
            });
            held.await?
        }
        _ => None,
    };
    if let Some(waits) = held {
        form.refuse("request", format!("Hand out nothing yet: the request is {waits}."));
    } else if let Some(payload) = payload {
        let verb = if matches!(payload, PaymentPayload::GrantRequest { .. }) { "grant" } else { "refuse" };
        let wish = Wish {
            chain: SubChain::Payment,
            payload: &payload,
            headline: format!("You {verb} request {}", form.value("request")),
            next: "/requests".to_owned(),
        };
        match signing::ask(&app, &visitor, wish).await {
            Err(WebError::Refused(refusal)) => form.refuse("form", crate::form::sentence(&refusal.reason)),
            other => return other,
        }
    }
    let view = requests_view(&visitor, &app, form).await?;
    page::html_with(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY, &view)
}
