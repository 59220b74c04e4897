//! What data-chain events write.

use data_chain::Event;
use diesel::prelude::*;

use super::Scribe;
use crate::model::column::{count, integer};
use crate::model::goods::{Document, Product, ProductDocument, Trade};
use crate::model::schema::{documents, product_documents, products, trades};

pub(super) fn write(scribe: &mut Scribe<'_, '_>, event: Event) -> QueryResult<()> {
    match event {
        Event::ProductDescribed { id, owner, product } => {
            let row = Product {
                id: id.to_string(),
                owner: owner.to_string(),
                name: product.name.to_string(),
                hs: product.hs.to_string(),
                grade: product.grade.to_string(),
                origin: product.origin.to_string(),
                unit: product.unit.to_string(),
                place: product.place.to_string(),
                described_ms: scribe.time_ms,
                height: scribe.height,
            };
            diesel::insert_into(products::table).values(&row).execute(scribe.connection())?;
            for (position, document) in product.documents.iter().enumerate() {
                let row = ProductDocument {
                    product: row.id.clone(),
                    position: count(position),
                    document: document.to_string(),
                };
                diesel::insert_into(product_documents::table).values(&row).execute(scribe.connection())?;
            }
            Ok(())
        }
        Event::DocumentRecorded { owner, document } => {
            let row = Document {
                seq: scribe.seq(),
                hash: document.hash.to_string(),
                owner: owner.to_string(),
                name: document.name.to_string(),
                media_type: document.media_type.to_string(),
                size_bytes: integer(document.size_bytes),
                height: scribe.height,
                recorded_ms: scribe.time_ms,
            };
            diesel::insert_into(documents::table).values(&row).execute(scribe.connection()).map(drop)
        }
        Event::TradeRecorded(trade) => {
            let row = Trade {
                settlement: trade.settlement.to_string(),
                height: scribe.height,
                recorded_ms: scribe.time_ms,
                settled_ms: integer(trade.at.0),
                legs: count(trade.legs.len()),
            };
            diesel::insert_into(trades::table).values(&row).execute(scribe.connection()).map(drop)
        }
    }
}
