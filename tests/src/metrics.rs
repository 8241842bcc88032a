//! What a server counts, as a collector is told it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::server::Server;

/// The figures of one moment.
pub struct Metrics(String);

impl Metrics {
    /// Those of now, through the socket in the state directory.
    pub fn of(server: &Server) -> Self {
        let socket = server.directory().path().join("state/admin.sock");
        let mut stream = UnixStream::connect(socket).expect("the server listens");
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is text");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        Self(answer)
    }

    /// The sum of all series of `name` that have each of `labels`, such as `("role", "lifecycle")`.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let values = self.0.lines().filter_map(|line| {
            let series = line.strip_prefix(name)?;
            let (shown, value) = series.rsplit_once(' ')?;
            let is_series = shown.is_empty() || shown.starts_with('{');
            let has = |(label, value): &(&str, &str)| {
                let quoted = format!("{label}=\"{value}\"");
                shown.contains(&quoted)
            };
            (is_series && labels.iter().all(has)).then(|| value.parse::<f64>().ok())?
        });
        values.sum()
    }
}
