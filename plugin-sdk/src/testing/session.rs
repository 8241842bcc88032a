//! Sessions and grants.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::{Grant, Session};

/// The facts of a session; the default is a client in the clear from a documentation address.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Whether the control connection is under TLS.
    pub secure: bool,
    /// Whether the client's certificate leads to a trusted authority.
    pub verified: bool,
    /// SHA-256 of the client's certificate, in lower-case hexadecimal.
    pub fingerprint: Option<String>,
    /// The subject of the client's certificate.
    pub subject: Option<String>,
    /// The name given with `USER`.
    pub user: Option<String>,
    /// The client's address, if it is another than 192.0.2.1.
    pub address: Option<IpAddr>,
    /// The host name that the client asked for under TLS.
    pub server_name: Option<String>,
    /// Who the grant says this is, once logged in.
    pub principal: Option<String>,
    /// The groups of the grant.
    pub groups: Vec<String>,
    /// The attributes of the grant.
    pub attributes: BTreeMap<String, String>,
}

impl Client {
    /// A client without TLS.
    pub fn plain() -> Self {
        Self::default()
    }

    /// A client under TLS, without a certificate.
    pub fn secure() -> Self {
        Self {
            secure: true,
            ..Self::default()
        }
    }

    /// A user who logged in under TLS, as the principal of the same name.
    pub fn logged_in(user: &str) -> Self {
        Self {
            user: Some(user.to_owned()),
            principal: Some(user.to_owned()),
            ..Self::secure()
        }
    }

    /// Runs `call` with a new session of this client.
    pub fn session<R>(&self, call: impl FnOnce(&Session<'_>) -> R) -> R {
        call(&Session(&host::Session::new(self.clone())))
    }
}

impl Grant {
    /// What was set, in order, as it would be called in the contract: `set-root local alice`.
    pub fn settings(&self) -> Vec<String> {
        self.0.settings()
    }
}

pub(super) mod host {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::Client;
    use crate::Operations;

    /// Plays `types.session`.
    pub(crate) struct Session {
        client: Client,
        remembered: RefCell<BTreeMap<String, Vec<u8>>>,
    }

    /// Plays `types.endpoint`.
    pub(crate) struct Endpoint {
        pub(crate) address: String,
        pub(crate) port: u16,
    }

    impl Session {
        pub(super) fn new(client: Client) -> Self {
            Self {
                client,
                remembered: RefCell::default(),
            }
        }

        pub(crate) fn id(&self) -> String {
            "test".into()
        }

        pub(crate) fn listener(&self) -> String {
            "[::]:2121".into()
        }

        pub(crate) fn peer(&self) -> Endpoint {
            let address = self
                .client
                .address
                .map_or("192.0.2.1".into(), |ip| ip.to_string());
            Endpoint {
                address,
                port: 50000,
            }
        }

        pub(crate) fn local(&self) -> Endpoint {
            Endpoint {
                address: "192.0.2.2".into(),
                port: 2121,
            }
        }

        pub(crate) fn secure(&self) -> bool {
            self.client.secure
        }

        pub(crate) fn tls_protocol(&self) -> Option<String> {
            self.client.secure.then(|| "TLSv1.3".into())
        }

        pub(crate) fn server_name(&self) -> Option<String> {
            self.client.server_name.clone()
        }

        pub(crate) fn client_chain(&self) -> Vec<Vec<u8>> {
            Vec::new()
        }

        pub(crate) fn client_verified(&self) -> bool {
            self.client.verified
        }

        pub(crate) fn client_fingerprint(&self) -> Option<String> {
            self.client.fingerprint.clone()
        }

        pub(crate) fn client_subject(&self) -> Option<String> {
            self.client.subject.clone()
        }

        pub(crate) fn client_alternative_names(&self) -> Vec<String> {
            Vec::new()
        }

        pub(crate) fn user(&self) -> Option<String> {
            self.client.user.clone()
        }

        pub(crate) fn principal(&self) -> Option<String> {
            self.client.principal.clone()
        }

        pub(crate) fn groups(&self) -> Vec<String> {
            self.client.groups.clone()
        }

        pub(crate) fn attribute(&self, name: &str) -> Option<String> {
            self.client.attributes.get(name).cloned()
        }

        pub(crate) fn recall(&self, key: &str) -> Option<Vec<u8>> {
            self.remembered.borrow().get(key).cloned()
        }

        pub(crate) fn remember(&self, key: &str, value: &[u8]) -> bool {
            self.remembered
                .borrow_mut()
                .insert(key.into(), value.into());
            true
        }
    }

    /// Plays `grants.grant`: it writes down what it is told.
    #[derive(Debug)]
    pub(crate) struct Grant {
        settings: RefCell<Vec<String>>,
    }

    /// Declares the setters, each of which writes down its name and what it is given.
    macro_rules! setters {
        ($($setter:ident $name:literal ($($value:ident: $type:ty),+);)+) => {
            $(pub(crate) fn $setter(&self, $($value: $type),+) {
                let values = [$(written(&$value)),+].join(" ");
                self.settings.borrow_mut().push(format!("{} {values}", $name));
            })+
        };
    }

    impl Grant {
        pub(crate) fn new(principal: &str) -> Self {
            Self {
                settings: RefCell::new(vec![format!("principal {principal}")]),
            }
        }

        pub(super) fn settings(&self) -> Vec<String> {
            self.settings.borrow().clone()
        }

        setters! {
            set_root "set-root" (sink: &str, prefix: &str);
            add_mount "add-mount" (directory: &str, sink: &str, prefix: &str);
            set_home "set-home" (directory: &str);
            allow "allow" (pattern: &str, what: Operations);
            forbid "forbid" (pattern: &str, what: Operations);
            set_quota "set-quota" (bytes: Option<u64>, files: Option<u64>);
            set_bandwidth "set-bandwidth" (upload: Option<u64>, download: Option<u64>);
            set_max_sessions "set-max-sessions" (count: u32);
            set_max_transfers "set-max-transfers" (count: u32);
            set_max_upload_size "set-max-upload-size" (bytes: u64);
            set_idle_timeout "set-idle-timeout" (seconds: u32);
            set_revalidate_every "set-revalidate-every" (seconds: u32);
            set_expires_at "set-expires-at" (unix_seconds: u64);
            add_group "add-group" (name: &str);
            set_attribute "set-attribute" (name: &str, value: &str);
            set_welcome "set-welcome" (text: &str);
        }
    }

    /// A value as it is written down.
    fn written(value: &dyn std::fmt::Debug) -> String {
        format!("{value:?}").trim_matches('"').to_owned()
    }

    pub(crate) fn operations(set: Operations) -> Operations {
        set
    }
}
