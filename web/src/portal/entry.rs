//! Signing up, in and out.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use vocabulary::{Role, Roles};

use crate::accounts::{self, Email, MAX_PASSWORD, MIN_PASSWORD, NewUser};
use crate::app::{App, DemoLogin, Posted, Shared};
use crate::clock;
use crate::error::WebError;
use crate::form::Form;
use crate::page::{self, Page};
use crate::places::{country_code, place_code};
use crate::session::{self, Visitor};
use crate::signing::local;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/signin", web::get().to(sign_in_page))
        .route("/signin", web::post().to(sign_in))
        .route("/signup", web::get().to(sign_up_page))
        .route("/signup", web::post().to(sign_up))
        .route("/signout", web::post().to(sign_out));
}

#[derive(Template)]
#[template(path = "portal/signin.html")]
struct SignInPage {
    page: Page,
    form: Form,
    demo: Vec<DemoLogin>,
}

impl SignInPage {
    fn new(visitor: &Visitor, app: &App, form: Form) -> SignInPage {
        let demo = app.settings.demo.as_ref().map(|demo| demo.logins.clone()).unwrap_or_default();
        SignInPage { page: visitor.page("Sign in"), form, demo }
    }
}

#[derive(Template)]
#[template(path = "portal/signup.html")]
struct SignUpPage {
    page: Page,
    form: Form,
}

pub(crate) fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

async fn sign_in_page(
    visitor: Visitor,
    app: Shared,
    query: web::Query<std::collections::BTreeMap<String, String>>,
) -> Result<HttpResponse, WebError> {
    let next = local(query.get("next").map_or("/", String::as_str)).to_owned();
    if visitor.user.is_some() {
        return Ok(see_other(&next));
    }
    let mut form = Form::default();
    form.set("next", next);
    page::html(&SignInPage::new(&visitor, &app, form))
}

fn count_attempt(app: &App, origin: Option<&str>, name: Option<&str>) -> Result<(), WebError> {
    app.sign_in
        .attempt(origin, name, clock::now().0)
        .map_err(|wait_ms| WebError::TooMany { wait_s: wait_ms.div_ceil(1000) })
}

async fn sign_in(
    visitor: Visitor,
    app: Shared,
    request: HttpRequest,
    Posted(mut form): Posted,
) -> Result<HttpResponse, WebError> {
    let email = form.required::<Email>("email");
    let password = form.raw("password").to_owned();
    if password.is_empty() {
        form.refuse("password", "Please fill this in.");
    }
    let Some(email) = email.filter(|_| !form.has_errors() && password.len() <= MAX_PASSWORD) else {
        form.refuse("form", "E-mail address or password is not right.");
        return page::html_with(
            actix_web::http::StatusCode::UNPROCESSABLE_ENTITY,
            &SignInPage::new(&visitor, &app, form),
        );
    };
    let origin = app.origin(&request);
    count_attempt(&app, origin.as_deref(), Some(email.as_str()))?;
    let turn = app.turn().await?;
    let name = email.as_str().to_owned();
    let user = app
        .read(move |connection| {
            let _turn = turn;
            Ok(accounts::check_login(connection, &email, &password)?)
        })
        .await?;
    let Some(user) = user else {
        form.refuse("form", "E-mail address or password is not right.");
        return page::html_with(
            actix_web::http::StatusCode::UNPROCESSABLE_ENTITY,
            &SignInPage::new(&visitor, &app, form),
        );
    };
    app.sign_in.entered(origin.as_deref(), &name);
    enter(&app, &request, user.id, local(form.value("next"))).await
}

/// Begins a new session, ends the old one and goes on to `path`.
async fn enter(app: &App, request: &HttpRequest, user: i64, path: &str) -> Result<HttpResponse, WebError> {
    let old = request.cookie(session::SESSION).map(|cookie| cookie.value().to_owned());
    let token = app
        .read(move |connection| {
            if let Some(old) = old {
                session::end(connection, &old)?;
            }
            session::begin(connection, user)
        })
        .await?;
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, path))
        .cookie(session::cookie(session::SESSION, token, app.settings.secure_cookies))
        .cookie(session::forget(session::VISIT))
        .finish())
}

async fn sign_up_page(visitor: Visitor) -> Result<HttpResponse, WebError> {
    if visitor.user.is_some() {
        return Ok(see_other("/"));
    }
    page::html(&SignUpPage { page: visitor.page("Sign up"), form: Form::default() })
}

/// Reads what a company says of itself.
pub(crate) fn read_sign_up(form: &mut Form) -> Option<NewUser> {
    let company = form.required("company");
    let registration_number = form.required("registration_number");
    form.spell("country", country_code);
    form.spell("place", place_code);
    form.set("lei", form.value("lei").replace(' ', "").to_ascii_uppercase());
    let country = form.required("country");
    let place = form.required("place");
    let lei = form.optional("lei");
    let email = form.required("email");
    let password = form.raw("password");
    let characters = password.chars().count();
    if characters < MIN_PASSWORD {
        form.refuse("password", format!("At least {MIN_PASSWORD} characters, not {characters}."));
    } else if password.len() > MAX_PASSWORD {
        form.refuse("password", format!("At most {MAX_PASSWORD} bytes."));
    } else if form.raw("password") != form.raw("again") {
        form.refuse("again", "The two passwords differ.");
    }
    if form.has_errors() {
        return None;
    }
    Some(NewUser {
        email: email?,
        company: company?,
        registration_number: registration_number?,
        country: country?,
        place: place?,
        lei,
        roles: Roles::of(&[Role::Trader]),
        address: None,
    })
}

async fn sign_up(
    visitor: Visitor,
    app: Shared,
    request: HttpRequest,
    Posted(mut form): Posted,
) -> Result<HttpResponse, WebError> {
    let refused = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
    let Some(user) = read_sign_up(&mut form) else {
        return page::html_with(refused, &SignUpPage { page: visitor.page("Sign up"), form });
    };
    count_attempt(&app, app.origin(&request).as_deref(), None)?;
    let turn = app.turn().await?;
    let password = form.raw("password").to_owned();
    let made = app
        .read(move |connection| {
            let _turn = turn;
            let hash = accounts::hash_password(&password)?;
            Ok(accounts::create(connection, &user, &hash)?)
        })
        .await?;
    let Some(user) = made else {
        form.refuse("email", "There is a login with this address already. Sign in, or use another.");
        return page::html_with(refused, &SignUpPage { page: visitor.page("Sign up"), form });
    };
    enter(&app, &request, user.id, "/").await
}

async fn sign_out(app: Shared, request: HttpRequest, Posted(_): Posted) -> Result<HttpResponse, WebError> {
    if let Some(cookie) = request.cookie(session::SESSION) {
        let token = cookie.value().to_owned();
        app.read(move |connection| Ok(session::end(connection, &token)?)).await?;
    }
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, "/signin"))
        .cookie(session::forget(session::SESSION))
        .finish())
}
