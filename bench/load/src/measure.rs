//! Lets clients work and reports what they saw and what the server used for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::sync::{Barrier, Semaphore};

use crate::ftp::{Session, Target};
use crate::server::Probe;
use crate::work::{Job, Operation, Outcome, Run, within};

/// CPU seconds of the server's control group and process tree, where they are known, and of this
/// program.
struct Used {
    cgroup: Option<f64>,
    tree: Option<f64>,
    own: f64,
}

impl Used {
    fn sample(probe: &Probe) -> Self {
        let own = clock_gettime(ClockId::ProcessCPUTime);
        Self {
            cgroup: probe.cgroup_cpu(),
            tree: probe.tree_cpu(),
            own: own.tv_sec as f64 + own.tv_nsec as f64 / 1e9,
        }
    }

    fn since(&self, before: &Self) -> Self {
        let difference = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        Self {
            cgroup: difference(self.cgroup, before.cgroup),
            tree: difference(self.tree, before.tree),
            own: self.own - before.own,
        }
    }
}

/// Rounded, so that the output is readable.
fn number(value: f64) -> Value {
    json!((value * 10_000.0).round() / 10_000.0)
}

/// Has every client do the operation for as long or as often as `run` says.
pub async fn run(
    target: Target,
    probe: &Probe,
    limit: Duration,
    operation: Operation,
    run: Run,
) -> Result<Value> {
    let bytes_each = operation.size();
    let job = Arc::new(Job {
        target,
        operation,
        run,
        limit,
        barrier: Barrier::new(run.clients + 1),
    });
    let clients: Vec<_> = (0..run.clients)
        .map(|client| {
            let job = job.clone();
            tokio::spawn(async move { job.client(client).await })
        })
        .collect();
    job.barrier.wait().await;
    let before = Used::sample(probe);
    let resident = probe.watch_growth();
    let start = Instant::now();
    job.barrier.wait().await;
    job.barrier.wait().await;
    let seconds = start.elapsed().as_secs_f64();
    let used = Used::sample(probe).since(&before);
    let growth = resident.and_then(|resident| probe.growth(resident));
    job.barrier.wait().await;

    let mut total = Outcome::default();
    for client in clients {
        total.add(client.await.context("a client died")?);
    }
    let mut report = describe(&mut total, seconds);
    report["clients"] = json!(run.clients);
    if let Some(growth) = growth {
        report["server_growth_mib"] = number(growth as f64 / f64::from(1 << 20));
    }
    let operations = total.latencies.len() as f64;
    account(
        &mut report,
        &used,
        operations,
        operations * bytes_each as f64,
    );
    Ok(report)
}

/// What the clients saw.
fn describe(total: &mut Outcome, seconds: f64) -> Value {
    total.latencies.sort_unstable();
    let percentile = |p: f64| {
        let last = total.latencies.len().saturating_sub(1) as f64;
        let latency = total.latencies.get((p * last).round() as usize);
        latency.map_or(Value::Null, |l| number(l.as_secs_f64() * 1e3))
    };
    let mut report = json!({
        "seconds": number(seconds),
        "operations": total.latencies.len(),
        "per_second": number(total.latencies.len() as f64 / seconds),
        "p50_ms": percentile(0.5),
        "p99_ms": percentile(0.99),
        "errors": total.errors.len(),
    });
    if total.stats.tls > 0 {
        report["data_tls"] = json!(total.stats.tls);
        report["data_resumed"] = json!(total.stats.resumed);
        report["data_truncated"] = json!(total.stats.truncated);
    }
    if let Some(version) = &total.version {
        report["tls"] = json!(version);
    }
    if let Some(error) = total.errors.first() {
        report["first_error"] = json!(error);
    }
    report
}

/// What it cost.
fn account(report: &mut Value, used: &Used, operations: f64, bytes: f64) {
    report["client_cpu_s"] = number(used.own);
    if bytes > 0.0 {
        report["bytes"] = json!(bytes);
        if let Some(seconds) = report["seconds"].as_f64() {
            report["mb_per_s"] = number(bytes / seconds / 1e6);
        }
    }
    let Some(server) = used.cgroup.or(used.tree) else {
        return;
    };
    report["server_cpu_s"] = number(server);
    report["server_cpu_us_per_op"] = number(server * 1e6 / operations);
    if bytes > 0.0 {
        report["server_cpu_s_per_gib"] = number(server / (bytes / (1u64 << 30) as f64));
    }
}

#[derive(Clone, Copy, clap::Args)]
pub struct Idle {
    #[arg(long, default_value_t = 500)]
    pub sessions: usize,
    /// Seconds to hold them
    #[arg(long, default_value_t = 2.0)]
    pub hold: f64,
    /// Logins at a time while they are opened
    #[arg(long, default_value_t = 16)]
    pub parallel: usize,
}

/// Holds sessions that are logged in and idle.
pub async fn idle(target: Target, probe: &Probe, limit: Duration, how: Idle) -> Result<Value> {
    let before = probe.memory();
    let start = Instant::now();
    let (mut open, mut errors) = log_in(&target, limit, how).await?;
    let opened = start.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs_f64(how.hold)).await;
    let after = probe.memory();
    let mut answered = 0;
    for session in &mut open {
        match within(limit, session.noop()).await {
            Ok(()) => answered += 1,
            Err(e) => errors.push(format!("{e:#}")),
        }
    }
    let count = open.len() as f64;
    for mut session in open {
        let _ = within(limit, session.quit()).await;
    }
    let mut report = json!({
        "sessions": count,
        "opened_in_s": number(opened),
        "answered_noop": answered,
        "errors": errors.len(),
    });
    if let Some((before, after)) = before.zip(after) {
        let per_session = |a: u64, b: u64| number((b as f64 - a as f64) / count / 1024.0);
        report["base_pss_kib"] = number(before.pss as f64 / 1024.0);
        report["base_rss_kib"] = number(before.rss as f64 / 1024.0);
        report["processes"] = json!(after.processes);
        report["pss_kib_per_session"] = per_session(before.pss, after.pss);
        report["rss_kib_per_session"] = per_session(before.rss, after.rss);
        if let Some((a, b)) = before.cgroup.zip(after.cgroup) {
            report["cgroup_kib_per_session"] = per_session(a, b);
        }
    }
    if let Some(error) = errors.first() {
        report["first_error"] = json!(error);
    }
    Ok(report)
}

/// Opens the sessions, some at a time, and tells what went wrong.
async fn log_in(
    target: &Target,
    limit: Duration,
    how: Idle,
) -> Result<(Vec<Session>, Vec<String>)> {
    let gate = Arc::new(Semaphore::new(how.parallel));
    let opening: Vec<_> = (0..how.sessions)
        .map(|_| {
            let (gate, target) = (gate.clone(), target.clone());
            tokio::spawn(async move {
                let _turn = gate.acquire().await?;
                within(limit, Session::login(&target)).await
            })
        })
        .collect();
    let (mut open, mut errors) = (Vec::new(), Vec::new());
    for session in opening {
        match session.await.context("a client died")? {
            Ok(session) => open.push(session),
            Err(e) => errors.push(format!("{e:#}")),
        }
    }
    Ok((open, errors))
}
