use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as RustlsError, InconsistentKeys, RootCertStore};
use tonic::Code;

use crate::Error;

/// Given at all, the bridge is reached by TLS, except over Unix sockets. Files are read by `connect`.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The authorities that may have issued the bridge's certificate. None: those of the system.
    pub ca: Option<Pem>,
    /// The client's certificate, followed by those that lead to its authority. Needs `key`.
    pub cert: Option<Pem>,
    /// The key of the client's certificate, not encrypted.
    pub key: Option<Pem>,
    /// The name in the bridge's certificate, if that is not the host of its address.
    pub server_name: Option<String>,
}

/// Certificates or a key, in PEM: the path of a file, or the bytes.
#[derive(Clone)]
pub enum Pem {
    /// The path of a file.
    File(PathBuf),
    /// The content.
    Bytes(Vec<u8>),
}

impl From<&str> for Pem {
    /// The path of a file.
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

impl From<PathBuf> for Pem {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<Vec<u8>> for Pem {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Bytes(_) => f.write_str(".."),
        }
    }
}

/// Options that were read and fit together.
#[derive(Clone)]
pub(crate) struct TlsClient {
    config: Arc<ClientConfig>,
    server_name: Option<String>,
    has_certificate: bool,
}

impl TlsClient {
    pub(crate) fn new(options: &Tls) -> Result<Self, Error> {
        let roots = match &options.ca {
            Some(ca) => authorities("ca", ca)?,
            None => system_authorities()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(format!("TLS can't be used: {error}")))?
            .with_root_certificates(roots);
        let mut config = match (&options.cert, &options.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => builder
                .with_client_auth_cert(certificates("cert", cert)?, private_key(key)?)
                .map_err(|error| wrong(unusable(&error)))?,
            (Some(_), None) => return Err(wrong("tls.key is missing: tls.cert and tls.key go together")),
            (None, Some(_)) => return Err(wrong("tls.cert is missing: tls.cert and tls.key go together")),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        if let Some(name) = &options.server_name {
            server_name(name).map_err(|_| wrong("tls.server_name should be a host's name or IP address"))?;
        }
        Ok(Self {
            config: Arc::new(config),
            server_name: options.server_name.clone(),
            has_certificate: options.cert.is_some(),
        })
    }

    pub(crate) fn has_certificate(&self) -> bool {
        self.has_certificate
    }

    /// The name that the bridge's certificate has to be for.
    pub(crate) fn name_for<'a>(&'a self, host: &'a str) -> &'a str {
        self.server_name.as_deref().unwrap_or(host)
    }

    /// The error is in words for people, but for what they can't do anything about.
    pub(crate) async fn connect<S>(&self, host: &str, stream: S) -> Result<TlsStream<S>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = self.name_for(host);
        let asked = server_name(name).map_err(|_| Failure::Told(format!("{name} can't be in a certificate")))?;
        let connected = TlsConnector::from(self.config.clone()).connect(asked, stream).await;
        connected.map_err(|error| self.failure(&error, name))
    }

    /// Why a connection failed.
    pub(crate) fn failure(&self, error: &io::Error, name: &str) -> Failure {
        let Some(cause) = error.get_ref().and_then(|inner| inner.downcast_ref::<RustlsError>()) else {
            return Failure::Closed(error.to_string());
        };
        let told = match cause {
            RustlsError::InvalidCertificate(fault) => wrong_certificate(fault, name),
            RustlsError::AlertReceived(alert) => self.refused(&format!("its alert is {alert:?}")),
            RustlsError::InvalidMessage(_) => return Failure::Closed("what answers is not TLS".to_owned()),
            other => format!("no TLS connection: {other}"),
        };
        Failure::Told(told)
    }

    /// What it means if the bridge hangs up when it has seen the client's certificate.
    pub(crate) fn refused(&self, how: &str) -> String {
        if self.has_certificate {
            format!(
                "the bridge refuses the client certificate, which may have expired, or be of an authority that the \
                 bridge does not trust: {how}"
            )
        } else {
            format!("the bridge wants a client certificate, tls.cert and tls.key: {how}")
        }
    }
}

/// Why there is no TLS connection.
pub(crate) enum Failure {
    /// In words for people.
    Told(String),
    /// The server hung up, or answered in another protocol.
    Closed(String),
}

fn wrong_certificate(fault: &CertificateError, name: &str) -> String {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
    };
    match fault {
        Expired | ExpiredContext { .. } => "the bridge's certificate has expired".to_owned(),
        NotValidYet | NotValidYetContext { .. } => {
            "the bridge's certificate is not valid yet: compare the clocks".to_owned()
        }
        NotValidForName | NotValidForNameContext { .. } => {
            format!("the bridge's certificate is not for {name}: set tls.server_name to a name that it is for")
        }
        other => format!("the bridge's certificate is of an authority that is not trusted: set tls.ca ({other})"),
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, ()> {
    ServerName::try_from(name.trim_matches(['[', ']']).to_owned()).map_err(|_| ())
}

fn system_authorities() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(wrong("this system has no authorities: set tls.ca"));
    }
    Ok(roots)
}

fn authorities(name: &str, pem: &Pem) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(name, pem)? {
        roots.add(certificate).map_err(|error| wrong(format!("tls.{name} can't be used: {error}")))?;
    }
    Ok(roots)
}

fn certificates(name: &str, pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Error> {
    let content = read(name, pem)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(wrong(format!("tls.{name}: {pem:?} should have a certificate in PEM"))),
    }
}

fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>, Error> {
    let content = read("key", pem)?;
    PrivateKeyDer::from_pem_slice(&content)
        .map_err(|_| wrong(format!("tls.key: {pem:?} should have a private key in PEM, without a passphrase")))
}

fn read(name: &str, pem: &Pem) -> Result<Vec<u8>, Error> {
    match pem {
        Pem::Bytes(bytes) => Ok(bytes.clone()),
        Pem::File(path) => {
            std::fs::read(path).map_err(|error| wrong(format!("tls.{name}: can't read {}: {error}", path.display())))
        }
    }
}

fn unusable(error: &RustlsError) -> String {
    match error {
        RustlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "tls.key is not the key of the certificate in tls.cert".to_owned()
        }
        other => format!("tls.cert and tls.key can't be used: {other}"),
    }
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(Code::InvalidArgument, "", text)
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsClient(..)")
    }
}

/// A connection that failed, in words.
#[derive(Debug)]
pub(crate) struct ConnectError(pub(crate) String);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for ConnectError {}
