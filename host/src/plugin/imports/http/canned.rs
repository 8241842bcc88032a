//! What servers would answer, where a plugin is tried without a network.

use std::collections::BTreeMap;

use hyper::{Method, Uri};
use serde::Deserialize;

use super::Response;

/// One answer, to one method and address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CannedResponse {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

impl CannedResponse {
    /// Whether it is the answer to a request.
    pub fn answers(&self, method: &Method, url: &Uri) -> bool {
        let same = |known: Uri| known == *url;
        self.method == method.as_str() && self.url.parse().is_ok_and(same)
    }

    /// The answer.
    pub fn response(&self) -> Response {
        let headers = self.headers.clone().into_iter().collect();
        Response {
            status: self.status,
            headers,
            body: self.body.clone().into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt as _;
    use hyper::Request;

    use super::*;
    use crate::plugin::allow::Allowances;
    use crate::plugin::denials::Denials;
    use crate::plugin::imports::http::client::HttpError;
    use crate::plugin::imports::http::{HttpClient, Network};

    #[tokio::test]
    async fn only_what_is_allowed_is_answered_and_nothing_goes_out() {
        let canned: CannedResponse =
            toml::from_str("url = 'https://a.example/x'\nstatus = 201\nbody = 'ahoy'").unwrap();
        let allow = Allowances {
            http: vec![crate::config::value::Value::parse("https://a.example").unwrap()],
            ..Allowances::default()
        };
        let denials = Arc::new(Denials::new("10-plugin"));
        let client = HttpClient::new(&allow, Network::canned(&[canned]), denials);
        let request = |url: &str| {
            let empty = http_body_util::Empty::new().map_err(|never| match never {});
            Request::get(url).body(empty.boxed_unsync()).unwrap()
        };
        let answer = |url: &str| client.canned(&request(url)).unwrap();
        let response = answer("https://a.example/x").unwrap();
        assert_eq!((response.status, &*response.body), (201, &b"ahoy"[..]));
        let error = answer("https://a.example/y").err().unwrap();
        assert!(
            error.to_string().contains("no canned answer to GET"),
            "{error}"
        );
        let error = answer("https://b.example/x").err().unwrap();
        assert!(matches!(error, HttpError::NotGranted(_)), "{error}");
        let error = client.send(request("https://a.example/x")).await.err();
        assert!(matches!(error, Some(HttpError::Transport(_))), "{error:?}");
    }
}
