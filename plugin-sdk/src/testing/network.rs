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
    /// How many bytes of a body are read before it is answered; else all.
    wanted: Option<usize>,
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

/// From now on, a body written in pieces is answered once more than `bytes` of it are there,
/// and no more of it is wanted.
pub fn answer_http_early(bytes: usize) {
    HOST.with_borrow_mut(|host| host.wanted = Some(bytes));
}

/// Takes the requests sent so far, granted or not. What was written in pieces is there as a whole,
/// once it is finished.
pub fn http_requests() -> Vec<Request> {
    HOST.with_borrow_mut(|host| std::mem::take(&mut host.requests))
}

/// Hands over a secret.
pub fn set_secret(name: &str, value: &str) {
    HOST.with_borrow_mut(|host| host.secrets.insert(name.to_owned(), value.to_owned()));
}

pub(super) mod host {
    use std::cell::RefCell;
    use std::collections::VecDeque;

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

    /// Plays `http-client.exchange`, which nobody answers before its end unless a test says so.
    pub(crate) struct Exchange(RefCell<Stage>);

    enum Stage {
        Written(Request, Option<u64>),
        Read(VecDeque<u8>),
        Over,
    }

    pub(crate) fn begin(request: Request, length: Option<u64>) -> Result<Exchange, Error> {
        let key = (request.method.clone(), request.url.clone());
        let granted = HOST.with_borrow(|host| host.answers.contains_key(&key));
        match granted {
            true => Ok(Exchange(RefCell::new(Stage::Written(request, length)))),
            false => Err(Error::NotGranted(key.1)),
        }
    }

    pub(crate) fn write(exchange: &Exchange, piece: &[u8]) -> Result<bool, Error> {
        let mut stage = exchange.0.borrow_mut();
        let Stage::Written(request, length) = &mut *stage else {
            return Err(invalid("its body is finished, or was given up"));
        };
        request.body.extend_from_slice(piece);
        if length.is_some_and(|length| request.body.len() as u64 > length) {
            *stage = Stage::Over;
            return Err(invalid("its body is longer than it says"));
        }
        let is_answered = is_answered(request);
        Ok(!is_answered)
    }

    pub(crate) fn finish(exchange: &Exchange) -> Result<Response, Error> {
        let mut stage = exchange.0.borrow_mut();
        let Stage::Written(request, length) = std::mem::replace(&mut *stage, Stage::Over) else {
            return Err(invalid("its body is finished, or was given up"));
        };
        let is_short = length.is_some_and(|length| (request.body.len() as u64) < length);
        if is_short && !is_answered(&request) {
            return Err(invalid("its body is shorter than it says"));
        }
        let mut response = send(request)?;
        *stage = Stage::Read(std::mem::take(&mut response.body).into());
        Ok(response)
    }

    /// Whether the server wants no more of its body.
    fn is_answered(request: &Request) -> bool {
        let wanted = HOST.with_borrow(|host| host.wanted);
        wanted.is_some_and(|wanted| request.body.len() > wanted)
    }

    pub(crate) fn read(exchange: &Exchange, length: u32) -> Result<Vec<u8>, Error> {
        match &mut *exchange.0.borrow_mut() {
            Stage::Read(body) => Ok(body.drain(..body.len().min(length as usize)).collect()),
            _ => Err(invalid("its body is not finished")),
        }
    }

    fn invalid(what: &str) -> Error {
        Error::Transport(format!("the request makes no sense: {what}"))
    }

    pub(crate) fn secret(name: &str) -> Result<String, secrets::Error> {
        let secret = HOST.with_borrow(|host| host.secrets.get(name).cloned());
        secret.ok_or(secrets::Error::NotGranted)
    }
}
