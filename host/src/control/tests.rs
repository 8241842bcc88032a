//! When a control connection ends, whatever its client does.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use wharf_protocol::line::Line;
use wharf_protocol::reply::{Code, Reply};

use super::*;
use crate::config::{Config, Listener, ListenerTls};

/// Longer than anything here takes, and shorter than any time-out that must not be what ends it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A host without plugins, and a client that is connected to it.
struct Fixture {
    _folder: tempfile::TempDir,
    phase: watch::Sender<Phase>,
    host: Arc<Host>,
    client: TcpStream,
    server: TcpStream,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for directory in ["data", "plugins"] {
            std::fs::create_dir(folder.path().join(directory)).unwrap();
        }
        let (host, phase) = Host::start(Config::defaults(folder.path())).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (server, _) = listener.accept().await.unwrap();
        Self {
            _folder: folder,
            phase,
            host,
            client,
            server,
        }
    }

    /// The control connection, its client, and what keeps the host running.
    fn control(self) -> (Control, TcpStream, watch::Sender<Phase>) {
        let addresses = (
            self.server.local_addr().unwrap(),
            self.server.peer_addr().unwrap(),
        );
        let listener = Listener::default();
        let id = "test".to_owned();
        let control = Control::new(self.host, &listener, self.server, id, addresses);
        (control, self.client, self.phase)
    }
}

#[tokio::test]
async fn a_handshake_ends_when_the_host_drains() {
    let Fixture {
        _folder,
        phase,
        host,
        client: _client,
        server,
    } = Fixture::new().await;
    let listener = Arc::new(Listener {
        tls: ListenerTls::Implicit,
        ..Listener::default()
    });
    let session = tokio::spawn(accept(host, listener, server));
    phase.send_replace(Phase::Draining);
    timeout(PATIENCE, session).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_never_pauses_does_not_put_off_its_end() {
    let (mut control, _client, _phase) = Fixture::new().await.control();
    let login_timeout = control.host.config.limits.login_timeout;
    control.logged_out = Instant::now() - 2 * login_timeout;
    assert_eq!(control.decoder.push(b"NOOP\r\nNOOP\r\n"), 12);
    let input = control.next_input().await.unwrap();
    assert!(
        matches!(input, Input::End(EndReason::LoginTimeout)),
        "{input:?}"
    );
}

#[tokio::test]
async fn another_login_has_its_own_time() {
    let (mut control, _client, _phase) = Fixture::new().await.control();
    let login_timeout = control.host.config.limits.login_timeout;
    control.logged_out = Instant::now() - 2 * login_timeout;
    control.perform(Effect::Logout).await.unwrap();
    assert_eq!(control.decoder.push(b"NOOP\r\n"), 6);
    let input = control.next_input().await.unwrap();
    assert!(matches!(input, Input::Line(_)), "{input:?}");
}

#[tokio::test]
async fn a_job_ends_with_its_client() {
    let (mut control, mut client, _phase) = Fixture::new().await.control();
    let user = Line::from(b"USER alice".to_vec());
    drop(control.session.handle(Input::Line(user)));
    assert!(!control.session.wants_line());
    control.job = Some(Box::pin(pending()));
    client.shutdown().await.unwrap();
    let ended = timeout(PATIENCE, control.next_input()).await.unwrap();
    assert!(matches!(ended, Err(Ended::ByClient)), "{ended:?}");
}

#[tokio::test]
async fn the_last_reply_reaches_a_client_that_sends_on() {
    let (mut control, mut client, _phase) = Fixture::new().await.control();
    client.write_all(&[b'x'; 10_000]).await.unwrap();
    let reply = Reply::new(Code::ServiceClosing, "Enough");
    control.perform(Effect::Reply(reply)).await.unwrap();
    let ended = control.perform(Effect::Close).await;
    assert!(matches!(ended, Err(Ended::BySession)), "{ended:?}");
    drop(control);
    let mut received = String::new();
    client.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "421 Enough\r\n");
}

/// Ten thousand sessions that wait are ten thousand of these.
#[tokio::test]
async fn a_session_that_waits_is_small() {
    let (control, _client, _phase) = Fixture::new().await.control();
    let bytes = size_of_val(&control.run());
    assert!(bytes < 8 * 1024, "{bytes}");
}
