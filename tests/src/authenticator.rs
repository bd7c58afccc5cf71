//! An authenticator app, written from the RFCs and not with the library's own code.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sigra::clock::{Clock as _, TestClock};

/// One seed, and the clock of the phone.
#[derive(Clone, Debug)]
pub struct Authenticator {
    /// The seed in base32, as other programs take it.
    pub secret: String,
    clock: Arc<TestClock>,
}

impl Authenticator {
    /// Reads an `otpauth:` address.
    ///
    /// # Panics
    /// It has no secret.
    #[must_use]
    pub fn new(uri: &str, clock: Arc<TestClock>) -> Self {
        assert!(uri.starts_with("otpauth://totp/"), "{uri}");
        let secret = uri.split(['?', '&']).find_map(|part| part.strip_prefix("secret=")).expect("a secret");
        Self { secret: secret.to_owned(), clock }
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> Vec<u8> {
        base32(&self.secret)
    }

    /// The time of the phone in seconds, so many steps from now.
    #[must_use]
    pub fn time(&self, steps: i64) -> i64 {
        self.clock.now().unix_timestamp() + 30 * steps
    }

    /// The code, so many steps from now (RFC 6238).
    #[must_use]
    pub fn code(&self, steps: i64) -> String {
        hotp(&base32(&self.secret), u64::try_from(self.time(steps) / 30).expect("after 1970"))
    }

    /// The code of a step.
    ///
    /// # Panics
    /// It is before 1970.
    #[must_use]
    pub fn code_of(&self, step: i64) -> String {
        hotp(&base32(&self.secret), u64::try_from(step).expect("after 1970"))
    }

    /// A code that is none of those near now.
    #[must_use]
    pub fn wrong(&self) -> String {
        let near: Vec<String> = (-3..=3).map(|steps| self.code(steps)).collect();
        (0..1_000_000)
            .map(|number| format!("{number:06}"))
            .find(|code| !near.contains(code))
            .expect("one of a million")
    }

    /// Waits until a step has begun, so that what follows is within it: the true time goes on under a test.
    pub async fn at_the_start_of_a_step(&self) {
        while self.time(0).rem_euclid(30) > 1 {
            self.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    }
}

/// RFC 4226 5.3.
fn hotp(seed: &[u8], counter: u64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(seed).expect("any length");
    mac.update(&counter.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes(digest[offset..offset + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// RFC 4648 6, without padding.
fn base32(text: &str) -> Vec<u8> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.chars() {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).expect("a letter of base32");
        bits = (bits << 5) | u32::try_from(value).expect("five bits");
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 255).expect("a byte"));
        }
    }
    bytes
}
