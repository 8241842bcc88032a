//! t
use wharf_plugin::*;
#[derive(Default)]
struct A;
impl Authenticator for A {
  fn answer(&self, _: &Session<'_>, _: &str, _: Credential, _: &[u8]) -> Result<Step, Failure> { panic!("hello {}", 1) }
}
wharf_plugin::export!(A: Authenticator);
