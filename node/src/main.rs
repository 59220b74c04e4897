//! permuta
fn main() {}
