use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tonic::Code;
use tonic::codegen::Service;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::proxy::HttpProxy;
use crate::stranger::{PATIENCE, found_at, is_http2, shown_by_answer};
use crate::tls::{ConnectError, Failure, TlsClient};
use crate::{Error, Options};

/// A connection of any kind.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Connected = TokioIo<Box<dyn Io>>;

/// Connects to one address of the bridge.
#[derive(Clone)]
pub(crate) struct Connector {
    /// As in the options.
    address: String,
    way: Way,
    tls: Option<TlsClient>,
    has_token: bool,
}

#[derive(Clone)]
enum Way {
    Direct(HttpConnector),
    Proxy(HttpProxy),
    Unix(PathBuf),
}

impl Connector {
    /// Those of `Options::bridge`, in order.
    pub(crate) fn all(options: &Options) -> Result<Vec<Self>, Error> {
        let tls = options.tls.as_ref().map(TlsClient::new).transpose()?;
        let one = |address: &str| Self::new(address.trim(), options, tls.clone());
        options.bridge.split(',').map(one).collect()
    }

    fn new(address: &str, options: &Options, tls: Option<TlsClient>) -> Result<Self, Error> {
        let has_token = options.token.is_some();
        if let Some(path) = address.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self { address: address.to_owned(), way: Way::Unix(path.into()), tls: None, has_token });
        }
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() || address.contains('/') || uri(address).is_none() {
            let text = format!(
                "Options::bridge is '{}'; it should be HOST:PORT or unix:/PATH, or several of them with commas between \
                 them",
                options.bridge
            );
            return Err(wrong(text));
        }
        let proxy = match &options.proxy {
            None => None,
            // Without the text: it may hold a password.
            Some(text) => Some(HttpProxy::parse(text).ok_or_else(|| {
                wrong("Options::proxy should be http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with both URL-encoded")
            })?),
        };
        if has_token && tls.is_none() {
            check_plain_text(address)?;
            proxy.as_ref().map_or(Ok(()), |proxy| check_plain_text(proxy.address()))?;
        }
        let way = proxy.map_or_else(|| Way::Direct(tcp()), Way::Proxy);
        Ok(Self { address: address.to_owned(), way, tls, has_token })
    }

    /// Large messages, HTTP/2 keepalive. It connects with the first call, and anew with each one after a failure.
    pub(crate) fn channel(&self) -> Result<Channel, Error> {
        let address = if matches!(self.way, Way::Unix(_)) { "localhost" } else { &self.address };
        let endpoint = uri(address).map(Endpoint::from).ok_or_else(|| wrong("Options::bridge should be HOST:PORT"))?;
        let endpoint = match &self.tls {
            Some(tls) => endpoint.origin(self.origin(tls)?),
            None => endpoint,
        };
        let endpoint = endpoint
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true);
        Ok(endpoint.connect_with_connector_lazy(self.clone()))
    }

    /// What requests name as their server.
    fn origin(&self, tls: &TlsClient) -> Result<Uri, Error> {
        let name = tls.name_for(&self.address);
        format!("https://{name}").parse().map_err(|_| wrong("tls.server_name should be a host's name or IP address"))
    }

    /// The error of a failed attempt to attach, with what it means here.
    pub(crate) async fn explained(&self, error: Error) -> Error {
        let is_anonymous = !self.has_token && !self.tls.as_ref().is_some_and(TlsClient::has_certificate);
        if error.code() == Code::Unauthenticated && is_anonymous {
            return error.with_hint("set Options::token, or cert and key of Options::tls");
        }
        if !error.reason().is_empty() {
            return error;
        }
        let address = &self.address;
        if let Some(text) = shown_by_answer(&error) {
            return Error::new(error.code(), "", format!("{address} {text}"));
        }
        // What the connector said needs no more words.
        if !matches!(self.way, Way::Direct(_)) || error.message().starts_with(address.as_str()) {
            return error;
        }
        let told = match &self.tls {
            Some(tls) => self.refusal(tls).await,
            None => found_at(address).await.map(|text| format!("{address} {text}")),
        };
        told.map_or(error, |text| Error::new(Code::Unavailable, "", text))
    }

    /// The bridge judges the client's certificate when the connection stands, and may just hang up.
    async fn refusal(&self, tls: &TlsClient) -> Option<String> {
        let ask = async {
            let mut stream = self.clone().connect(uri(&self.address)?).await.ok()?.into_inner();
            match stream.read_u8().await {
                Ok(_) => None,
                Err(error) => Some(format!("{}: {}", self.address, tls.refused(&error.to_string()))),
            }
        };
        timeout(PATIENCE, ask).await.ok().flatten()
    }

    async fn connect(self, bridge: Uri) -> Result<Connected, ConnectError> {
        let stream = match self.way {
            Way::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                let stream = stream.map_err(|error| ConnectError(format!("{}: {error}", self.address)))?;
                return Ok(TokioIo::new(Box::new(stream)));
            }
            Way::Proxy(proxy) => proxy.connect(&self.address).await?,
            Way::Direct(mut tcp) => {
                let connected = tcp.call(bridge.clone()).await;
                connected
                    .map_err(|error| ConnectError(format!("{}: {}", self.address, at_bottom(&error))))?
                    .into_inner()
            }
        };
        let Some(tls) = self.tls else { return Ok(TokioIo::new(Box::new(stream))) };
        match tls.connect(bridge.host().unwrap_or_default(), stream).await {
            Ok(stream) => Ok(TokioIo::new(Box::new(stream))),
            Err(Failure::Told(text)) => Err(ConnectError(format!("{}: {text}", self.address))),
            Err(Failure::Closed(how)) => {
                let text = if is_http2(&self.address).await {
                    "the server does not speak TLS: leave Options::tls out".to_owned()
                } else {
                    tls.refused(&how)
                };
                Err(ConnectError(format!("{}: {text}", self.address)))
            }
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Connected;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Connected, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, bridge: Uri) -> Self::Future {
        Box::pin(self.clone().connect(bridge))
    }
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(Duration::from_secs(5)));
    tcp
}

fn uri(address: &str) -> Option<Uri> {
    format!("http://{address}").parse().ok()
}

/// The innermost cause, in words.
fn at_bottom(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), at_bottom)
}

/// Fails if what goes there in plain text leaves this host.
fn check_plain_text(address: &str) -> Result<(), Error> {
    if is_local(address) {
        return Ok(());
    }
    Err(wrong(format!(
        "Options::token would go to {address} in plain text: use Options::tls, or an address of this host, such as \
         127.0.0.1:50051 or unix:/path"
    )))
}

fn is_local(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback() || ip.to_canonical().is_loopback())
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(Code::InvalidArgument, "", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_on_this_host() {
        for address in ["127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "LocalHost:1"] {
            assert!(is_local(address), "{address}");
        }
        for address in ["10.0.0.1:1", "[::]:1", "0.0.0.0:1", "localhost.example:1", "127.0.0.1.example:1"] {
            assert!(!is_local(address), "{address}");
        }
    }

    #[tokio::test]
    async fn an_address_is_host_and_port_or_a_socket() {
        let options = |bridge: &str| Options { bridge: bridge.to_owned(), ..Options::default() };
        for bridge in ["", "nonsense", "http://127.0.0.1:1", "a b:1", "a:1,", "a:1,,b:1", "a:port", "unix:"] {
            let error = Connector::all(&options(bridge)).err().unwrap();
            assert!(error.message().contains("HOST:PORT or unix:/PATH"), "{bridge}");
        }
        let several = Connector::all(&options("a:1, b:2, unix:/c")).unwrap();
        assert_eq!(several.len(), 3);
        assert!(several.iter().all(|one| one.channel().is_ok()));
    }
}
