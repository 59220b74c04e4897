//! Products, documents and trade records of the data chain.

#![allow(missing_docs, reason = "the fields are the columns that migrations/ documents")]

use diesel::prelude::*;

use super::Model;
use super::schema::{documents, product_documents, products, trades};

/// A product as its owner described it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = products)]
pub struct Product {
    pub id: String,
    pub owner: String,
    pub name: String,
    pub hs: String,
    pub grade: String,
    pub origin: String,
    pub unit: String,
    pub place: String,
    pub described_ms: i64,
    pub height: i64,
}

/// That a product names a document.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = product_documents)]
pub struct ProductDocument {
    pub product: String,
    pub position: i64,
    pub document: String,
}

/// That an organisation put a document on record.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = documents)]
pub struct Document {
    pub seq: i64,
    pub hash: String,
    pub owner: String,
    pub name: String,
    pub media_type: String,
    pub size_bytes: i64,
    pub height: i64,
    pub recorded_ms: i64,
}

/// That a settlement stands on the data chain's record.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = trades)]
pub struct Trade {
    pub settlement: String,
    pub height: i64,
    pub recorded_ms: i64,
    pub settled_ms: i64,
    pub legs: i64,
}

impl Model<'_> {
    /// A product.
    ///
    /// # Errors
    /// When the query fails.
    pub fn product(&mut self, id: &str) -> QueryResult<Option<Product>> {
        products::table
            .filter(products::id.eq(id))
            .select(Product::as_select())
            .first(self.connection)
            .optional()
    }

    /// The products of an organisation, newest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn products_of(&mut self, owner: &str) -> QueryResult<Vec<Product>> {
        products::table
            .filter(products::owner.eq(owner))
            .order((products::described_ms.desc(), products::id.asc()))
            .select(Product::as_select())
            .load(self.connection)
    }

    /// The hashes of the documents that a product names, in its order.
    ///
    /// # Errors
    /// When the query fails.
    pub fn documents_of_product(&mut self, product: &str) -> QueryResult<Vec<String>> {
        product_documents::table
            .filter(product_documents::product.eq(product))
            .order(product_documents::position.asc())
            .select(product_documents::document)
            .load(self.connection)
    }

    /// Hash and name of each document that a product names, in its order; a document has the name of its first
    /// record.
    ///
    /// # Errors
    /// When the query fails.
    pub fn documents_behind(&mut self, product: &str) -> QueryResult<Vec<(String, String)>> {
        let mut found = Vec::new();
        for hash in self.documents_of_product(product)? {
            let first = self.documents_named(&hash)?.into_iter().next();
            found.extend(first.map(|document| (hash, document.name)));
        }
        Ok(found)
    }

    /// The documents that an organisation put on record, newest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn documents_of(&mut self, owner: &str) -> QueryResult<Vec<Document>> {
        documents::table
            .filter(documents::owner.eq(owner))
            .order(documents::seq.desc())
            .select(Document::as_select())
            .load(self.connection)
    }

    /// The first times that a document was put on record, by whomever.
    ///
    /// # Errors
    /// When the query fails.
    pub fn documents_named(&mut self, hash: &str) -> QueryResult<Vec<Document>> {
        documents::table
            .filter(documents::hash.eq(hash))
            .order(documents::seq.asc())
            .limit(10)
            .select(Document::as_select())
            .load(self.connection)
    }

    /// The data chain's record of a settlement.
    ///
    /// # Errors
    /// When the query fails.
    pub fn trade(&mut self, settlement: &str) -> QueryResult<Option<Trade>> {
        trades::table
            .filter(trades::settlement.eq(settlement))
            .select(Trade::as_select())
            .first(self.connection)
            .optional()
    }
}
