//! What every page of the portal shows around its content.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use askama::Template;

use crate::assets;
use crate::error::WebError;
use crate::language::Lang;

/// An entry of the main navigation.
#[derive(Clone, Debug)]
pub struct NavItem {
    /// Where it leads.
    pub href: &'static str,
    /// What it says, in English.
    pub label: &'static str,
    /// Whether this is where we are.
    pub current: bool,
    /// How many things wait there; 0 shows nothing.
    pub count: usize,
}

/// A line above the content.
#[derive(Clone, Debug)]
pub struct Notice {
    /// What it says.
    pub text: String,
    /// Whether it warns.
    pub warning: bool,
}

impl Notice {
    /// On every page, until people have decided.
    pub(crate) fn halted() -> Notice {
        let text = "Validators of this network cheated, and the proof is kept. Nothing here counts outside before \
                    people have decided: hand out no goods and pay nothing on the strength of a record.";
        Notice { text: text.to_owned(), warning: true }
    }
}

/// The frame of a page: every template has it as `page`.
#[derive(Clone, Debug)]
pub struct Page {
    /// For the browser's title bar.
    pub title: String,
    /// The language of the interface.
    pub lang: Lang,
    /// The main navigation.
    pub nav: Vec<NavItem>,
    /// Who is signed in.
    pub who: Option<String>,
    /// The token that every form carries.
    pub csrf: String,
    /// Where scripts and style sheets are.
    pub assets: &'static str,
    /// Lines above the content.
    pub notices: Vec<Notice>,
    /// Whether this is the demonstration.
    pub demo: bool,
    /// Whether the reader trades, or may come to: whoever else looks on is offered nothing to trade with.
    pub trades: bool,
}

impl Page {
    /// A frame for somebody unknown.
    #[must_use]
    pub fn plain(title: impl Into<String>) -> Page {
        Page {
            title: title.into(),
            lang: Lang::English,
            nav: Vec::new(),
            who: None,
            csrf: String::new(),
            assets: assets::folder(),
            notices: Vec::new(),
            demo: false,
            trades: false,
        }
    }

    /// `english` in the page's language.
    #[must_use]
    pub fn t<'a>(&self, english: &'a str) -> &'a str {
        self.lang.say(english)
    }

    /// A sentence in the page's language, with values for its gaps.
    #[must_use]
    pub fn fill(&self, english: &str, values: &[&str]) -> String {
        self.lang.fill(english, values)
    }

    /// The frame with one line more above the content.
    #[must_use]
    pub fn notice(mut self, text: impl Into<String>) -> Page {
        self.notices.push(Notice { text: text.into(), warning: false });
        self
    }
}

/// Renders a page that is private to its reader.
///
/// # Errors
/// [`WebError::Internal`] when the template fails.
pub fn html(template: &impl Template) -> Result<HttpResponse, WebError> {
    html_with(StatusCode::OK, template)
}

/// Renders a page with a status of its own.
///
/// # Errors
/// [`WebError::Internal`] when the template fails.
pub fn html_with(status: StatusCode, template: &impl Template) -> Result<HttpResponse, WebError> {
    let body = template.render().map_err(WebError::internal)?;
    Ok(HttpResponse::build(status)
        .content_type(ContentType::html())
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .body(body))
}
