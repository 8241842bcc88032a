//! Requests to a real server on this machine, with a resolver that says what a test wants.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Query, Request as Asked};
use axum::http::StatusCode;
use axum::routing::{any, get, put};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use wasmtime_wasi_http::WasiHttpHooks as _;

use super::client::{MAX_HEAD, tls_config};
use super::connect::{CheckedConnector, ConnectError, Resolve, Resolving};
use super::*;
use crate::config::value::Value as _;
use crate::plugin::allow::Allowances;
use crate::plugin::allow::origin::OriginPattern;
use crate::plugin::denials::Denials;
use crate::plugin::services::Granted;

mod exchange;

/// Says what it was told to, and counts how often it was asked.
#[derive(Default)]
struct Liar {
    names: HashMap<&'static str, Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Resolve for Liar {
    fn resolve(&self, host: String) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let found = self.names.get(host.as_str()).cloned();
        Box::pin(async { found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound)) })
    }
}

fn liar(names: &[(&'static str, &[&str])]) -> Arc<Liar> {
    let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let names = names.iter().map(|(name, texts)| (*name, addresses(texts)));
    Arc::new(Liar {
        names: names.collect(),
        asked: AtomicUsize::new(0),
    })
}

fn trusting(roots: RootCertStore) -> Arc<tokio_rustls::rustls::ClientConfig> {
    tls_config(Some(roots)).unwrap()
}

fn client_of(origins: &[&str], private: bool, network: Network) -> HttpClient {
    let origin = |text: &&str| OriginPattern::parse(text).unwrap();
    let allow = Allowances {
        http: origins.iter().map(origin).collect(),
        http_private: private,
        ..Allowances::default()
    };
    HttpClient::new(&allow, network, Arc::new(Denials::new("test")))
}

fn client(origins: &[&str], private: bool, resolver: Arc<Liar>) -> HttpClient {
    let network = Network::new(resolver, trusting(RootCertStore::empty()));
    client_of(origins, private, network)
}

fn get_of(url: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: vec![],
        body: vec![],
        timeout_ms: 0,
    }
}

fn header<'a>(asked: &'a Asked, name: &str) -> &'a str {
    let value = asked.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

async fn echo(asked: Asked) -> String {
    let first = format!(
        "{} {} {}",
        asked.method(),
        asked.uri(),
        header(&asked, "host")
    );
    let token = header(&asked, "x-token").to_owned();
    let body = axum::body::to_bytes(asked.into_body(), usize::MAX)
        .await
        .unwrap();
    format!("{first}\n{token}\n{}", String::from_utf8_lossy(&body))
}

async fn length(asked: Asked) -> String {
    let told = header(&asked, "content-length").to_owned();
    let mut body = asked.into_body();
    let mut length = 0;
    while let Some(piece) = body.frame().await {
        length += piece.unwrap().into_data().unwrap().len();
    }
    format!("{told} {length}")
}

async fn redirect(to: Query<HashMap<String, String>>) -> (StatusCode, [(&'static str, String); 1]) {
    (StatusCode::FOUND, [("location", to.0["to"].clone())])
}

async fn large_head() -> [(&'static str, String); 1] {
    [("x-large", "x".repeat(2 * MAX_HEAD))]
}

/// A server on a free port of this machine.
async fn server() -> u16 {
    let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let router = Router::new()
        .route("/echo", any(echo))
        .route("/redirect", get(redirect))
        .route("/whole", get(|| async { vec![b'x'; MAX_BODY] }))
        .route("/large", get(|| async { vec![b'x'; MAX_BODY + 1] }))
        .route("/large-head", get(large_head))
        .route("/length", put(length))
        .route("/never", get(std::future::pending::<String>))
        .route("/peer", get(peer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    port
}

fn text(response: Response) -> String {
    String::from_utf8(response.body).unwrap()
}

#[tokio::test]
async fn what_goes_out_comes_in() {
    let port = server().await;
    let origin = format!("http://auth.example:{port}");
    let client = client(&[&origin], true, liar(&[("auth.example", &["127.0.0.1"])]));
    let mut request = get_of(&format!("{origin}/echo?a=b#c"));
    request.method = "POST".to_owned();
    request.headers = vec![("X-Token".to_owned(), "t".to_owned())];
    request
        .headers
        .push(("content-length".to_owned(), "2".to_owned()));
    request.body = b"hi".to_vec();
    let response = exchange(&client, request).await.unwrap();
    assert_eq!(response.status, 200);
    let expected = format!("POST /echo?a=b auth.example:{port}\nt\nhi");
    assert_eq!(text(response), expected);
}

#[tokio::test]
async fn no_origin_but_those_allowed_is_even_looked_up() {
    let resolver = liar(&[("a.example", &["127.0.0.1"]), ("b.example", &["127.0.0.1"])]);
    let client = client(
        &["https://a.example", "http://*.c.example:81"],
        true,
        resolver.clone(),
    );
    for url in [
        "http://a.example/",
        "https://a.example:444/",
        "https://b.example/",
        "https://a.example.b.example/",
        "http://c.example:81/",
        "http://x.c.example/",
        "http://127.1/",
        "http://2130706433/",
        "http://[::1]/",
    ] {
        let refused = exchange(&client, get_of(url)).await.unwrap_err();
        assert!(
            matches!(refused, HttpError::NotGranted(_)),
            "{url}: {refused}"
        );
    }
    for url in [
        "https://a.example@b.example/",
        "https://me:pw@a.example/",
        "https://a.example:/",
        "https://a.example:0/",
        "https://a.example:99999/",
        "ftp://a.example/",
        "/",
        "",
        "https:///x",
        "https://a.example\r\nHost: b/",
    ] {
        let refused = exchange(&client, get_of(url)).await.unwrap_err();
        assert!(matches!(refused, HttpError::Invalid(_)), "{url}: {refused}");
    }
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_public_name_does_not_lead_to_a_private_address() {
    let port = server().await;
    let origin = format!("http://rebound.example:{port}");
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "::",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1",
    ] {
        let resolver = liar(&[("rebound.example", &[address])]);
        let client = client(&[&origin], false, resolver);
        let refused = exchange(&client, get_of(&format!("{origin}/echo")))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, HttpError::Blocked(_)),
            "{address}: {refused}"
        );
        assert!(refused.to_string().contains("rebound.example"), "{refused}");
    }
}

#[tokio::test]
async fn a_private_address_in_the_url_is_blocked_as_well() {
    let port = server().await;
    for host in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
    ] {
        let origin = format!("http://{host}:{port}");
        let blocking = client(&[&origin], false, liar(&[]));
        let refused = exchange(&blocking, get_of(&format!("{origin}/echo")))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, HttpError::Blocked(_)),
            "{host}: {refused}"
        );
    }
    let origin = format!("http://127.0.0.1:{port}");
    let allowing = client(&[&origin], true, liar(&[]));
    let response = exchange(&allowing, get_of(&format!("{origin}/echo"))).await;
    assert_eq!(
        response.unwrap().status,
        200,
        "where the sidecar says http-private"
    );
}

#[tokio::test]
async fn names_are_looked_up_once_and_only_public_addresses_are_kept() {
    let both: &[&str] = &["127.0.0.1", "8.8.8.8", "::1", "2606:4700::1"];
    let resolver = liar(&[("mixed.example", both)]);
    let connector = CheckedConnector::new(resolver.clone(), false);
    let kept = connector.addresses("mixed.example").await.unwrap();
    let public: Vec<IpAddr> = vec!["8.8.8.8".parse().unwrap(), "2606:4700::1".parse().unwrap()];
    assert_eq!(kept, public);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    let unknown = connector.addresses("nowhere.example").await.unwrap_err();
    assert!(matches!(unknown, ConnectError::Unknown { .. }), "{unknown}");
}

#[tokio::test]
async fn a_redirect_is_handed_back_and_to_follow_it_is_a_new_request() {
    let port = server().await;
    let origin = format!("http://a.example:{port}");
    let client = client(&[&origin], true, liar(&[("a.example", &["127.0.0.1"])]));
    let elsewhere = format!("http://b.example:{port}/echo");
    let url = format!("{origin}/redirect?to={elsewhere}");
    let response = exchange(&client, get_of(&url)).await.unwrap();
    assert_eq!(response.status, 302);
    let location = response
        .headers
        .into_iter()
        .find(|(name, _)| name == "location");
    let (_, location) = location.unwrap();
    assert_eq!(location, elsewhere);
    let refused = exchange(&client, get_of(&location)).await.unwrap_err();
    assert!(matches!(refused, HttpError::NotGranted(_)), "{refused}");
}

#[tokio::test]
async fn what_comes_in_has_a_bound() {
    let port = server().await;
    let origin = format!("http://a.example:{port}");
    let client = client(&[&origin], true, liar(&[("a.example", &["127.0.0.1"])]));
    let whole = exchange(&client, get_of(&format!("{origin}/whole"))).await;
    assert_eq!(whole.unwrap().body.len(), MAX_BODY);
    for path in ["large", "large-head"] {
        let refused = exchange(&client, get_of(&format!("{origin}/{path}"))).await;
        let refused = refused.unwrap_err();
        assert!(matches!(refused, HttpError::TooLarge), "{path}: {refused}");
    }
}

#[tokio::test]
async fn no_header_says_what_the_host_says() {
    let client = client(&["http://a.example"], true, liar(&[]));
    let with = |name: &str, value: &str| {
        let mut request = get_of("http://a.example/");
        request.headers = vec![(name.to_owned(), value.to_owned())];
        request
    };
    for (name, value) in [
        ("Host", "b.example"),
        ("connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("content-length", "5"),
        ("content-length", "+0"),
        ("upgrade", "h2c"),
        ("te", "trailers"),
        ("expect", "100-continue"),
        ("proxy-authorization", "Basic eA=="),
        ("x-token", "a\r\nHost: b.example"),
        ("x-token", "a\nb"),
        ("x\r\nHost", "b.example"),
        ("", "a"),
    ] {
        let refused = exchange(&client, with(name, value)).await.unwrap_err();
        assert!(
            matches!(refused, HttpError::Invalid(_)),
            "{name:?} {value:?}: {refused}"
        );
        assert!(!refused.to_string().contains(['\r', '\n']), "{refused}");
    }
    let refused = exchange(&client, with("x-token", &"x".repeat(MAX_HEAD)))
        .await
        .unwrap_err();
    assert!(matches!(refused, HttpError::TooLarge), "{refused}");
    let mut request = get_of("http://a.example/");
    request.method = "CONNECT".to_owned();
    let refused = exchange(&client, request).await.unwrap_err();
    assert!(matches!(refused, HttpError::Invalid(_)), "{refused}");
}

#[tokio::test]
async fn connections_are_used_again() {
    let port = server().await;
    let origin = format!("http://a.example:{port}");
    let resolver = liar(&[("a.example", &["127.0.0.1"])]);
    let client = client(&[&origin], true, resolver.clone());
    let url = format!("{origin}/peer");
    let first = text(exchange(&client, get_of(&url)).await.unwrap());
    let second = text(exchange(&client, get_of(&url)).await.unwrap());
    assert_eq!(first, second);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
}

/// A server for `auth.example` under TLS, and what to trust for it.
async fn tls_server() -> (u16, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(["auth.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who does not trust us breaks off.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 1024];
            let length = stream.read(&mut head).await.unwrap();
            assert!(head[..length].starts_with(b"GET /secret HTTP/1.1\r\n"));
            let response = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(response).await.unwrap();
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    (port, roots)
}

#[tokio::test]
async fn servers_are_believed_that_can_prove_their_name() {
    let (port, roots) = tls_server().await;
    let names: &[(&str, &[&str])] = &[
        ("auth.example", &["127.0.0.1"]),
        ("other.example", &["127.0.0.1"]),
    ];
    let origins = [
        format!("https://auth.example:{port}"),
        format!("https://other.example:{port}"),
    ];
    let origins = [&*origins[0], &*origins[1]];
    for (trusted, origin, expected) in [
        (true, origins[0], Ok(200)),
        (
            true,
            origins[1],
            Err("not valid for name \"other.example\""),
        ),
        (false, origins[0], Err("UnknownIssuer")),
    ] {
        let roots = if trusted {
            roots.clone()
        } else {
            RootCertStore::empty()
        };
        let network = Network::new(liar(names), trusting(roots));
        let client = client_of(&origins, true, network);
        let outcome = exchange(&client, get_of(&format!("{origin}/secret"))).await;
        match (outcome, expected) {
            (Ok(response), Ok(status)) => assert_eq!(response.status, status),
            (Err(HttpError::Transport(text)), Err(cause)) => {
                assert!(text.contains(cause), "{text}");
            }
            (outcome, _) => panic!("{origin}: {:?}", outcome.map(|response| response.status)),
        }
    }
}

fn granted(client: HttpClient) -> Arc<Granted> {
    let mut granted = crate::plugin::Services::in_trial()
        .granted(&crate::plugin::tests::facts())
        .unwrap();
    granted.http = client;
    Arc::new(granted)
}

fn outgoing(client: HttpClient) -> Outgoing {
    Outgoing::new(granted(client))
}

/// What `wasi:http` makes of a GET.
async fn wasi_get(outgoing: &mut Outgoing, url: &str) -> Result<Vec<u8>, String> {
    let body = http_body_util::Empty::new()
        .map_err(|never| match never {})
        .boxed_unsync();
    let request = hyper::Request::get(url).body(body).unwrap();
    let options = wasmtime_wasi_http::RequestOptions {
        connect_timeout: Some(Duration::from_secs(60)),
        first_byte_timeout: Some(Duration::from_secs(60)),
        between_bytes_timeout: Some(Duration::from_secs(60)),
    };
    let sent = call::within(Duration::from_secs(60), async {
        Pin::from(outgoing.send_request(request, Some(options), Box::new(async { Ok(()) }))).await
    });
    let (response, _) = sent.await.map_err(|error| format!("{error:?}"))?;
    let body = response.into_body().collect().await;
    body.map(|body| body.to_bytes().into())
        .map_err(|error| format!("{error:?}"))
}

#[tokio::test]
async fn wasi_http_is_the_same_client() {
    let port = server().await;
    let origin = format!("http://a.example:{port}");
    let resolver = || liar(&[("a.example", &["127.0.0.1"])]);
    let mut allowing = outgoing(client(&[&origin], true, resolver()));
    let body = wasi_get(&mut allowing, &format!("{origin}/echo"))
        .await
        .unwrap();
    let text = String::from_utf8(body).unwrap();
    assert_eq!(text, format!("GET /echo a.example:{port}\n\n"));
    let large = wasi_get(&mut allowing, &format!("{origin}/large"))
        .await
        .unwrap();
    assert_eq!(large.len(), MAX_BODY + 1, "it streams");
    let refused = wasi_get(&mut allowing, "http://b.example/")
        .await
        .unwrap_err();
    assert_eq!(refused, "HttpRequestDenied");
    let mut blocking = outgoing(client(&[&origin], false, resolver()));
    let refused = wasi_get(&mut blocking, &format!("{origin}/echo"))
        .await
        .unwrap_err();
    assert_eq!(refused, "DestinationIpProhibited");
}
