//! What a server says of several resources (RFC 4918, section 13), read as it comes.

use std::io::{self, BufRead, BufReader, Read};
use std::time::SystemTime;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use quick_xml::name::{LocalName, Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use crate::address;
use crate::limits::{MAX_NESTING, MAX_PART, PIECE};

/// A file or a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// The decoded parts of its path.
    pub parts: Vec<String>,
    /// Whether it holds others.
    pub is_collection: bool,
    /// In bytes.
    pub size: u64,
    /// When it was changed.
    pub modified: Option<SystemTime>,
    /// Bytes that can be stored there (RFC 4331).
    pub available: Option<u64>,
    /// Whether the server did for all of its properties what it was asked.
    pub is_complete: bool,
}

/// The resources of an answer, one after the other, in memory that does not depend on how many.
pub struct Multistatus<R> {
    xml: NsReader<Bounded<R>>,
    /// The elements that are open.
    open: Vec<Element>,
    text: String,
    response: Response,
    properties: Properties,
    is_over: bool,
}

/// The elements that say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Multistatus,
    Response,
    Href,
    Propstat,
    Status,
    Collection,
    Length,
    Modified,
    Available,
    /// Whatever else a server says.
    Other,
}

/// What is said of one resource so far.
#[derive(Default)]
struct Response {
    href: String,
    found: Properties,
    /// Whether the server refuses the whole resource.
    is_refused: bool,
    /// Whether it refuses a property.
    is_partial: bool,
}

/// The properties that share a status.
#[derive(Default)]
struct Properties {
    has_status: bool,
    is_collection: bool,
    size: Option<u64>,
    modified: Option<SystemTime>,
    available: Option<u64>,
}

impl<R: Read> Multistatus<R> {
    /// Reads `answer`.
    pub fn new(answer: R) -> Self {
        let mut xml = NsReader::from_reader(Bounded {
            source: BufReader::with_capacity(PIECE, answer),
            left: 0,
        });
        xml.config_mut().expand_empty_elements = true;
        Self {
            xml,
            open: Vec::new(),
            text: String::new(),
            response: Response::default(),
            properties: Properties::default(),
            is_over: false,
        }
    }

    /// The next resource that is there and has a name; none at the end.
    ///
    /// # Errors
    /// The answer breaks off, or is none.
    pub fn next(&mut self) -> Result<Option<Resource>, quick_xml::Error> {
        let mut buffer = Vec::new();
        while !self.is_over {
            buffer.clear();
            self.xml.get_mut().left = MAX_PART;
            let (namespace, event) = self.xml.read_resolved_event_into(&mut buffer)?;
            match event {
                Event::Start(start) => {
                    let element = Element::named(&namespace, start.local_name());
                    self.begin(element)?;
                }
                Event::End(_) => {
                    if let Some(found) = self.end() {
                        return Ok(Some(found));
                    }
                }
                Event::Text(text) => self.text.push_str(&text.xml10_content()),
                Event::CData(text) => self.text.push_str(&text.xml10_content()),
                Event::GeneralRef(entity) => match entity.resolve_char_ref()? {
                    Some(character) => self.text.push(character),
                    // What a document declares itself is not looked at, so that nothing expands.
                    None => match resolve_predefined_entity(&entity) {
                        Some(text) => self.text.push_str(text),
                        None => return Err(malformed("it names an entity that XML does not have")),
                    },
                },
                Event::Eof => return Err(malformed("it breaks off")),
                _ => {}
            }
            if self.text.len() > MAX_PART {
                return Err(malformed("a text in it is too long"));
            }
        }
        Ok(None)
    }

    fn begin(&mut self, element: Element) -> Result<(), quick_xml::Error> {
        if self.open.is_empty() && element != Element::Multistatus {
            return Err(malformed("it is no multistatus"));
        }
        if self.open.len() >= MAX_NESTING {
            return Err(malformed("it is nested too deeply"));
        }
        match element {
            Element::Response => self.response = Response::default(),
            Element::Propstat => self.properties = Properties::default(),
            Element::Collection => self.properties.is_collection = true,
            _ => {}
        }
        self.text.clear();
        self.open.push(element);
        Ok(())
    }

    /// Ends the innermost element, which may be the last of a resource.
    fn end(&mut self) -> Option<Resource> {
        let element = self.open.pop()?;
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        let properties = &mut self.properties;
        match (element, self.open.last()) {
            (Element::Multistatus, _) => self.is_over = true,
            (Element::Href, Some(Element::Response)) => text.clone_into(&mut self.response.href),
            (Element::Status, Some(Element::Response)) => {
                self.response.is_refused = !is_success(text);
            }
            (Element::Status, Some(Element::Propstat)) => properties.has_status = is_success(text),
            (Element::Length, _) => properties.size = text.parse().ok(),
            (Element::Modified, _) => properties.modified = httpdate::parse_http_date(text).ok(),
            // Some say -1 to -3 for "nobody knows" and "without limit".
            (Element::Available, _) => properties.available = text.parse().ok(),
            (Element::Propstat, _) if properties.has_status => {
                self.response.found.add(std::mem::take(properties));
            }
            (Element::Propstat, _) => self.response.is_partial = true,
            (Element::Response, _) => return std::mem::take(&mut self.response).resource(),
            _ => {}
        }
        None
    }
}

impl Properties {
    /// Adds what is said elsewhere: most servers put all that they have into one `propstat`, and
    /// none has to.
    fn add(&mut self, more: Self) {
        self.is_collection |= more.is_collection;
        self.size = more.size.or(self.size);
        self.modified = more.modified.or(self.modified);
        self.available = more.available.or(self.available);
    }
}

impl Element {
    fn named(namespace: &ResolveResult<'_>, name: LocalName<'_>) -> Self {
        if *namespace != ResolveResult::Bound(Namespace("DAV:")) {
            return Self::Other;
        }
        match name.as_ref() {
            "multistatus" => Self::Multistatus,
            "response" => Self::Response,
            "href" => Self::Href,
            "propstat" => Self::Propstat,
            "status" => Self::Status,
            "collection" => Self::Collection,
            "getcontentlength" => Self::Length,
            "getlastmodified" => Self::Modified,
            "quota-available-bytes" => Self::Available,
            _ => Self::Other,
        }
    }
}

impl Response {
    fn resource(self) -> Option<Resource> {
        if self.is_refused {
            return None;
        }
        Some(Resource {
            parts: address::parts(&self.href)?,
            is_collection: self.found.is_collection,
            size: self.found.size.unwrap_or(0),
            modified: self.found.modified,
            available: self.found.available,
            is_complete: !self.is_partial,
        })
    }
}

/// Whether a line such as `HTTP/1.1 200 OK` tells a success.
fn is_success(status: &str) -> bool {
    let code = status.split_ascii_whitespace().nth(1);
    code.is_some_and(|code| code.starts_with('2'))
}

fn malformed(what: &'static str) -> quick_xml::Error {
    io::Error::new(io::ErrorKind::InvalidData, what).into()
}

/// Ends what has no end: the reader keeps one part of the document in memory at a time.
struct Bounded<R> {
    source: BufReader<R>,
    left: usize,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.read(buffer)
    }
}

impl<R: Read> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            let text = "a part of it is too long";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.source.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count);
        self.source.consume(count);
    }
}

#[cfg(test)]
mod tests;
