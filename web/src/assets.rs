//! Style sheets, scripts and pictures, compiled in and named by their contents.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use ledger::{Hasher, Tag};

/// One file that never changes under its address.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal $media_type:literal)*) => {
        &[$(Asset {
            name: $name,
            media_type: $media_type,
            bytes: include_bytes!(concat!("../static/", $name)),
        }),*]
    };
}

const ASSETS: &[Asset] = assets! {
    "app.css" "text/css; charset=utf-8"
    "icon.svg" "image/svg+xml"
    "keys.js" "text/javascript; charset=utf-8"
    "keypage.js" "text/javascript; charset=utf-8"
    "follow.js" "text/javascript; charset=utf-8"
    "offer.js" "text/javascript; charset=utf-8"
    "sign.js" "text/javascript; charset=utf-8"
    "wait.js" "text/javascript; charset=utf-8"
};

/// The folder of this build's assets: a hash over all of them stands in the path, so that a script finds its
/// neighbours by a relative path and a browser may keep everything for ever.
static FOLDER: LazyLock<String> = LazyLock::new(|| {
    let hash = ASSETS.iter().fold(Hasher::new(Tag::Content), |hasher, asset| {
        hasher
            .chain(&(asset.name.len() as u64).to_le_bytes())
            .chain(asset.name.as_bytes())
            .chain(&(asset.bytes.len() as u64).to_le_bytes())
            .chain(asset.bytes)
    });
    format!("/static/{}", &hash.finish().to_string()[..16])
});

/// Where this build's assets are, without a slash at the end.
#[must_use]
pub fn folder() -> &'static str {
    &FOLDER
}

async fn serve(path: web::Path<(String, String)>) -> HttpResponse {
    let (folder, name) = path.into_inner();
    let found = ASSETS.iter().find(|asset| asset.name == name);
    match found {
        Some(asset) if FOLDER.ends_with(&format!("/{folder}")) => HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .insert_header((CONTENT_TYPE, asset.media_type))
            .body(asset.bytes),
        // Another build's page asks for its own files: today's serve it, but are not kept.
        Some(asset) => HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_TYPE, asset.media_type))
            .body(asset.bytes),
        None => HttpResponse::NotFound().finish(),
    }
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.route("/static/{folder}/{name}", web::get().to(serve));
}
