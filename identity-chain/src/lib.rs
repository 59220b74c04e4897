//! identity-chain
