//! Exchanges with servers that take everything, answer early, take nothing, or go away.

use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::super::exchange::Exchange;
use super::*;

const PIECE: usize = 1024 * 1024;

fn head(method: &str, url: &str) -> RequestHead {
    RequestHead {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: vec![],
        timeout_ms: 0,
    }
}

fn granted_for(origin: &str, private: bool) -> Arc<Granted> {
    granted(client(&[origin], private, liar(&[])))
}

/// A PUT of `length` bytes to `origin`.
fn put_to(origin: &str, path: &str, length: Option<u64>) -> Result<Exchange, HttpError> {
    let granted = granted_for(origin, true);
    Exchange::begin(&granted, head("PUT", &format!("{origin}{path}")), length)
}

async fn read_all(exchange: &mut Exchange) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        exchange.fill(PIECE).await.unwrap();
        let piece = exchange.take(PIECE);
        if piece.is_empty() {
            return all;
        }
        all.extend(piece);
    }
}

/// A server of one connection: reads the head of a request, then does as it is told.
async fn server_that<W>(does: impl FnOnce(TcpStream) -> W + Send + 'static) -> String
where
    W: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            seen.push(stream.read_u8().await.unwrap());
        }
        does(stream).await;
    });
    origin
}

/// A server that takes everything: tells that a request has begun, and what it took behind the head
/// once the client has gone.
struct Listening {
    origin: String,
    begun: oneshot::Receiver<()>,
    took: oneshot::Receiver<Vec<u8>>,
}

async fn server_that_listens() -> Listening {
    let (begins, begun) = oneshot::channel();
    let (sender, took) = oneshot::channel();
    let origin = server_that(async move |mut stream: TcpStream| {
        let _ = begins.send(());
        let mut body = Vec::new();
        // However it ends.
        let _ = stream.read_to_end(&mut body).await;
        let _ = sender.send(body);
    });
    let origin = origin.await;
    Listening {
        origin,
        begun,
        took,
    }
}

#[tokio::test]
async fn bodies_of_any_size_go_out_in_pieces() {
    let origin = format!("http://127.0.0.1:{}", server().await);
    let pieces = 20;
    for (length, told) in [(Some((pieces * PIECE) as u64), "20971520"), (None, "")] {
        let mut exchange = put_to(&origin, "/length", length).unwrap();
        for _ in 0..pieces {
            assert!(exchange.write(vec![b'x'; PIECE]).await.unwrap());
        }
        assert!(exchange.write(vec![]).await.unwrap(), "no bytes are no end");
        assert_eq!(exchange.finish().await.unwrap().status, 200);
        let answer = String::from_utf8(read_all(&mut exchange).await).unwrap();
        assert_eq!(answer, format!("{told} 20971520"));
    }
    let mut empty = put_to(&origin, "/length", Some(0)).unwrap();
    assert_eq!(empty.finish().await.unwrap().status, 200);
    assert_eq!(read_all(&mut empty).await, b"0 0");
}

#[tokio::test]
async fn a_response_of_any_size_comes_in_pieces() {
    let origin = format!("http://127.0.0.1:{}", server().await);
    let granted = granted_for(&origin, true);
    let url = format!("{origin}/large");
    let mut exchange = Exchange::begin(&granted, head("GET", &url), Some(0)).unwrap();
    assert_eq!(exchange.finish().await.unwrap().status, 200);
    exchange.fill(10).await.unwrap();
    assert_eq!(exchange.take(10), b"xxxxxxxxxx");
    assert_eq!(read_all(&mut exchange).await.len(), MAX_BODY + 1 - 10);
}

#[tokio::test]
async fn who_refuses_early_is_heard_early() {
    const REFUSAL: &[u8] = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno";
    for closes in [true, false] {
        let (done, finished) = oneshot::channel::<()>();
        let origin = server_that(async move |mut stream: TcpStream| {
            stream.write_all(REFUSAL).await.unwrap();
            // It takes none of the body, and says that it sends no more or waits.
            if closes {
                stream.shutdown().await.unwrap();
            }
            let _ = finished.await;
        });
        let mut exchange = put_to(&origin.await, "/", None).unwrap();
        while exchange.write(vec![b'x'; PIECE]).await.unwrap() {}
        assert_eq!(exchange.finish().await.unwrap().status, 413, "{closes}");
        assert_eq!(read_all(&mut exchange).await, b"no");
        drop(done);
    }
}

#[tokio::test]
async fn what_is_dropped_is_no_whole_request() {
    for length in [None, Some(100)] {
        let server = server_that_listens().await;
        let mut exchange = put_to(&server.origin, "/", length).unwrap();
        exchange.write(b"half".to_vec()).await.unwrap();
        server.begun.await.unwrap();
        drop(exchange);
        let took = server.took.await.unwrap();
        assert!(!took.ends_with(b"0\r\n\r\n"), "{length:?}: {took:?}");
        assert!(took.len() < 100, "{length:?}: {took:?}");
    }
}

#[tokio::test]
async fn the_length_that_was_said_is_kept() {
    let server = server_that_listens().await;
    let mut long = put_to(&server.origin, "/", Some(5)).unwrap();
    assert!(long.write(b"1234".to_vec()).await.unwrap());
    server.begun.await.unwrap();
    let refused = long.write(b"56".to_vec()).await.unwrap_err();
    let told = "longer than it says";
    assert!(refused.to_string().contains(told), "{refused}");
    drop(long);
    assert!(!server.took.await.unwrap().ends_with(b"56"));

    let server = server_that_listens().await;
    let mut short = put_to(&server.origin, "/", Some(5)).unwrap();
    assert!(short.write(b"1234".to_vec()).await.unwrap());
    server.begun.await.unwrap();
    let refused = short.finish().await.unwrap_err();
    let told = "1 bytes shorter";
    assert!(refused.to_string().contains(told), "{refused}");
    drop(short);
    assert!(server.took.await.unwrap().len() < 5);

    let server = server_that_listens().await;
    let large = put_to(&server.origin, "/", None).unwrap();
    let refused = { large }.write(vec![0; PIECE + 1]).await.unwrap_err();
    assert!(matches!(refused, HttpError::TooLarge), "{refused}");
}

#[tokio::test]
async fn who_takes_nothing_is_waited_for_in_bounded_memory() {
    let (done, finished) = oneshot::channel::<()>();
    let origin = server_that(async move |_stream: TcpStream| {
        let _ = finished.await;
    });
    let mut exchange = put_to(&origin.await, "/", None).unwrap();
    let mut written = 0;
    let wait = Duration::from_millis(500);
    while tokio::time::timeout(wait, exchange.write(vec![b'x'; PIECE]))
        .await
        .is_ok()
    {
        written += 1;
    }
    // What the system buffers of a connection, and three pieces.
    assert!(written < 40, "{written} pieces were taken by nobody");
    drop(done);
}

#[tokio::test]
async fn an_exchange_goes_only_where_it_may() {
    let port = server().await;
    let origin = format!("http://127.0.0.1:{port}");
    let granted = granted_for(&origin, false);
    let begin = |what: RequestHead| Exchange::begin(&granted, what, None);
    let refused = begin(head("PUT", "http://127.0.0.1:1/")).err().unwrap();
    assert!(matches!(refused, HttpError::NotGranted(_)), "{refused}");
    for (name, value) in [("host", "b.example"), ("content-length", "1")] {
        let mut with = head("PUT", &origin);
        with.headers.push((name.to_owned(), value.to_owned()));
        let refused = begin(with).err().unwrap();
        assert!(matches!(refused, HttpError::Invalid(_)), "{refused}");
    }
    let mut blocked = begin(head("PUT", &origin)).unwrap();
    let refused = blocked.finish().await.unwrap_err();
    assert!(matches!(refused, HttpError::Blocked(_)), "{refused}");
}

#[tokio::test]
async fn an_instance_has_a_handful_of_them() {
    let origin = format!("http://127.0.0.1:{}", server().await);
    let granted = granted_for(&origin, true);
    let mut exchanges = Exchanges::default();
    let url = format!("{origin}/length");
    let begin = |exchanges: &mut Exchanges| {
        let begun = exchanges.begin(&granted, head("PUT", &url), None);
        begun.map(drop).map_err(|error| error.to_string())
    };
    for _ in 0..8 {
        begin(&mut exchanges).unwrap();
    }
    assert!(begin(&mut exchanges).unwrap_err().contains("under way"));
    exchanges.end();
    begin(&mut exchanges).unwrap();
}
