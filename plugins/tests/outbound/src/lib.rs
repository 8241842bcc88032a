//! For the tests of the host: a gate that asks a web service through `wasi:http`, as a component
//! does that was not written for Wharf alone.

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, IncomingResponse, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;
use wharf_plugin::{
    Denial, DenialReason, Disposition, Failure, Session, Staged, Upload, UploadGate, config,
};

/// At most this of an answer is asked for at once.
const PIECE: u64 = 16 * 1024;

#[derive(Default)]
struct Outbound;

impl UploadGate for Outbound {
    /// Publishes what the service answers with 200; the text of any other answer is the client's.
    fn commit(
        &self,
        _session: &Session<'_>,
        upload: &Upload,
        _content: &Staged<'_>,
    ) -> Result<Disposition, Failure> {
        let authority = config::get("authority").unwrap_or_default();
        match ask(&authority, &upload.path).map_err(Failure::Unavailable)? {
            (200, _) => Ok(Disposition::Publish),
            (_, text) => {
                let denial = Denial::new(DenialReason::Policy);
                Ok(Disposition::Discard(denial.text(text)))
            }
        }
    }
}

/// The status and the body of the answer to a GET of `path`.
fn ask(authority: &str, path: &str) -> Result<(u16, String), String> {
    let request = OutgoingRequest::new(Fields::new());
    let placed = request
        .set_scheme(Some(&Scheme::Http))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(path)));
    placed.map_err(|()| "no such address")?;
    let pending = handle(request, None).map_err(|error| error.to_string())?;
    pending.subscribe().block();
    let answer = pending.get().and_then(Result::ok);
    let answer = answer.ok_or("no answer")?;
    let answer = answer.map_err(|error| error.to_string())?;
    Ok((answer.status(), text(&answer)?))
}

fn text(answer: &IncomingResponse) -> Result<String, String> {
    let body = answer.consume().map_err(|()| "no body")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(PIECE) {
            Ok(piece) => bytes.extend(piece),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

wharf_plugin::export!(Outbound: UploadGate);
