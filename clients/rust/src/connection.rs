use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response, header::AUTHORIZATION};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::transport::Channel;

use crate::token::Token;

type BoxError = Box<dyn StdError + Send + Sync>;

/// A channel to a bridge that puts the token into all that goes there.
#[derive(Clone, Debug)]
pub struct Connection {
    channel: Channel,
    token: Option<Token>,
}

impl Connection {
    pub(crate) fn new(channel: Channel, token: Option<Token>) -> Self {
        Self { channel, token }
    }
}

impl Service<Request<Body>> for Connection {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.channel.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(token) = self.token.clone() else {
            let response = self.channel.call(request);
            return Box::pin(async move { response.await.map_err(Into::into) });
        };
        // The one that is ready makes the call.
        let next = self.channel.clone();
        let mut channel = std::mem::replace(&mut self.channel, next);
        Box::pin(async move {
            let header = token.header().await.map_err(|error| BoxError::from(error.into_status()))?;
            request.headers_mut().insert(AUTHORIZATION, header);
            channel.call(request).await.map_err(Into::into)
        })
    }
}
