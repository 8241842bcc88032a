//! The `types` interface: the session that a call is about.

use wasmtime::component::Resource;

use crate::plugin::bindings::imports::wharf::plugin::types::{Endpoint, Host, HostSession};
use crate::plugin::facts::SessionFacts;
use crate::plugin::instance::InstanceState;
use crate::tls::{ClientCertificate, TlsFacts};

/// The session of the running call, as a plugin is lent it. There is but one at a time, so it
/// carries nothing.
pub struct SessionView;

impl InstanceState {
    fn session(&self) -> wasmtime::Result<&SessionFacts> {
        // A plugin is lent a session only together with the facts, and cannot keep the loan.
        self.session
            .as_deref()
            .ok_or_else(|| wasmtime::format_err!("no session was lent"))
    }

    fn tls(&self) -> wasmtime::Result<Option<&TlsFacts>> {
        Ok(self.session()?.tls.as_ref())
    }

    fn certificate(&self) -> wasmtime::Result<Option<&ClientCertificate>> {
        Ok(self.tls()?.and_then(|tls| tls.client_certificate.as_ref()))
    }
}

fn endpoint(address: std::net::SocketAddr) -> Endpoint {
    Endpoint {
        address: address.ip().to_canonical().to_string(),
        port: address.port(),
    }
}

impl Host for InstanceState {}

impl HostSession for InstanceState {
    fn id(&mut self, _: Resource<SessionView>) -> wasmtime::Result<String> {
        Ok(self.session()?.id.clone())
    }

    fn listener(&mut self, _: Resource<SessionView>) -> wasmtime::Result<String> {
        Ok(self.session()?.listener.clone())
    }

    fn peer(&mut self, _: Resource<SessionView>) -> wasmtime::Result<Endpoint> {
        Ok(endpoint(self.session()?.peer))
    }

    fn local(&mut self, _: Resource<SessionView>) -> wasmtime::Result<Endpoint> {
        Ok(endpoint(self.session()?.local))
    }

    fn secure(&mut self, _: Resource<SessionView>) -> wasmtime::Result<bool> {
        Ok(self.tls()?.is_some())
    }

    fn tls_protocol(&mut self, _: Resource<SessionView>) -> wasmtime::Result<Option<String>> {
        Ok(self.tls()?.map(|tls| tls.protocol.to_owned()))
    }

    fn server_name(&mut self, _: Resource<SessionView>) -> wasmtime::Result<Option<String>> {
        Ok(self.tls()?.and_then(|tls| tls.server_name.clone()))
    }

    fn client_chain(&mut self, _: Resource<SessionView>) -> wasmtime::Result<Vec<Vec<u8>>> {
        Ok(self
            .certificate()?
            .map(|shown| shown.chain.iter().map(|der| der.to_vec()).collect())
            .unwrap_or_default())
    }

    fn client_verified(&mut self, _: Resource<SessionView>) -> wasmtime::Result<bool> {
        // One that is not verified does not get through the handshake.
        Ok(self.certificate()?.is_some())
    }

    fn client_fingerprint(&mut self, _: Resource<SessionView>) -> wasmtime::Result<Option<String>> {
        Ok(self.certificate()?.map(|shown| shown.fingerprint.clone()))
    }

    fn client_subject(&mut self, _: Resource<SessionView>) -> wasmtime::Result<Option<String>> {
        Ok(self.certificate()?.map(|shown| shown.subject.clone()))
    }

    fn client_alternative_names(
        &mut self,
        _: Resource<SessionView>,
    ) -> wasmtime::Result<Vec<String>> {
        Ok(self
            .certificate()?
            .map(|shown| shown.alternative_names.clone())
            .unwrap_or_default())
    }

    fn user(&mut self, _: Resource<SessionView>) -> wasmtime::Result<Option<String>> {
        Ok(self.session()?.user.clone())
    }

    fn principal(&mut self, _: Resource<SessionView>) -> wasmtime::Result<Option<String>> {
        Ok(self.session()?.principal.clone())
    }

    fn groups(&mut self, _: Resource<SessionView>) -> wasmtime::Result<Vec<String>> {
        Ok(self.session()?.groups.clone())
    }

    fn attribute(
        &mut self,
        _: Resource<SessionView>,
        name: String,
    ) -> wasmtime::Result<Option<String>> {
        Ok(self.session()?.attributes.get(&name).cloned())
    }

    fn recall(
        &mut self,
        _: Resource<SessionView>,
        key: String,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.session()?.notes.recall(&self.plugin.name, &key))
    }

    fn remember(
        &mut self,
        _: Resource<SessionView>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        Ok(self
            .session()?
            .notes
            .remember(&self.plugin.name, &key, value))
    }

    fn drop(&mut self, _: Resource<SessionView>) -> wasmtime::Result<()> {
        // Only the owner of a session could drop it, and no plugin owns one.
        Ok(())
    }
}
