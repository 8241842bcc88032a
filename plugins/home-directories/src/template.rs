//! Paths with names to fill in, from which no name leads out.

use wharf_plugin::clock::Date;
use wharf_plugin::paths::is_part;
use wharf_plugin::{Failure, Session};

/// A relative path with names to fill in; the root is empty.
pub struct Template {
    parts: Vec<Vec<Piece>>,
}

/// A piece of one part of a path.
#[derive(PartialEq)]
enum Piece {
    Text(String),
    User,
    Principal,
    Group,
    Attribute(String),
    Year,
    Month,
    Day,
}

/// What is filled in.
pub struct Values<'a> {
    /// Whose path it is.
    pub session: &'a Session<'a>,
    /// The group, if the user is in one.
    pub group: Option<&'a str>,
    /// The day.
    pub today: Date,
}

impl Template {
    /// Reads a path such as `home/{user}`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split('/').filter(|_| !text.is_empty());
        let parts = parts.map(part).collect::<Result<_, _>>()?;
        Ok(Self { parts })
    }

    /// Whether it names the user's group.
    pub fn names_group(&self) -> bool {
        self.names(&Piece::Group)
    }

    /// Whether it names the date.
    pub fn names_date(&self) -> bool {
        [Piece::Year, Piece::Month, Piece::Day]
            .iter()
            .any(|piece| self.names(piece))
    }

    fn names(&self, piece: &Piece) -> bool {
        self.parts.iter().any(|part| part.contains(piece))
    }

    /// The path with everything filled in.
    ///
    /// # Errors
    /// [`Failure::Misconfigured`] if the user has no such value, or one that cannot stand in a part
    /// of a path, such as `..`.
    pub fn fill(&self, values: &Values<'_>) -> Result<String, Failure> {
        let mut filled = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let mut text = String::new();
            for piece in part {
                text.push_str(&piece.value(values)?);
            }
            // Two harmless pieces may still make `..` together.
            match is_part(&text) {
                true => filled.push(text),
                false => return Err(misplaced(&text)),
            }
        }
        Ok(filled.join("/"))
    }
}

/// Reads one part of a path.
fn part(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}').ok_or("has a `{` without its `}`")?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(Piece::named(name)?);
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    match is_part(text) {
        true => Ok(pieces),
        false => Err("may not hold `.`, `..` or an empty part".into()),
    }
}

impl Piece {
    fn named(name: &str) -> Result<Self, String> {
        Ok(match name {
            "user" => Self::User,
            "principal" => Self::Principal,
            "group" => Self::Group,
            "year" => Self::Year,
            "month" => Self::Month,
            "day" => Self::Day,
            _ => match name.strip_prefix("attribute.") {
                Some(name) if !name.is_empty() => Self::Attribute(name.to_owned()),
                _ => {
                    return Err(format!(
                        "holds `{{{name}}}`, and there are only {{user}}, {{principal}}, \
                         {{group}}, {{attribute.NAME}}, {{year}}, {{month}} and {{day}}"
                    ));
                }
            },
        })
    }

    /// What stands in its place: one part of a path, or a piece of one.
    fn value(&self, values: &Values<'_>) -> Result<String, Failure> {
        let Values {
            session,
            group,
            today,
        } = values;
        let value = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::Year => return Ok(format!("{:04}", today.year)),
            Self::Month => return Ok(format!("{:02}", today.month)),
            Self::Day => return Ok(format!("{:02}", today.day)),
            Self::User => session.user(),
            Self::Principal => session.principal(),
            Self::Group => group.map(str::to_owned),
            Self::Attribute(name) => session.attribute(name),
        };
        let value = value.ok_or_else(|| {
            let what = match self {
                Self::Group => "group".to_owned(),
                Self::Attribute(name) => format!("attribute `{name}`"),
                _ => "name".to_owned(),
            };
            Failure::Misconfigured(format!("the user has no {what} to fill in"))
        })?;
        match is_part(&value) {
            true => Ok(value),
            false => Err(misplaced(&value)),
        }
    }
}

fn misplaced(value: &str) -> Failure {
    Failure::Misconfigured(format!("{value:?} cannot be a part of a path"))
}
