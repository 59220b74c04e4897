//! A company's documents: the file lies here, its hash on the data chain.

use std::str::FromStr;

use actix_multipart::MultipartError;
use actix_multipart::form::tempfile::{TempFile, TempFileConfig};
use actix_multipart::form::text::Text as Field;
use actix_multipart::form::{MultipartForm, MultipartFormConfig};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_TYPE, ContentDisposition, DispositionParam, DispositionType, ExtendedValue,
};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use data_chain::Document;
use ledger::{Address, Hash, SubChain};
use vocabulary::{Role, Text};

use crate::app::{App, Shared, same};
use crate::error::WebError;
use crate::files::{MAX_WAITING, measure};
use crate::form::{Form, MAX_FORM_BYTES};
use crate::model::Model;
use crate::page::{self, Page};
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};

/// The most documents that a form lists; a form has room for 64 fields.
const MAX_NAMEABLE: usize = 40;

pub(crate) fn routes(app: &App) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let most = usize::try_from(app.settings.max_document_bytes).unwrap_or(usize::MAX);
    let dir = app.files().incoming();
    move |config| {
        let mut files = TempFileConfig::default();
        match dir {
            Ok(dir) => files = files.directory(dir),
            Err(error) => tracing::error!(%error, "uploads cannot be kept"),
        }
        let bounds = MultipartFormConfig::default()
            .total_limit(most.saturating_add(MAX_FORM_BYTES))
            .memory_limit(MAX_FORM_BYTES)
            .error_handler(move |error, _| refusal(&error, most).into());
        config.service(
            web::scope("/documents")
                .app_data(files)
                .app_data(bounds)
                .route("", web::get().to(documents_page))
                .route("", web::post().to(upload))
                .route("/{hash}", web::get().to(download)),
        );
    }
}

/// What was wrong with an upload.
fn refusal(error: &MultipartError, most: usize) -> WebError {
    match error {
        MultipartError::Payload(actix_web::error::PayloadError::Overflow) => {
            WebError::TooLarge { limit_bytes: most }
        }
        MultipartError::Field { name, .. } => WebError::bad(name.clone(), "could not be read; send it again"),
        MultipartError::MissingField(name) | MultipartError::DuplicateField(name) => {
            WebError::bad(name.clone(), "expected exactly once")
        }
        other => WebError::bad("form", other.to_string()),
    }
}

#[derive(MultipartForm)]
struct Upload {
    csrf: Field<String>,
    file: TempFile,
}

struct DocumentRow {
    hash: String,
    name: String,
    detail: String,
    when: String,
    kept: bool,
}

#[derive(Template)]
#[template(path = "portal/documents.html")]
struct DocumentsPage {
    page: Page,
    form: Form,
    documents: Vec<DocumentRow>,
    most: String,
    waiting: usize,
    most_waiting: usize,
}

/// Keeps for good what `owner` uploaded and has put on record since; says which uploads still wait.
async fn settle(app: &App, owner: Address) -> Result<Vec<Hash>, WebError> {
    let files = app.files();
    app.read(move |connection| {
        let mut waiting = files.waiting(owner).map_err(WebError::internal)?;
        if !waiting.is_empty() {
            let own = Model::new(connection).documents_of(&owner.to_string())?;
            for hash in own.iter().filter_map(|document| document.hash.parse::<Hash>().ok()) {
                if waiting.contains(&hash) {
                    files.keep(owner, hash).map_err(WebError::internal)?;
                    waiting.retain(|other| *other != hash);
                }
            }
        }
        Ok(waiting)
    })
    .await
}

async fn documents_view(visitor: &Visitor, app: &App, form: Form) -> Result<DocumentsPage, WebError> {
    let owner = visitor.address()?;
    let waiting = settle(app, owner).await?.len();
    let (page, files) = (visitor.page("Documents"), app.files());
    let most = show::bytes(app.settings.max_document_bytes);
    app.read(move |connection| {
        let documents = Model::new(connection)
            .documents_of(&owner.to_string())?
            .into_iter()
            .map(|document| {
                let size = show::bytes(u64::try_from(document.size_bytes).unwrap_or(0));
                DocumentRow {
                    kept: document.hash.parse().is_ok_and(|hash| files.has(hash)),
                    detail: format!("{} · {size}", document.media_type),
                    when: show::date_time(document.recorded_ms),
                    hash: document.hash,
                    name: document.name,
                }
            })
            .collect();
        Ok(DocumentsPage { page, form, documents, most, waiting, most_waiting: MAX_WAITING })
    })
    .await
}

async fn documents_page(visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    page::html(&documents_view(&visitor, &app, Form::default()).await?)
}

/// What a browser said of a file, as far as it can go on record: the name without a path, a media type.
fn said(upload: &TempFile) -> Result<(Text<120>, Text<80>), String> {
    let name = upload.file_name.as_deref().unwrap_or_default();
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let short: String = name.chars().take(120).collect();
    let name = Text::from_str(&short).map_err(|error| format!("The name of the file: {error}"))?;
    let kind = upload.content_type.as_ref().map_or("application/octet-stream", |kind| kind.essence_str());
    let kind = Text::from_str(kind).or_else(|_| Text::from_str("application/octet-stream"));
    Ok((name, kind.map_err(|error| error.to_string())?))
}

async fn upload(
    visitor: Visitor,
    app: Shared,
    MultipartForm(Upload { csrf, file }): MultipartForm<Upload>,
) -> Result<HttpResponse, WebError> {
    let owner = visitor.address()?;
    if !same(csrf.as_bytes(), visitor.csrf.as_bytes()) {
        return Err(WebError::ForeignForm);
    }
    let mut form = Form::default();
    match said(&file) {
        Err(reason) => form.refuse("file", reason),
        Ok(_) if file.size == 0 => form.refuse("file", "Choose a file that is not empty."),
        Ok((name, media_type)) => {
            settle(&app, owner).await?;
            let files = app.files();
            let kept = web::block(move || {
                let (hash, size_bytes) = measure(file.file.reopen()?)?;
                files.wait(owner, file.file, hash)?;
                std::io::Result::Ok((hash, size_bytes))
            });
            let (hash, size_bytes) = kept.await?.map_err(WebError::internal)?;
            let own = owner.to_string();
            let known = app.read(move |connection| Ok(Model::new(connection).documents_of(&own)?)).await?;
            if known.iter().any(|document| document.hash == hash.to_string()) {
                return Ok(HttpResponse::SeeOther().insert_header(("Location", "/documents")).finish());
            }
            let headline = format!("You put {name} on record");
            let document = Document { hash, name, media_type, size_bytes };
            let wish = Wish {
                chain: SubChain::Data,
                payload: &data_chain::Payload::RecordDocument(document),
                headline,
                next: "/documents".to_owned(),
            };
            match signing::ask(&app, &visitor, wish).await {
                Err(WebError::Refused(refusal)) => {
                    form.refuse("file", crate::form::sentence(&refusal.reason));
                }
                other => return other,
            }
        }
    }
    page::html_with(StatusCode::UNPROCESSABLE_ENTITY, &documents_view(&visitor, &app, form).await?)
}

/// Whether a reader may see a document: its owner, a supervisor, or a warehouse that is asked to vouch for goods
/// described with it.
fn may_read(model: &mut Model<'_>, visitor: &Visitor, own: &str, hash: &str) -> Result<bool, WebError> {
    if visitor.has(Role::Supervisor) || model.documents_of(own)?.iter().any(|document| document.hash == hash)
    {
        return Ok(true);
    }
    if visitor.has(Role::Gateway) {
        for product in model.requests_for(own)?.into_iter().filter_map(|request| request.product) {
            if model.documents_of_product(&product)?.iter().any(|document| document == hash) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

async fn download(
    visitor: Visitor,
    app: Shared,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let own = visitor.address()?;
    let hash: Hash = path.parse().map_err(|_| WebError::NotFound)?;
    settle(&app, own).await?;
    let (files, reader) = (app.files(), visitor.clone());
    let (contents, document) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let name = hash.to_string();
            let document = model.documents_named(&name)?.into_iter().next().ok_or(WebError::NotFound)?;
            if !may_read(&mut model, &reader, &own.to_string(), &name)? {
                return Err(WebError::NotFound);
            }
            let contents = files.read(hash).map_err(WebError::internal)?;
            Ok((contents.ok_or(WebError::Unavailable("The file of this document"))?, document))
        })
        .await?;
    tracing::info!(reader = %own, %hash, path = request.path(), "a document was read");
    let name = DispositionParam::FilenameExt(ExtendedValue {
        charset: actix_web::http::header::Charset::Ext("UTF-8".to_owned()),
        language_tag: None,
        value: document.name.into_bytes(),
    });
    let attachment = ContentDisposition { disposition: DispositionType::Attachment, parameters: vec![name] };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, document.media_type))
        .insert_header((CONTENT_DISPOSITION, attachment))
        .insert_header(("Content-Security-Policy", "default-src 'none'; sandbox"))
        .insert_header(("Cache-Control", "private, no-store"))
        .body(contents))
}

/// The documents that a form's boxes name, as `document-HASH`.
pub(crate) fn ticked(form: &Form) -> Vec<Hash> {
    form.names().filter_map(|name| name.strip_prefix("document-")?.parse().ok()).collect()
}

/// A document that a description may name.
pub(crate) struct Nameable {
    pub(crate) hash: String,
    pub(crate) name: String,
    pub(crate) ticked: bool,
}

/// What a company may name in a description, with the boxes that `form` ticks.
pub(crate) fn nameable(model: &mut Model<'_>, own: &str, form: &Form) -> Result<Vec<Nameable>, WebError> {
    let row = |document: crate::model::goods::Document| Nameable {
        ticked: form.ticked(&format!("document-{}", document.hash)),
        hash: document.hash,
        name: document.name,
    };
    Ok(model.documents_of(own)?.into_iter().take(MAX_NAMEABLE).map(row).collect())
}
