//! The portal, dashboards and bank API over a relational read model.
pub mod db;
