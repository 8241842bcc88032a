//! Connections and logged-in sessions.

use crate::export::{self, Instance};
use crate::wasm::bindings::session_guard::exports::wharf::plugin::session_guard;
use crate::wasm::bindings::types;
use crate::{Failure, Ruling, Session, SessionGuard};

impl<I: Instance<Plugin: SessionGuard>> session_guard::Guest for I {
    fn connect(client: &types::Session) -> Result<Option<types::Denial>, types::Failure> {
        let denial = export::call::<I, _, Failure>(|plugin| plugin.connect(&Session(client)))?;
        Ok(denial.map(Into::into))
    }

    fn revalidate(client: &types::Session) -> Result<session_guard::Ruling, types::Failure> {
        let ruling = export::call::<I, _, Failure>(|plugin| plugin.revalidate(&Session(client)))?;
        Ok(match ruling {
            Ruling::Keep => session_guard::Ruling::Keep,
            Ruling::Replace(grant) => session_guard::Ruling::Replace(grant.0),
            Ruling::End(denial) => session_guard::Ruling::End(denial.into()),
        })
    }
}
