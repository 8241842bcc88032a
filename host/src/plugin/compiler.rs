//! Compiles components, one at a time and behind everything else that the machine has to do.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use wasmtime::component::Component;

use super::cache::CodeCache;
use super::componentize;
use super::engine::PluginEngine;
use super::load::LoadCause;
use super::text::one_line;

/// What is not compiled by then is given up. An interpreter of Python takes 20 s on a busy machine.
const DEADLINE: Duration = Duration::from_mins(5);
/// Sessions come first. The engine's own threads inherit it from the thread that needs them first.
const NICENESS: i32 = 10;

/// Turns the bytes of a file into compiled components.
pub struct Compiler {
    engine: Arc<PluginEngine>,
    cache: Arc<CodeCache>,
    /// One component of an interpreter takes half a gigabyte while it is compiled.
    turn: Arc<Semaphore>,
}

/// A component that is ready to be instantiated.
pub struct Compiled {
    /// The component.
    pub component: Component,
    /// Whether it had been compiled before.
    pub cached: bool,
    /// What it took.
    pub elapsed: Duration,
}

impl Compiler {
    /// One that compiles for `engine` and keeps what it compiled in `cache`.
    pub fn new(engine: Arc<PluginEngine>, cache: Arc<CodeCache>) -> Self {
        Self {
            engine,
            cache,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// The component in the file that holds `bytes`.
    ///
    /// # Errors
    /// It holds none, it does not compile, or that takes too long.
    pub async fn component(&self, bytes: &Arc<Vec<u8>>) -> Result<Compiled, LoadCause> {
        let began = Instant::now();
        let found = self.find(Arc::clone(bytes)).await?;
        let cached = found.is_some();
        let component = match found {
            Some(component) => component,
            // A thread cannot be stopped from outside: the one of a component that is given up
            // compiles on, and keeps others from being compiled.
            None => timeout(DEADLINE, self.compile(Arc::clone(bytes)))
                .await
                .unwrap_or(Err(LoadCause::CompileDeadline(DEADLINE)))?,
        };
        Ok(Compiled {
            component,
            cached,
            elapsed: began.elapsed(),
        })
    }

    async fn find(&self, bytes: Arc<Vec<u8>>) -> Result<Option<Component>, LoadCause> {
        let (engine, cache) = (Arc::clone(&self.engine), Arc::clone(&self.cache));
        let find = move || {
            let wasm = componentize::component(&bytes)?;
            Ok(cache.find(engine.wasmtime(), &wasm))
        };
        let found = spawn_blocking(find).await;
        found.unwrap_or_else(|error| Err(LoadCause::Host(error.to_string())))
    }

    async fn compile(&self, bytes: Arc<Vec<u8>>) -> Result<Component, LoadCause> {
        let failed = |error: &dyn std::error::Error| LoadCause::Host(error.to_string());
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|error| failed(&error))?;
        let (engine, cache) = (Arc::clone(&self.engine), Arc::clone(&self.cache));
        let compiled = in_background(turn, move || {
            let wasm = componentize::component(&bytes)?;
            let compiled = cache.compile(engine.wasmtime(), &wasm);
            compiled.map_err(|error| LoadCause::Invalid(one_line(&format!("{error:#}"))))
        });
        let compiled = compiled.map_err(|error| failed(&error))?.await;
        compiled.map_err(|error| failed(&error))?
    }
}

/// Does `work` on a thread of its own, which holds `turn` until it ends.
fn in_background<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (done, result) = oneshot::channel();
    let run = move || {
        // Of this thread alone, on Linux.
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::debug!(%error, "plugins are compiled with the priority of sessions");
        }
        // Nobody may wait any more.
        let _ = done.send(work());
        drop(turn);
    };
    let name = "plugin-compiler".to_owned();
    thread::Builder::new().name(name).spawn(run)?;
    Ok(result)
}
