//! A host to test plugins against: natively built, the crate talks to this one.
//!
//! ```
//! use wharf_plugin::{config, log, testing};
//!
//! #[derive(serde::Deserialize)]
//! struct Settings {
//!     greeting: String,
//! }
//!
//! testing::set_config(r#"{ "greeting": "ahoy" }"#);
//! let settings: Settings = config::parse().unwrap();
//! log::info(&settings.greeting, &[("to", "alice")]);
//! assert_eq!(testing::logged(), ["Info ahoy to=alice"]);
//! ```
//!
//! What is set and recorded belongs to the thread, so tests may run side by side. An encoded
//! password is `$SCHEME$…$PASSWORD`: the scheme is what follows the first `$`, the password itself
//! what follows the last one.

use std::cell::RefCell;
use std::time::SystemTime;

use crate::{Grant, Session, config};

/// What the host of this thread was told, and what it saw.
#[derive(Default)]
struct State {
    config: String,
    now: Option<SystemTime>,
    logged: Vec<String>,
    verified: Vec<String>,
}

thread_local! {
    static HOST: RefCell<State> = RefCell::default();
}

/// Sets the settings, as a JSON object.
pub fn set_config(json: &str) {
    HOST.with_borrow_mut(|host| json.clone_into(&mut host.config));
}

/// Stops the clock at `now`.
pub fn set_now(now: SystemTime) {
    HOST.with_borrow_mut(|host| host.now = Some(now));
}

/// Takes the lines logged so far: the level, the message, and each field as `name=value`.
pub fn logged() -> Vec<String> {
    HOST.with_borrow_mut(|host| std::mem::take(&mut host.logged))
}

/// Takes the encoded passwords that were checked so far, right or wrong.
pub fn verified() -> Vec<String> {
    HOST.with_borrow_mut(|host| std::mem::take(&mut host.verified))
}

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
    pub address: Option<std::net::IpAddr>,
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

    /// Runs `call` with a new session of this client.
    pub fn session<R>(&self, call: impl FnOnce(&Session<'_>) -> R) -> R {
        let session = host::Session {
            client: self.clone(),
            remembered: RefCell::default(),
        };
        call(&Session(&session))
    }
}

impl Grant {
    /// What was set, in order, as it would be called in the contract: `set-root local alice`.
    pub fn settings(&self) -> Vec<String> {
        self.0.settings.borrow().clone()
    }
}

/// The same functions and types as the imports of the component.
pub(crate) mod host {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::{Client, HOST, config};
    use crate::{Failure, Operations, log::Level};

    pub(crate) fn config_json() -> String {
        HOST.with_borrow(|host| {
            if host.config.is_empty() {
                "{}".into()
            } else {
                host.config.clone()
            }
        })
    }

    pub(crate) fn config_get(key: &str) -> Option<String> {
        let settings: serde_json::Value = config::parse().ok()?;
        let value = key
            .split('.')
            .try_fold(&settings, |table, part| table.get(part))?;
        Some(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    }

    pub(crate) fn now_ms() -> u64 {
        let now = HOST
            .with_borrow(|host| host.now)
            .unwrap_or_else(SystemTime::now);
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
        a == b
    }

    pub(crate) fn verify_password(encoded: &str, password: &str) -> Result<bool, Failure> {
        HOST.with_borrow_mut(|host| host.verified.push(encoded.to_owned()));
        let unknown = || Failure::Misconfigured("unknown form of a password".into());
        let (_, expected) = encoded.rsplit_once('$').ok_or_else(unknown)?;
        Ok(expected == password)
    }

    pub(crate) fn inspect_password(encoded: &str) -> Result<String, String> {
        let parts: Vec<&str> = encoded.split('$').collect();
        match parts[..] {
            ["", scheme, .., password] if !password.is_empty() => Ok(scheme.to_owned()),
            _ => Err("this form of password hash is not known".to_owned()),
        }
    }

    pub(crate) fn log(level: Level, message: &str, fields: &[(&str, &str)]) {
        let fields: String = fields.iter().map(|(n, v)| format!(" {n}={v}")).collect();
        HOST.with_borrow_mut(|host| host.logged.push(format!("{level:?} {message}{fields}")));
    }

    pub(crate) fn operations(set: Operations) -> Operations {
        set
    }

    /// Plays `types.session`.
    pub(crate) struct Session {
        pub(super) client: Client,
        pub(super) remembered: RefCell<BTreeMap<String, Vec<u8>>>,
    }

    /// Plays `types.endpoint`.
    pub(crate) struct Endpoint {
        pub(crate) address: String,
        pub(crate) port: u16,
    }

    impl Session {
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
            None
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
            None
        }

        pub(crate) fn groups(&self) -> Vec<String> {
            Vec::new()
        }

        pub(crate) fn attribute(&self, _name: &str) -> Option<String> {
            None
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
        pub(super) settings: RefCell<Vec<String>>,
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
}
