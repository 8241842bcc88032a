//! TOML told as JSON, for what is handed to a plugin as it stands.

use serde_json::{Map, Number, Value};
use toml::de::DeValue;

/// `value` as JSON; a date becomes its text.
///
/// # Errors
/// What JSON cannot tell: infinity, not a number, an integer of more than 64 bits.
pub fn from_toml(value: DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::from)
            .map_err(|_| format!("{number} has more than 64 bits"))?,
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| format!("{number} is no finite number"))?,
        DeValue::Boolean(switch) => Value::Bool(switch),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| from_toml(item.into_inner()))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => Value::Object(
            table
                .into_iter()
                .map(|(key, value)| {
                    Ok((
                        key.into_inner().into_owned(),
                        from_toml(value.into_inner())?,
                    ))
                })
                .collect::<Result<Map<_, _>, String>>()?,
        ),
    })
}
