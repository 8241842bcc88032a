//! What an S3 store refuses, in the terms of a sink, and what an operator can do about it.

use std::io;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::DispatchFailure;

use crate::sink::SinkError;

/// What a store names that has too much to do or fails for the moment, whatever its status.
const PASSING: [&str; 11] = [
    "BandwidthLimitExceeded",
    "InternalError",
    "OperationAborted",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
];

/// What the causes of an error hold when no connection was made.
const NOT_CONNECTED: [&str; 2] = ["client error (Connect)", "HTTP connect timeout"];

/// Why a request was not answered as it should be, with the whole cause for the log.
pub fn failed<E>(error: SdkError<E, HttpResponse>) -> SinkError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let answer = error.raw_response();
    let status = answer.map(|answer| answer.status().as_u16());
    let region = answer.and_then(|answer| answer.headers().get("x-amz-bucket-region"));
    let mut text = chain(&error);
    if let Some(region) = region {
        text = format!("the bucket is in {region}: {text}");
    }
    match &error {
        SdkError::ServiceError(_) => refused(error.code().unwrap_or_default(), status, text),
        _ => unanswered(&error, text),
    }
}

/// Whether the same request may be answered otherwise the next time: it got no answer, or one that
/// is nobody's fault. Whether it was carried out is open then.
pub fn is_transient<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::DispatchFailure(failure) => was_on_its_way(failure),
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let passes = matches!(status, 429 | 500 | 502..=504);
            passes || error.code().is_some_and(|code| PASSING.contains(&code))
        }
        _ => true,
    }
}

/// Whether a request that was not answered may have been carried out: one whose connection was
/// never made was not.
pub fn may_be_done<E>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) | SdkError::ServiceError(_) => false,
        SdkError::DispatchFailure(failure) => {
            let cause = failure.as_connector_error().map(|error| chain(error));
            let cause = cause.unwrap_or_default();
            // The client of HTTP tells it nowhere else.
            let is_connected = !NOT_CONNECTED.iter().any(|text| cause.contains(text));
            was_on_its_way(failure) && is_connected
        }
        _ => true,
    }
}

/// Whether a request found its way, and may have arrived: without an address or credentials it does
/// not.
fn was_on_its_way(failure: &DispatchFailure) -> bool {
    failure.is_io() || failure.is_timeout() || failure.as_other().is_some()
}

/// What it means that one of several objects is answered with this code.
pub fn failed_one(code: &str, text: String) -> SinkError {
    refused(code, None, text)
}

/// What an answer with this code and status means; a HEAD is answered without a code. `text` is all
/// that is known about it.
fn refused(code: &str, status: Option<u16>, text: String) -> SinkError {
    match (code, status) {
        ("NoSuchKey" | "NotFound", _) => return SinkError::NotFound,
        // Completed by an attempt whose answer was lost, or aborted by somebody else.
        ("NoSuchUpload", _) => {
            let remedy = "the store no longer knows the upload: see that no other program or rule \
                          of the bucket aborts those under way";
            return SinkError::Io(with(remedy, &text));
        }
        ("PreconditionFailed" | "ConditionalRequestConflict", _) | (_, Some(412)) => {
            return SinkError::Changed;
        }
        ("InvalidRange", _) | (_, Some(416)) => return SinkError::BeyondEnd,
        ("EntityTooLarge" | "QuotaExceeded" | "XMinioAdminBucketQuotaExceeded", _) => {
            return SinkError::QuotaExceeded;
        }
        ("KeyTooLongError" | "InvalidObjectName" | "XMinioInvalidObjectName", _) => {
            return SinkError::InvalidName;
        }
        ("InvalidObjectState", _) => return SinkError::Archived,
        ("InsufficientStorage" | "StorageFull" | "XMinioStorageFull", _) | (_, Some(507)) => {
            return SinkError::NoSpace;
        }
        ("AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "NotSignedUp", _)
        | ("", Some(403)) => {
            let remedy = "the credentials lack a right to this, see `Rights` in docs/operate/s3.md \
                          (without s3:ListBucket a missing key is answered so, too, and by some \
                          stores a wrong `access-key` or `secret-key`)";
            return SinkError::Refused(with(remedy, &text));
        }
        _ => {}
    }
    match setting(code, status) {
        Some(remedy) => SinkError::Misconfigured(with(remedy, &text)),
        None if !code.is_empty() || status != Some(404) => SinkError::Io(passing(code, &text)),
        None => SinkError::NotFound,
    }
}

/// What an operator has to set where an answer is the fault of the configuration.
fn setting(code: &str, status: Option<u16>) -> Option<&'static str> {
    Some(match (code, status) {
        ("InvalidAccessKeyId", _) => "the store does not know the key: check `access-key`",
        ("SignatureDoesNotMatch", _) => "the key is not signed with: check `secret-key`",
        ("ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired", _) => {
            "the credentials have expired: renew those of the environment, profile or role"
        }
        ("NoSuchBucket" | "InvalidBucketName", _) => {
            "there is no such bucket: check `bucket`, `endpoint` and `path-style`"
        }
        (
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException"
            | "InvalidRegionName",
            _,
        )
        | ("", Some(301 | 307 | 308)) => {
            "the bucket is elsewhere: check `region`, and `endpoint` where there is one"
        }
        ("RequestTimeTooSkewed" | "RequestExpired", _) => "the clock of this host is wrong: set it",
        ("AccessControlListNotSupported", _) => "the bucket has no ACLs: leave out `acl`",
        ("InvalidStorageClass", _) => "the store has no such class: check `storage-class`",
        ("InvalidEncryptionAlgorithmError", _) => {
            "the store does not encrypt like that: check `encryption`"
        }
        (code, _) if code.starts_with("KMS.") => {
            "the key of the encryption cannot be used: check `kms-key` and who may use it"
        }
        ("NotImplemented", _) | (_, Some(501)) => {
            "the store does not know such requests: `conditional-writes = false` or \
             `checksums = \"when-required\"` may help"
        }
        ("XAmzContentSHA256Mismatch" | "InvalidDigest" | "XAmzContentChecksumMismatch", _) => {
            "the store does not check what is sent as it is signed: \
             `checksums = \"when-required\"` may help"
        }
        ("MethodNotAllowed", _) | (_, Some(405)) => {
            "no S3 store answers there: check `endpoint` and `path-style`"
        }
        // A HEAD has no words for an expired token and a wrong region.
        ("", Some(400)) => "the credentials have expired, or `region` is wrong",
        _ => return None,
    })
}

/// A request that got no answer.
fn unanswered<E>(error: &SdkError<E, HttpResponse>, text: String) -> SinkError {
    match error {
        SdkError::DispatchFailure(failure) if was_on_its_way(failure) => {
            let remedy = "the store cannot be reached: check it, the network and `endpoint`";
            SinkError::Io(with(remedy, &text))
        }
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
            let remedy = "nothing could be asked: check `endpoint`, `ca` and that there are \
                          credentials";
            SinkError::Misconfigured(with(remedy, &text))
        }
        _ => SinkError::Io(io::Error::other(text)),
    }
}

/// What may pass by itself.
fn passing(code: &str, text: &str) -> io::Error {
    match PASSING.contains(&code) {
        true => with(
            "the store fails or throttles: it may pass, or ask less of it",
            text,
        ),
        false => io::Error::other(text.to_owned()),
    }
}

fn with(remedy: &str, text: &str) -> io::Error {
    io::Error::other(format!("{remedy}: {text}"))
}

/// The text of a sink's error with its cause, for a log line.
pub fn described(error: &SinkError) -> String {
    chain(error)
}

/// The text of an error and of all that caused it: the SDK's own says no more than "service error".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use wharf_protocol::failure::Failure;
    use wharf_protocol::reply::Reply;

    use super::*;

    #[test]
    fn each_answer_has_a_reply_and_tells_the_operator_what_to_do() {
        // The store's code and status, the reply's code, and what the log says, if it says it.
        let table = [
            ("NoSuchKey", 404, 550, None),
            ("", 404, 550, None),
            ("NoSuchUpload", 404, 451, Some("aborts those under way")),
            ("", 412, 451, None),
            ("InvalidRange", 416, 502, None),
            ("EntityTooLarge", 400, 552, None),
            ("QuotaExceeded", 403, 552, None),
            ("XMinioAdminBucketQuotaExceeded", 400, 552, None),
            ("KeyTooLongError", 400, 553, None),
            ("InvalidObjectState", 403, 550, None),
            ("InsufficientStorage", 507, 452, None),
            ("", 507, 452, None),
            ("AccessDenied", 403, 550, Some("Rights")),
            ("", 403, 550, Some("Rights")),
            ("AllAccessDisabled", 403, 550, Some("Rights")),
            ("NoSuchBucket", 404, 451, Some("`bucket`")),
            ("InvalidBucketName", 400, 451, Some("`bucket`")),
            ("InvalidAccessKeyId", 403, 451, Some("`access-key`")),
            ("SignatureDoesNotMatch", 403, 451, Some("`secret-key`")),
            ("ExpiredToken", 400, 451, Some("expired")),
            ("InvalidToken", 400, 451, Some("expired")),
            ("", 400, 451, Some("expired")),
            ("PermanentRedirect", 301, 451, Some("`region`")),
            ("", 301, 451, Some("`region`")),
            ("AuthorizationHeaderMalformed", 400, 451, Some("`region`")),
            ("RequestTimeTooSkewed", 403, 451, Some("clock")),
            ("AccessControlListNotSupported", 400, 451, Some("`acl`")),
            ("InvalidStorageClass", 400, 451, Some("`storage-class`")),
            (
                "InvalidEncryptionAlgorithmError",
                400,
                451,
                Some("`encryption`"),
            ),
            ("KMS.NotFoundException", 400, 451, Some("`kms-key`")),
            (
                "NotImplemented",
                501,
                451,
                Some("`conditional-writes = false`"),
            ),
            ("XAmzContentSHA256Mismatch", 400, 451, Some("`checksums")),
            ("MethodNotAllowed", 405, 451, Some("`endpoint`")),
            ("SlowDown", 503, 451, Some("throttles")),
            ("InternalError", 500, 451, Some("throttles")),
            ("", 503, 451, Some("what the store says")),
            ("SomethingNew", 418, 451, Some("what the store says")),
        ];
        for (code, status, reply, logged) in table {
            let said = format!("what the store says ({code})");
            let error = refused(code, Some(status), said);
            assert_eq!(
                error.is_fault(),
                logged.is_some(),
                "{code} {status}: {error}"
            );
            let text = described(&error);
            for part in logged.iter().chain(logged.map(|_| &code)) {
                assert!(text.contains(part), "{code} {status}: {text}");
            }
            let failure = Failure::from(error);
            assert_eq!(Reply::from(failure).code(), reply, "{code} {status}");
        }
    }
}
