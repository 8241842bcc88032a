//! A plugin with two roles: it looks at uploads, and tells a service of them.

use std::cell::Cell;

use serde_json::json;
use wharf_plugin::crypto::{Algorithm, hex, hmac};
use wharf_plugin::http::{Error, Request, Response};
use wharf_plugin::testing::{self, Client};
use wharf_plugin::{
    Checksum, Content, Demands, Denial, DenialReason, Disposition, Event, Failure, Location,
    Session, Staged, StorageEvents, Upload, UploadGate, metrics, secrets,
};

const URL: &str = "https://example.com/told";

/// Takes PDFs, and passes on what it hears.
#[derive(Default)]
struct Clerk {
    seen: Cell<u32>,
}

impl UploadGate for Clerk {
    fn needs(&self) -> Demands {
        Demands::new().content(Content::Head(5)).checksum("sha256")
    }

    fn commit(
        &self,
        session: &Session<'_>,
        upload: &Upload,
        content: &Staged<'_>,
    ) -> Result<Disposition, Failure> {
        self.seen.set(self.seen.get() + 1);
        metrics::count(
            "looked-at",
            1,
            &[("user", &session.user().unwrap_or_default())],
        );
        if content.head(5)? != b"%PDF-" {
            let denial = Denial::new(DenialReason::ContentRejected).text("Only PDFs.");
            return Ok(Disposition::Discard(denial));
        }
        let name = upload.checksum("sha256").unwrap_or("unknown");
        Ok(Disposition::PublishAt(upload.place.with_name(name)))
    }
}

impl StorageEvents for Clerk {
    fn deliver(&self, batch: &[Event]) -> Result<(), Failure> {
        let ids: Vec<_> = batch.iter().map(|event| &event.id).collect();
        let request = Request::post(URL).json(&ids)?;
        let key = secrets::get("key")?;
        let signature = hmac(Algorithm::Sha256, key.expose().as_bytes(), &request.body)?;
        let response = request.header("signature", hex(&signature)).send()?;
        match response.status {
            200 => Ok(()),
            status => Err(Failure::Unavailable(format!("answered {status}"))),
        }
    }
}

wharf_plugin::export!(Clerk: UploadGate + StorageEvents);

fn upload(name: &str) -> Upload {
    Upload {
        path: format!("/in/{name}"),
        place: Location::new("local", format!("in/{name}")),
        checksums: vec![Checksum {
            algorithm: "sha256".into(),
            hex: "00ff".into(),
        }],
        ..Upload::default()
    }
}

#[test]
fn an_upload_is_looked_at_before_anybody_sees_it() {
    let clerk = Clerk::default();
    let commit = |content: &str| {
        Client::logged_in("alice").session(|session| {
            testing::staged(content, |content| {
                clerk.commit(session, &upload("a.pdf"), content).unwrap()
            })
        })
    };
    let place = Location::new("local", "in/00ff");
    assert_eq!(commit("%PDF-1.7 and more"), Disposition::PublishAt(place));
    let Disposition::Discard(denial) = commit("%PDF") else {
        panic!("it is too short to be one");
    };
    assert_eq!(denial.reason(), DenialReason::ContentRejected);
    assert_eq!(clerk.seen.get(), 2);
    let line = "count looked-at 1 user=alice";
    assert_eq!(testing::metrics(), [line, line]);
}

#[test]
fn what_happened_is_told_and_signed() {
    let clerk = Clerk::default();
    let batch = ["1", "2"].map(|id| Event {
        id: id.into(),
        kind: "upload".into(),
        ..Event::default()
    });
    assert_eq!(clerk.subscribe(), ["*"]);
    let missing = clerk.deliver(&batch).unwrap_err();
    assert!(matches!(&missing, Failure::Misconfigured(why) if why.contains("[allow] secrets")));

    testing::set_secret("key", "hush");
    let forbidden = clerk.deliver(&batch).unwrap_err();
    assert!(matches!(&forbidden, Failure::Misconfigured(why) if why.contains(URL)));

    testing::http_requests();
    testing::answer_http("POST", URL, Ok(Response::new(503)));
    testing::answer_http("POST", URL, Err(Error::TimedOut));
    testing::answer_http("POST", URL, Ok(Response::new(200)));
    let outcomes = [(); 4].map(|()| clerk.deliver(&batch));
    assert_eq!(
        outcomes,
        [
            Err(Failure::Unavailable("answered 503".into())),
            Err(Failure::TimedOut("there was no answer in time".into())),
            Ok(()),
            Ok(()),
        ]
    );
    let requests = testing::http_requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(
        requests[0], requests[3],
        "a batch that comes again is the same"
    );
    let body: serde_json::Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(body, json!(["1", "2"]));
    assert!(!format!("{:?}", requests[0]).contains("hush"));
}
