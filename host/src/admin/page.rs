//! The page for people who look with a browser: the status in tables, without anything to load.

use std::fmt::Write as _;

use super::format::{bytes, duration, microseconds};
use super::status::{SessionStatus, Status, TransferStatus};
use crate::plugin::PluginStatus;

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta http-equiv=\"refresh\" content=\"10\">\
<meta name=\"viewport\" content=\"width=device-width\">\
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.2em .8em .2em 0;\
border-bottom:1px solid #8884;vertical-align:top}th{font-weight:600}\
h1{font-size:1.4em}h2{font-size:1.1em;margin-top:1.6em}.bad{color:#b00020}\
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}.bad{color:#ff6b81}}</style>";

/// The page.
pub fn render(status: &Status) -> String {
    let mut page = HEAD.to_owned();
    let name = escape(&status.name);
    let up = duration(status.now_ms.saturating_sub(status.started_ms));
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        page,
        "<title>{name}</title><h1>{name}</h1><p>wharf {}, {}, up {up}</p>",
        escape(&status.version),
        escape(&status.phase),
    );
    for reason in &status.readiness.reasons {
        let _ = write!(page, "<p class=bad>not ready: {}</p>", escape(reason));
    }
    listeners(&mut page, status);
    sessions(&mut page, status);
    plugins(&mut page, status);
    events(&mut page, status);
    page.push_str(
        "<h2>More</h2><p><a href=\"/api/v1/status\">status as JSON</a>, \
         <a href=\"/metrics\">metrics</a>, <a href=\"/readyz\">readiness</a></p></html>",
    );
    page
}

fn listeners(page: &mut String, status: &Status) {
    page.push_str("<h2>Listeners</h2>");
    let rows = status.listeners.iter().map(|listener| {
        let fault = listener.fault.clone().unwrap_or_default();
        let address = listener.address.to_string();
        [listener.name.clone(), address, listener.tls.clone(), fault]
    });
    table(page, ["name", "address", "TLS", ""], rows);
    let passive = &status.passive;
    let _ = write!(
        page,
        "<p>passive ports {}: {} in use, {} free</p>",
        escape(&passive.ports),
        passive.used,
        passive.free
    );
}

fn sessions(page: &mut String, status: &Status) {
    let sessions = &status.sessions;
    let _ = write!(page, "<h2>Sessions: {}</h2>", sessions.count);
    let rows = sessions.listed.iter().map(|session| {
        let since = duration(status.now_ms.saturating_sub(session.since_ms));
        [
            session.id.clone(),
            session.peer.to_string(),
            session.listener.clone(),
            since,
            session.tls.clone().unwrap_or_default(),
            who(session).to_owned(),
            session.transfer.as_ref().map(transfer).unwrap_or_default(),
        ]
    });
    let heads = [
        "session", "client", "listener", "for", "TLS", "user", "transfer",
    ];
    table(page, heads, rows);
}

fn plugins(page: &mut String, status: &Status) {
    let plugins = &status.plugins;
    let _ = write!(page, "<h2>Plugins, generation {}</h2>", plugins.generation);
    let rows = plugins.plugins.iter().map(|plugin| {
        let calls = &plugin.calls;
        let failures: u64 = calls.failures.values().sum();
        let instances = &plugin.instances;
        [
            plugin.name.clone(),
            plugin.sha256.chars().take(12).collect(),
            plugin.roles.join(", "),
            format!("{} of {}", instances.warm + instances.busy, instances.limit),
            calls.total.to_string(),
            failures.to_string(),
            microseconds(calls.p50_us),
            microseconds(calls.p99_us),
            trouble(plugin),
        ]
    });
    let heads = [
        "plugin",
        "sha256",
        "roles",
        "instances",
        "calls",
        "failures",
        "p50",
        "p99",
        "",
    ];
    table(page, heads, rows);
    for rejected in &plugins.rejected {
        let (plugin, cause) = (escape(&rejected.plugin), escape(&rejected.cause));
        let _ = write!(page, "<p class=bad>{plugin} is refused: {cause}</p>");
    }
}

fn events(page: &mut String, status: &Status) {
    let Some(events) = &status.events else {
        page.push_str("<h2>Events</h2><p class=bad>they cannot be read; the log says why</p>");
        return;
    };
    let _ = write!(page, "<h2>Events: {} kept</h2>", events.kept);
    if let Some(oldest_ms) = events.oldest_ms {
        let age = duration(oldest_ms);
        let _ = write!(page, "<p>the oldest that waits is from {age} ago</p>");
    }
    if events.lost > 0 {
        let _ = write!(
            page,
            "<p class=bad>{} lost, the log says why</p>",
            events.lost
        );
    }
    let rows = events.backlogs.iter().map(|backlog| {
        let (waiting, dead) = (backlog.waiting.to_string(), backlog.dead.to_string());
        [backlog.plugin.clone(), waiting, dead]
    });
    table(page, ["plugin", "waiting", "dead letters"], rows);
}

/// Who it is, or wants to be.
fn who(session: &SessionStatus) -> &str {
    let principal = session.principal.as_ref().or(session.user.as_ref());
    principal.map_or("", String::as_str)
}

fn transfer(transfer: &TransferStatus) -> String {
    let TransferStatus { kind, path, .. } = transfer;
    match transfer.size {
        Some(size) => format!(
            "{kind} {path}, {} of {}",
            bytes(transfer.bytes),
            bytes(size)
        ),
        None => format!("{kind} {path}, {}", bytes(transfer.bytes)),
    }
}

fn trouble(plugin: &PluginStatus) -> String {
    let mut troubles = Vec::new();
    if plugin.breaker != "closed" {
        troubles.push(format!("breaker {}", plugin.breaker));
    }
    if let Some(rejected) = &plugin.rejected {
        troubles.push(format!("its replacement is refused: {}", rejected.cause));
    }
    if let Some(error) = &plugin.calls.last_error {
        troubles.push(format!("last error: {}", error.text));
    }
    troubles.join("; ")
}

fn table<const N: usize>(
    page: &mut String,
    heads: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    page.push_str("<table><tr>");
    for head in heads {
        let _ = write!(page, "<th>{head}");
    }
    for row in rows {
        page.push_str("<tr>");
        for cell in row {
            let _ = write!(page, "<td>{}", escape(&cell));
        }
    }
    page.push_str("</table>");
}

/// `text` within HTML, also where a client chose it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_choose_stays_text() {
        let mut page = String::new();
        let row = ["<script>alert('1')</script>".to_owned()];
        table(&mut page, ["user"], [row].into_iter());
        let shown = "<td>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;";
        assert!(page.contains(shown), "{page}");
    }
}
