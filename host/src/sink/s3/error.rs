//! What an S3 store refuses, in the terms of a sink.

use std::io;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::sink::SinkError;

/// Why a request was not answered as it should be, with the whole cause for the log.
pub fn failed<E>(error: SdkError<E, HttpResponse>) -> SinkError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match (error.code().unwrap_or_default(), status) {
        ("NoSuchKey" | "NotFound", _) => SinkError::NotFound,
        ("PreconditionFailed" | "ConditionalRequestConflict", _) | (_, Some(412)) => {
            SinkError::Changed
        }
        ("InvalidRange", _) | (_, Some(416)) => SinkError::BeyondEnd,
        ("EntityTooLarge" | "QuotaExceeded", _) => SinkError::QuotaExceeded,
        ("KeyTooLongError" | "InvalidObjectName", _) => SinkError::InvalidName,
        ("NotImplemented", _) => SinkError::Unsupported,
        ("NoSuchBucket", _) => SinkError::Io(io::Error::other(chain(&error))),
        (_, Some(404)) => SinkError::NotFound,
        _ => SinkError::Io(io::Error::other(chain(&error))),
    }
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
