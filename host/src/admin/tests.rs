//! What can be asked, by whom, and what comes back, without a network.

use std::convert::Infallible;
use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use axum::http::{HeaderName, Request, StatusCode};
use axum::response::Response;
use serde_json::Value as Json;
use tokio::sync::watch;
use tower_service::Service;

use super::routes::routes;
use super::status::Status;
use super::*;
use crate::config::value::Value;
use crate::config::{self, Token};
use crate::host::Phase;
use crate::listening::ListenerState;
use crate::sessions::ShownSession;

const TOKEN: &str = "0123456789abcdef";

/// A host that listens, with plugins that decide nothing.
struct Fixture {
    _folder: tempfile::TempDir,
    phase: watch::Sender<Phase>,
    host: Arc<Host>,
    shared: Arc<Shared>,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let (host, phase) = Host::start(Config::defaults(folder.path())).await.unwrap();
        let listener = &host.config.listeners[0];
        let state = ListenerState::new("public".to_owned(), listener.address, listener.tls);
        host.listening.begin(vec![Arc::new(state)]);
        let shared = Shared::new(Exposition::empty());
        assert!(shared.host.set(Arc::clone(&host)).is_ok());
        Self {
            _folder: folder,
            phase,
            host,
            shared,
        }
    }

    fn session(&self, user: &str) -> ShownSession {
        let address = self.host.config.listeners[0].address;
        self.host
            .sessions
            .show(Arc::new(crate::plugin::SessionFacts {
                id: "abc-1".to_owned(),
                listener: "public".to_owned(),
                peer: address,
                local: address,
                tls: None,
                user: Some(user.to_owned()),
                principal: Some(user.to_owned()),
                groups: Vec::new(),
                attributes: Default::default(),
                notes: Default::default(),
            }))
    }

    /// Through the socket.
    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        told(ask(&self.shared, Door::Socket, request).await).await
    }

    async fn json(&self, path: &str) -> (StatusCode, Json) {
        let (status, text) = self.get(path).await;
        (status, serde_json::from_str(&text).unwrap())
    }
}

async fn ask(shared: &Arc<Shared>, door: Door, request: Request<Body>) -> Response {
    let response: Result<_, Infallible> = routes(Arc::clone(shared), door).call(request).await;
    response.unwrap()
}

async fn told(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(bytes.into()).unwrap())
}

fn reasons(readiness: &Json) -> Vec<&str> {
    let reasons = readiness["reasons"].as_array().unwrap();
    reasons.iter().map(|it| it.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_host_that_starts_is_alive_and_not_ready() {
    let shared = Shared::new(Exposition::empty());
    for (path, expected, text) in [
        ("/healthz", StatusCode::OK, "alive"),
        (
            "/readyz",
            StatusCode::SERVICE_UNAVAILABLE,
            "the host is starting",
        ),
        (
            "/api/v1/status",
            StatusCode::SERVICE_UNAVAILABLE,
            "the host is starting",
        ),
        ("/metrics", StatusCode::OK, ""),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (status, answer) = told(ask(&shared, Door::Socket, request).await).await;
        assert_eq!(status, expected, "{path}");
        assert!(answer.contains(text), "{path}: {answer}");
    }
}

#[tokio::test]
async fn readiness_tells_what_is_missing() {
    let fixture = Fixture::new().await;
    let (status, readiness) = fixture.json("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reasons(&readiness), ["no plugin decides who may log in"]);

    let listener = &fixture.host.listening.listeners().unwrap()[0];
    listener.set_fault(Some("too many open files".to_owned()));
    fixture.phase.send_replace(Phase::Draining);
    let (_, readiness) = fixture.json("/readyz").await;
    let expected = [
        "the host is shutting down",
        "listener public: too many open files",
        "no plugin decides who may log in",
    ];
    assert_eq!(reasons(&readiness), expected);
}

#[tokio::test]
async fn the_status_shows_sessions_and_can_be_read_back() {
    let fixture = Fixture::new().await;
    let _session = fixture.session("ann");
    let (status, text) = fixture.get("/api/v1/status").await;
    assert_eq!(status, StatusCode::OK);
    let told: Status = serde_json::from_str(&text).unwrap();
    assert_eq!(told.sessions.count, 1);
    assert_eq!(told.sessions.listed[0].principal.as_deref(), Some("ann"));
    assert_eq!(told.phase, "running");
    assert_eq!(told.passive.free, 1000);
    assert!(told.certificate.expires_ms.unwrap() > 0);
    assert_eq!(told.listeners[0].name, "public");
    assert_eq!(told.events.unwrap().kept, 0);
}

#[tokio::test]
async fn the_page_shows_what_clients_chose_as_text() {
    let fixture = Fixture::new().await;
    let _session = fixture.session("<b>ann");
    let request = Request::get("/").body(Body::empty()).unwrap();
    let response = ask(&fixture.shared, Door::Socket, request).await;
    let policy = response.headers()["content-security-policy"].to_str();
    assert!(policy.unwrap().starts_with("default-src 'none'"));
    let (status, page) = told(response).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("&lt;b&gt;ann"), "{page}");
    assert!(!page.contains("<b>") && !page.contains("<script"), "{page}");
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_json() {
    let fixture = Fixture::new().await;
    let (status, refused) = fixture.json("/nothing").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(refused["error"], "there is nothing here");

    let request = Request::delete("/metrics").body(Body::empty()).unwrap();
    let response = ask(&fixture.shared, Door::Socket, request).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(response.headers().contains_key(ALLOW));
    let kind = &response.headers()[CONTENT_TYPE];
    assert_eq!(kind, "application/json");
}

/// A method, a path, a header, and the code of the answer.
type Case = (
    &'static str,
    &'static str,
    Option<(HeaderName, &'static str)>,
    u16,
);

#[tokio::test]
async fn the_address_lets_pass_only_what_may() {
    let fixture = Fixture::new().await;
    let authorized = |value: &'static str| Some((AUTHORIZATION, value));
    let host = |value: &'static str| Some((HOST, value));
    let with_token: &[Case] = &[
        ("GET", "/healthz", None, 200),
        ("GET", "/readyz", None, 503),
        ("GET", "/metrics", None, 401),
        ("GET", "/", None, 401),
        ("GET", "/nothing", None, 401),
        (
            "GET",
            "/metrics",
            authorized("Bearer 0123456789abcdefx"),
            401,
        ),
        ("GET", "/metrics", authorized("Basic 0123456789abcdef"), 401),
        ("GET", "/metrics", authorized(TOKEN), 401),
        (
            "GET",
            "/metrics",
            authorized("Bearer 0123456789abcdef"),
            200,
        ),
        (
            "HEAD",
            "/metrics",
            authorized("bearer 0123456789abcdef"),
            200,
        ),
        (
            "POST",
            "/nothing",
            authorized("Bearer 0123456789abcdef"),
            404,
        ),
    ];
    let without: &[Case] = &[
        ("GET", "/metrics", host("127.0.0.1:9810"), 200),
        ("GET", "/metrics", host("[::1]:9810"), 200),
        ("GET", "/metrics", host("LocalHost"), 200),
        ("GET", "/metrics", host("wharf.example.com:9810"), 421),
        ("GET", "/metrics", host("127.0.0.1.example.com"), 421),
        ("GET", "/metrics", host("192.0.2.1"), 421),
        ("GET", "/healthz", host("evil.example"), 421),
        ("GET", "/metrics", None, 421),
        ("POST", "/nothing", host("127.0.0.1"), 403),
    ];
    for (token, cases) in [(Some(TOKEN), with_token), (None, without)] {
        let door = Door::Address(Arc::new(config::Admin {
            address: SocketAddr::from(([127, 0, 0, 1], 9810)),
            token: token.map(|token| Token::parse(token).unwrap()),
        }));
        for (method, path, header, expected) in cases {
            let mut request = Request::builder().method(*method).uri(*path);
            if let Some((name, value)) = header {
                request = request.header(name, *value);
            }
            let request = request.body(Body::empty()).unwrap();
            let response = ask(&fixture.shared, door.clone(), request).await;
            let asked = response.headers().contains_key(WWW_AUTHENTICATE);
            assert_eq!(response.status(), *expected, "{method} {path} {header:?}");
            assert_eq!(asked, *expected == 401, "{method} {path} {header:?}");
            let (_, text) = told(response).await;
            assert!(!text.contains("sink"), "a probe hears no reasons: {text}");
        }
    }
}

/// What is asked about events, and what comes back.
#[tokio::test]
async fn events_are_listed_and_what_is_malformed_is_refused() {
    let fixture = Fixture::new().await;
    let (status, page) = fixture.json("/api/v1/events?dead=true&limit=5").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page["entries"].as_array().unwrap().len(), 0);
    for (path, expected, text) in [
        (
            "/api/v1/events/7",
            StatusCode::NOT_FOUND,
            "there is no event 7",
        ),
        ("/api/v1/events/seven", StatusCode::BAD_REQUEST, "seven"),
        (
            "/api/v1/events?kind=no-such",
            StatusCode::BAD_REQUEST,
            "no-such",
        ),
        ("/api/v1/events?limits=5", StatusCode::BAD_REQUEST, "limits"),
    ] {
        let (status, refused) = fixture.json(path).await;
        assert_eq!(status, expected, "{path}");
        let error = refused["error"].as_str().unwrap();
        assert!(error.contains(text), "{path}: {error}");
    }
    for (path, body, expected) in [
        ("retry", "{}", StatusCode::OK),
        ("drop", "{\"numbers\":[1,2]}", StatusCode::OK),
        ("drop", "{\"number\":1}", StatusCode::UNPROCESSABLE_ENTITY),
        ("drop", "", StatusCode::BAD_REQUEST),
    ] {
        let request = Request::post(format!("/api/v1/events/{path}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let response = ask(&fixture.shared, Door::Socket, request).await;
        assert_eq!(response.status(), expected, "{path} {body}");
        let (_, text) = told(response).await;
        let answer: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["revised"] == 0, expected == StatusCode::OK, "{text}");
    }
}

#[tokio::test]
async fn a_client_hears_the_host_through_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::defaults(folder.path());
    let state_dir = &config.server.state_dir;
    let client = client::AdminClient::new(state_dir);
    let error = client.text("/healthz").await.unwrap_err();
    assert!(error.to_string().starts_with("no wharf runs on"), "{error}");
    let admin = Admin::open(&config, Exposition::empty()).await.unwrap();
    assert_eq!(client.text("/healthz").await.unwrap(), "alive\n");
    let error = client.get::<Json>("/api/v1/status").await.unwrap_err();
    assert_eq!(error.to_string(), "the host refuses: the host is starting");
    let error = client.post::<Json>("/nothing", &[1]).await.unwrap_err();
    assert_eq!(error.to_string(), "the host refuses: there is nothing here");
    let again = Admin::open(&config, Exposition::empty()).await;
    assert!(matches!(again, Err(OpenAdminError::Claim(_))));
    drop(admin);
    assert!(matches!(
        client.text("/healthz").await,
        Err(client::AskError::NoHost(_))
    ));
    assert!(Path::new(state_dir).join("wharf.lock").exists());
}
