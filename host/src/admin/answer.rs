//! What the admin endpoint answers: JSON, also where it refuses.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// A refusal with its reason.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    text: String,
}

/// A refusal as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why, in a sentence for people.
    pub error: String,
}

impl Refusal {
    /// Refuses with `status` because of `text`.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, text }
    }

    /// What the log tells.
    pub fn fault() -> Self {
        let text = "this went wrong; the log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    }

    /// What is asked needs a host that has started.
    pub fn starting() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the host is starting")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(Refused { error: self.text })).into_response()
    }
}
