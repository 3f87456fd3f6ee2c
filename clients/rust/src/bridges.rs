use std::sync::{Mutex, MutexGuard, PoisonError};

use tonic::Code;

use crate::attempt::Client;
use crate::connection::Connection;
use crate::connector::Connector;
use crate::{Error, Options, Token};

/// Clients of the addresses where the bridge may be. One is used at a time, for the stream and for all calls.
pub(crate) struct Bridges {
    /// They connect with their first call, and stay: calls may be under way.
    clients: Vec<Client>,
    /// How they connect. None where the connection is the caller's own.
    connectors: Option<Vec<Connector>>,
    gives_fresh_tokens: bool,
    position: Mutex<Position>,
}

#[derive(Default)]
struct Position {
    current: usize,
    /// Addresses tried since the last good stream.
    tried: usize,
}

impl Bridges {
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let connectors = match options.channel {
            Some(_) => None,
            None => Some(Connector::all(options)?),
        };
        let channels = match (&connectors, &options.channel) {
            (Some(all), _) => all.iter().map(Connector::channel).collect::<Result<_, _>>()?,
            (None, own) => own.iter().cloned().collect::<Vec<_>>(),
        };
        let client = |channel| {
            Client::new(Connection::new(channel, options.token.clone()))
                .max_decoding_message_size(options.max_message_bytes)
                .max_encoding_message_size(options.max_message_bytes)
        };
        Ok(Self {
            clients: channels.into_iter().map(client).collect(),
            connectors,
            gives_fresh_tokens: options.token.as_ref().is_some_and(Token::is_fresh),
            position: Mutex::default(),
        })
    }

    /// True if another try may have another token.
    pub(crate) fn gives_fresh_tokens(&self) -> bool {
        self.gives_fresh_tokens
    }

    /// The error of an attempt to attach at the address that is used now, with what it means.
    pub(crate) async fn explained(&self, error: Error) -> Error {
        let current = self.position().current;
        match &self.connectors {
            Some(connectors) => connectors[current].explained(error).await,
            None => error,
        }
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
