//! The portal, dashboards and bank API over a relational read model.
//!
//! A handler extracts, authorises, calls, and renders. Nothing here decides who owns what: pages read the model that
//! the chains' events made, and whatever changes something is a transaction that its owner signed.
//!
//! Reading order: [`app`] is the program, [`session`] who sends a request, [`form`] what they enter, [`page`] what
//! every page shows, [`portal`] the pages of traders, operator and gateways; [`projector`] writes what
//! [`model`] reads.

pub mod accounts;
pub mod api;
pub mod app;
pub mod assets;
pub mod bank;
mod batches;
pub mod chains;
pub mod clearings;
pub mod clock;
pub mod db;
mod door;
pub mod error;
pub mod explorer;
mod files;
pub mod form;
mod hashing;
pub mod health;
pub mod language;
mod latest;
pub mod limit;
pub mod model;
pub mod page;
pub mod places;
pub mod portal;
pub mod projector;
pub mod ring;
pub mod session;
pub mod show;
pub mod signing;
pub mod supervisor;
pub mod sure;

#[cfg(test)]
mod testing;

pub use app::{App, DemoInfo, DemoLogin, Settings, Shared, configure, serve};
pub use chains::Chains;
pub use error::WebError;
