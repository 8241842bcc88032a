//! `[health]`: a port for balancers that only look whether one is open. It is open while the host
//! serves: from when every listener is, until the host is told to stop.

use tokio::net::TcpListener;
use tokio::time::sleep;
use tracing::debug;

use crate::limits;

/// Accepts connections and closes them without a word, until dropped. None is held, so that there
/// is nothing to bound.
pub async fn accept_and_close(listener: TcpListener) {
    loop {
        if let Err(error) = listener.accept().await {
            debug!(%error, "cannot accept a connection to the health port");
            sleep(limits::ACCEPT_RETRY).await;
        }
    }
}
