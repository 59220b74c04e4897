//! The program behind the portal: what all handlers share, how requests reach them, and what every answer carries.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::{Compress, Next, from_fn};
use actix_web::{App as ActixApp, Error, HttpMessage, HttpRequest, HttpServer, web};
use ledger::Height;

use crate::chains::Chains;
use crate::db::{AnyConnection, Database, DatabaseError};
use crate::error::WebError;
use crate::files::Files;
use crate::form::{Form, MAX_FORM_BYTES};
use crate::language::Lang;
use crate::latest::Latest;
use crate::limit::{self, Door, Turn};
use crate::session::{self, Visitor};
use crate::supervisor::figures::Figures;
use crate::sure::Caution;
use crate::{api, assets, bank, batches, explorer, health, portal, signing, supervisor};

/// How the portal is set up.
#[derive(Clone)]
pub struct Settings {
    /// Where it listens, for instance `127.0.0.1:8080`.
    pub bind: String,
    /// `postgres://…`, or the path of a SQLite file.
    pub database_url: String,
    /// Where files kept off chain lie.
    pub files_dir: PathBuf,
    /// How many bytes such a file may have: what the genesis allows on the data chain.
    pub max_document_bytes: u64,
    /// Makes form tokens; stays secret and the same over restarts.
    pub cookie_secret: [u8; 32],
    /// The Ed25519 seed that signs the bank API's access tokens.
    pub token_seed: [u8; 32],
    /// Whether visitors come over HTTPS, so that cookies are for HTTPS only.
    pub secure_cookies: bool,
    /// How sure a settlement has to be before it counts outside.
    pub caution: Caution,
    /// What a demonstration shows besides.
    pub demo: Option<DemoInfo>,
}

/// What a demonstration shows besides.
#[derive(Clone, Debug, Default)]
pub struct DemoInfo {
    /// Logins for visitors.
    pub logins: Vec<DemoLogin>,
}

/// A login that a demonstration gives away.
#[derive(Clone, Debug)]
pub struct DemoLogin {
    /// What it shows, for instance `Trader in Dhaka`.
    pub label: String,
    /// How it signs in.
    pub email: String,
    /// Its password.
    pub password: String,
    /// The one-time code that enrols a visitor's browser, where the chain would take one.
    pub code: Option<String>,
}

/// What all handlers share.
pub struct App {
    /// How the portal is set up.
    pub settings: Settings,
    /// The read model and the logins.
    pub db: Database,
    /// The running chains.
    pub chains: Chains,
    /// Whether the node has all that it needs; `/healthz` says so.
    pub ready: AtomicBool,
    /// Where people sign in and sign up.
    pub(crate) sign_in: Door,
    pub(crate) api: api::State,
    /// What settled, summed up, by the last settlement and how many organisations there are.
    pub(crate) figures: Latest<(i64, i64), Figures>,
    /// The live book, by height of the payment chain.
    pub(crate) book: Latest<Height, portal::LiveBook>,
    /// Why offers were left out, by the last batch that was cleared.
    pub(crate) reasons: Latest<i64, portal::Reasons>,
}

impl App {
    /// Connects to the database.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn new(settings: Settings, chains: Chains) -> Result<Arc<App>, DatabaseError> {
        let db = Database::open(&settings.database_url, 8)?;
        let api = api::State::new(&settings);
        Ok(Arc::new(App {
            settings,
            db,
            chains,
            ready: AtomicBool::new(false),
            sign_in: Door::new(limit::MAX_ATTEMPTS),
            api,
            figures: Latest::default(),
            book: Latest::default(),
            reasons: Latest::default(),
        }))
    }

    /// The files kept off chain.
    pub(crate) fn files(&self) -> Files {
        Files::new(&self.settings.files_dir)
    }

    /// Where a request comes from, where that tells visitors apart: in a demonstration everybody comes from the same
    /// machine.
    pub(crate) fn origin(&self, request: &HttpRequest) -> Option<String> {
        self.settings.demo.is_none().then(|| limit::origin(request))
    }

    /// Waits for leave to have a password hashed.
    ///
    /// # Errors
    /// [`WebError::Unavailable`] when too many wait already.
    pub(crate) async fn turn(&self) -> Result<Turn, WebError> {
        self.sign_in.turn().await.ok_or(WebError::Unavailable("The sign-in desk"))
    }

    /// Runs `query` on a thread where waiting is allowed.
    ///
    /// # Errors
    /// What `query` fails with; [`WebError::Internal`] when no connection is free.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, WebError> + Send + 'static,
    ) -> Result<T, WebError> {
        let db = self.db.clone();
        web::block(move || query(&mut *db.get()?)).await?
    }
}

/// The shared part of the program as handlers take it.
pub type Shared = web::Data<App>;

/// Routes, limits and layers of the whole site.
pub fn configure(app: Arc<App>) -> impl FnOnce(&mut web::ServiceConfig) {
    let documents = portal::documents(&app);
    move |config| {
        config
            .app_data(web::Data::from(app))
            .app_data(web::PayloadConfig::new(MAX_FORM_BYTES))
            .configure(assets::routes)
            .configure(signing::routes)
            .configure(health::routes)
            .configure(portal::routes)
            .configure(batches::routes)
            .configure(documents)
            .configure(supervisor::routes)
            .configure(explorer::routes)
            .configure(bank::routes)
            .configure(api::routes)
            .default_service(web::to(|| async { Err::<actix_web::HttpResponse, _>(WebError::NotFound) }));
    }
}

/// Starts the server on the running system. It stops with its handle.
///
/// # Errors
/// When the address cannot be had.
pub fn serve(app: Arc<App>) -> std::io::Result<Server> {
    let bind = app.settings.bind.clone();
    let server = HttpServer::new(move || {
        ActixApp::new()
            .configure(configure(app.clone()))
            .wrap(from_fn(visit))
            .wrap(from_fn(guard))
            .wrap(Compress::default())
    })
    .workers(2)
    .shutdown_timeout(3)
    .client_request_timeout(std::time::Duration::from_secs(10))
    .disable_signals()
    .bind(bind)?
    .run();
    Ok(server)
}

/// What every answer says to the browser unless its handler said otherwise: no inline script or style, nothing from
/// elsewhere, not to be framed.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
];

/// Puts the security headers on every answer.
///
/// # Errors
/// None of its own.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // No address of ours has a U+0000, and PostgreSQL takes none.
    if request.uri().path_and_query().is_some_and(|asked| asked.as_str().contains("%00")) {
        return Err(WebError::bad("address", "U+0000 is in no address of this site").into());
    }
    let mut response = match next.call(request).await {
        Ok(response) => response.map_into_boxed_body(),
        Err(error) => return Err(error),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(response)
}

/// Paths that know no sessions.
fn is_stateless(path: &str) -> bool {
    ["/static/", "/api/", "/oauth/", "/healthz"].iter().any(|prefix| path.starts_with(prefix))
}

/// Finds out who sends the request and leaves it there as a [`Visitor`]; gives newcomers a cookie that ties forms
/// to their browser.
///
/// # Errors
/// [`WebError`] when the database cannot be read.
pub async fn visit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if is_stateless(request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let app = request
        .app_data::<Shared>()
        .cloned()
        .ok_or_else(|| WebError::internal("the site was not configured"))?;
    let token = request.cookie(session::SESSION).map(|cookie| cookie.value().to_owned());
    let (user, party) = match token.clone() {
        None => (None, None),
        Some(token) => app.read(move |connection| portal::facts(connection, &token)).await?,
    };
    let mut new_cookies = Vec::new();
    let tied_to = match (&user, token) {
        (Some(_), Some(token)) => token,
        _ => match request.cookie(session::VISIT).map(|cookie| cookie.value().to_owned()) {
            Some(visit) if visit.len() == 64 => visit,
            _ => {
                let visit = session::fresh_token()?;
                new_cookies.push(session::cookie(session::VISIT, visit.clone(), app.settings.secure_cookies));
                visit
            }
        },
    };
    let asked = Form::parse(request.query_string().as_bytes())
        .ok()
        .and_then(|query| Lang::from_code(query.value("lang")));
    if let Some(lang) = asked {
        new_cookies.push(session::cookie(
            session::LANGUAGE,
            lang.code().to_owned(),
            app.settings.secure_cookies,
        ));
    }
    let kept = request.cookie(session::LANGUAGE).and_then(|cookie| Lang::from_code(cookie.value()));
    let visitor = Visitor {
        user,
        party,
        lang: asked.or(kept).unwrap_or_default(),
        path: request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        csrf: session::csrf_token(&app.settings.cookie_secret, &tied_to),
        browser_keys: browser_keys(&request),
        demo: app.settings.demo.is_some(),
        halted: ledger::SubChain::ALL.into_iter().any(|chain| app.chains.get(chain).standing().halted),
    };
    request.extensions_mut().insert(visitor);
    let mut response = next.call(request).await?.map_into_boxed_body();
    for cookie in &new_cookies {
        response.response_mut().add_cookie(cookie).map_err(WebError::internal)?;
    }
    Ok(response)
}

/// At most eight public keys from the cookie that scripts write.
fn browser_keys(request: &ServiceRequest) -> Vec<ledger::PublicKey> {
    let cookie = request.cookie(session::KEYS);
    let keys = cookie.iter().flat_map(|cookie| cookie.value().split('.')).take(8);
    keys.filter_map(|key| key.parse().ok()).collect()
}

/// A form that a page of ours sent: read, bounded, its token checked.
pub struct Posted(pub Form);

impl actix_web::FromRequest for Posted {
    type Error = WebError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Posted, WebError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut actix_web::dev::Payload) -> Self::Future {
        let body = web::Bytes::from_request(request, payload);
        let visitor = request.extensions().get::<Visitor>().map(|visitor| visitor.csrf.clone());
        let urlencoded = request.content_type() == "application/x-www-form-urlencoded";
        Box::pin(async move {
            if !urlencoded {
                return Err(WebError::bad("Content-Type", "expected application/x-www-form-urlencoded"));
            }
            let body = body.await.map_err(|_| WebError::TooLarge { limit_bytes: MAX_FORM_BYTES })?;
            let form = Form::parse(&body).map_err(|error| WebError::bad("form", error.to_string()))?;
            let expected = visitor.ok_or(WebError::ForeignForm)?;
            if !same(form.value("csrf").as_bytes(), expected.as_bytes()) {
                return Err(WebError::ForeignForm);
            }
            Ok(Posted(form))
        })
    }
}

/// Compares without telling by time where the difference is.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}
