//! `wharf status`: the running host, for people or as JSON.

use std::path::Path;

use clap::Args;

use super::ConfigDirectory;
use crate::admin::client::AdminClient;
use crate::admin::format::{bytes, duration, microseconds};
use crate::admin::status::{SessionStatus, Status, TransferStatus};
use crate::config::Config;
use crate::plugin::{PluginStatus, RejectedCandidate};

/// Ask the host that serves a configuration directory.
#[derive(Debug, Args)]
pub struct StatusCommand {
    #[command(flatten)]
    directory: ConfigDirectory,
    /// Print what the host tells as it stands, in JSON
    #[arg(long)]
    json: bool,
}

impl StatusCommand {
    /// Asks and prints.
    pub fn run(&self) -> anyhow::Result<()> {
        let client = client(&self.directory.config)?;
        let text = on_a_runtime(client.text("/api/v1/status"))??;
        if self.json {
            println!("{text}");
        } else {
            print!("{}", Page(&serde_json::from_str(&text)?).render());
        }
        Ok(())
    }
}

/// A client of the host that serves the configuration directory `config`.
pub fn client(config: &Path) -> anyhow::Result<AdminClient> {
    Ok(AdminClient::new(&Config::state_dir(config)?))
}

/// Waits for `work`, where nothing else is to be done.
pub fn on_a_runtime<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(work))
}

/// A status, for people.
struct Page<'s>(&'s Status);

impl Page<'_> {
    fn render(&self) -> String {
        let mut lines = self.host();
        lines.extend(self.sessions());
        lines.extend(self.plugins());
        lines.extend(self.events());
        let lines = lines.iter().map(|line| printable(line));
        lines.collect::<String>()
    }

    /// How long ago something was.
    fn since(&self, at_ms: u64) -> String {
        duration(self.0.now_ms.saturating_sub(at_ms))
    }

    fn host(&self) -> Vec<String> {
        let status = self.0;
        let (name, version, pid) = (&status.name, &status.version, status.pid);
        let (directory, up) = (status.directory.display(), self.since(status.started_ms));
        let mut lines = vec![format!(
            "{name}, wharf {version}, {directory}, process {pid}, up {up}, {}",
            status.phase
        )];
        let reasons = status.readiness.reasons.iter();
        lines.extend(reasons.map(|reason| format!("not ready    {reason}")));
        for listener in &status.listeners {
            let fault = listener.fault.as_deref();
            let fault = fault.map(|fault| format!(": {fault}")).unwrap_or_default();
            let (name, address, tls) = (&listener.name, listener.address, &listener.tls);
            lines.push(format!("listener     {name}, {address}, tls {tls}{fault}"));
        }
        let passive = &status.passive;
        lines.push(format!(
            "passive      {} ports in use, {} free, {}",
            passive.used, passive.free, passive.ports
        ));
        let certificate = &status.certificate;
        let file = certificate.file.display();
        let ends = match certificate.expires_ms.map(u64::try_from) {
            None => "whose end cannot be told".to_owned(),
            Some(Ok(at)) if at > status.now_ms => {
                format!("which ends in {}", duration(at - status.now_ms))
            }
            Some(_) => "which has ended".to_owned(),
        };
        lines.push(format!("certificate  {file}, {ends}"));
        lines
    }

    fn sessions(&self) -> Vec<String> {
        let sessions = &self.0.sessions;
        let mut lines = vec![format!("\nsessions     {}", sessions.count)];
        let rows: Vec<_> = sessions
            .listed
            .iter()
            .map(|session| self.session(session))
            .collect();
        lines.extend(aligned(&rows));
        let more = sessions.count.saturating_sub(sessions.listed.len());
        if more > 0 {
            lines.push(format!("  and {more} more"));
        }
        lines
    }

    fn session(&self, session: &SessionStatus) -> [String; 5] {
        let who = match (&session.principal, &session.user) {
            (Some(principal), _) => principal.clone(),
            (None, Some(user)) => format!("({user}, not logged in)"),
            (None, None) => "(nobody yet)".to_owned(),
        };
        let tls = session.tls.as_deref().unwrap_or("in clear");
        let transfer = session.transfer.as_ref();
        [
            session.id.clone(),
            who,
            format!("{} to {}", session.peer, session.listener),
            format!("{tls}, for {}", self.since(session.since_ms)),
            transfer.map(|it| self.transfer(it)).unwrap_or_default(),
        ]
    }

    fn transfer(&self, transfer: &TransferStatus) -> String {
        let moved_ms = self.0.now_ms.saturating_sub(transfer.since_ms);
        let rate = transfer.bytes.saturating_mul(1000) / moved_ms.max(1);
        let (kind, path, moved) = (&transfer.kind, &transfer.path, bytes(transfer.bytes));
        let rate = bytes(rate);
        match transfer.size {
            Some(size) => {
                let percent = transfer.bytes.saturating_mul(100) / size.max(1);
                format!(
                    "{kind} {path}, {moved} of {}, {percent} %, {rate}/s",
                    bytes(size)
                )
            }
            None => format!("{kind} {path}, {moved}, {rate}/s"),
        }
    }

    fn plugins(&self) -> Vec<String> {
        let plugins = &self.0.plugins;
        let mut lines = vec![format!("\nplugins      generation {}", plugins.generation)];
        for plugin in &plugins.plugins {
            lines.extend(self.plugin(plugin));
        }
        lines.extend(plugins.rejected.iter().flat_map(|it| self.rejected(it)));
        lines
    }

    fn events(&self) -> Vec<String> {
        let Some(events) = &self.0.events else {
            return vec!["\nevents       cannot be read; the log says why".to_owned()];
        };
        let mut line = format!("\nevents       {} kept", events.kept);
        if let Some(oldest_ms) = events.oldest_ms {
            line += &format!(
                ", the oldest that waits is from {} ago",
                duration(oldest_ms)
            );
        }
        if events.lost > 0 {
            line += &format!(", {} lost, the log says why", events.lost);
        }
        let backlogs = events.backlogs.iter().map(|backlog| {
            let (plugin, waiting, dead) = (&backlog.plugin, backlog.waiting, backlog.dead);
            format!("  {plugin}: {waiting} wait, {dead} dead letters")
        });
        [line].into_iter().chain(backlogs).collect()
    }

    fn plugin(&self, plugin: &PluginStatus) -> Vec<String> {
        let (instances, calls) = (&plugin.instances, &plugin.calls);
        let sha256: String = plugin.sha256.chars().take(12).collect();
        let failures: Vec<String> = calls
            .failures
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let failures = match failures.is_empty() {
            true => "no failures".to_owned(),
            false => format!("failures: {}", failures.join(", ")),
        };
        let mut lines = vec![
            format!("  {}: {}", plugin.name, plugin.roles.join(", ")),
            format!(
                "    {}, sha256 {sha256}, generation {}",
                plugin.file.display(),
                plugin.generation
            ),
            format!(
                "    {} of {} instances ({} busy), {} calls wait",
                instances.warm + instances.busy,
                instances.limit,
                instances.busy,
                instances.waiting
            ),
            format!(
                "    {} calls, {failures}, p50 {}, p99 {}",
                calls.total,
                microseconds(calls.p50_us),
                microseconds(calls.p99_us)
            ),
        ];
        if plugin.breaker != "closed" {
            lines.push(format!("    breaker {}", plugin.breaker));
        }
        if let Some(error) = &calls.last_error {
            let ago = self.since(error.at_ms);
            lines.push(format!("    last error {ago} ago: {}", error.text));
        }
        let rejected = plugin.rejected.iter().flat_map(|it| self.rejected(it));
        lines.extend(rejected.map(|line| format!("  {line}")));
        lines
    }

    /// What is wrong with settings is told in several lines, with the place marked.
    fn rejected(&self, rejected: &RejectedCandidate) -> Vec<String> {
        let (file, ago) = (rejected.file.display(), self.since(rejected.at_ms));
        let mut causes = rejected.cause.lines();
        let first = causes.next().unwrap_or_default();
        let mut lines = vec![format!("  {file} was refused {ago} ago: {first}")];
        lines.extend(causes.map(|line| format!("    {line}")));
        lines
    }
}

/// `line` with its end, without what a terminal would act on: clients choose names and paths.
fn printable(line: &str) -> String {
    let shown = line.trim_start_matches('\n');
    let before = "\n".repeat(line.len() - shown.len());
    let shown = shown.replace(char::is_control, "\u{fffd}");
    format!("{before}{shown}\n")
}

/// `rows` as lines whose columns stand below each other.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("  {}", cells.join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests;
