//! Bookmarks of Cyberduck: a property list each.

use sha2::{Digest, Sha256};

use super::site::Site;
use super::xml::escaped;
use crate::config::ListenerTls;

pub(super) fn render(site: &Site) -> String {
    let protocol = match site.tls {
        ListenerTls::Off => "ftp",
        ListenerTls::Explicit | ListenerTls::Required | ListenerTls::Implicit => "ftps",
    };
    let values = [
        ("Protocol", protocol.to_owned()),
        ("Nickname", site.name.clone()),
        ("UUID", uuid(site)),
        ("Hostname", site.host.clone()),
        ("Port", site.port.to_string()),
        ("Username", site.user.clone()),
        ("Encoding", "UTF-8".to_owned()),
        ("FTP Connect Mode", "passive".to_owned()),
        ("Comment", site.note.clone()),
    ];
    let pair = |(key, value): &(&str, String)| {
        format!(
            "\t<key>{key}</key>\n\t<string>{}</string>\n",
            escaped(value)
        )
    };
    let pairs: String = values.iter().map(pair).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n{pairs}</dict>\n</plist>\n"
    )
}

/// What Cyberduck tells bookmarks apart by: the same for the same site, so that a newer file takes
/// the place of an older one (RFC 9562, version 8).
fn uuid(site: &Site) -> String {
    let Site {
        host, port, user, ..
    } = site;
    let digest = Sha256::digest(format!("{user}\n{host}\n{port}"));
    let hex: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "{}-{}-8{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}
