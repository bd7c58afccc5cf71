//! 5 mistakes: everything that a user cannot do without, in the order of the source.

use sigra::Sigra;

#[derive(Sigra)]
pub struct Person {
    pub name: String,
}

async fn connect() -> Result<Sigra<Person>, sigra::Error> {
    Sigra::<Person>::connect("sqlite://app.db").await
}

fn main() {}
