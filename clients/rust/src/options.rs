use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tonic::Code;
use tonic::transport::Channel;

use crate::proto::mesos::v1::FrameworkInfo;
use crate::proto::mesos::v1::scheduler::OfferConstraints;
use crate::proto::mesosbridge::v1::{ExpiryPolicy, SubscribeMode, SubscribeRequest};
use crate::{Error, Pem, Tls, Token};

/// How a scheduler attaches. `bridge` (or `channel`) and `framework_name` are required.
#[derive(Clone)]
pub struct Options {
    /// The bridge: `HOST:PORT` or `unix:/PATH`. For a bridge that may move to another host, several: `"a:50051,b:50051"`. If the one in
    /// use can't be reached, the next one is tried at once.
    pub bridge: String,
    /// An HTTP proxy through which to reach the bridge: `http://[USER:PASSWORD@]HOST:PORT`. Default: none. Proxies that
    /// the environment names (such as `http_proxy`) are not used.
    pub proxy: Option<String>,
    /// Reach the bridge by TLS. None: in plain text.
    pub tls: Option<Tls>,
    /// Says who calls. In plain text it goes to this host only.
    pub token: Option<Token>,
    /// Names the session. The bridge keeps the Mesos framework id that belongs to it.
    pub framework_name: String,
    /// The framework as Mesos will know it; `user` is required, an empty `name` becomes `framework_name`. None: the one
    /// that the bridge has stored.
    pub framework_info: Option<FrameworkInfo>,
    /// How long the session outlives this client. None: the bridge's default, 60 s.
    pub lease: Option<Duration>,
    /// What happens to the framework then. Default: it is left to Mesos's failover timeout.
    pub expiry_policy: ExpiryPolicy,
    /// Roles for which no offers are wanted yet.
    pub suppressed_roles: Vec<String>,
    /// Which agents' offers are wanted, as in Mesos's SUBSCRIBE.
    pub offer_constraints: Option<OfferConstraints>,
    /// If Mesos has removed the stored framework: continue as a new one. Default: end with `FRAMEWORK_REMOVED`.
    pub replace_removed: bool,
    /// Wait while another scheduler of this framework is active, and take over when it is gone. Use it in each of several
    /// instances. Default: off: it takes over at once.
    pub standby: bool,
    /// Waits between attachments are random up to a bound that doubles from this one. Default 100 ms.
    pub backoff_initial: Duration,
    /// The largest such bound. Default 15 s.
    pub backoff_max: Duration,
    /// Gives up when there was no attachment for so long. None: never.
    pub give_up_after: Option<Duration>,
    /// Deadline of each call, waiting for an attachment and tries again included. Default 30 s.
    pub call_timeout: Duration,
    /// Leave acknowledgements to the caller: nothing is acknowledged but by `Scheduler::acknowledge`.
    pub manual_acknowledge: bool,
    /// How many events may wait for the consumer before the bridge is made to wait. Default 256.
    pub max_buffered: usize,
    /// Largest message in either direction, in bytes. Default 256 MiB: the bridge cuts offers into pieces of about 1 MiB,
    /// but a single offer may be larger, so gRPC's usual limit of 4 MiB would not do.
    pub max_message_bytes: usize,
    /// A connection of your own in place of `bridge`, for another transport. It goes with neither `tls` nor `token`: what
    /// it encrypts can't be seen.
    pub channel: Option<Channel>,
    /// Says, once each, that the scheduler waits for the bridge, and for offers. Default: on standard error.
    pub log: fn(&str),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bridge: String::new(),
            proxy: None,
            tls: None,
            token: None,
            framework_name: String::new(),
            framework_info: None,
            lease: None,
            expiry_policy: ExpiryPolicy::Unspecified,
            suppressed_roles: Vec::new(),
            offer_constraints: None,
            replace_removed: false,
            standby: false,
            backoff_initial: Duration::from_millis(100),
            backoff_max: Duration::from_secs(15),
            give_up_after: None,
            call_timeout: Duration::from_secs(30),
            manual_acknowledge: false,
            max_buffered: 256,
            max_message_bytes: 256 << 20,
            channel: None,
            log: |text| eprintln!("{text}"),
        }
    }
}

impl Options {
    /// The defaults, with `tls` and `token` as these variables of the environment say, which name files:
    /// `MESOS_BRIDGE_CA`, `MESOS_BRIDGE_CERT`, `MESOS_BRIDGE_KEY`, and `MESOS_BRIDGE_TOKEN_FILE`, which is read for each
    /// stream and call. It fails if there is no token in that file.
    pub fn from_environment() -> Result<Self, Error> {
        Self::with_files(None, None, None, None)
    }

    /// The same, with other files in place of those of the environment.
    pub fn with_files(
        ca: Option<PathBuf>,
        cert: Option<PathBuf>,
        key: Option<PathBuf>,
        token: Option<PathBuf>,
    ) -> Result<Self, Error> {
        let variable = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let pem = |given: Option<PathBuf>, name: &str| given.or_else(|| variable(name)).map(Pem::File);
        let tls = Tls {
            ca: pem(ca, "MESOS_BRIDGE_CA"),
            cert: pem(cert, "MESOS_BRIDGE_CERT"),
            key: pem(key, "MESOS_BRIDGE_KEY"),
            server_name: None,
        };
        let is_given = tls.ca.is_some() || tls.cert.is_some() || tls.key.is_some();
        let token = token.or_else(|| variable("MESOS_BRIDGE_TOKEN_FILE")).map(Token::checked_file).transpose()?;
        Ok(Self { tls: is_given.then_some(tls), token, ..Self::default() })
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |text: &str| Err(Error::new(Code::InvalidArgument, "", text));
        if self.framework_name.is_empty() {
            return wrong("Options::framework_name is required");
        }
        if self.framework_info.as_ref().is_some_and(|info| info.user.is_empty()) {
            return wrong("Options::framework_info needs a user: whom tasks run as on the agents");
        }
        if self.channel.is_some() && (self.tls.is_some() || self.token.is_some()) {
            return wrong("Options::channel goes with neither Options::tls nor Options::token");
        }
        self.token.as_ref().map_or(Ok(()), Token::check)
    }

    /// What to attach with, but for `resume`.
    pub(crate) fn request(&self) -> SubscribeRequest {
        let mut framework_info = self.framework_info.clone();
        if let Some(info) = &mut framework_info
            && info.name.is_empty()
        {
            info.name.clone_from(&self.framework_name);
        }
        SubscribeRequest {
            framework_name: self.framework_name.clone(),
            framework_info,
            resume: None,
            lease: self.lease.and_then(|lease| lease.try_into().ok()),
            expiry_policy: self.expiry_policy.into(),
            suppressed_roles: self.suppressed_roles.clone(),
            offer_constraints: self.offer_constraints.clone(),
            replace_removed: self.replace_removed,
            mode: if self.standby { SubscribeMode::Standby } else { SubscribeMode::Unspecified }.into(),
        }
    }
}

/// Without what may be secret.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("bridge", &self.bridge)
            .field("framework_name", &self.framework_name)
            .field("tls", &self.tls)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options { bridge: "127.0.0.1:50051".to_owned(), framework_name: "f".to_owned(), ..Options::default() }
    }

    #[test]
    fn says_what_is_missing() {
        let no_name = Options { framework_name: String::new(), ..options() };
        assert!(no_name.check().unwrap_err().message().contains("framework_name"));
        let no_user = Options { framework_info: Some(FrameworkInfo::default()), ..options() };
        assert!(no_user.check().unwrap_err().message().contains("user"));
        assert!(options().check().is_ok());
    }

    #[test]
    fn the_framework_is_called_as_the_session_unless_it_has_a_name() {
        let info = FrameworkInfo { user: "me".to_owned(), ..Default::default() };
        let unnamed = Options { framework_info: Some(info.clone()), ..options() };
        assert_eq!(unnamed.request().framework_info.unwrap().name, "f");
        let named = Options { framework_info: Some(FrameworkInfo { name: "g".to_owned(), ..info }), ..options() };
        assert_eq!(named.request().framework_info.unwrap().name, "g");
    }
}
