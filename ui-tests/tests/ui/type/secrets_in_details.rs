//! 3 mistakes: nor by hand.

use sigra::audit::Details;
use sigra::{Credentials, Keyring, Password};

fn details(password: &Password, credentials: Vec<Credentials>, ring: &Keyring) -> Details {
    Details::new().with("typed", password).with("presented", credentials).with("ring", Some(ring))
}

fn main() {}
