//! The read model: what the chains' blocks say, as tables, with queries as methods of [`Model`].
//!
//! Nothing here decides anything. The tables are written by [`crate::projector`] from blocks only and can be
//! emptied and written again at any time; [`client`] and [`wish`] alone hold tables of the portal's own. One code path serves
//! SQLite and PostgreSQL; `migrations/` holds their two dialects.
//!
//! Reading order: [`column`] has the types of columns; [`chain`], [`party`], [`goods`], [`market`], [`offer`],
//! [`contract`], [`settlement`], [`validator`] and [`figures`] hold rows and queries.

pub mod chain;
pub mod client;
pub mod column;
pub mod contract;
pub mod figures;
pub mod goods;
pub mod market;
pub mod offer;
pub mod party;
pub(crate) mod schema;
pub mod settlement;
pub mod validator;
pub mod wish;

pub use column::PaddedAmount;

use crate::db::AnyConnection;

/// A connection, with the queries of the read model as methods.
pub struct Model<'a> {
    pub(crate) connection: &'a mut AnyConnection,
}

impl<'a> Model<'a> {
    /// The read model behind `connection`.
    pub fn new(connection: &'a mut AnyConnection) -> Model<'a> {
        Model { connection }
    }
}

/// A page of rows: at most as many as were asked for, and where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// What to ask for next; `None` when this was the last page.
    pub next: Option<i64>,
}

impl<T> Page<T> {
    /// Cuts `rows`, of which one more than `limit` was asked for, down to a page; `key` is where a row stands.
    pub(crate) fn cut(mut rows: Vec<T>, limit: i64, key: impl Fn(&T) -> i64) -> Page<T> {
        let limit = usize::try_from(limit).unwrap_or(0);
        let next = (rows.len() > limit).then(|| rows[..limit].last().map(&key)).flatten();
        rows.truncate(limit);
        Page { rows, next }
    }
}
