use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::Uri;

use crate::tls::ConnectError;

/// More than any proxy has to say before the connection stands.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Opens connections to a bridge through an HTTP proxy.
#[derive(Clone)]
pub(crate) struct HttpProxy {
    /// As `HOST:PORT`.
    address: String,
    /// What `Proxy-Authorization` says.
    authorization: Option<String>,
}

impl HttpProxy {
    /// Reads an option that names a proxy. None unless it is `http://[USER:PASSWORD@]HOST:PORT`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let host = uri.host().filter(|host| !host.is_empty())?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        if uri.scheme_str() != Some("http") || path != "/" || text.contains('#') {
            return None;
        }
        let authority = uri.authority()?.as_str();
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, authority),
        };
        let port: u16 = match address.strip_prefix(host)? {
            "" => 80,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        Some(Self { address: format!("{host}:{port}"), authorization: credentials.map(basic) })
    }

    /// Its address, `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Gives the connection that the proxy has made to `target`.
    pub(crate) async fn connect(&self, target: &str) -> Result<TcpStream, ConnectError> {
        let failed = |what: String| ConnectError(format!("the proxy {} {what}", self.address));
        let mut stream =
            TcpStream::connect(&self.address).await.map_err(|error| failed(format!("can't be reached: {error}")))?;
        stream.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        self.open(&mut stream, target)
            .await
            .map_err(|error| failed(format!("did not connect to {target}: {error}")))?;
        Ok(stream)
    }

    async fn open(&self, stream: &mut TcpStream, target: &str) -> io::Result<()> {
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(authorization) = &self.authorization {
            request += &format!("Proxy-Authorization: {authorization}\r\n");
        }
        stream.write_all((request + "\r\n").as_bytes()).await?;
        // Byte by byte: what follows is the bridge's, which speaks before it is spoken to.
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == MAX_ANSWER_BYTES {
                return Err(io::Error::other("its answer has no end"));
            }
            answer.push(stream.read_u8().await?);
        }
        let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        match line.split(' ').nth(1) {
            Some("200") => Ok(()),
            _ => Err(io::Error::other(format!("it answered {line}"))),
        }
    }
}

/// The header's value for `USER:PASSWORD` of a URL.
fn basic(encoded: &str) -> String {
    let (user, password) = encoded.split_once(':').unwrap_or((encoded, ""));
    let mut credentials: Vec<u8> = percent_decode_str(user).collect();
    credentials.push(b':');
    credentials.extend(percent_decode_str(password));
    format!("Basic {}", BASE64_STANDARD.encode(credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_url() {
        let plain = HttpProxy::parse("http://proxy.example:3128").unwrap();
        assert_eq!((plain.address.as_str(), plain.authorization), ("proxy.example:3128", None));
        assert_eq!(HttpProxy::parse("http://[::1]/").unwrap().address, "[::1]:80");
        let secret = HttpProxy::parse("http://me:p%3A%40@10.0.0.1:3128").unwrap();
        assert_eq!(secret.authorization.unwrap(), format!("Basic {}", BASE64_STANDARD.encode("me:p:@")));
    }

    #[test]
    fn refuses_what_is_not_one() {
        for text in ["", "proxy:3128", "https://proxy:3128", "http://", "http://proxy:3128/path", "http://p:1/?a"] {
            assert!(HttpProxy::parse(text).is_none(), "{text}");
        }
    }
}
