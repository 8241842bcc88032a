//! `wasi:http`: the same client for components that bring their own streams.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use tokio::time::{Sleep, timeout};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::client::HttpError;
use super::time_left;
use crate::plugin::instance::InstanceState;
use crate::plugin::services::Granted;

/// Of one body in either direction, in bytes. It streams, so this is no question of memory; it is
/// more than what stores take as one part of a large file.
const MAX_STREAMED: usize = 64 * 1024 * 1024;

/// How the requests of one instance go out.
pub struct Outgoing(Arc<Granted>);

impl Outgoing {
    /// With what the plugin is `granted`.
    pub fn new(granted: Arc<Granted>) -> Self {
        Self(granted)
    }
}

type Sent = Result<(Response<WasiBody>, Processing), Error>;
type Processing = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Outgoing {
    /// The client writes it.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Processing,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let granted = Arc::clone(&self.0);
        let left = time_left();
        let options = options.unwrap_or_default();
        let wanted = options.connect_timeout.zip(options.first_byte_timeout);
        let first = wanted.map_or(left, |(connect, first)| left.min(connect + first));
        let between = options.between_bytes_timeout.unwrap_or(left).min(left);
        Box::new(async move {
            let bounded = |body| Limited::new(body, MAX_STREAMED).boxed_unsync();
            let sent = timeout(first, granted.http.send(request.map(bounded))).await;
            let response = sent.unwrap_or(Err(HttpError::TimedOut))?;
            let response = response.map(|body| Streamed::new(body, between).boxed_unsync());
            Ok((response, Box::new(async { Ok(()) }) as Processing))
        })
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::NotGranted(_) => Self::HttpRequestDenied,
            HttpError::Blocked(_) => Self::DestinationIpProhibited,
            HttpError::TimedOut => Self::ConnectionReadTimeout,
            HttpError::TooLarge => Self::HttpResponseHeaderSectionSize(None),
            HttpError::Invalid(text) | HttpError::Transport(text) => {
                Self::InternalError(Some(text))
            }
        }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outgoing,
            table: &mut self.table,
            ctx: &mut self.wasi_http,
        }
    }
}

/// The body of a response as it comes in: neither too slowly nor too much of it.
struct Streamed {
    body: Incoming,
    left: usize,
    between: Duration,
    silence: Pin<Box<Sleep>>,
}

impl Streamed {
    fn new(body: Incoming, between: Duration) -> Self {
        Self {
            body,
            left: MAX_STREAMED,
            between,
            silence: Box::pin(tokio::time::sleep(between)),
        }
    }
}

impl hyper::body::Body for Streamed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            ready!(this.silence.as_mut().poll(context));
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        let Some(frame) = frame.transpose()? else {
            return Poll::Ready(None);
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(left) = this.left.checked_sub(length) else {
            return Poll::Ready(Some(Err(Error::HttpResponseBodySize(None))));
        };
        this.left = left;
        let again = tokio::time::Instant::now() + this.between;
        this.silence.as_mut().reset(again);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
