//! The lines of FEAT (RFC 2389 section 3), from the table of verbs.

use super::HashAlgorithm;
use super::table::table;
use crate::transfer::Facts;

/// What decides the lines of FEAT in one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// TLS can be started, or is.
    pub tls: bool,
    /// CCC is permitted.
    pub clear_control: bool,
    /// Times of modification can be set. Clients trust the line and preserve times by it.
    pub set_modified: bool,
    /// The facts that OPTS MLST switched on.
    pub facts: Facts,
    /// The algorithm that OPTS HASH chose.
    pub hash: HashAlgorithm,
}

/// What a verb adds to FEAT.
#[derive(Clone, Copy, Debug)]
pub(super) enum Feature {
    /// Always this line.
    Fixed(&'static str),
    /// This line where [`Offer::tls`].
    Tls(&'static str),
    /// This line where [`Offer::clear_control`].
    ClearControl(&'static str),
    /// This line where [`Offer::set_modified`].
    SetModified(&'static str),
    /// MLST and its facts, those that are on with an asterisk (RFC 3659 section 7.8).
    Facts,
    /// HASH and its algorithms, the chosen one with an asterisk.
    Hash,
}

impl Feature {
    fn line(self, offer: &Offer) -> Option<String> {
        match self {
            Self::Fixed(text) => Some(text.to_owned()),
            Self::Tls(text) => offer.tls.then(|| text.to_owned()),
            Self::ClearControl(text) => offer.clear_control.then(|| text.to_owned()),
            Self::SetModified(text) => offer.set_modified.then(|| text.to_owned()),
            Self::Facts => Some(format!("MLST {}", offer.facts.feature())),
            Self::Hash => Some(format!("HASH {}", hash_feature(offer.hash))),
        }
    }
}

/// The lines of FEAT, without the space that each begins with on the wire.
pub fn features(offer: &Offer) -> impl Iterator<Item = String> {
    table().iter().filter_map(|verb| verb.feature?.line(offer))
}

fn hash_feature(chosen: HashAlgorithm) -> String {
    let marked = |algorithm: HashAlgorithm| {
        let asterisk = if algorithm == chosen { "*" } else { "" };
        format!("{}{asterisk}", algorithm.name())
    };
    HashAlgorithm::ALL.map(marked).join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: Offer = Offer {
        tls: true,
        clear_control: false,
        set_modified: true,
        facts: Facts::DEFAULT,
        hash: HashAlgorithm::Sha256,
    };

    fn lines(offer: Offer) -> Vec<String> {
        features(&offer).collect()
    }

    #[test]
    fn what_clients_look_for() {
        let all = lines(OFFER);
        for line in [
            "AUTH TLS",
            "PBSZ",
            "PROT",
            "UTF8",
            "TVFS",
            "MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;",
            "SIZE",
            "MDTM",
            "MFMT",
            "REST STREAM",
            "EPSV",
            "EPRT",
            "CLNT",
            "HOST",
            "MODE Z",
            "HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32",
            "XCRC",
        ] {
            assert!(all.iter().any(|found| found == line), "{line} in {all:?}");
        }
    }

    #[test]
    fn what_is_not_offered_is_not_shown() {
        let has = |offer: Offer, line: &str| lines(offer).iter().any(|found| found == line);
        assert!(!has(OFFER, "CCC"));
        assert!(has(
            Offer {
                clear_control: true,
                ..OFFER
            },
            "CCC"
        ));
        assert!(!has(
            Offer {
                tls: false,
                ..OFFER
            },
            "AUTH TLS"
        ));
        assert!(!has(
            Offer {
                set_modified: false,
                ..OFFER
            },
            "MFMT"
        ));
        let facts = Facts {
            size: true,
            ..Facts::NONE
        };
        let mlst = "MLST type;size*;modify;perm;unique;UNIX.mode;";
        assert!(has(Offer { facts, ..OFFER }, mlst));
    }
}
