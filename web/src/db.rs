//! One pool of connections to SQLite or PostgreSQL, by `DATABASE_URL`.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ManageConnection, Pool, PooledConnection, R2D2Connection};
use diesel::{Connection as _, PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const SQLITE: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

#[allow(missing_docs, unreachable_pub, reason = "the derived code has items without documentation")]
mod connection {
    use diesel::{PgConnection, SqliteConnection};

    /// A connection to either database; one code path for both.
    #[derive(diesel::MultiConnection)]
    pub enum AnyConnection {
        /// Embedded, the default.
        Sqlite(SqliteConnection),
        /// For more users than one file carries.
        Postgres(PgConnection),
    }
}
pub use connection::AnyConnection;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No connection came about.
    #[error("cannot connect to the database")]
    Connect(#[source] diesel::ConnectionError),
    /// The pool has no connection to give.
    #[error("no database connection is free")]
    Pool(#[source] diesel::r2d2::PoolError),
    /// A statement failed.
    #[error("the database refused a statement")]
    Query(#[from] diesel::result::Error),
    /// The schema could not be brought up to date.
    #[error("cannot bring the database schema up to date")]
    Migrate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Opens connections of the kind that its address asks for.
#[derive(Clone, Debug)]
pub struct Manager {
    url: String,
}

impl ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = DatabaseError;

    fn connect(&self) -> Result<AnyConnection, DatabaseError> {
        if is_postgres(&self.url) {
            return PgConnection::establish(&self.url)
                .map(AnyConnection::Postgres)
                .map_err(DatabaseError::Connect);
        }
        let path = self.url.strip_prefix("sqlite://").unwrap_or(&self.url);
        let mut connection = SqliteConnection::establish(path).map_err(DatabaseError::Connect)?;
        // One writer and many readers; the chain is the truth, so an fsync a second is enough.
        connection.batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
             PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
        )?;
        Ok(AnyConnection::Sqlite(connection))
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), DatabaseError> {
        Ok(connection.ping()?)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        connection.is_broken()
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// A pool of connections whose schema is up to date.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Manager>,
}

/// A connection that goes back to the pool.
pub type Pooled = PooledConnection<Manager>;

impl Database {
    /// Connects to `url` (`postgres://…`, or a path of a SQLite file, which is made) and brings its schema up to
    /// date. The pool keeps `size` connections.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn open(url: &str, size: u32) -> Result<Database, DatabaseError> {
        let manager = Manager { url: url.to_owned() };
        match manager.connect()? {
            AnyConnection::Sqlite(mut connection) => migrate(&mut connection, SQLITE)?,
            AnyConnection::Postgres(mut connection) => migrate(&mut connection, POSTGRES)?,
        }
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .test_on_check_out(is_postgres(url))
            .connection_timeout(Duration::from_secs(5))
            .build(manager)
            .map_err(DatabaseError::Pool)?;
        Ok(Database { pool })
    }

    /// A connection from the pool.
    ///
    /// # Errors
    /// [`DatabaseError::Pool`] when none becomes free within five seconds.
    pub fn get(&self) -> Result<Pooled, DatabaseError> {
        self.pool.get().map_err(DatabaseError::Pool)
    }
}

fn migrate<DB, C>(connection: &mut C, migrations: EmbeddedMigrations) -> Result<(), DatabaseError>
where
    DB: diesel::backend::Backend,
    C: MigrationHarness<DB>,
{
    connection.run_pending_migrations(migrations).map(drop).map_err(DatabaseError::Migrate)
}
