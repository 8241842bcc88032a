//! The stage *gate*: between the last byte of an upload and its 226, while nobody sees the file.
//!
//! All gates are asked in the order of their file names, each with the place that the one before
//! chose, until one discards or consumes. What is quarantined stays out of sight: a gate behind may
//! move it to another quarantine or discard it, and nothing else. A gate that fails discards,
//! unless the operator said otherwise.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;
use wharf_protocol::command::HashAlgorithm;
use wharf_protocol::failure::Failure;
use wharf_protocol::path::VirtualPath;

use super::Plugins;
use super::bindings::imports::wharf::plugin::types as shared;
use super::bindings::upload_gate::exports::wharf::plugin::upload_gate as wit;
use super::call::Plugin;
use super::denial;
use super::facts::SessionFacts;
use super::fault::CallError;
use super::imports::staging::LentUpload;
use super::instance::{InstanceState, PluginInstance};
use super::paths::{MountTable, may_lead};
use super::role::Role;
use super::sidecar::OnFailure;
use super::text::one_line;
use crate::checksum;
use crate::identity::Operation;
use crate::sink::kept::Wanted;
use crate::sink::{Key, Location, StagedUpload};

/// The longest head that a gate can ask for, in bytes.
const MAX_HEAD: u64 = 1024 * 1024;

/// What a gate wants of each upload, as it said when it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// The bytes from the beginning of the file that it may read.
    pub readable: u64,
    /// The checksums that it wants to be told.
    pub checksums: Vec<HashAlgorithm>,
    /// Whether it may choose another place.
    pub relocates: bool,
}

/// A finished upload, as gates are told of it.
#[derive(Clone, Debug)]
pub struct FinishedUpload {
    /// What the client calls it.
    pub path: VirtualPath,
    /// Where it would be published.
    pub place: Location,
    /// In bytes, of the whole file.
    pub size: u64,
    /// The checksums of the whole file, in lower-case hexadecimal.
    pub checksums: Vec<(HashAlgorithm, String)>,
    /// How long the transfer took.
    pub elapsed: Duration,
    /// Whether it goes on from a file that was there.
    pub appended: bool,
}

/// What becomes of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateRuling {
    /// It is published where it would be without gates.
    Publish,
    /// It is published here instead.
    PublishAt(Location),
    /// It is kept here, out of the user's sight.
    Quarantine(Location),
    /// A gate has taken it elsewhere: nothing of it is kept.
    Consume,
    /// It is thrown away, and the client hears this.
    Discard {
        /// What the client hears: a denial, or that nobody could decide.
        failure: Failure,
        /// For the log and for events: who, and why.
        detail: String,
    },
}

impl Plugins {
    /// The checksums that some gate wants to be told of each upload.
    pub fn gate_checksums(&self) -> Vec<HashAlgorithm> {
        let wanted = |algorithm: &HashAlgorithm| {
            let gates = self.of(Role::UploadGate).iter();
            gates
                .into_iter()
                .any(|gate| gate.demands.checksums.contains(algorithm))
        };
        HashAlgorithm::ALL.into_iter().filter(wanted).collect()
    }

    /// How much of each upload has to be there until they have decided: what some gate reads, and
    /// all of it where one may choose a place that only a copy gets to.
    pub fn gate_content(&self) -> Wanted {
        let demands = || self.of(Role::UploadGate).iter().map(|gate| &gate.demands);
        let readable = demands().map(|demands| demands.readable).max();
        match readable.unwrap_or_default() {
            _ if demands().any(|demands| demands.relocates) => Wanted::All,
            0 => Wanted::Nothing,
            bytes @ ..=MAX_HEAD => Wanted::Head(bytes as usize),
            _ => Wanted::All,
        }
    }

    /// What the gates make of `upload`, whose bytes are in `staged`. They publish nothing by
    /// themselves, and are followed to where the user is `shown` something and where the operator
    /// allows them to write.
    pub async fn rule_on_upload(
        &self,
        session: &Arc<SessionFacts>,
        upload: FinishedUpload,
        staged: &StagedUpload,
        shown: &MountTable,
    ) -> GateRuling {
        let (mut ruling, mut upload) = (GateRuling::Publish, upload);
        for gate in self.of(Role::UploadGate) {
            let quarantined = matches!(ruling, GateRuling::Quarantine(_));
            let answer = gate.commit(Arc::clone(session), &upload, quarantined, staged);
            let answer = answer.await.and_then(|answer| {
                let answer = gate.in_host_terms(answer, &upload, shown);
                let answer = answer.and_then(|answer| out_of_sight(answer, &ruling, &upload));
                answer.map_err(|fault| gate.at_fault("commit", fault))
            });
            match answer {
                Ok(GateRuling::Publish) => {}
                Ok(GateRuling::PublishAt(place)) => match ruling {
                    GateRuling::Quarantine(_) => still_in_quarantine(gate, session),
                    _ => {
                        upload.place = place.clone();
                        ruling = GateRuling::PublishAt(place);
                    }
                },
                Ok(GateRuling::Quarantine(place)) => {
                    upload.place = place.clone();
                    ruling = GateRuling::Quarantine(place);
                }
                Ok(GateRuling::Consume) if quarantined => still_in_quarantine(gate, session),
                Ok(end @ (GateRuling::Consume | GateRuling::Discard { .. })) => return end,
                Err(cause) => match goes_on(gate, session, cause) {
                    None => {}
                    Some(detail) => {
                        return GateRuling::Discard {
                            failure: Failure::Undecided,
                            detail,
                        };
                    }
                },
            }
        }
        ruling
    }
}

/// What a gate says, unless it calls the very place a quarantine where the upload would be seen.
fn out_of_sight(
    answer: GateRuling,
    before: &GateRuling,
    upload: &FinishedUpload,
) -> Result<GateRuling, CallError> {
    match (&answer, before) {
        (GateRuling::Quarantine(_), GateRuling::Quarantine(_)) => Ok(answer),
        (GateRuling::Quarantine(place), _) if *place == upload.place => Err(CallError::Nonsense(
            format!("its quarantine {place} is where the upload would be published"),
        )),
        _ => Ok(answer),
    }
}

fn still_in_quarantine(gate: &Plugin, session: &SessionFacts) {
    let (session, plugin) = (&session.id, gate.name());
    tracing::info!(
        session,
        plugin,
        "an upload stays in quarantine, which the gate would end"
    );
}

/// Logs that a gate failed; tells for whom it may concern where that discards the upload.
fn goes_on(gate: &Plugin, session: &SessionFacts, cause: CallError) -> Option<String> {
    let (session, plugin) = (&session.id, gate.name());
    // Much of it may be the plugin's own words.
    let cause = one_line(&cause.to_string());
    match gate.facts.on_failure {
        OnFailure::Allow => {
            tracing::warn!(session, plugin, cause, "upload goes on: a plugin failed");
            None
        }
        OnFailure::Deny => {
            tracing::error!(session, plugin, cause, "upload discarded: a plugin failed");
            Some(format!("{plugin} failed: {cause}"))
        }
    }
}

impl Plugin {
    /// Asks a gate what it wants of each upload; nothing where the plugin is no gate.
    pub(super) async fn needs(&self) -> Result<Demands, CallError> {
        if !self.surface.roles.contains(&Role::UploadGate) {
            return Ok(Demands::default());
        }
        let needs = self.call_alone("needs", |instance| {
            Box::pin(async move {
                let (gate, store) = guest(instance)?;
                gate.call_needs(store).await
            })
        });
        demands(needs.await?)
    }

    async fn commit(
        &self,
        session: Arc<SessionFacts>,
        upload: &FinishedUpload,
        quarantined: bool,
        staged: &StagedUpload,
    ) -> Result<wit::Disposition, CallError> {
        let what = told(upload, quarantined);
        let lent = LentUpload {
            upload: staged.clone(),
            size: upload.size,
            readable: self.demands.readable,
        };
        let disposition = self.call("commit", session, |instance, client| {
            Box::pin(async move {
                let content = instance.lend_upload(lent);
                let (gate, store) = guest(instance)?;
                gate.call_commit(store, client, &what, content).await
            })
        });
        Ok(disposition.await??)
    }

    fn in_host_terms(
        &self,
        disposition: wit::Disposition,
        upload: &FinishedUpload,
        shown: &MountTable,
    ) -> Result<GateRuling, CallError> {
        Ok(match disposition {
            wit::Disposition::Publish => GateRuling::Publish,
            wit::Disposition::PublishAt(place) => {
                let place = self.place(place, upload, shown)?;
                match place == upload.place {
                    true => GateRuling::Publish,
                    false => GateRuling::PublishAt(place),
                }
            }
            wit::Disposition::Quarantine(place) => {
                GateRuling::Quarantine(self.place(place, upload, shown)?)
            }
            // Who cannot read all of it cannot have taken it.
            wit::Disposition::Consume if self.demands.readable < u64::MAX => {
                let text = "it consumes what it did not ask for at load";
                return Err(CallError::Nonsense(text.to_owned()));
            }
            wit::Disposition::Consume => GateRuling::Consume,
            wit::Disposition::Discard(denied) => GateRuling::Discard {
                failure: denial::failure(&denied),
                detail: denial::for_log(self.name(), &denied),
            },
        })
    }

    /// A place that the plugin chose, if it may. Where the upload is meant for already, it may.
    fn place(
        &self,
        chosen: shared::Location,
        upload: &FinishedUpload,
        shown: &MountTable,
    ) -> Result<Location, CallError> {
        let nonsense = |what: &str| {
            let shared::Location { sink, key } = &chosen;
            CallError::Nonsense(format!("{what}: {key:?} in the sink {sink:?}"))
        };
        let key = match Key::parse(&chosen.key) {
            Ok(key) if !key.is_root() => key,
            _ => return Err(nonsense("it chose a key that no file can have")),
        };
        let place = Location::new(chosen.sink.as_str(), key);
        let may = || may_lead(shown, &self.facts.allow, &place, Operation::Upload);
        match place == upload.place {
            true => Ok(place),
            false if !self.demands.relocates => Err(nonsense(
                "it chose another place, and did not say at load that it relocates",
            )),
            false if may() => Ok(place),
            false => Err(nonsense("it chose a place that it may not use")),
        }
    }
}

fn guest(
    instance: &mut PluginInstance,
) -> wasmtime::Result<(&wit::Guest, &mut Store<InstanceState>)> {
    let PluginInstance { exports, store, .. } = instance;
    let role = exports
        .upload_gate
        .as_ref()
        .ok_or_else(|| wasmtime::format_err!("no upload gate"))?;
    Ok((role.wharf_plugin_upload_gate(), store))
}

fn demands(needs: wit::Demands) -> Result<Demands, CallError> {
    let readable = match needs.content {
        wit::Content::None => 0,
        wit::Content::Head(bytes) if u64::from(bytes) <= MAX_HEAD => bytes.into(),
        wit::Content::Head(bytes) => {
            let text = format!("it wants the first {bytes} bytes, and may ask for {MAX_HEAD}");
            return Err(CallError::Nonsense(text));
        }
        wit::Content::All => u64::MAX,
    };
    let algorithm = |name: &String| {
        let unknown = || CallError::Nonsense(format!("it wants the checksum {name:?}"));
        checksum::algorithm(name).ok_or_else(unknown)
    };
    let checksums = needs
        .checksums
        .iter()
        .map(algorithm)
        .collect::<Result<_, _>>()?;
    Ok(Demands {
        readable,
        checksums,
        relocates: needs.relocates,
    })
}

fn told(upload: &FinishedUpload, quarantined: bool) -> wit::Upload {
    let checksum = |(algorithm, hex): &(HashAlgorithm, String)| shared::Checksum {
        algorithm: checksum::name(*algorithm).to_owned(),
        hex: hex.clone(),
    };
    wit::Upload {
        path: upload.path.as_str().to_owned(),
        place: shared::Location {
            sink: upload.place.sink.to_string(),
            key: upload.place.key.as_str().to_owned(),
        },
        size: upload.size,
        checksums: upload.checksums.iter().map(checksum).collect(),
        elapsed_ms: u64::try_from(upload.elapsed.as_millis()).unwrap_or(u64::MAX),
        appended: upload.appended,
        quarantined,
    }
}
