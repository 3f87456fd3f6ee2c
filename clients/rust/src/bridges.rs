use std::sync::{Mutex, MutexGuard, PoisonError};

use tonic::Code;

use crate::Error;
use crate::attempt::Client;

/// Clients of the addresses where the bridge may be. One is used at a time, for the stream and for all calls.
pub(crate) struct Bridges {
    /// They connect with their first call, and stay: calls may be under way.
    clients: Vec<Client>,
    position: Mutex<Position>,
}

#[derive(Default)]
struct Position {
    current: usize,
    /// Addresses tried since the last good stream.
    tried: usize,
}

impl Bridges {
    /// `clients` must not be empty.
    pub(crate) fn new(clients: Vec<Client>) -> Self {
        Self { clients, position: Mutex::default() }
    }

    /// That of the address that is used now.
    pub(crate) fn client(&self) -> Client {
        self.clients[self.position().current].clone()
    }

    /// Turns to the next address if the error says that this one does not serve. True if the next one has not failed yet
    /// since the last good stream, so that it is worth trying at once.
    pub(crate) fn failed(&self, error: &Error) -> bool {
        if !error.reason().is_empty() && error.code() != Code::Unavailable {
            return false;
        }
        let mut position = self.position();
        position.current = (position.current + 1) % self.clients.len();
        position.tried += 1;
        !position.tried.is_multiple_of(self.clients.len())
    }

    /// A stream lived long enough to be called a good one.
    pub(crate) fn served(&self) {
        self.position().tried = 0;
    }

    fn position(&self) -> MutexGuard<'_, Position> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
