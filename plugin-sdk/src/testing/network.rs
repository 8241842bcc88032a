//! HTTP with answers that a test gives, and secrets.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use crate::http::{Error, Request, Response};

/// The answers to requests of one method and address, in order.
type Answers = VecDeque<Result<Response, Error>>;

/// What the host of this thread was told, and what it was asked.
#[derive(Default)]
struct Network {
    answers: BTreeMap<(String, String), Answers>,
    requests: Vec<Request>,
    secrets: BTreeMap<String, String>,
}

thread_local! {
    static HOST: RefCell<Network> = RefCell::default();
}

/// Answers a request of this method to this address. Several answers are given in order, the last
/// one again and again. What has none is not granted.
pub fn answer_http(method: &str, url: &str, answer: Result<Response, Error>) {
    HOST.with_borrow_mut(|host| {
        let key = (method.to_owned(), url.to_owned());
        host.answers.entry(key).or_default().push_back(answer);
    });
}

/// Takes the requests sent so far, granted or not.
pub fn http_requests() -> Vec<Request> {
    HOST.with_borrow_mut(|host| std::mem::take(&mut host.requests))
}

/// Hands over a secret.
pub fn set_secret(name: &str, value: &str) {
    HOST.with_borrow_mut(|host| host.secrets.insert(name.to_owned(), value.to_owned()));
}

pub(super) mod host {
    use super::HOST;
    use crate::http::{Error, Request, Response};
    use crate::secrets;

    pub(crate) fn send(request: Request) -> Result<Response, Error> {
        HOST.with_borrow_mut(|host| {
            let key = (request.method.clone(), request.url.clone());
            host.requests.push(request);
            match host.answers.get_mut(&key) {
                Some(answers) if answers.len() > 1 => answers.pop_front(),
                Some(answers) => answers.front().cloned(),
                None => None,
            }
            .unwrap_or(Err(Error::NotGranted(key.1)))
        })
    }

    pub(crate) fn secret(name: &str) -> Result<String, secrets::Error> {
        let secret = HOST.with_borrow(|host| host.secrets.get(name).cloned());
        secret.ok_or(secrets::Error::NotGranted)
    }
}
