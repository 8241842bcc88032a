//! The `config`, `secrets` and `clock` interfaces.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::metrics::Capability;
use crate::plugin::bindings::imports::wharf::plugin::{clock, config, secrets};
use crate::plugin::instance::InstanceState;

impl config::Host for InstanceState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.plugin.settings.value(&key).map(str::to_owned))
    }

    fn keys(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.plugin.settings.keys().map(str::to_owned).collect())
    }

    fn json(&mut self) -> wasmtime::Result<String> {
        Ok(self.plugin.settings.json().to_owned())
    }
}

impl secrets::Host for InstanceState {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<String, secrets::Error>> {
        let secret = self.plugin.allow.secrets.get(&name);
        let text = secret.map(|secret| secret.expose().to_owned());
        Ok(text.ok_or_else(|| {
            self.granted.denials.tell(Capability::Secrets, &name);
            secrets::Error::NotGranted
        }))
    }
}

impl clock::Host for InstanceState {
    fn now_ms(&mut self) -> wasmtime::Result<u64> {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic_ns(&mut self) -> wasmtime::Result<u64> {
        static START: OnceLock<Instant> = OnceLock::new();
        let elapsed = START.get_or_init(Instant::now).elapsed();
        Ok(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }
}
