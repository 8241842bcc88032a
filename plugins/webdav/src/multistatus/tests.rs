//! Answers as servers give them.

use std::io::{self, Read};
use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn read(answer: impl Read) -> Result<Vec<Resource>, quick_xml::Error> {
    let mut answer = Multistatus::new(answer);
    let mut found = Vec::new();
    while let Some(resource) = answer.next()? {
        found.push(resource);
    }
    Ok(found)
}

fn resource(parts: &[&str]) -> Resource {
    Resource {
        parts: parts.iter().map(ToString::to_string).collect(),
        is_complete: true,
        ..Resource::default()
    }
}

#[test]
fn each_server_says_it_its_own_way() {
    let moment = Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let directory = Resource {
        is_collection: true,
        modified: moment,
        is_complete: false,
        ..resource(&["d"])
    };
    let file = Resource {
        size: 10,
        modified: moment,
        ..resource(&["d", "a %#?\u{1f6a2}"])
    };
    let apache = r#"<?xml version="1.0" encoding="utf-8"?>
        <D:multistatus xmlns:D="DAV:" xmlns:ns0="DAV:">
        <D:response xmlns:lp1="DAV:" xmlns:g0="DAV:"><D:href>/d/</D:href>
        <D:propstat><D:prop><lp1:resourcetype><D:collection/></lp1:resourcetype>
        <lp1:getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</lp1:getlastmodified></D:prop>
        <D:status>HTTP/1.1 200 OK</D:status></D:propstat>
        <D:propstat><D:prop><g0:getcontentlength/></D:prop>
        <D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>
        <D:response xmlns:lp1="DAV:"><D:href>/d/a%20%25%23%3f%f0%9f%9a%a2</D:href>
        <D:propstat><D:prop><lp1:resourcetype/><lp1:getcontentlength>10</lp1:getcontentlength>
        <lp1:getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</lp1:getlastmodified></D:prop>
        <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"#;
    let go = r#"<?xml version="1.0" encoding="UTF-8"?><D:multistatus xmlns:D="DAV:"><D:response>
        <D:href>//d/</D:href><D:propstat><D:prop><D:resourcetype><D:collection xmlns:D="DAV:"/>
        </D:resourcetype><D:getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</D:getlastmodified>
        </D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat><D:propstat><D:prop>
        <D:getcontentlength></D:getcontentlength></D:prop>
        <D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response><D:response>
        <D:href>/d/a%20%25%23%3F%F0%9F%9A%A2</D:href><D:propstat><D:prop><D:resourcetype>
        </D:resourcetype><D:getcontentlength>10</D:getcontentlength>
        <D:getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</D:getlastmodified></D:prop>
        <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"#;
    let bare = r#"<multistatus xmlns="DAV:"><response><href>http://dav.example.com/d</href>
        <propstat><prop><resourcetype><collection/></resourcetype>
        <getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</getlastmodified></prop>
        <status>HTTP/1.1 200 OK</status></propstat><propstat><prop/>
        <status>HTTP/1.1 403</status></propstat></response><response><href>
        <![CDATA[/d/a %#?]]>&#x1f6a2;</href><propstat><prop><getcontentlength>10</getcontentlength>
        <getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</getlastmodified></prop>
        <status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"#;
    let scattered = r#"<multistatus xmlns="DAV:"><response><href>/d/</href>
        <propstat><prop><resourcetype><collection/></resourcetype></prop>
        <status>HTTP/1.1 200 OK</status></propstat><propstat><prop><getcontentlength/></prop>
        <status>HTTP/1.1 404 Not Found</status></propstat><propstat><prop>
        <getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</getlastmodified></prop>
        <status>HTTP/1.1 200 OK</status></propstat></response><response>
        <href>/d/a%20%25%23%3F%F0%9F%9A%A2</href><propstat><prop>
        <getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</getlastmodified></prop>
        <status>HTTP/1.1 200 OK</status></propstat><propstat><prop>
        <getcontentlength>10</getcontentlength></prop>
        <status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"#;
    for answer in [apache, go, bare, scattered] {
        let found = read(answer.as_bytes()).unwrap();
        assert_eq!(found, [directory.clone(), file.clone()], "{answer}");
    }
}

#[test]
fn what_is_refused_is_not_there() {
    let answer = r#"<d:multistatus xmlns:d="DAV:" xmlns:o="urn:other">
        <d:response><d:href>/a&amp;b</d:href><d:status>HTTP/1.1 404 Not Found</d:status>
        </d:response>
        <d:response><d:href>/%FF</d:href></d:response>
        <d:response><d:href>/c&amp;d</d:href><d:propstat><d:prop>
        <o:getcontentlength>7</o:getcontentlength>
        <d:quota-available-bytes>-3</d:quota-available-bytes></d:prop>
        <d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
        <d:response><d:href>/e</d:href><d:propstat><d:prop>
        <d:quota-available-bytes>17584365568</d:quota-available-bytes></d:prop>
        <d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>"#;
    let roomy = Resource {
        available: Some(17_584_365_568),
        ..resource(&["e"])
    };
    let found = read(answer.as_bytes()).unwrap();
    assert_eq!(found, [resource(&["c&d"]), roomy]);
}

#[test]
fn what_is_no_answer_is_refused() {
    let nested = format!("<multistatus xmlns=\"DAV:\">{}", "<a>".repeat(100));
    for answer in [
        "",
        "it works!",
        "<html><body>404</body></html>",
        "<multistatus/>",
        "<multistatus xmlns=\"DAV:\"><response><href>/a</href>",
        "<multistatus xmlns=\"DAV:\"><response></multistatus>",
        "<!DOCTYPE multistatus [<!ENTITY a \"&b;&b;\"><!ENTITY b SYSTEM \"file:///etc/passwd\">]>\
         <multistatus xmlns=\"DAV:\"><response><href>/a&a;</href></response></multistatus>",
        &nested,
    ] {
        assert!(read(answer.as_bytes()).is_err(), "{answer}");
    }
}

#[test]
fn no_part_of_an_answer_fills_the_memory() {
    for begin in ["<multistatus xmlns=\"DAV:\"><a>", "<multistatus xmlns=\""] {
        let endless = begin.as_bytes().chain(io::repeat(b'x'));
        assert!(read(endless).is_err(), "{begin}");
    }
}
