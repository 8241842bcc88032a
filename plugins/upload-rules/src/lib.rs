//! Refuses or sets aside uploads by size, name and content, before anybody sees them.

mod kinds;
mod settings;

use wharf_plugin::crypto::{hex, random};
use wharf_plugin::paths::{Pattern, name_matches};
use wharf_plugin::{
    Content, Demands, Denial, DenialReason, Disposition, Failure, Lifecycle, Location, Problems,
    Session, Staged, Upload, UploadGate, clock, config, log,
};

use crate::kinds::{HEAD, Kind};

/// The rules, in order.
struct Rules {
    rules: Vec<Rule>,
}

/// What is asked of the uploads that match a pattern.
struct Rule {
    path: Pattern,
    /// Patterns in lower case, of which one must match; none: any name will do.
    names: Vec<String>,
    /// Patterns in lower case, of which none may match.
    forbidden_names: Vec<String>,
    min_size: u64,
    max_size: u64,
    /// Whether a file of no bytes will do; `None`: it is looked at like any other.
    empty: Option<bool>,
    /// The kinds that will do; none: whatever it is.
    kinds: Vec<&'static Kind>,
    /// Whether a name that promises a kind must keep the promise.
    match_extension: bool,
    /// Where what breaks the rule is kept; `None`: it is thrown away.
    quarantine: Option<Location>,
    /// What the client hears when it is thrown away.
    text: Option<String>,
}

/// How an upload breaks a rule.
struct Breach {
    reason: DenialReason,
    what: String,
}

wharf_plugin::export!(Rules: UploadGate);

impl Lifecycle for Rules {
    fn start() -> Result<Self, Problems> {
        config::parse::<settings::Settings>()?.resolve()
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        if self.rules.is_empty() {
            warnings.add("rules", "there is no rule, so every upload is taken");
        }
        warnings
    }
}

impl UploadGate for Rules {
    fn needs(&self) -> Demands {
        let looks_inside = |rule: &Rule| rule.match_extension || !rule.kinds.is_empty();
        let mut demands = Demands::new();
        if self.rules.iter().any(looks_inside) {
            demands = demands.content(Content::Head(HEAD));
        }
        match self.rules.iter().any(|rule| rule.quarantine.is_some()) {
            true => demands.relocates(),
            false => demands,
        }
    }

    fn commit(
        &self,
        _session: &Session<'_>,
        upload: &Upload,
        content: &Staged<'_>,
    ) -> Result<Disposition, Failure> {
        for rule in &self.rules {
            if !rule.path.matches(&upload.path) {
                continue;
            }
            if let Some(breach) = rule.breach(upload, content)? {
                return Ok(rule.consequence(upload, breach));
            }
        }
        Ok(Disposition::Publish)
    }
}

impl Rule {
    /// How the upload breaks this rule, if it does.
    fn breach(&self, upload: &Upload, content: &Staged<'_>) -> Result<Option<Breach>, Failure> {
        let name = upload.name().to_lowercase();
        let matches = |pattern: &String| name_matches(pattern, &name);
        let named = self.names.is_empty() || self.names.iter().any(matches);
        if !named || self.forbidden_names.iter().any(matches) {
            return Ok(breach(
                DenialReason::NameNotAllowed,
                "its name is not allowed",
            ));
        }
        match (upload.size, self.empty) {
            (0, Some(true)) => return Ok(None),
            (0, Some(false)) => return Ok(breach(DenialReason::ContentRejected, "it is empty")),
            _ => {}
        }
        if upload.size > self.max_size {
            let what = format!("it has more than {} bytes", self.max_size);
            return Ok(breach(DenialReason::TooLarge, what));
        }
        if upload.size < self.min_size {
            let what = format!("it has less than {} bytes", self.min_size);
            return Ok(breach(DenialReason::ContentRejected, what));
        }
        if self.kinds.is_empty() && !self.match_extension {
            return Ok(None);
        }
        let head = content.head(HEAD)?;
        Ok(self.unkind(&name, &head))
    }

    /// How the content breaks this rule, if it does.
    fn unkind(&self, name: &str, head: &[u8]) -> Option<Breach> {
        if !self.kinds.is_empty() && !self.kinds.iter().any(|kind| kind.fits(head)) {
            return breach(DenialReason::ContentRejected, "it is of another kind");
        }
        let (_, extension) = name.rsplit_once('.')?;
        let mut promised = kinds::of_extension(extension).peekable();
        promised.peek()?;
        let broken = self.match_extension && !promised.any(|kind| kind.fits(head));
        broken
            .then(|| format!("it is no {extension}"))
            .and_then(|what| breach(DenialReason::ContentRejected, what))
    }

    /// What becomes of an upload that breaks this rule.
    fn consequence(&self, upload: &Upload, breach: Breach) -> Disposition {
        let Some(quarantine) = &self.quarantine else {
            let text = self
                .text
                .clone()
                .unwrap_or_else(|| format!("The file was not accepted: {}.", breach.what));
            return Disposition::Discard(Denial::new(breach.reason).text(text).detail(breach.what));
        };
        // No two uploads may meet in quarantine, whatever they are called.
        let name = format!("{}-{}", hex(&random(8)), upload.place.name());
        let day = clock::Date::of(clock::now()).to_string();
        let place = quarantine.join(&day).join(&name);
        log::warn(
            "an upload goes into quarantine",
            &[
                ("path", &upload.path),
                ("place", &place.to_string()),
                ("cause", &breach.what),
            ],
        );
        Disposition::Quarantine(place)
    }
}

fn breach(reason: DenialReason, what: impl Into<String>) -> Option<Breach> {
    let what = what.into();
    Some(Breach { reason, what })
}

#[cfg(test)]
mod tests;
