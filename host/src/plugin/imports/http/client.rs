//! The one HTTP client of a plugin: where it may go, with which headers, and how a failure reads.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, Request, Response};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::OnceCell;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::canned::CannedResponse;
use super::connect::{CheckedConnector, ConnectError, Resolve, SystemResolver, Target};
use crate::metrics::Capability;
use crate::plugin::allow::Allowances;
use crate::plugin::allow::origin::OriginPattern;
use crate::plugin::denials::Denials;

/// Of all headers of a request or response, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;
/// Headers of a response.
const MAX_HEADERS: usize = 128;
/// Connections to one origin that wait for the next request.
const MAX_IDLE: usize = 4;
/// How long they wait: servers close them after five seconds and more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// What says where a request ends, who it is for, or is said between a client and its proxy: the
/// host writes it, or nobody.
const FORBIDDEN_HEADERS: [HeaderName; 11] = [
    header::HOST,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The body of a request, or of a response.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>;

/// Why there is no response. The texts are for an operator, and show nothing of a URL but its
/// origin: the rest may hold a token.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The origin is not under `[allow] http`.
    #[error("{0} is not allowed")]
    NotGranted(String),
    /// The name leads to an address that is not public.
    #[error("{0}")]
    Blocked(String),
    /// Time is up.
    #[error("there was no answer in time")]
    TimedOut,
    /// The request or the response.
    #[error("it is larger than plugins may send and receive")]
    TooLarge,
    /// The request makes no sense.
    #[error("the request makes no sense: {0}")]
    Invalid(String),
    /// Anything else.
    #[error("{0}")]
    Transport(String),
}

/// What requests of all plugins go through.
#[derive(Clone)]
pub struct Network {
    resolver: Arc<dyn Resolve>,
    /// Which servers are believed; read from the system when it is first needed.
    tls: Arc<OnceCell<Arc<ClientConfig>>>,
    /// Instead of all servers, where plugins are only tried.
    canned: Option<Arc<[CannedResponse]>>,
}

impl Default for Network {
    /// The system's resolver, and the authorities that it trusts.
    fn default() -> Self {
        Self {
            resolver: Arc::new(SystemResolver::default()),
            tls: Arc::default(),
            canned: None,
        }
    }
}

impl Network {
    /// No network: only what `responses` answer.
    pub fn canned(responses: &[CannedResponse]) -> Self {
        Self {
            canned: Some(responses.into()),
            ..Self::default()
        }
    }

    /// Asks `resolver`, and believes whom `tls` does.
    #[cfg(test)]
    pub fn new(resolver: Arc<dyn Resolve>, tls: Arc<ClientConfig>) -> Self {
        let tls = Arc::new(OnceCell::new_with(Some(tls)));
        Self {
            resolver,
            tls,
            canned: None,
        }
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, HttpError> {
        // Some hundred certificates are read and parsed.
        let load = || async {
            let loaded = tokio::task::spawn_blocking(|| tls_config(None)).await;
            loaded.map_err(|error| HttpError::Transport(error.to_string()))?
        };
        self.tls.get_or_try_init(load).await.map(Arc::clone)
    }
}

/// Believes in what leads to `roots`, or else in what the system trusts: `SSL_CERT_FILE` and
/// `SSL_CERT_DIR`, where they are set.
pub fn tls_config(roots: Option<RootCertStore>) -> Result<Arc<ClientConfig>, HttpError> {
    let failed = |cause: &dyn std::fmt::Display| {
        let text = format!("the certificates that this system trusts cannot be read: {cause}");
        HttpError::Transport(text)
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?;
    let config = match roots {
        Some(roots) => config.with_root_certificates(roots),
        None => config.with_native_roots().map_err(|error| failed(&error))?,
    };
    Ok(Arc::new(config.with_no_client_auth()))
}

/// The HTTP client of one plugin, with its connections.
pub struct HttpClient {
    origins: Vec<OriginPattern>,
    private: bool,
    network: Network,
    client: OnceCell<Client<HttpsConnector<CheckedConnector>, Body>>,
    denials: Arc<Denials>,
}

impl HttpClient {
    /// The client of a plugin that is allowed what `allow` says.
    pub fn new(allow: &Allowances, network: Network, denials: Arc<Denials>) -> Self {
        Self {
            origins: allow.http.clone(),
            private: allow.http_private,
            network,
            client: OnceCell::new(),
            denials,
        }
    }

    /// The answer to `request`, of the server or of a trial. A redirect is a response like any
    /// other.
    ///
    /// # Errors
    /// Why there is no response.
    pub async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, HttpError> {
        if self.network.canned.is_some() {
            return self.canned(request).await;
        }
        let response = self.send(request).await?;
        let broken = |error: hyper::Error| error.into();
        Ok(response.map(|body| body.map_err(broken).boxed_unsync()))
    }

    /// Sends `request`, if it may go where it is meant to.
    ///
    /// # Errors
    /// Why there is no response.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, HttpError> {
        let sent = async {
            self.check(&request)?;
            if self.network.canned.is_some() {
                let text = "in a trial there is no network; `http-client` is answered";
                return Err(HttpError::Transport(text.to_owned()));
            }
            let client = self.client.get_or_try_init(|| self.connected()).await?;
            Ok(client.request(request).await?)
        };
        let sent = sent.await;
        sent.inspect_err(|error| self.tell(error))
    }

    /// Whether `request` may go where it is meant to.
    ///
    /// # Errors
    /// Why not.
    pub fn may_send(&self, request: &Request<Body>) -> Result<(), HttpError> {
        let may = self.check(request);
        may.inspect_err(|error| self.tell(error))
    }

    /// The answer to `request` where there is no network; what is not allowed is not answered.
    async fn canned(&self, request: Request<Body>) -> Result<Response<Body>, HttpError> {
        self.may_send(&request)?;
        let (method, url) = (request.method().clone(), request.uri().clone());
        let mut body = request.into_body();
        while let Some(piece) = body.frame().await {
            piece.map_err(|error| HttpError::Transport(error.to_string()))?;
        }
        let mut responses = self.network.canned.iter().flat_map(|all| all.iter());
        let found = responses.find(|response| response.answers(&method, &url));
        let missing = || format!("there is no canned answer to {method} {url}");
        found
            .ok_or_else(|| HttpError::Transport(missing()))?
            .response()
    }

    /// Tells the operator of what was denied.
    fn tell(&self, error: &HttpError) {
        if let HttpError::NotGranted(_) | HttpError::Blocked(_) = error {
            self.denials.tell(Capability::Http, &error.to_string());
        }
    }

    fn check(&self, request: &Request<Body>) -> Result<(), HttpError> {
        let target = Target::of(request.uri());
        let target = target.map_err(|error| HttpError::Invalid(format!("the URL: {error}")))?;
        let allows =
            |origin: &OriginPattern| origin.matches(target.scheme, &target.host, target.port);
        if !self.origins.iter().any(allows) {
            return Err(HttpError::NotGranted(target.to_string()));
        }
        if request.method() == Method::CONNECT {
            return Err(HttpError::Invalid("CONNECT is for proxies".to_owned()));
        }
        check_headers(request.headers())
    }

    async fn connected(&self) -> Result<Client<HttpsConnector<CheckedConnector>, Body>, HttpError> {
        let tls = match self.origins.iter().any(OriginPattern::is_secure) {
            true => self.network.tls().await?,
            // Never used, and so nothing has to be trusted.
            false => tls_config(Some(RootCertStore::empty()))?,
        };
        let connector = CheckedConnector::new(Arc::clone(&self.network.resolver), self.private);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE)
            .http1_max_buf_size(MAX_HEAD)
            .http1_max_headers(MAX_HEADERS)
            .build(HttpsConnector::from((connector, tls)));
        Ok(client)
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), HttpError> {
    if let Some(name) = FORBIDDEN_HEADERS
        .iter()
        .find(|name| headers.contains_key(*name))
    {
        return Err(HttpError::Invalid(format!(
            "the host writes the header {name}"
        )));
    }
    let sizes = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4);
    match sizes.sum::<usize>() <= MAX_HEAD {
        true => Ok(()),
        false => Err(HttpError::TooLarge),
    }
}

impl From<legacy::Error> for HttpError {
    fn from(error: legacy::Error) -> Self {
        let mut cause: &(dyn StdError + 'static) = &error;
        loop {
            if let Some(error) = cause.downcast_ref::<ConnectError>() {
                return match error {
                    ConnectError::Blocked { .. } => Self::Blocked(error.to_string()),
                    _ => Self::Transport(error.to_string()),
                };
            }
            if let Some(error) = cause.downcast_ref::<hyper::Error>()
                && error.is_parse_too_large()
            {
                return Self::TooLarge;
            }
            match cause.source() {
                Some(deeper) => cause = deeper,
                // What is deepest says most: a certificate that is not trusted, say.
                None => return Self::Transport(cause.to_string()),
            }
        }
    }
}
