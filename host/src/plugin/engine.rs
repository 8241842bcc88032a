//! The WebAssembly engine that all plugins share, and the clock that interrupts them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use super::limits::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_MEMORY, MAX_TABLES};

/// How many instances all plugins of one generation may have together. One with several linear
/// memories counts as that many: memories are what the address space is reserved for.
pub const MAX_INSTANCES: u32 = 256;
/// Room for more: for trials, and for a generation that ends its calls while another one serves.
const SPARE_INSTANCES: u32 = 64;
/// What a guest may use of the native stack; deeper recursion traps.
const MAX_STACK: usize = 512 * 1024;
/// Of one memory, kept from one instance to the next where the kernel tells which pages were
/// touched; otherwise the smaller one, since it is cleared as a whole.
const KEEP_RESIDENT_SCANNED: usize = 2 * 1024 * 1024;
const KEEP_RESIDENT_CLEARED: usize = 64 * 1024;

/// The engine and its ticker.
pub struct PluginEngine {
    engine: Engine,
    ticker: Arc<Ticker>,
    thread: Option<JoinHandle<()>>,
}

impl PluginEngine {
    /// An engine with reserved address space, or without where the system does not give it.
    pub fn new() -> wasmtime::Result<Self> {
        let mut config = config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
        let engine = match Engine::new(&config) {
            Ok(engine) => engine,
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "address space for plugin instances cannot be reserved; they start slower"
                );
                config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
                Engine::new(&config)?
            }
        };
        let ticker = Arc::new(Ticker::default());
        let thread = thread::Builder::new()
            .name("plugin-ticker".to_owned())
            .spawn({
                let (engine, ticker) = (engine.clone(), Arc::clone(&ticker));
                move || ticker.run(&engine)
            })?;
        Ok(Self {
            engine,
            ticker,
            thread: Some(thread),
        })
    }

    /// The engine itself.
    pub fn wasmtime(&self) -> &Engine {
        &self.engine
    }

    /// Keeps the ticker going while a call runs.
    pub fn enter_call(&self) -> CallInFlight {
        self.ticker.calls.fetch_add(1, Ordering::SeqCst);
        if self.ticker.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
        CallInFlight(Arc::clone(&self.ticker))
    }
}

impl Drop for PluginEngine {
    fn drop(&mut self) {
        self.ticker.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic: it only counts and sleeps.
            let _ = thread.join();
        }
    }
}

/// What is common to both ways of allocating.
fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_init_cow(true)
        .max_wasm_stack(MAX_STACK)
        // Host functions run on the same stack, above what the guest may use.
        .async_stack_size(2 * MAX_STACK)
        .wasm_backtrace_max_frames(NonZeroUsize::new(32));
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    let scans = PoolingAllocationConfig::is_pagemap_scan_available();
    let slots = MAX_INSTANCES + SPARE_INSTANCES;
    pool.total_component_instances(slots)
        // So many that only memories can run out: core instances are but counted, and a table
        // takes less than a MiB of address space.
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .total_core_instances(MAX_CORE_INSTANCES * slots)
        .total_tables(MAX_TABLES * slots)
        .total_memories(slots)
        .max_tables_per_module(MAX_TABLES)
        .max_memories_per_module(MAX_MEMORIES)
        .total_stacks(slots)
        .max_memory_size(MAX_MEMORY)
        // What interpreters of JavaScript and Python need, with room.
        .table_elements(100_000)
        .max_component_instance_size(10 * 1024 * 1024)
        .max_core_instance_size(10 * 1024 * 1024)
        .table_keep_resident(64 * 1024)
        .pagemap_scan(if scans { Enabled::Yes } else { Enabled::No })
        .linear_memory_keep_resident(match scans {
            true => KEEP_RESIDENT_SCANNED,
            false => KEEP_RESIDENT_CLEARED,
        });
    pool
}

/// How often running calls are looked at. Their budgets are measured on the CPU clock, so this is
/// only how late an overrun may be noticed.
const TICK: Duration = Duration::from_millis(1);
/// After so many ticks without a call the ticker sleeps until the next one.
const IDLE_TICKS: u32 = 1000;

#[derive(Default)]
struct Ticker {
    calls: AtomicUsize,
    asleep: AtomicBool,
    stop: AtomicBool,
}

impl Ticker {
    #[expect(
        clippy::disallowed_methods,
        reason = "the ticker's own thread, not the reactor's"
    )]
    fn run(&self, engine: &Engine) {
        let mut idle = 0;
        while !self.stop.load(Ordering::Acquire) {
            thread::sleep(TICK);
            engine.increment_epoch();
            idle = match self.calls.load(Ordering::Relaxed) {
                0 => idle + 1,
                _ => 0,
            };
            if idle >= IDLE_TICKS {
                self.asleep.store(true, Ordering::SeqCst);
                // A call that came in between has seen `asleep` or is seen here.
                if self.calls.load(Ordering::SeqCst) == 0 {
                    thread::park();
                }
                self.asleep.store(false, Ordering::Release);
                idle = 0;
            }
        }
    }
}

/// A call that is running.
pub struct CallInFlight(Arc<Ticker>);

impl Drop for CallInFlight {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_starts_and_stops() {
        let engine = PluginEngine::new().unwrap();
        drop(engine.enter_call());
        drop(engine);
    }
}
