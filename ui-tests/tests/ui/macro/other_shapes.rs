//! 4 mistakes: a user is a struct with named fields and no parameters.

use sigra::Sigra;

#[derive(Sigra)]
pub struct Pair(u64, String);

#[derive(Sigra)]
pub struct Nothing;

#[derive(Sigra)]
pub union Bits {
    bits: u64,
}

#[derive(Sigra)]
pub struct Generic<T> {
    id: T,
}

fn main() {}
