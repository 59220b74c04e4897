//! Access tokens: client credentials in (RFC 6749 §4.4), a short-lived JWT out, signed with the node's Ed25519 key.

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ledger::{Hash, KeyPair, Tag};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::Role;

use super::problem::Problem;
use crate::accounts;
use crate::app::Shared;
use crate::clock;
use crate::db::AnyConnection;
use crate::error::WebError;
use crate::form::Form;
use crate::model::Model;
use crate::model::client::OauthClient;
use crate::session;

/// How long a token is good.
pub const LIFETIME_S: u64 = 900;
/// Who issues tokens.
const ISSUER: &str = "permuta";
/// What tokens are for.
const AUDIENCE: &str = "permuta-api";
/// How often requests from one origin may fail in a window: a bank's programs share one, and fail seldom.
pub const FAILURES_PER_ORIGIN: u32 = 30;
/// The most bytes of a token request.
const MAX_FORM_BYTES: usize = 8 << 10;

/// What a token may cover, in the order in which scopes are listed.
pub const SCOPES: [(&str, &str); 5] = [
    ("organisations", "read the register of organisations"),
    ("settlements", "read settlements and receivables that were shared"),
    ("confidence", "say how sure settlements have to be for your organisation"),
    ("credit", "read credit records that were shared"),
    ("transactions", "hand in transactions that your organisation signed"),
];

/// What a token says (RFC 9068 gives the names).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    /// The client.
    pub sub: String,
    /// The account of its organisation.
    pub account: String,
    /// What it covers, with spaces between.
    pub scope: String,
    iat: u64,
    exp: u64,
    jti: String,
}

/// Signs and reads tokens.
pub struct Tokens {
    signing: EncodingKey,
    reading: DecodingKey,
    key_id: String,
}

impl Tokens {
    /// Tokens under the Ed25519 key of this seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Tokens {
        let public = KeyPair::from_seed(seed).public();
        // PKCS #8 version 1 of an Ed25519 key (RFC 8410 §7): this prefix and the seed.
        let mut der = vec![
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
        ];
        der.extend_from_slice(&seed);
        let key_id = Hash::of(Tag::Content, &public.0).to_string()[..16].to_owned();
        Tokens {
            signing: EncodingKey::from_ed_der(&der),
            reading: DecodingKey::from_ed_der(&public.0),
            key_id,
        }
    }

    /// Issues a token at `now_s` seconds.
    ///
    /// # Errors
    /// [`WebError::Internal`] when there is no randomness or the key cannot sign.
    pub fn issue(&self, client: &str, account: &str, scope: &str, now_s: u64) -> Result<String, WebError> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: client.to_owned(),
            account: account.to_owned(),
            scope: scope.to_owned(),
            iat: now_s,
            exp: now_s + LIFETIME_S,
            jti: session::fresh_token()?[..32].to_owned(),
        };
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(WebError::internal)
    }

    /// Reads a token; `None` unless it is ours, unaltered and good now.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<Claims> {
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        rules.leeway = 0;
        jsonwebtoken::decode::<Claims>(token, &self.reading, &rules).ok().map(|data| data.claims)
    }
}

/// An access token (RFC 6749 §5.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TokenResponse {
    /// The token, to be sent as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// For how many seconds it is good.
    #[schema(example = 900)]
    pub expires_in: u64,
    /// What it covers.
    #[schema(example = "settlements credit")]
    pub scope: String,
}

/// A request for a token (RFC 6749 §4.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub struct TokenRequest {
    /// Always `client_credentials`.
    #[schema(example = "client_credentials")]
    pub grant_type: String,
    /// What the token shall cover; everything that the client may if left out.
    pub scope: Option<String>,
    /// The client, unless it is in the `Authorization` header.
    pub client_id: Option<String>,
    /// Its secret, unless it is in the `Authorization` header.
    pub client_secret: Option<String>,
}

fn oauth_fault(status: StatusCode, error: &'static str, field: &str, reason: &str) -> Problem {
    Problem::oauth(status, error, field, reason)
}

fn bad(field: &str, reason: &str) -> Problem {
    oauth_fault(StatusCode::BAD_REQUEST, "invalid_request", field, reason)
}

/// Client identifier and secret, from the header (HTTP Basic) or from the form, never from both.
fn credentials(header: Option<&str>, form: &Form) -> Result<(String, String), Problem> {
    let in_form = (form.value("client_id"), form.raw("client_secret"));
    let Some(header) = header else {
        if in_form.0.is_empty() || in_form.1.is_empty() {
            return Err(bad("client_id", "send client_id and client_secret, or HTTP Basic"));
        }
        return Ok((in_form.0.to_owned(), in_form.1.to_owned()));
    };
    if !in_form.1.is_empty() {
        return Err(bad("client_secret", "send it in the header or in the form, not in both"));
    }
    let fault = || bad("Authorization", "expected Basic and the base64 of client_id:client_secret");
    let encoded = header.strip_prefix("Basic ").ok_or_else(fault)?;
    let bytes = STANDARD.decode(encoded.trim()).map_err(|_| fault())?;
    let text = String::from_utf8(bytes).map_err(|_| fault())?;
    let (id, secret) = text.split_once(':').filter(|_| !text.contains('\0')).ok_or_else(fault)?;
    Ok((id.to_owned(), secret.to_owned()))
}

/// The scopes asked for, each one that the client has; all of them when none is asked for.
fn granted(asked: &str, client: &OauthClient) -> Result<String, Problem> {
    let has = |scope: &str| client.scopes.split(' ').any(|known| known == scope);
    if asked.is_empty() {
        return Ok(client.scopes.clone());
    }
    match asked.split(' ').find(|scope| !has(scope)) {
        Some(_) => Err(oauth_fault(
            StatusCode::BAD_REQUEST,
            "invalid_scope",
            "scope",
            &format!("this client may have: {}", client.scopes),
        )),
        None => Ok(asked.to_owned()),
    }
}

/// Issues an access token
///
/// Client credentials by HTTP Basic or in the form. The token is good for 15 minutes.
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    post,
    path = "/oauth/token",
    tag = "tokens",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A token", body = TokenResponse),
        (status = 400, description = "The request is not one", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "The credentials do not hold", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many attempts of this client or from this address: wait the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many ask at once: wait the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
    ),
    security(())
)]
pub async fn issue(
    request: HttpRequest,
    app: Shared,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    if request.content_type() != "application/x-www-form-urlencoded" {
        return Err(Problem::media_type("application/x-www-form-urlencoded"));
    }
    let body = bounded(&request, payload, MAX_FORM_BYTES).await?;
    let form = Form::parse(&body).map_err(|error| bad("form", &error.to_string()))?;
    if form.value("grant_type") != "client_credentials" {
        let reason = "only client_credentials is offered here";
        return Err(oauth_fault(StatusCode::BAD_REQUEST, "unsupported_grant_type", "grant_type", reason));
    }
    let header = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let (id, secret) = credentials(header, &form)?;
    if id.len() > 64 || secret.len() > accounts::MAX_PASSWORD {
        return Err(bad("client_id", "longer than any that was given out"));
    }
    let wait = |wait_ms: u64| Problem::too_many(wait_ms.div_ceil(1000).max(1));
    let origin = app.origin(&request);
    let door = &app.api.door;
    door.attempt(origin.as_deref(), Some(&id), clock::now().0).map_err(wait)?;
    let busy = || Problem::unavailable("too many ask for a token at once");
    let turn = door.turn().await.ok_or_else(busy)?;
    let asked = id.clone();
    let client = app
        .read(move |connection| {
            let _turn = turn;
            check_client(connection, &asked, &secret)
        })
        .await?;
    let Some(client) = client else {
        let reason = "unknown client, wrong secret, revoked, or its organisation is no admitted bank";
        return Err(oauth_fault(StatusCode::UNAUTHORIZED, "invalid_client", "client_id", reason));
    };
    door.entered(origin.as_deref(), &id);
    let scope = granted(form.value("scope"), &client)?;
    let access_token = app.api.tokens.issue(&client.id, &client.account, &scope, clock::now().seconds())?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(TokenResponse {
        access_token,
        token_type: "Bearer",
        expires_in: LIFETIME_S,
        scope,
    }))
}

/// The client, if the secret is its own, it is not revoked, and its organisation may act as a bank.
fn check_client(
    connection: &mut AnyConnection,
    id: &str,
    secret: &str,
) -> Result<Option<OauthClient>, WebError> {
    let mut model = Model::new(connection);
    let client = model.oauth_client(id)?;
    let fits = accounts::fits_or_wastes_time(secret, client.as_ref().map(|client| client.secret.as_str()));
    let Some(client) = client.filter(|client| fits && client.revoked_ms.is_none()) else { return Ok(None) };
    let bank = model.party(&client.account)?.is_some_and(|party| party.acts_as(Role::Bank));
    Ok(bank.then_some(client))
}

/// A new client of an organisation, and its secret, which is shown once and kept only as a hash.
///
/// # Errors
/// [`WebError::Internal`] when there is no randomness.
pub fn new_client(account: &str, name: &str, now_ms: i64) -> Result<(OauthClient, String), WebError> {
    let id = format!("bank-{}", &session::fresh_token()?[..16]);
    let secret = session::fresh_token()?;
    Ok((client_with(&id, &secret, account, name, now_ms)?, secret))
}

/// A client with an identifier and a secret that are known already: for a demonstration.
///
/// # Errors
/// [`WebError::Internal`] when there is no randomness.
pub fn client_with(
    id: &str,
    secret: &str,
    account: &str,
    name: &str,
    now_ms: i64,
) -> Result<OauthClient, WebError> {
    Ok(OauthClient {
        id: id.to_owned(),
        secret: accounts::hash_password(secret)?,
        account: account.to_owned(),
        name: name.to_owned(),
        scopes: SCOPES.map(|(scope, _)| scope).join(" "),
        created_ms: now_ms,
        revoked_ms: None,
    })
}

/// The body, if it has at most `limit` bytes.
///
/// # Errors
/// [`Problem`] when it has more or does not arrive whole.
pub(crate) async fn bounded(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
) -> Result<web::Bytes, Problem> {
    let body = web::Bytes::from_request(request, &mut payload.into_inner()).await;
    let body = body.map_err(|_| Problem::too_large(limit))?;
    if body.len() > limit { Err(Problem::too_large(limit)) } else { Ok(body) }
}

/// Reads arbitrary bytes as credentials in a header and as a token.
pub fn fuzz_credentials(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = credentials(Some(&text), &Form::default());
    let _ = credentials(Some(&format!("Basic {}", STANDARD.encode(bytes))), &Form::default());
    assert_eq!(Tokens::new([7; 32]).read(&text), None, "nobody guesses a signature");
}
