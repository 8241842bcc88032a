//! The text of a complete `wharf.toml`.

use std::net::SocketAddr;

use super::passive::PortRange;

const TEMPLATE: &str = include_str!("template.toml");

/// `wharf.toml` with every default and what it means, but for what is given here.
pub fn render(address: SocketAddr, passive: PortRange, root: &str) -> String {
    TEMPLATE
        .replace("@ADDRESS@", &address.to_string())
        .replace("@PASSIVE@", &passive.to_string())
        .replace("@ROOT@", &quote(root))
}

/// `text` as a TOML string of one line, which may be a key too. Every escape of JSON is one of
/// TOML's; but TOML has DEL escaped as well.
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\x7f', "\\u007f")
}
