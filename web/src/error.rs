//! Everything that can go wrong with a request, and the page that says so.

use std::error::Error;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType, LOCATION, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use crate::db::DatabaseError;
use crate::page::Page;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// No such page, or none that this reader may see.
    #[error("there is nothing here")]
    NotFound,
    /// Only for those who are signed in; `next` is where they wanted to go.
    #[error("sign in first")]
    SignIn {
        /// A path of this site.
        next: String,
    },
    /// Signed in, but without the right.
    #[error("only {needs} may do this")]
    Forbidden {
        /// Who may.
        needs: &'static str,
    },
    /// The form did not come from a page of ours.
    #[error("this form is too old or did not come from this site")]
    ForeignForm,
    /// A field of the request is wrong.
    #[error("{field}: {reason}")]
    BadRequest {
        /// Which field.
        field: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// More bytes than are taken.
    #[error("at most {limit_bytes} bytes can be sent here")]
    TooLarge {
        /// How many.
        limit_bytes: usize,
    },
    /// Too many tries.
    #[error("too many attempts; try again in {wait_s} seconds")]
    TooMany {
        /// How long to wait, in seconds.
        wait_s: u64,
    },
    /// The chain would not take it.
    #[error(transparent)]
    Refused(#[from] ledger::Refusal),
    /// Not ready yet.
    #[error("{0} is not ready; try again in a moment")]
    Unavailable(&'static str),
    /// A fault of ours.
    #[error("something broke on our side")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl WebError {
    /// A fault of ours, logged once, here.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> WebError {
        let error = error.into();
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        tracing::error!(error = %text, "a request failed");
        WebError::Internal(error)
    }

    /// A wrong field.
    pub fn bad(field: impl Into<String>, reason: impl Into<String>) -> WebError {
        WebError::BadRequest { field: field.into(), reason: reason.into() }
    }
}

impl From<DatabaseError> for WebError {
    fn from(error: DatabaseError) -> WebError {
        WebError::internal(error)
    }
}

impl From<diesel::result::Error> for WebError {
    fn from(error: diesel::result::Error) -> WebError {
        match error {
            diesel::result::Error::NotFound => WebError::NotFound,
            other => WebError::internal(other),
        }
    }
}

impl From<actix_web::error::BlockingError> for WebError {
    fn from(error: actix_web::error::BlockingError) -> WebError {
        WebError::internal(error)
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    headline: String,
    detail: String,
}

impl ResponseError for WebError {
    fn status_code(&self) -> StatusCode {
        match self {
            WebError::NotFound => StatusCode::NOT_FOUND,
            WebError::SignIn { .. } => StatusCode::SEE_OTHER,
            WebError::Forbidden { .. } | WebError::ForeignForm => StatusCode::FORBIDDEN,
            WebError::BadRequest { .. } => StatusCode::BAD_REQUEST,
            WebError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            WebError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            WebError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            WebError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            WebError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let WebError::SignIn { next } = self {
            let target = format!("/signin?next={}", encode_query(next));
            return HttpResponse::SeeOther().insert_header((LOCATION, target)).finish();
        }
        let (headline, detail) = self.words();
        let page = ErrorPage { page: Page::plain(headline.clone()), headline, detail };
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(ContentType::html()).insert_header((CACHE_CONTROL, "no-store"));
        match self {
            WebError::TooMany { wait_s } => response.insert_header((RETRY_AFTER, wait_s.to_string())),
            WebError::Unavailable(_) => response.insert_header((RETRY_AFTER, "1")),
            _ => &mut response,
        };
        response.body(page.render().unwrap_or_else(|_| self.to_string()))
    }
}

impl WebError {
    /// A headline and what to do.
    fn words(&self) -> (String, String) {
        let (headline, detail): (&str, String) = match self {
            WebError::NotFound => (
                "There is nothing here",
                "The page does not exist, or it belongs to a deal that you are not part of.".to_owned(),
            ),
            WebError::SignIn { .. } => ("Sign in first", String::new()),
            WebError::Forbidden { needs } => (
                "This is not yours to do",
                format!("Only {needs} may do this. If you should be able to, ask the operator for the role."),
            ),
            WebError::ForeignForm => (
                "That form could not be taken",
                "It is older than your session, or it did not come from this site. Go back, load the page again and \
                 send it once more."
                    .to_owned(),
            ),
            WebError::BadRequest { field, reason } => {
                ("Something in the request is not right", format!("{field}: {reason}."))
            }
            WebError::TooLarge { limit_bytes } => {
                ("That is too much at once", format!("At most {} KiB can be sent here.", limit_bytes / 1024))
            }
            WebError::TooMany { wait_s } => {
                ("Too many attempts", format!("Wait {wait_s} seconds and try again."))
            }
            WebError::Refused(refusal) => (
                "The request was refused",
                format!("{}: {}.", refusal.field.replace('_', " "), refusal.reason),
            ),
            WebError::Unavailable(what) => {
                ("One moment, please", format!("{what} is not ready. Load the page again in a moment."))
            }
            WebError::Internal(_) => (
                "Something broke on our side",
                "It has been logged. Load the page again; if it stays so, tell the operator when it happened."
                    .to_owned(),
            ),
        };
        (headline.to_owned(), detail)
    }
}

/// Percent-encodes what may not stand in a query value (RFC 3986 §2.3 keeps the rest).
#[must_use]
pub fn encode_query(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
