//! Texts with names in braces, and what stands for the names.

use wharf_plugin::Event;

use crate::limits::{TEXT_BYTES, VALUE_BYTES};

/// A text with names to fill in.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// The operator's own words, which may hold whatever Slack understands.
    Literal(String),
    Name(Name),
}

/// Declares the names with their values.
macro_rules! names {
    ($($variant:ident = $word:literal, $value:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Name {
            $($variant,)*
        }

        impl Name {
            const ALL: &[(&str, Self)] = &[$(($word, Self::$variant),)*];

            /// What stands for it; `None`: the event has no such thing.
            fn value(self, event: &Event) -> Option<String> {
                match self {
                    $(Self::$variant => {
                        let value: fn(&Event) -> Option<String> = $value;
                        value(event)
                    })*
                }
            }
        }
    };
}

names! {
    Kind = "kind", |event| Some(event.kind.clone());
    User = "user", |event| event.principal.clone();
    Path = "path", |event| event.path.clone();
    File = "name", |event| event.path.as_ref()?.rsplit('/').next().map(str::to_owned);
    NewPath = "new-path", |event| event.new_path.clone();
    Sink = "sink", |event| event.place.as_ref().map(|place| place.sink.clone());
    Key = "key", |event| event.place.as_ref().map(|place| place.key.clone());
    Size = "size", |event| event.size.map(readable);
    Bytes = "bytes", |event| event.size.map(|size| size.to_string());
    Error = "error", |event| event.fault.as_ref().map(|fault| fault.message.clone());
    Reply = "reply", |event| event.fault.as_ref().map(|fault| fault.reply.to_string());
    Peer = "peer", |event| Some(event.peer.clone());
    Session = "session", |event| Some(event.session.clone());
}

impl Template {
    /// Reads `text`: `{name}` is a name, `{{` and `}}` are braces.
    ///
    /// # Errors
    /// What is wrong with it, to be read behind the name of the setting.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = behind;
                continue;
            }
            let end = rest.find('}').filter(|_| brace == "{");
            let end = end.ok_or_else(|| format!("has a lone {brace:?}; write it twice"))?;
            parts.push(Part::Literal(std::mem::take(&mut literal)));
            parts.push(Part::Name(named(&rest[..end])?));
            rest = &rest[end + 1..];
        }
        literal.push_str(rest);
        parts.push(Part::Literal(literal));
        Ok(Self(parts))
    }

    /// The text for an event, as Slack reads it: nothing in a value means anything there.
    pub fn render(&self, event: &Event) -> String {
        let mut text = Text::new(TEXT_BYTES);
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push(literal),
                Part::Name(name) => {
                    let value = name.value(event).unwrap_or_else(|| "?".to_owned());
                    text.push_escaped(&value);
                }
            }
        }
        text.finish()
    }
}

fn named(word: &str) -> Result<Name, String> {
    let known = Name::ALL.iter().find(|(known, _)| *known == word);
    known.map(|(_, name)| *name).ok_or_else(|| {
        let words: Vec<_> = Name::ALL.iter().map(|(word, _)| *word).collect();
        format!("names {word:?}, which is none of {}", words.join(", "))
    })
}

/// A text that takes so many bytes and no more.
struct Text {
    text: String,
    most: usize,
    is_cut: bool,
}

impl Text {
    fn new(most: usize) -> Self {
        Self {
            text: String::new(),
            most,
            is_cut: false,
        }
    }

    fn push(&mut self, text: &str) {
        for character in text.chars() {
            self.push_unit(character.encode_utf8(&mut [0; 4]));
        }
    }

    /// Adds what somebody else wrote: `&`, `<` and `>` are what Slack's control sequences are made
    /// of, and the rest could make a text look like another.
    fn push_escaped(&mut self, value: &str) {
        let mut bytes = 0;
        for character in value.chars() {
            bytes += character.len_utf8();
            if bytes > VALUE_BYTES {
                return self.push("…");
            }
            match character {
                '&' => self.push_unit("&amp;"),
                '<' => self.push_unit("&lt;"),
                '>' => self.push_unit("&gt;"),
                _ if is_treacherous(character) => self.push_unit("\u{fffd}"),
                _ => self.push_unit(character.encode_utf8(&mut [0; 4])),
            }
        }
    }

    /// Adds a character or what stands for one, whole or not at all.
    fn push_unit(&mut self, unit: &str) {
        self.is_cut |= self.text.len() + unit.len() > self.most;
        if !self.is_cut {
            self.text.push_str(unit);
        }
    }

    fn finish(mut self) -> String {
        if self.is_cut {
            self.text.push('…');
        }
        self.text
    }
}

/// Control characters, which begin new lines, and those that turn the direction of writing.
fn is_treacherous(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A size with the unit that leaves few digits, and one digit behind the point.
fn readable(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = bytes.max(1).ilog2() / 10;
    let tenths = (u128::from(bytes) * 10) >> (10 * unit);
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit as usize]),
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn sizes_have_units() {
        let sizes = [0, 1023, 1024, 1_300_000, 5 << 30, u64::MAX];
        let expected = ["0 B", "1023 B", "1.0 KiB", "1.2 MiB", "5.0 GiB", "15.9 EiB"];
        assert_eq!(sizes.map(readable), expected);
    }
}
