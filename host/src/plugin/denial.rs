//! What a plugin's denial means to the client and to the log.

use wharf_protocol::effect::EndReason;
use wharf_protocol::failure::Failure;

use super::bindings::imports::wharf::plugin::types::{Denial, DenialReason};
use super::text::one_line;

/// What the client is shown of it.
pub fn text(denial: &Denial) -> Option<String> {
    denial.text.as_deref().map(one_line)
}

/// What the log holds of it: who denied, why, and the plugin's detail.
pub fn for_log(plugin: &str, denial: &Denial) -> String {
    let reason = reason_name(denial.reason);
    match denial.detail.as_deref().map(one_line) {
        Some(detail) => format!("{plugin}: {reason}: {detail}"),
        None => format!("{plugin}: {reason}"),
    }
}

/// How a session ends that may not go on. Whoever may not log in any more hears 530: a client that
/// hears 421 tries again.
pub fn end(denial: &Denial) -> EndReason {
    let text = text(denial);
    match denial.reason {
        DenialReason::Credentials
        | DenialReason::AccountDisabled
        | DenialReason::AccountExpired => EndReason::LoggedOut { text },
        _ => EndReason::Refused { text },
    }
}

/// What becomes of an operation on storage.
pub fn failure(denial: &Denial) -> Failure {
    let text = text(denial);
    match denial.reason {
        DenialReason::NameNotAllowed => Failure::NameRefused { text },
        DenialReason::Quota | DenialReason::TooLarge => Failure::QuotaExceeded { text },
        DenialReason::NotFound if text.is_none() => Failure::NotFound,
        _ => Failure::Denied { text },
    }
}

/// The name that the contract has for it.
fn reason_name(reason: DenialReason) -> &'static str {
    match reason {
        DenialReason::Credentials => "credentials",
        DenialReason::AccountDisabled => "account-disabled",
        DenialReason::AccountExpired => "account-expired",
        DenialReason::Address => "address",
        DenialReason::NeedsTls => "needs-tls",
        DenialReason::NeedsCertificate => "needs-certificate",
        DenialReason::TooManySessions => "too-many-sessions",
        DenialReason::Permission => "permission",
        DenialReason::NotFound => "not-found",
        DenialReason::NameNotAllowed => "name-not-allowed",
        DenialReason::Quota => "quota",
        DenialReason::TooLarge => "too-large",
        DenialReason::ContentRejected => "content-rejected",
        DenialReason::Policy => "policy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_decides_what_the_client_hears() {
        let forged = || Some("no\r\n226 Stored".to_owned());
        let safe = || Some("no  226 Stored".to_owned());
        let cases = [
            (
                DenialReason::NameNotAllowed,
                Failure::NameRefused { text: safe() },
            ),
            (DenialReason::Quota, Failure::QuotaExceeded { text: safe() }),
            (
                DenialReason::TooLarge,
                Failure::QuotaExceeded { text: safe() },
            ),
            (DenialReason::NotFound, Failure::Denied { text: safe() }),
            (DenialReason::Permission, Failure::Denied { text: safe() }),
            (DenialReason::Policy, Failure::Denied { text: safe() }),
        ];
        for (reason, expected) in cases {
            let denial = Denial {
                reason,
                text: forged(),
                detail: Some("line\nbreak".to_owned()),
            };
            assert_eq!(failure(&denial), expected, "{reason:?}");
            assert!(!for_log("p", &denial).contains('\n'));
        }
    }
}
