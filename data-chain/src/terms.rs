//! What a signer reads, in English: rendered from the request alone, which cannot change.

use std::fmt::{Display, Write};

use ledger::Address;

use crate::payload::{Document, Payload, Product};

/// The version of these texts. A change of any word is a new version.
pub const VERSION: u16 = 1;

/// The terms of `payload`, sent by `account`.
#[must_use]
pub fn render(account: Address, payload: &Payload) -> String {
    let mut text = match payload {
        Payload::DescribeProduct(product) => describe(product),
        Payload::RecordDocument(document) => record(document),
    };
    line(&mut text, format_args!("\nAccount {account}\nData chain, terms version {VERSION}"));
    text
}

fn line(text: &mut String, line: impl Display) {
    writeln!(text, "{line}").expect("writing to memory does not fail");
}

fn describe(product: &Product) -> String {
    let Product { name, hs, grade, origin, unit, place, documents } = product;
    let mut text = format!("You put {name} from {origin} on record as your product.\n\n");
    line(&mut text, format_args!("Harmonized System code: {hs}"));
    line(&mut text, format_args!("Grade: {grade}"));
    line(&mut text, format_args!("Origin: {origin}"));
    line(&mut text, format_args!("Measured in: {} ({unit})", unit.name()));
    line(&mut text, format_args!("Where it lies: {place}"));
    if documents.is_empty() {
        line(&mut text, "Documents: none");
    } else {
        line(&mut text, "Documents, by the hash of their contents:");
        for hash in documents {
            line(&mut text, format_args!("- {hash}"));
        }
    }
    text.push_str(
        "\nThis stays on record for good, under your name. Your signature says that the description is true; what \
         stands for these goods in trade points to it.\n",
    );
    text
}

fn record(document: &Document) -> String {
    let Document { hash, name, media_type, size_bytes } = document;
    format!(
        "You put the document \"{name}\" on record.\n\n\
         Hash of its contents: {hash}\n\
         Kind: {media_type}\n\
         Size: {size_bytes} bytes\n\n\
         The hash, name, kind and size stay on record for good, under your name, with the time. The contents do \
         not go on record; whoever has them can prove that they are these.\n"
    )
}
