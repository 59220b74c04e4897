//! payment-chain
