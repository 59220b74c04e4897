//! data-chain
