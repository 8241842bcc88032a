//! Sites of WinSCP, as its configuration in an INI file holds them.

use std::fmt::Write;

use super::site::Site;
use crate::config::ListenerTls;

/// `FSProtocol` of FTP (`TFSProtocol` of its sources).
const FTP: u8 = 5;

/// `Utf` of a site whose names are surely UTF-8: it says whether they are not, by `TAutoSwitch`.
const UTF8: u8 = 1;

pub(super) fn render(site: &Site) -> String {
    // `TFtps` of its sources.
    let ftps = match site.tls {
        ListenerTls::Off => 0,
        ListenerTls::Implicit => 1,
        ListenerTls::Explicit | ListenerTls::Required => 3,
    };
    // A `/` would make folders of the name.
    let name = munged(&site.name.replace('/', "-"));
    let values = [
        ("HostName", munged(&site.host)),
        ("PortNumber", site.port.to_string()),
        ("UserName", munged(&site.user)),
        ("FSProtocol", FTP.to_string()),
        ("Ftps", ftps.to_string()),
        ("FtpPasvMode", "1".to_owned()),
        ("Utf", UTF8.to_string()),
        ("Note", munged(&site.note)),
    ];
    let lines = values.map(|(key, value)| format!("{key}={value}\r\n"));
    format!("[Sessions\\{name}]\r\n{}", lines.concat())
}

/// Text as PuTTY and WinSCP write it: what could mean anything is percent-encoded, and a byte
/// order mark comes before text that is not ASCII.
fn munged(text: &str) -> String {
    let mark = if text.is_ascii() { "" } else { "\u{feff}" };
    let mut munged = String::new();
    for (index, byte) in mark.bytes().chain(text.bytes()).enumerate() {
        let is_plain = byte.is_ascii_graphic() && !b"\\*?%".contains(&byte);
        if is_plain && !(byte == b'.' && index == 0) {
            munged.push(char::from(byte));
        } else {
            let written = write!(munged, "%{byte:02X}");
            debug_assert!(written.is_ok(), "a string has room");
        }
    }
    munged
}
