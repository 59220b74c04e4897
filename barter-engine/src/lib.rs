//! barter-engine
