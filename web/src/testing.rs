//! What tests share: a fresh database of each kind, and blocks that say what a story needs.

pub(crate) mod quiet;
pub(crate) mod site;
pub(crate) mod stage;
pub(crate) mod story;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use crate::app::{App, Settings};
use crate::db::Database;
use crate::sure::Caution;

/// Where PostgreSQL is, for tests: a URL of a server on which databases may be created.
const POSTGRES: &str = "PERMUTA_TEST_POSTGRES";

/// A PostgreSQL database that goes when dropped.
struct Throwaway {
    server: String,
    name: String,
}

impl Throwaway {
    fn run(&self, statement: &str) {
        let mut server = PgConnection::establish(&self.server).expect("the server of PERMUTA_TEST_POSTGRES");
        server.batch_execute(statement).expect(statement);
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        // The server may not have noticed yet that the test's own connections are closed.
        self.run(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Runs a test on a fresh database of each kind, as [`on_each_url`] does.
pub(crate) fn on_each_database(test: impl Fn(Database)) {
    on_each_url(|url| test(Database::open(url, 4).unwrap()));
}

/// Runs a test on a fresh SQLite file and, where `PERMUTA_TEST_POSTGRES` names a server, on a fresh PostgreSQL
/// database too.
pub(crate) fn on_each_url(test: impl Fn(&str)) {
    let dir = tempfile::tempdir().unwrap();
    test(dir.path().join("model.sqlite").to_str().unwrap());

    let Ok(server) = std::env::var(POSTGRES) else { return };
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let name = format!("permuta_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let throwaway = Throwaway { server, name };
    throwaway.run(&format!("CREATE DATABASE {}", throwaway.name));
    let (base, _) = throwaway.server.rsplit_once('/').expect("a URL that names a database");
    test(&format!("{base}/{}", throwaway.name));
}

/// The site over three quiet chains and the story, in the database at `url`.
pub(crate) fn site(url: &str) -> Arc<App> {
    let settings = Settings {
        bind: "127.0.0.1:0".to_owned(),
        database_url: url.to_owned(),
        files_dir: std::env::temp_dir(),
        max_document_bytes: 1 << 20,
        cookie_secret: [1; 32],
        token_seed: [2; 32],
        secure_cookies: false,
        caution: Caution::default(),
        demo: None,
    };
    let app = App::new(settings, quiet::chains()).unwrap();
    story::tell(&app.db);
    app
}
