//! 1 mistake: not a struct.

use sigra::Sigra;

#[derive(Sigra)]
#[sigra(table = "roles", sesion)]
pub enum Role {
    Admin,
    Guest,
}

fn auth(auth: &Sigra<Role>) {
    let _ = auth.dialect();
}

fn main() {}
