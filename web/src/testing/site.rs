//! A browser for tests: it keeps its cookies and sends forms with their token.

use std::sync::Arc;

use actix_web::App as ActixApp;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, read_body, try_call_service};

use super::story::{self, account};
use super::{on_each_url, site};
use crate::accounts::{self, NewUser};
use crate::app::{App, configure, guard, visit};
use crate::session;

/// Runs a test on the site over a fresh database of each kind.
pub(crate) fn on_each_site(test: impl AsyncFn(Arc<App>)) {
    on_each_url(|url| actix_web::rt::System::new().block_on(test(site(url))));
}

/// Somebody's browser.
pub(crate) struct Browser {
    app: Arc<App>,
    token: Option<String>,
}

/// What came back.
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Seen {
    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

impl Browser {
    /// Of somebody who is not signed in.
    pub(crate) fn new(app: &Arc<App>) -> Browser {
        Browser { app: app.clone(), token: None }
    }

    /// Of somebody of the cast, signed in.
    pub(crate) fn signed_in(app: &Arc<App>, name: &str) -> Browser {
        let cast = story::CAST.iter().position(|(known, ..)| *known == name).unwrap();
        let registration = story::registration(cast);
        let user = NewUser {
            email: format!("{}@cast.example", name.split(' ').next().unwrap()).parse().unwrap(),
            company: registration.name,
            registration_number: registration.registration_number,
            country: registration.country,
            place: "BDCGP".parse().unwrap(),
            lei: None,
            roles: registration.roles,
            address: Some(account(name)),
        };
        let mut connection = app.db.get().unwrap();
        let user = accounts::create(&mut connection, &user, "no password fits").unwrap().unwrap();
        accounts::note_key(&mut connection, user.id, story::key(name).public(), "test browser").unwrap();
        let token = session::begin(&mut connection, user.id).unwrap();
        Browser { app: app.clone(), token: Some(token) }
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Seen {
        self.send(TestRequest::get().uri(path)).await
    }

    /// Sends a form, with the token that a page would have given.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let cookie = self.token.as_deref().unwrap_or_default();
        let csrf = session::csrf_token(&self.app.settings.cookie_secret, cookie);
        let mut form = fields.to_vec();
        form.push(("csrf", &csrf));
        self.send(TestRequest::post().uri(path).set_form(form)).await
    }

    /// Sends a request as it is, with the cookie.
    pub(crate) async fn send(&self, mut request: TestRequest) -> Seen {
        if let Some(token) = &self.token {
            request = request.cookie(Cookie::new(session::SESSION, token.clone()));
        }
        let site =
            ActixApp::new().configure(configure(self.app.clone())).wrap(from_fn(visit)).wrap(from_fn(guard));
        let service = init_service(site).await;
        match try_call_service(&service, request.to_request()).await {
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                Seen { status, headers, bytes: read_body(response).await.to_vec() }
            }
            Err(error) => {
                let response = error.error_response();
                let (status, headers) = (response.status(), response.headers().clone());
                let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap_or_default();
                Seen { status, headers, bytes: bytes.to_vec() }
            }
        }
    }
}
