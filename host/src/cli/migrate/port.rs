//! A port as other servers' variables have it.

use crate::config::value::Value;

/// One port, never 0.
#[derive(Clone, Copy)]
pub struct Port(pub u16);

impl Value for Port {
    const NAME: &'static str = "a port";

    fn form() -> String {
        "write a number from 1 to 65535".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().parse() {
            Ok(0) | Err(_) => Err("it is no port from 1 to 65535".to_owned()),
            Ok(port) => Ok(Self(port)),
        }
    }
}
