//! What servers would answer, where a plugin is tried without a network.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::{Method, Response, Uri};
use serde::Deserialize;

use super::client::{Body, HttpError};
use super::whole;

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
    ///
    /// # Errors
    /// No server could give it.
    pub fn response(&self) -> Result<Response<Body>, HttpError> {
        let response = Response::builder().status(self.status);
        let headers = self.headers.iter();
        let response = headers.fold(response, |response, (name, value)| {
            response.header(name, value)
        });
        let response = response.body(whole(Bytes::from(self.body.clone())));
        response.map_err(|error| HttpError::Invalid(format!("the canned answer: {error}")))
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
        let answer = |url: &str| client.answer(request(url));
        let (head, body) = answer("https://a.example/x").await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!((head.status.as_u16(), &*body), (201, &b"ahoy"[..]));
        let error = answer("https://a.example/y").await.err().unwrap();
        assert!(
            error.to_string().contains("no canned answer to GET"),
            "{error}"
        );
        let error = answer("https://b.example/x").await.err().unwrap();
        assert!(matches!(error, HttpError::NotGranted(_)), "{error}");
        let error = client.send(request("https://a.example/x")).await.err();
        assert!(matches!(error, Some(HttpError::Transport(_))), "{error:?}");
    }
}
