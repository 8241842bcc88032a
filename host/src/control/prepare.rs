//! What a transfer needs before it begins: leave, its object, and its data connection.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;
use tracing::{debug, info};
use wharf_protocol::effect::Prepared;
use wharf_protocol::failure::Failure;
use wharf_protocol::transfer::{Protection, Transfer, TransferKind};

use super::Control;
use super::data_route::DataRoute;
use super::job::{Completed, Job, NotPrepared, Refused, blocking, refuse};
use super::tell::Attempt;
use super::transfers::{Opened, Ready};
use crate::admission::TransferPermit;
use crate::data::DataError;
use crate::metrics::{self, Direction};
use crate::plugin::{LivePlugins, SessionFacts};
use crate::sinks::Sinks;
use crate::spool::Spool;
use crate::storage::{Object, Storage};
use crate::tls::SessionTls;
use crate::transfer::{DataConnection, Progress, Settings};

/// A transfer that has leave to begin.
struct Preparation {
    transfer: Transfer,
    session: Arc<SessionFacts>,
    storage: Storage,
    route: DataRoute,
    /// Of the control connection.
    local: SocketAddr,
    peer: SocketAddr,
    /// When the data connection has to be there.
    deadline: Instant,
    /// What the data connection is to be under.
    tls: Option<SessionTls>,
    settings: Settings,
    permit: Option<TransferPermit>,
    plugins: Arc<LivePlugins>,
    sinks: Arc<Sinks>,
    spool: Spool,
}

impl Control {
    /// Opens the object, then waits for the data connection (RFC 959 section 5.4: 550 before 150,
    /// and 425 where no connection comes).
    pub(super) fn prepare(&mut self, transfer: Transfer) -> Job {
        let session = self.login.facts();
        self.attempt = Attempt::begin(&self.teller, Arc::clone(&session), &transfer.kind);
        let admitted = self.attempt.as_ref().map(|attempt| attempt.admitted());
        if let Some(Err(full)) = admitted {
            return not_prepared(refuse(full));
        }
        let (tls, permit) = match (self.data_tls(&transfer), self.admit_transfer()) {
            (Ok(tls), Ok(permit)) => (tls, permit),
            (Err(failure), _) | (_, Err(failure)) => return not_prepared(failure),
        };
        let (Some(storage), Some(route)) = (self.login.storage(), self.route.take()) else {
            return not_prepared(Failure::NoDataConnection);
        };
        let preparation = Preparation {
            session,
            storage,
            route,
            local: self.local,
            peer: self.peer,
            deadline: Instant::now() + self.host.config.limits.data_connect_timeout,
            tls,
            settings: self.transfer_settings(&transfer),
            permit,
            plugins: Arc::clone(&self.host.plugins),
            sinks: Arc::clone(&self.host.sinks),
            spool: self.host.spool.clone(),
            transfer,
        };
        Box::pin(async move { Completed::Prepared(preparation.finish().await) })
    }

    /// What a protected data connection is under. PROT P is agreed under TLS only, so there always
    /// is one; nothing would go in clear instead.
    fn data_tls(&self, transfer: &Transfer) -> Result<Option<SessionTls>, Failure> {
        match (transfer.protection, &self.tls) {
            (Protection::Clear, _) => Ok(None),
            (Protection::Private, None) => Err(Failure::DataHandshake),
            (Protection::Private, session) => Ok(session.clone()),
        }
    }

    /// Counts the transfer, where the user may run so many only.
    fn admit_transfer(&self) -> Result<Option<TransferPermit>, Failure> {
        let identity = self.login.identity();
        let limited = identity.and_then(|identity| Some((identity, identity.max_transfers?)));
        let Some((identity, limit)) = limited else {
            return Ok(None);
        };
        let permit = self.host.admission.transfer(&identity.principal, limit);
        match permit {
            Some(permit) => Ok(Some(permit)),
            None => {
                info!(principal = identity.principal, limit, "too many transfers");
                let text = "Too many transfers of this user".to_owned();
                Err(Failure::TooMany { text })
            }
        }
    }

    fn transfer_settings(&self, transfer: &Transfer) -> Settings {
        let limits = &self.host.config.limits;
        let identity = self.login.identity();
        let bandwidth = identity
            .map(|identity| identity.bandwidth)
            .unwrap_or_default();
        Settings {
            stall: limits.stall_timeout,
            handshake: limits.data_connect_timeout,
            strict_close: self.host.config.tls.strict_close,
            upload_bytes_max: identity.and_then(|identity| identity.max_upload_size),
            bytes_per_second: match transfer.kind.is_upload() {
                true => bandwidth.upload,
                false => bandwidth.download,
            },
            ..Settings::default()
        }
    }
}

impl Preparation {
    async fn finish(mut self) -> Result<(Prepared, Box<Ready>), NotPrepared> {
        let kind = self.transfer.kind.clone();
        let object = match open(&self.storage, &self.session, kind).await {
            Ok(object) => object,
            Err(refused) => {
                let route = Some(self.route);
                return Err(NotPrepared { refused, route });
            }
        };
        if let Object::Upload { start, .. } = &object {
            let left = |max: u64| max.saturating_sub(*start);
            self.settings.upload_bytes_max = self.settings.upload_bytes_max.map(left);
        }
        let prepared = announce(&object, &self.transfer.kind);
        let object = Opened::new(object);
        let connected = self.route.connect(self.local, self.peer, self.deadline);
        let (socket, begun) = connected.await.map_err(no_connection)?;
        let transfer = self.transfer;
        let is_upload = transfer.kind.is_upload();
        let tls = match (begun, self.tls) {
            (None, Some(session)) => {
                let handshake = session.data_handshake(!is_upload);
                Some(handshake.map_err(|error| no_connection(error.into()))?)
            }
            (begun, _) => begun,
        };
        let moved = metrics::transfer_bytes(match is_upload {
            true => Direction::Received,
            false => Direction::Sent,
        });
        let ready = Ready {
            kind: transfer.kind,
            object,
            permit: self.permit,
            connection: DataConnection {
                progress: Arc::new(Progress::new(Arc::new(socket), moved)),
                tls,
                representation: transfer.representation,
                mode: transfer.mode,
                settings: self.settings,
            },
            plugins: self.plugins,
            sinks: self.sinks,
            spool: self.spool,
        };
        Ok((prepared, Box::new(ready)))
    }
}

/// Opens the object where the name of it leads.
async fn open(
    storage: &Storage,
    session: &Arc<SessionFacts>,
    kind: TransferKind,
) -> Result<Object, Refused> {
    let resolved = storage.resolve_transfer(kind, session).await;
    let resolved = resolved.map_err(refuse)?;
    blocking(move || resolved.open()).await
}

/// What is refused before anything is asked; the data connection stays agreed.
fn not_prepared(refused: impl Into<Refused>) -> Job {
    let refused: Refused = refused.into();
    Box::pin(async { Completed::Prepared(Err(refused.into())) })
}

/// Nothing came of the data connection.
fn no_connection(error: DataError) -> NotPrepared {
    debug!(%error, "no data connection");
    metrics::count_error(error.blame());
    Refused::new(Failure::from(&error), error.to_string()).into()
}

/// What the client hears with 150.
fn announce(object: &Object, kind: &TransferKind) -> Prepared {
    match (object, kind) {
        (Object::Download { reader, .. }, _) => Prepared {
            size: Some(reader.size()),
            name: None,
        },
        (Object::Upload { place, .. }, TransferKind::StoreUnique { .. }) => Prepared {
            size: None,
            name: place.path.name().map(str::to_owned),
        },
        _ => Prepared::default(),
    }
}
