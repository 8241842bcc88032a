//! Sites of FileZilla 3, as its Site Manager exports and imports them.

use super::site::Site;
use super::xml::escaped;
use crate::config::ListenerTls;

/// `Logontype` of a site that asks for the password (`LogonType::ask` of its sources).
const ASK: u8 = 2;

pub(super) fn render(site: &Site) -> String {
    // `ServerProtocol` of its sources, whose numbers never change.
    let protocol = match site.tls {
        ListenerTls::Implicit => 3,
        ListenerTls::Explicit | ListenerTls::Required => 4,
        ListenerTls::Off => 6,
    };
    let elements = [
        ("Host", site.host.clone()),
        ("Port", site.port.to_string()),
        ("Protocol", protocol.to_string()),
        ("Type", "0".to_owned()),
        ("User", site.user.clone()),
        ("Logontype", ASK.to_string()),
        ("PasvMode", "MODE_PASSIVE".to_owned()),
        ("EncodingType", "UTF-8".to_owned()),
        ("BypassProxy", "0".to_owned()),
        ("Name", site.name.clone()),
        ("Comments", site.note.clone()),
    ];
    let element =
        |(name, value): &(&str, String)| format!("\t\t\t<{name}>{}</{name}>\n", escaped(value));
    let elements: String = elements.iter().map(element).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\" ?>\n\
         <FileZilla3>\n\t<Servers>\n\t\t<Server>\n{elements}\t\t</Server>\n\t</Servers>\n\
         </FileZilla3>\n"
    )
}
