//! A verifier of passwords that takes as long as a test wants.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use sigra::PasswordVerifier;
use tokio::sync::Notify;

/// The stored hash that it recognises, and no password is right for.
pub const GATED: &str = "gated";
/// Another, for which every password is right.
pub const GATED_RIGHT: &str = "gated, right";

/// What a test holds: it learns that a hash has begun, and lets it end. Dropped, it lets it end too.
#[derive(Debug)]
pub struct Gate {
    begun: Arc<Notify>,
    _shut: mpsc::Sender<()>,
}

/// What a [`Builder`](sigra::Builder) gets.
#[derive(Debug)]
pub struct Gated {
    begun: Arc<Notify>,
    opened: Mutex<mpsc::Receiver<()>>,
}

impl Gate {
    /// A gate that is shut, and the verifier that waits behind it.
    #[must_use]
    pub fn shut() -> (Self, Gated) {
        let (begun, (shut, opened)) = (Arc::<Notify>::default(), mpsc::channel());
        (Self { begun: Arc::clone(&begun), _shut: shut }, Gated { begun, opened: Mutex::new(opened) })
    }

    /// Waits until a hash has begun.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }

    /// Lets it end, and every later one at once.
    pub fn open(self) {
        drop(self);
    }
}

impl PasswordVerifier for Gated {
    fn recognises(&self, stored: &str) -> bool {
        [GATED, GATED_RIGHT].contains(&stored)
    }

    fn verify(&self, _: &[u8], stored: &str) -> bool {
        self.begun.notify_one();
        // An error: the gate is open.
        let _ = self.opened.lock().unwrap_or_else(PoisonError::into_inner).recv();
        stored == GATED_RIGHT
    }
}
