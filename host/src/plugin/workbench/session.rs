//! The session of a call that no client makes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;

use crate::plugin::{SessionFacts, SessionNotes};
use crate::tls::{ClientCertificate, TlsFacts};

/// What a person writes about it: everything may be left out.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SessionInput {
    id: String,
    listener: String,
    peer: SocketAddr,
    local: SocketAddr,
    /// Under TLS; so is whoever shows a certificate.
    secure: bool,
    tls_protocol: TlsProtocol,
    server_name: Option<String>,
    client_fingerprint: Option<String>,
    client_subject: Option<String>,
    client_alternative_names: Vec<String>,
    user: Option<String>,
    principal: Option<String>,
    groups: Vec<String>,
    attributes: BTreeMap<String, String>,
    /// What the plugin remembered before, as text.
    remembered: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum TlsProtocol {
    #[serde(rename = "TLSv1.2")]
    Tls12,
    #[serde(rename = "TLSv1.3")]
    Tls13,
}

impl Default for SessionInput {
    /// A client of a documentation address, in clear and not logged in.
    fn default() -> Self {
        Self {
            id: "trial".to_owned(),
            listener: "[::]:2121".to_owned(),
            peer: SocketAddr::from(([192, 0, 2, 1], 50_000)),
            local: SocketAddr::from(([192, 0, 2, 2], 2121)),
            secure: false,
            tls_protocol: TlsProtocol::Tls13,
            server_name: None,
            client_fingerprint: None,
            client_subject: None,
            client_alternative_names: Vec::new(),
            user: None,
            principal: None,
            groups: Vec::new(),
            attributes: BTreeMap::new(),
            remembered: BTreeMap::new(),
        }
    }
}

impl SessionInput {
    /// The session as `plugin` sees it. `user` is who the call names, where nothing else is said.
    pub fn facts(self, plugin: &str, user: Option<&str>) -> Arc<SessionFacts> {
        let notes = SessionNotes::default();
        for (key, value) in &self.remembered {
            notes.remember(plugin, key, value.clone().into_bytes());
        }
        Arc::new(SessionFacts {
            tls: self.tls(),
            id: self.id,
            listener: self.listener,
            peer: self.peer,
            local: self.local,
            user: self.user.or(user.map(str::to_owned)),
            principal: self.principal,
            groups: self.groups,
            attributes: self.attributes,
            notes: Arc::new(notes),
        })
    }

    fn tls(&self) -> Option<TlsFacts> {
        let certificate = self
            .client_fingerprint
            .as_ref()
            .map(|fingerprint| ClientCertificate {
                chain: Vec::new(),
                fingerprint: fingerprint.clone(),
                subject: self.client_subject.clone().unwrap_or_default(),
                alternative_names: self.client_alternative_names.clone(),
            });
        (self.secure || certificate.is_some()).then(|| TlsFacts {
            protocol: match self.tls_protocol {
                TlsProtocol::Tls12 => "TLSv1.2",
                TlsProtocol::Tls13 => "TLSv1.3",
            },
            cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
            server_name: self.server_name.clone(),
            alpn: false,
            client_certificate: certificate,
        })
    }
}
