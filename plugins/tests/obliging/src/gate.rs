//! `upload-gate`: `gate-DEED-…` in the name of the file.
//!
//! `refuse`, `lines`, `long`: thrown away with that text. `quarantine`: kept below `quarantine/`
//! of its sink. `away`: kept in the sink `local`. `elsewhere`: published beside its place as
//! `published-NAME`. `outside`: published where the grant does not reach. `nowhere`: into a sink
//! that there is not. `digest`: published as the SHA-256 of those of each MiB that it reads, so
//! wants `content = "all"`. `beyond`: reads past what was asked for.
//! `consume`: said to be taken.

use wharf_plugin::crypto::{self, Algorithm};
use wharf_plugin::{
    Content, Demands, Disposition, Failure, Location, Session, Staged, Upload, UploadGate,
};

use crate::deed::{denial, perform};
use crate::{Amount, Obliging, asked};

impl UploadGate for Obliging {
    fn needs(&self) -> Demands {
        let content = match self.settings.content {
            None => Content::None,
            Some(Amount::Head(length)) => Content::Head(length),
            Some(Amount::All(_)) => Content::All,
        };
        let demands = Demands::new().content(content).relocates();
        let checksums = self.settings.checksums.iter();
        checksums.fold(demands, |demands, name| demands.checksum(name))
    }

    fn commit(
        &self,
        _session: &Session<'_>,
        upload: &Upload,
        content: &Staged<'_>,
    ) -> Result<Disposition, Failure> {
        let Some(deed) = asked(&upload.path, "gate") else {
            return Ok(Disposition::Publish);
        };
        if let Some(denial) = denial(deed) {
            return Ok(Disposition::Discard(denial));
        }
        perform(deed, &self.settings)?;
        let place = &upload.place;
        Ok(match deed {
            "quarantine" => {
                let key = format!("quarantine/{}", place.name());
                Disposition::Quarantine(Location::new(&place.sink, key))
            }
            "away" => Disposition::Quarantine(Location::new("local", place.name())),
            "elsewhere" => {
                Disposition::PublishAt(place.with_name(&format!("published-{}", place.name())))
            }
            "outside" => Disposition::PublishAt(Location::new(&place.sink, "outside/of/the/grant")),
            "nowhere" => Disposition::PublishAt(Location::new("nowhere", "x")),
            "digest" => Disposition::PublishAt(place.with_name(&digest(content)?)),
            "consume" => Disposition::Consume,
            "beyond" => {
                content.read(content.size() + 1, 1)?;
                Disposition::Publish
            }
            _ => Disposition::Publish,
        })
    }
}

/// The SHA-256 of those of each MiB of the content, in hexadecimal.
fn digest(content: &Staged<'_>) -> Result<String, Failure> {
    let (mut offset, mut digests) = (0, Vec::new());
    loop {
        let piece = content.read(offset, 1 << 20)?;
        if piece.is_empty() {
            return crypto::digest(Algorithm::Sha256, &digests).map(|all| crypto::hex(&all));
        }
        digests.extend(crypto::digest(Algorithm::Sha256, &piece)?);
        offset += piece.len() as u64;
    }
}
