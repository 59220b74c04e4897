//! Decoding that knows which field it was reading when it failed.

use std::io::{Error, ErrorKind, Read};

use borsh::BorshDeserialize;
use ledger::Refusal;

use crate::WordError;

/// What is wrong with which field of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads a value and, when it cannot be read, says that it was `name` (unless something inside it has already
/// given its own name).
///
/// # Errors
/// An [`Error`] of kind [`ErrorKind::InvalidData`] that holds a [`FieldError`].
pub fn read<T: BorshDeserialize, R: Read>(reader: &mut R, name: &'static str) -> std::io::Result<T> {
    T::deserialize_reader(reader).map_err(|error| {
        let inner = error.get_ref();
        if inner.is_some_and(|inner| inner.is::<FieldError>()) {
            return error;
        }
        let reason = match inner.and_then(|inner| inner.downcast_ref::<WordError>()) {
            Some(word) => word.reason.clone(),
            None => "missing, or not in its canonical encoding".to_owned(),
        };
        Error::new(ErrorKind::InvalidData, FieldError { field: name, reason })
    })
}

/// Decodes a whole request to a chain, to the last byte.
///
/// # Errors
/// A [`Refusal`] with the code `malformed` and the field at fault; `payload` when it is none in particular.
pub fn decode<T: BorshDeserialize>(bytes: &[u8]) -> Result<T, Refusal> {
    T::try_from_slice(bytes).map_err(|error| {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<FieldError>()) {
            Some(fault) => Refusal::new("malformed", fault.field, fault.reason.clone()),
            None => {
                Refusal::new("malformed", "payload", "not the canonical encoding of a request to this chain")
            }
        }
    })
}

/// Implements `BorshDeserialize` with [`read`] for a struct, or for an enum whose tags are given, so that it
/// reads what the derived `BorshSerialize` writes.
///
/// ```
/// use borsh::{BorshDeserialize, BorshSerialize};
/// use vocabulary::{Country, Text};
///
/// #[derive(Debug, BorshSerialize)]
/// struct Warehouse {
///     name: Text<80>,
///     country: Country,
/// }
/// vocabulary::decode_by_field!(struct Warehouse { name, country });
///
/// let refusal = vocabulary::field::decode::<Warehouse>(b"\x05\0\0\0HalleXX").unwrap_err();
/// assert_eq!(refusal.field, "country");
/// ```
#[macro_export]
macro_rules! decode_by_field {
    (struct $type:ident { $($field:ident),+ $(,)? }) => {
        impl ::borsh::BorshDeserialize for $type {
            fn deserialize_reader<R: ::std::io::Read>(reader: &mut R) -> ::std::io::Result<Self> {
                Ok($type { $($field: $crate::field::read(reader, stringify!($field))?),+ })
            }
        }
    };
    (enum $type:ident {
        $($tag:literal => $variant:ident $(($inner:ident))? $({ $($field:ident),+ $(,)? })?),+ $(,)?
    }) => {
        impl ::borsh::BorshDeserialize for $type {
            fn deserialize_reader<R: ::std::io::Read>(reader: &mut R) -> ::std::io::Result<Self> {
                let tag: u8 = $crate::field::read(reader, "payload")?;
                match tag {
                    $($tag => Ok($type::$variant
                        $(($crate::field::read(reader, stringify!($inner))?))?
                        $({ $($field: $crate::field::read(reader, stringify!($field))?),+ })?
                    ),)+
                    _ => Err(::std::io::Error::new(
                        ::std::io::ErrorKind::InvalidData,
                        $crate::field::FieldError {
                            field: "payload",
                            reason: format!("this chain knows no request of kind {tag}"),
                        },
                    )),
                }
            }
        }
    };
}
