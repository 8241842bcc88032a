//! What all sessions of a running host share, and how it is brought up.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, warn};

use crate::admission::Admission;
use crate::config::Config;
use crate::data::{PassivePool, StandingError};
use crate::limits;
use crate::listening::Listening;
use crate::outbox::{Courier, OpenOutboxError, Outbox};
use crate::plugin::{
    self, LivePlugins, LoadCause, PluginRuntime, PluginSource, Reloader, Services,
};
use crate::sessions::Sessions;
use crate::sinks::{OpenSinkError, Sinks};
use crate::spool::Spool;
use crate::state_dir::{self, StateDirError};
use crate::tls::{self, Tls, TlsError};

/// What all sessions share.
pub struct Host {
    /// The settings.
    pub config: Config,
    /// Who decides. Each question takes the current ones.
    pub plugins: Arc<LivePlugins>,
    /// Certificates and tickets.
    pub tls: Arc<Tls>,
    /// Ports for data connections.
    pub passive: PassivePool,
    /// Where files are kept.
    pub sinks: Arc<Sinks>,
    /// Where uploads are kept until their gates have decided.
    pub spool: Spool,
    /// What happened and is yet to be told.
    pub outbox: Arc<Outbox>,
    /// Who tells it.
    pub courier: Arc<Courier>,
    /// Who may connect and log in, as far as counting decides it.
    pub admission: Arc<Admission>,
    /// Where clients connect to.
    pub listening: Listening,
    /// Who is connected.
    pub sessions: Arc<Sessions>,
    /// Whether the host goes on.
    pub phase: watch::Receiver<Phase>,
    certificates: tls::Watch,
    _plugin_changes: plugin::Watch,
}

/// Whether the host goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It does.
    Running,
    /// It ends: what waits for a command is closed, what transfers may finish.
    Draining,
    /// The time for that is over.
    Stopping,
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state directory cannot be used.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A passive port cannot listen.
    #[error(transparent)]
    Passive(#[from] StandingError),
    /// A sink cannot be used.
    #[error(transparent)]
    Sink(#[from] OpenSinkError),
    /// The spool cannot be used.
    #[error("the directory `spool` in the state directory cannot be used: {0}")]
    Spool(io::Error),
    /// The outbox cannot be used.
    #[error(transparent)]
    Outbox(#[from] OpenOutboxError),
    /// A sink that a plugin is to be, and no such plugin.
    #[error(
        "sink {sink}: there is no plugin {plugin:?} with the role storage-sink; put {plugin}.wasm \
         into the directory of plugins"
    )]
    NoSinkPlugin {
        /// The name of the sink.
        sink: String,
        /// The plugin that it names.
        plugin: String,
    },
    /// WebAssembly cannot be run here.
    #[error("plugins cannot be run: {0}")]
    Runtime(LoadCause),
    /// Not one plugin is left out silently: it might be the one that would have denied.
    #[error("{0} of the plugins cannot be loaded; see above, or run `wharf check`")]
    Plugins(usize),
}

impl Host {
    /// Opens everything that `config` names. It has to be called within the runtime.
    pub async fn start(config: Config) -> Result<(Arc<Self>, watch::Sender<Phase>), StartError> {
        let state_dir = &config.server.state_dir;
        state_dir::ensure(state_dir)?;
        let tls = Arc::new(Tls::load(&config.tls, state_dir)?);
        let sinks = Arc::new(Sinks::open(&config)?);
        let spool = Spool::open(state_dir, config.limits.spool.0).map_err(StartError::Spool)?;
        let outbox = Outbox::open(state_dir, config.server.durability, &config.events)?;
        let reloader = load_plugins(&config, &sinks).await?;
        let plugins = Arc::clone(reloader.plugins());
        if let Some((sink, plugin)) = plugins.current().missing_sinks(&config).next() {
            let (sink, plugin) = (sink.to_owned(), plugin.to_owned());
            return Err(StartError::NoSinkPlugin { sink, plugin });
        }
        sinks.attach(&plugins);
        let courier = Arc::new(Courier::new(Arc::clone(&outbox), &config.events));
        courier.serve(plugins.current().subscribers());
        let told = Arc::clone(&courier);
        let changes = reloader.watch(move |plugins| told.serve(plugins.subscribers()));
        let (phase, observed) = watch::channel(Phase::Running);
        let host = Self {
            _plugin_changes: changes,
            plugins,
            sinks,
            spool,
            outbox,
            courier,
            passive: PassivePool::new(&config.passive)?,
            admission: Admission::new(&config.limits),
            listening: Listening::default(),
            sessions: Arc::default(),
            certificates: tls.watch()?,
            tls,
            phase: observed,
            config,
        };
        Ok((Arc::new(host), phase))
    }

    /// Reads the certificate and the plugins again, whether they look changed or not.
    pub fn reload(&self) {
        self.certificates.ask_to_reload();
        self.plugins.ask_to_reload();
    }
}

impl Host {
    /// Lets the plugins finish what they are being told, and closes the outbox. When all sessions
    /// have ended.
    pub async fn stop(&self) {
        self.courier.stop(limits::STOP_TIMEOUT).await;
        let outbox = Arc::clone(&self.outbox);
        if let Err(panic) = spawn_blocking(move || outbox.close()).await {
            error!(error = %panic, "closing the outbox panicked");
        }
    }
}

async fn load_plugins(config: &Config, sinks: &Arc<Sinks>) -> Result<Reloader, StartError> {
    let (state_dir, durability) = (&config.server.state_dir, config.server.durability);
    let services = Services::serving(state_dir, durability, Arc::clone(sinks));
    let source = PluginSource {
        runtime: PluginRuntime::new(state_dir, services).map_err(StartError::Runtime)?,
        directory: config.plugin_dir(),
        sinks: config.sinks.keys().cloned().collect(),
        needed: config.plugins_of_sinks().map(str::to_owned).collect(),
    };
    match Reloader::start(source).await {
        Ok((reloader, warnings)) => {
            for warning in warnings {
                warn!("{warning}");
            }
            Ok(reloader)
        }
        Err(errors) => {
            for error in &errors {
                error!("{error}");
            }
            Err(StartError::Plugins(errors.len()))
        }
    }
}
