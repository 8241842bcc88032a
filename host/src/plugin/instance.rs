//! One instance of a component: its store, and what the host keeps for it.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Instance, InstancePre, Resource, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;

use super::allow::Allowances;
use super::direct;
use super::facts::SessionFacts;
use super::imports::http::{Exchanges, Outgoing};
use super::imports::session::SessionView;
use super::imports::staging::{LentUpload, Staged};
use super::limits::{CpuMeter, Limits, MAX_HANDLES, MAX_HOSTCALL_BYTES, MAX_UNYIELDING, MemoryCap};
use super::pool::retirement;
use super::role::Exports;
use super::services::Granted;
use super::settings::Settings;
use super::sidecar::OnFailure;

/// Grants and WASI resources alive at once in one instance.
const MAX_RESOURCES: usize = 1024;
/// Of random bytes that WASI hands out in one call.
const MAX_RANDOM: u64 = 64 * 1024;
/// Log lines of one call; the rest is left out.
const MAX_LOG_LINES: u32 = 64;

/// What all instances of a plugin share.
#[derive(Debug)]
pub struct PluginFacts {
    /// The file's name without `.wasm`.
    pub name: String,
    /// Of the file.
    pub sha256: [u8; 32],
    /// `[config]`
    pub settings: Settings,
    /// `[allow]`
    pub allow: Allowances,
    /// `[limits]`
    pub limits: Limits,
    /// `[policy] on-failure`
    pub on_failure: OnFailure,
}

/// What the host keeps for one instance.
pub struct InstanceState {
    /// The plugin it is an instance of.
    pub plugin: Arc<PluginFacts>,
    /// What the host does for it.
    pub granted: Arc<Granted>,
    /// Grants being built, and what WASI keeps.
    pub table: ResourceTable,
    /// The session of the call that runs, if it is about one.
    pub session: Option<Arc<SessionFacts>>,
    /// The upload that the call may look at, if it is about one.
    pub staged: Option<LentUpload>,
    /// Requests that are sent in pieces.
    pub exchanges: Exchanges,
    /// Lines that the call may still log.
    pub log_lines_left: u32,
    /// Its memory.
    pub memory: MemoryCap,
    /// What the call has spent.
    pub cpu: Arc<CpuMeter>,
    wasi: WasiCtx,
    /// What `wasi:http` keeps.
    pub wasi_http: WasiHttpCtx,
    /// How its requests go out.
    pub outgoing: Outgoing,
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// An instance between two calls.
pub struct PluginInstance {
    /// Its store.
    pub store: Store<InstanceState>,
    /// The component in it.
    pub instance: Instance,
    /// Its roles, looked up when it was started.
    pub exports: Exports,
    /// What is called directly, likewise.
    pub direct: direct::Functions,
    /// How many calls it has served.
    pub calls: u32,
    /// When it is to be thrown away.
    pub retires_at: Instant,
    /// What it used before its first call, in bytes.
    pub memory_at_start: usize,
    cpu: Arc<CpuMeter>,
}

impl PluginInstance {
    /// A new instance; nothing but the start functions of its core modules has run.
    pub async fn new(
        engine: &Engine,
        component: &InstancePre<InstanceState>,
        plugin: &Arc<PluginFacts>,
        granted: &Arc<Granted>,
    ) -> wasmtime::Result<Self> {
        let (mut store, cpu) = store(engine, plugin, granted);
        let instance = metered(&cpu, component.instantiate_async(&mut store)).await?;
        let memory_at_start = store.data().memory.used();
        let retires_at = retirement();
        Ok(Self {
            store,
            instance,
            exports: Exports::default(),
            direct: direct::Functions::default(),
            calls: 0,
            retires_at,
            memory_at_start,
            cpu,
        })
    }

    /// Whether an instance never waits for anything: the engine makes such a one without a stack of
    /// its own. Runs nothing but the start functions of its core modules.
    pub fn never_waits(
        engine: &Engine,
        component: &InstancePre<InstanceState>,
        plugin: &Arc<PluginFacts>,
        granted: &Arc<Granted>,
    ) -> bool {
        let (mut store, cpu) = store(engine, plugin, granted);
        plugin.limits.cpu <= MAX_UNYIELDING
            && cpu.poll(|| component.instantiate(&mut store)).is_ok()
    }

    /// Lends the session on whose behalf a call runs.
    pub fn lend(&mut self, session: Arc<SessionFacts>) -> Resource<SessionView> {
        self.store.data_mut().session = Some(session);
        // There is one session per call, so the number says nothing; a borrow that is made like
        // this leaves nothing behind in the store when the call is over.
        Resource::new_borrow(0)
    }

    /// Lends the upload that a call is about.
    pub fn lend_upload(&mut self, upload: LentUpload) -> Resource<Staged> {
        self.store.data_mut().staged = Some(upload);
        Resource::new_borrow(0)
    }

    /// Takes back what was lent, so that it can end while the instance lives on.
    pub fn take_back(&mut self) {
        let state = self.store.data_mut();
        state.session = None;
        state.staged = None;
    }

    /// Breaks off the requests that nobody will finish.
    pub fn end_exchanges(&mut self) {
        self.store.data_mut().exchanges.end();
    }

    /// Begins a call: its budgets are whole.
    pub fn begin_call(&mut self) {
        self.calls += 1;
        self.cpu.reset();
        self.store.set_epoch_deadline(1);
        let state = self.store.data_mut();
        state.log_lines_left = MAX_LOG_LINES;
        state.memory.take_refused();
    }

    /// Whether the last call was stopped because of its budget of CPU.
    pub fn is_out_of_cpu(&self) -> bool {
        self.cpu.is_exceeded()
    }

    /// Whether the last call was refused memory, which is what most often makes a guest trap.
    pub fn was_refused_memory(&mut self) -> bool {
        self.store.data_mut().memory.take_refused()
    }

    /// Counts what `call` spends.
    pub fn meter(&self) -> Arc<CpuMeter> {
        Arc::clone(&self.cpu)
    }
}

/// Runs `call` with its CPU time counted.
pub async fn metered<F: Future>(cpu: &CpuMeter, call: F) -> F::Output {
    let mut call = std::pin::pin!(call);
    std::future::poll_fn(|context| cpu.poll(|| call.as_mut().poll(context))).await
}

fn store(
    engine: &Engine,
    plugin: &Arc<PluginFacts>,
    granted: &Arc<Granted>,
) -> (Store<InstanceState>, Arc<CpuMeter>) {
    let cpu = Arc::new(CpuMeter::default());
    let mut store = Store::new(engine, state(plugin, granted, &cpu));
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(MAX_HOSTCALL_BYTES);
    store.set_max_component_handles(MAX_HANDLES);
    store.epoch_deadline_callback(|store| {
        let state = store.data();
        Ok(state.cpu.tick(state.plugin.limits.cpu))
    });
    store.set_epoch_deadline(1);
    (store, cpu)
}

fn state(plugin: &Arc<PluginFacts>, granted: &Arc<Granted>, cpu: &Arc<CpuMeter>) -> InstanceState {
    let mut table = ResourceTable::new();
    table.set_max_capacity(MAX_RESOURCES);
    // Nothing of the host's: no environment, no directories, no network, no terminal.
    let wasi = WasiCtx::builder()
        .max_random_size(MAX_RANDOM)
        .allow_tcp(false)
        .allow_udp(false)
        .build();
    InstanceState {
        plugin: Arc::clone(plugin),
        granted: Arc::clone(granted),
        table,
        session: None,
        staged: None,
        exchanges: Exchanges::default(),
        log_lines_left: MAX_LOG_LINES,
        memory: MemoryCap::new(plugin.limits.memory),
        cpu: Arc::clone(cpu),
        wasi,
        wasi_http: WasiHttpCtx::new(),
        outgoing: Outgoing::new(Arc::clone(granted)),
    }
}
