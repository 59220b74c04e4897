//! Everything that can go wrong, as RFC 9457 says it.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use ledger::SubmitError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::WebError;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem details object (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem, as a stable name.
    #[serde(rename = "type")]
    #[schema(example = "urn:permuta:problem:bad-request")]
    pub kind: String,
    /// The kind in a few words.
    #[schema(example = "The request cannot be understood")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// What is wrong with this request and what to do.
    #[schema(example = "limit: a whole number from 1 to 200")]
    #[schema(value_type = String)]
    pub detail: Box<str>,
    /// Which field of the query, header or body is at fault, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub field: Option<Box<str>>,
    /// The error code of OAuth 2.0 (RFC 6749 §5.2), at the token endpoint only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    #[serde(skip)]
    #[schema(ignore)]
    header: Option<Extra>,
}

/// A header that goes with a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Extra {
    Allow(&'static str),
    RetryAfter(u64),
    Authenticate(&'static str),
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl Into<Box<str>>) -> Problem {
        Problem {
            kind: format!("urn:permuta:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            error: None,
            header: None,
        }
    }

    /// A field of the request is wrong.
    #[must_use]
    pub fn field(field: &str, reason: impl fmt::Display) -> Problem {
        let detail = format!("{field}: {reason}");
        let title = "The request cannot be understood";
        let problem = Problem::new(StatusCode::BAD_REQUEST, "bad-request", title, detail);
        Problem { field: Some(field.into()), ..problem }
    }

    /// There is no such thing, or none that this client may see.
    #[must_use]
    pub fn not_found() -> Problem {
        let detail = "there is no such resource, or it was not shared with your organisation";
        Problem::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here", detail)
    }

    /// The resource has another method.
    #[must_use]
    pub fn method(allowed: &'static str) -> Problem {
        let title = "The method is not one of this resource";
        let detail = format!("use {allowed}");
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", title, detail);
        Problem { header: Some(Extra::Allow(allowed)), ..problem }
    }

    /// No token, or none that holds.
    #[must_use]
    pub fn unauthorised(reason: impl Into<Box<str>>) -> Problem {
        let problem =
            Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", "A valid access token is needed", reason);
        let header = Some(Extra::Authenticate("Bearer realm=\"permuta\""));
        Problem { field: Some("Authorization".into()), header, ..problem }
    }

    /// The token holds, but does not cover this.
    #[must_use]
    pub fn forbidden(reason: impl Into<Box<str>>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", "This is not yours to do", reason)
    }

    /// The body has the wrong media type.
    #[must_use]
    pub fn media_type(expected: &str) -> Problem {
        let title = "The body has the wrong media type";
        let detail = format!("Content-Type: expected {expected}");
        let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", title, detail);
        Problem { field: Some("Content-Type".into()), ..problem }
    }

    /// The body is too large.
    #[must_use]
    pub fn too_large(limit_bytes: usize) -> Problem {
        let title = "The body is too large";
        let detail = format!("at most {limit_bytes} bytes are taken here");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title, detail)
    }

    /// Too many requests.
    #[must_use]
    pub fn too_many(wait_s: u64) -> Problem {
        let title = "Too many requests";
        let detail = format!("try again in {wait_s} seconds");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", title, detail);
        Problem { header: Some(Extra::RetryAfter(wait_s)), ..problem }
    }

    /// Something else stands in the way for now.
    #[must_use]
    pub fn conflict(field: &str, reason: impl fmt::Display) -> Problem {
        let detail = format!("{field}: {reason}");
        let problem = Problem::new(StatusCode::CONFLICT, "conflict", "Something stands in the way", detail);
        Problem { field: Some(field.into()), ..problem }
    }

    /// The request is well formed, and refused.
    #[must_use]
    pub fn refused(code: &str, field: &str, reason: impl fmt::Display) -> Problem {
        let kind = format!("refused:{code}");
        let detail = format!("{field}: {reason}");
        let problem =
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, &kind, "The request was refused", detail);
        Problem { field: Some(field.into()), ..problem }
    }

    /// A problem of the token endpoint, with the code of RFC 6749 §5.2.
    #[must_use]
    pub fn oauth(status: StatusCode, error: &'static str, field: &str, reason: &str) -> Problem {
        let title = "No token was issued";
        let problem = Problem::new(status, error, title, format!("{field}: {reason}"));
        let header = (status == StatusCode::UNAUTHORIZED)
            .then_some(Extra::Authenticate("Basic realm=\"permuta\", charset=\"UTF-8\""));
        Problem { field: Some(field.into()), error: Some(error), header, ..problem }
    }

    /// The node is not ready for this.
    #[must_use]
    pub fn unavailable(what: &str) -> Problem {
        let detail = format!("{what}; try again in a moment");
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not ready", detail);
        Problem { header: Some(Extra::RetryAfter(1)), ..problem }
    }

    /// A fault of ours.
    #[must_use]
    pub fn internal() -> Problem {
        let detail = "nothing was changed by this request; it has been logged";
        let title = "Something broke on our side";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title, detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(MEDIA_TYPE).insert_header((CACHE_CONTROL, "no-store"));
        match &self.header {
            Some(Extra::Allow(methods)) => response.insert_header((ALLOW, *methods)),
            Some(Extra::RetryAfter(seconds)) => response.insert_header((RETRY_AFTER, seconds.to_string())),
            Some(Extra::Authenticate(challenge)) => response.insert_header((WWW_AUTHENTICATE, *challenge)),
            None => &mut response,
        };
        response.body(serde_json::to_string(self).unwrap_or_default())
    }
}

impl From<WebError> for Problem {
    fn from(error: WebError) -> Problem {
        match error {
            WebError::NotFound => Problem::not_found(),
            WebError::SignIn { .. } => Problem::unauthorised("sign in first"),
            WebError::Forbidden { needs } => Problem::forbidden(format!("only {needs} may do this")),
            WebError::ForeignForm => Problem::forbidden("the form did not come from this site"),
            WebError::BadRequest { field, reason } => Problem::field(&field, reason),
            WebError::TooLarge { limit_bytes } => Problem::too_large(limit_bytes),
            WebError::TooMany { wait_s } => Problem::too_many(wait_s),
            WebError::Refused(refusal) => Problem::refused(&refusal.code, &refusal.field, refusal.reason),
            WebError::Unavailable(what) => Problem::unavailable(what),
            // Logged where it was made.
            WebError::Internal(_) => Problem::internal(),
        }
    }
}

impl From<actix_web::error::BlockingError> for Problem {
    fn from(error: actix_web::error::BlockingError) -> Problem {
        WebError::from(error).into()
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Problem {
        match &error {
            SubmitError::Full { .. } => Problem::unavailable("the node holds as many transactions as it can"),
            SubmitError::Duplicate | SubmitError::Taken(_) => Problem::conflict(error.field(), &error),
            SubmitError::Refused(refusal) => Problem::refused(error.code(), error.field(), &refusal.reason),
            other => Problem::refused(other.code(), other.field(), other),
        }
    }
}
