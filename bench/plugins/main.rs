//! Measures what a plugin costs the host: `cargo xtask bench plugins`.
//!
//! CPU time of this process, except where a wait is measured. Every figure stands beside what it is
//! meant to reach; one that is missed is no error.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wharf::config::Config;
use wharf::host::Host;
use wharf::identity::Identity;
use wharf::plugin::{Login, Role, SessionFacts};
use wharf::storage::Storage;
use wharf_protocol::effect::{Credential, Operation};
use wharf_protocol::path::VirtualPath;
use wharf_protocol::secret::Secret;

/// Calls of one measurement.
const CALLS: u32 = 200_000;
/// Sessions that decide at the same time, as many as a busy host has.
const SESSIONS: u32 = 64;
/// Measurements, of which the best counts: what else the machine does only ever adds.
const ROUNDS: usize = 5;
/// Instances that are measured for their memory.
const INSTANCES: usize = 64;
/// Plugins of a host that is started.
const PLUGINS: usize = 10;
/// A user of the measured host, with a password that is cheap to verify.
const USERS: &str = "[config.users.alice]\npassword = \"$6$rounds=5000$example0salt$\
    pK5EX3GOOg7XwKaLqotp/pyzjdv3oURTRdfROYWvW0mDm5Vvrt/fyD2kPh.CNTrk0gT2/3oWDW1U8pKkb3YE/1\"\n";
/// A mapper that is asked for every path below `/dyn`, since that leads elsewhere tomorrow.
const MAPPER: &str = "[[config.mounts]]\ndirectory = \"/dyn\"\n\
    key = \"home/alice/{year}{month}{day}\"\n[limits]\ninstances = 80\n";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    println!("{:<52} {:>9} {:>9}", "", "measured", "target");
    runtime.block_on(calls())?;
    runtime.block_on(decisions("path decisions a second on 2 cores", "50ms"))?;
    runtime.block_on(decisions(
        "path decisions a second, called directly",
        "10ms",
    ))?;
    runtime.block_on(starts())
}

/// What one call costs, and one instance.
async fn calls() -> Result<()> {
    let site = Site::new(&[("10-users", "static-users", USERS)])?;
    let (host, _phase) = Host::start(site.config()).await?;
    let (_, session) = logged_in(&host).await?;
    let plugins = host.plugins.current();

    let reused = best(async || {
        let cpu = Cpu::now();
        for _ in 0..CALLS {
            let login = plugins.begin(Arc::clone(&session), "alice").await;
            assert!(matches!(login, Login::NeedPassword { .. }));
        }
        Ok(cpu.elapsed().as_secs_f64() / f64::from(CALLS) * 1e6)
    });
    row(
        "call of a reused instance, us of CPU",
        reused.await?,
        "2",
        2,
    );

    let plugin = &plugins.of(Role::Authenticator)[0];
    let (before, cpu) = (resident()?, Cpu::now());
    plugin.warm_up(INSTANCES).await?;
    let started = cpu.elapsed().as_secs_f64() / INSTANCES as f64 * 1e6;
    let memory = resident()?.saturating_sub(before) as f64 / INSTANCES as f64 / 1024.0;
    row("fresh instance, started, us of CPU", started, "60", 1);
    row("memory of a warm instance, KiB", memory, "64", 1);
    Ok(())
}

/// How often a second a mapper says where a path leads, with a budget of `cpu` for each call: with
/// at most 10 ms it is called directly, as it never waits.
async fn decisions(name: &str, cpu: &str) -> Result<()> {
    let mapper = format!("{MAPPER}cpu = \"{cpu}\"\n");
    let site = Site::new(&[
        ("10-users", "static-users", USERS),
        ("20-map", "home-directories", &mapper),
    ])?;
    let (host, _phase) = Host::start(site.config()).await?;
    let (storage, session) = logged_in(&host).await?;
    let decided = best(async || {
        let cpu = Cpu::now();
        let tasks = (0..SESSIONS).map(|_| {
            let (storage, session) = (storage.clone(), Arc::clone(&session));
            tokio::spawn(async move { decide(&storage, &session, CALLS / SESSIONS).await })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await??;
        }
        let per_core = f64::from(CALLS) / cpu.elapsed().as_secs_f64();
        // On two cores; a negative figure lets the best be the smallest.
        Ok(-2.0 * per_core)
    });
    row(name, -decided.await?, "300000", 0);
    host.stop().await;
    Ok(())
}

/// What a start takes, and the swap of a plugin.
async fn starts() -> Result<()> {
    let names: Vec<String> = (10..10 + PLUGINS).map(|n| format!("{n}-users")).collect();
    let plugins: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "static-users", USERS))
        .collect();
    let site = Site::new(&plugins)?;
    // The first start fills the cache.
    let (host, _phase) = Host::start(site.config()).await?;
    host.stop().await;
    drop(host);
    let begun = Instant::now();
    let (host, _phase) = Host::start(site.config()).await?;
    let ready = begun.elapsed().as_secs_f64() * 1e3;
    row("start with ten plugins, cached, ms", ready, "300", 0);

    let before = host.plugins.current().generation();
    let changed = USERS.replace("alice", "bob");
    fs::write(site.plugin("10-users").with_extension("toml"), changed)?;
    let begun = Instant::now();
    host.plugins.ask_to_reload();
    while host.plugins.current().generation() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let swapped = begun.elapsed().as_secs_f64() * 1e3;
    row("swap of a plugin, cached, ms", swapped, "100", 0);
    Ok(())
}

fn row(name: &str, measured: f64, target: &str, digits: usize) {
    println!("{name:<52} {measured:>9.digits$} {target:>9}");
}

/// The smallest figure of all rounds.
async fn best(mut round: impl AsyncFnMut() -> Result<f64>) -> Result<f64> {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        best = best.min(round().await?);
    }
    Ok(best)
}

async fn decide(
    storage: &Storage,
    session: &Arc<SessionFacts>,
    count: u32,
) -> std::result::Result<(), String> {
    let path = VirtualPath::parse("/dyn/inbox/scan.pdf").map_err(|error| error.to_string())?;
    for _ in 0..count {
        let resolved = storage
            .resolve(Operation::Size(path.clone()), session)
            .await;
        resolved.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn logged_in(host: &Host) -> Result<(Storage, Arc<SessionFacts>)> {
    let session = Arc::new(SessionFacts {
        id: "bench".to_owned(),
        listener: "bench".to_owned(),
        peer: "127.0.0.1:40000".parse()?,
        local: "127.0.0.1:2121".parse()?,
        tls: None,
        user: None,
        principal: None,
        groups: Vec::new(),
        attributes: Default::default(),
        notes: Default::default(),
    });
    let plugins = host.plugins.current();
    let Login::NeedPassword { continuation, .. } =
        plugins.begin(Arc::clone(&session), "alice").await
    else {
        return Err("no password is wanted".into());
    };
    let password = Credential::Password(Secret::new("wharf"));
    let login = plugins
        .answer(Arc::clone(&session), continuation, password)
        .await;
    let Login::Granted(identity) = login else {
        return Err(format!("not logged in: {login:?}").into());
    };
    let identity: Arc<Identity> = Arc::new(*identity);
    let (sinks, live) = (Arc::clone(&host.sinks), Arc::clone(&host.plugins));
    let storage = Storage::new(identity, sinks, live, &session).await?;
    Ok((storage, session))
}

/// A configuration directory.
struct Site(TempDir);

impl Site {
    /// With these plugins: their names, what they are, their sidecars.
    fn new(plugins: &[(&str, &str, &str)]) -> Result<Self> {
        let site = Self(tempfile::tempdir()?);
        fs::create_dir(site.0.path().join("plugins"))?;
        fs::create_dir(site.0.path().join("data"))?;
        for (name, file, sidecar) in plugins {
            let wasm = built()?.join(file).with_extension("wasm");
            let to = site.plugin(name);
            fs::copy(&wasm, &to).map_err(|error| format!("{}: {error}", wasm.display()))?;
            fs::write(to.with_extension("toml"), sidecar)?;
        }
        Ok(site)
    }

    fn plugin(&self, name: &str) -> PathBuf {
        self.0
            .path()
            .join("plugins")
            .join(name)
            .with_extension("wasm")
    }

    fn config(&self) -> Config {
        Config::defaults(self.0.path())
    }
}

/// Where `cargo xtask plugins` puts them.
fn built() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let release = program
        .parent()
        .and_then(Path::parent)
        .ok_or("it stands nowhere")?;
    Ok(release.join("plugins"))
}

/// The CPU time of this process at some moment.
struct Cpu(Duration);

impl Cpu {
    fn now() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        let nanoseconds = u32::try_from(now.tv_nsec).unwrap_or_default();
        Self(Duration::new(seconds, nanoseconds))
    }

    fn elapsed(&self) -> Duration {
        Self::now().0 - self.0
    }
}

/// Resident memory of this process in bytes.
fn resident() -> Result<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').nth(1).ok_or("no such field")?.parse()?;
    Ok(pages * 4096)
}
