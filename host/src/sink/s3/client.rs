//! The client of one store: where it is, who asks, and how long it is waited for.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_s3::config::{
    Credentials, RequestChecksumCalculation, ResponseChecksumValidation, SharedCredentialsProvider,
    SharedHttpClient,
};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Connector, tls};
use tokio::runtime::{self, Handle};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::error::{described, failed};
use super::layout::Layout;
use super::memory::Memory;
use super::orphans::{Journal, sweep};
use super::parts::Growth;
use super::{ATTEMPTS, Bucket, Store};
use crate::config::{Checksums, S3Sink};
use crate::sink::Key;
use crate::sink::free_name::FreeNames;
use crate::sink::locks::Locks;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that wait for the next request, each with buffers of up to 500 KiB: enough for two
/// transfers at a time. More are closed as soon as they have nothing to do.
const IDLE_CONNECTIONS: usize = 32;
/// The slowest that a body moves: several parts share a line.
const BYTES_PER_SECOND: u64 = 64 * 1024;
/// What no body takes longer than.
const BODY_TIMEOUT: Duration = Duration::from_hours(1);
/// What a request that failed waits for at most before the second attempt; then it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// What requests to a store of one's own are signed with where no region is configured.
const ANY_REGION: &str = "us-east-1";

/// A store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file of authorities cannot be read, or holds none.
    #[error("the authorities in {}: {source}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The client could not be made.
    #[error("the client of the store cannot be made")]
    Client,
    /// The state directory cannot be used.
    #[error("the notes of uploads in {}: {source}", path.display())]
    Journal {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
}

impl Bucket {
    /// Opens a bucket; the store is asked nothing yet. `notes` is a directory of the host's own. It
    /// has to be called within the runtime.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(settings: &S3Sink, notes: &Path) -> Result<Self, OpenError> {
        let runtime = Handle::current();
        // From a thread of its own: whoever calls this may be within the runtime.
        let client = std::thread::scope(|scope| {
            let loading = scope.spawn(|| runtime.block_on(client(settings)));
            loading.join().unwrap_or(Err(OpenError::Client))
        })?;
        let journal = Journal::open(notes.to_owned());
        let (orphans, left) = journal.map_err(|source| OpenError::Journal {
            path: notes.to_owned(),
            source,
        })?;
        let store = Arc::new(Store {
            client,
            layout: Layout::new(&settings.prefix, &settings.directory_suffix),
            memory: Memory::new(settings.memory),
            growth: Growth::new(settings),
            settings: settings.clone(),
            runtime,
            orphans,
            free_names: FreeNames::default(),
            locks: Locks::default(),
        });
        let swept = sweep(Arc::downgrade(&store), left);
        store.runtime.spawn(swept);
        Ok(Self(store))
    }
}

/// Asks the store for one key of the bucket, within a runtime of its own, and says what is wrong.
/// Nothing is noted or changed.
///
/// # Errors
/// The bucket cannot be used, in one line for the operator.
pub fn ask(settings: &S3Sink) -> Result<(), String> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let client = client(settings).await.map_err(|error| error.to_string())?;
        let layout = Layout::new(&settings.prefix, &settings.directory_suffix);
        let request = client.list_objects_v2().bucket(&settings.bucket);
        let request = request.prefix(layout.below(&Key::root())).max_keys(1);
        let answer = request.send().await.map_err(failed);
        answer.map(drop).map_err(|error| described(&error))
    })
}

impl Store {
    /// How long one attempt may take that moves or copies `bytes`.
    pub(super) fn patience(&self, bytes: u64) -> Duration {
        let moving = Duration::from_secs(bytes / BYTES_PER_SECOND).min(BODY_TIMEOUT);
        self.settings.request_timeout + moving
    }

    /// What a request that moves or copies `bytes` sets for itself: such a one may take its time.
    pub(super) fn patient(&self, bytes: u64) -> aws_sdk_s3::config::Builder {
        let timeouts = timeouts(self.patience(bytes));
        aws_sdk_s3::config::Builder::new().timeout_config(timeouts)
    }

    /// As [`Self::patient`], for a request that whoever makes it tries again himself.
    pub(super) fn patient_once(&self, bytes: u64) -> aws_sdk_s3::config::Builder {
        self.patient(bytes).retry_config(RetryConfig::disabled())
    }
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .build()
}

async fn client(access: &S3Sink) -> Result<Client, OpenError> {
    let shared = shared(access).await?;
    // By itself the SDK has one budget of retries for all that the process asks of any store, and
    // gives up at the first fault once that is used up.
    let retries = RetryPartition::custom("wharf").token_bucket(TokenBucket::unlimited());
    let mut config = aws_sdk_s3::config::Builder::from(&shared)
        .force_path_style(access.path_style)
        .retry_partition(retries.build());
    if let Some(endpoint) = &access.endpoint {
        config = config.endpoint_url(endpoint);
    }
    if access.checksums == Checksums::WhenRequired {
        config = config
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    Ok(Client::from_conf(config.build()))
}

/// Where, as whom and how to ask: what is not configured is found as every tool of AWS does.
async fn shared(access: &S3Sink) -> Result<SdkConfig, OpenError> {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(FIRST_PAUSE),
        )
        .timeout_config(timeouts(access.request_timeout));
    if let Ok(name) = AppName::new("wharf") {
        loader = loader.app_name(name);
    }
    if let Some(region) = &access.region {
        loader = loader.region(Region::new(region.clone()));
    } else if access.endpoint.is_some() {
        let environment = EnvironmentVariableRegionProvider::new();
        let chain = RegionProviderChain::first_try(environment);
        loader = loader.region(chain.or_else(Region::from_static(ANY_REGION)));
    }
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    if let Some((id, secret)) = &access.key {
        let key = Credentials::new(id, secret.expose(), None, None, "wharf.toml");
        loader = loader.credentials_provider(key);
    }
    loader = loader.http_client(http_client(access.ca.as_deref())?);
    let shared = loader.load().await;
    let Some(role) = &access.role else {
        return Ok(shared);
    };
    let assumed = aws_config::sts::AssumeRoleProvider::builder(role)
        .session_name("wharf")
        .configure(&shared)
        .build()
        .await;
    let provider = SharedCredentialsProvider::new(assumed);
    Ok(shared.into_builder().credentials_provider(provider).build())
}

/// A client as the SDK makes its own, which takes proxies from the environment, but one that keeps
/// fewer connections and trusts the authorities in a file, too.
fn http_client(authorities: Option<&Path>) -> Result<SharedHttpClient, OpenError> {
    let mut store = tls::TrustStore::default();
    if let Some(path) = authorities {
        store = store.with_pem_certificate(read_authorities(path)?);
    }
    let context = tls::TlsContext::builder().with_trust_store(store).build();
    let context = context.map_err(|error| {
        let path = authorities.unwrap_or(Path::new("the system"));
        unusable(path, io::Error::other(error))
    })?;
    let aws_lc = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    let client = aws_smithy_http_client::Builder::new();
    Ok(client.build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .proxy_config(ProxyConfig::from_env())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .tls_provider(aws_lc.clone())
            .tls_context(context.clone());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.build()
    }))
}

/// The file, if it holds authorities: the client would take whatever it finds in it, and be it
/// nothing.
fn read_authorities(path: &Path) -> Result<Vec<u8>, OpenError> {
    let malformed = |error| unusable(path, io::Error::new(io::ErrorKind::InvalidData, error));
    let pem = std::fs::read(path).map_err(|source| unusable(path, source))?;
    let authorities = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match authorities.map_err(|error| malformed(error.to_string()))? {
        authorities if authorities.is_empty() => {
            Err(malformed("it holds no certificate".to_owned()))
        }
        _ => Ok(pem),
    }
}

fn unusable(path: &Path, source: io::Error) -> OpenError {
    OpenError::Authorities {
        path: path.to_owned(),
        source,
    }
}
