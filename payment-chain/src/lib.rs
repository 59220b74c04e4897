//! The payment chain.
