//! JSON objects, read field by field: nothing is guessed, nothing is ignored, all faults at once.
//!
//! In: the octets of a body. Out: values by name, and a [`FieldError`] with its pointer for each field
//! that is missing, unknown or wrong. Values never enter an error; names of unknown fields do.
//! Source: RFC 8259, RFC 6901 for pointers. A name twice in one object is refused, although RFC 8259
//! leaves that open: two readers could read two different numbers to dial.
//! Not here: what fields there are (`body.rs`).

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::problem::{Code, FieldError, Problem};

/// Longest piece of an unknown field's name that is repeated to the caller.
const SHOWN_NAME_CHARS: usize = 40;

/// What is wrong with one value, before it is known where it stands.
#[derive(Debug)]
pub struct Fault {
    pub code: Code,
    pub message: String,
}

impl Fault {
    pub fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }
}

/// The faults of one body.
#[derive(Debug, Default)]
pub struct Faults {
    first: Option<Code>,
    errors: Vec<FieldError>,
}

impl Faults {
    /// Notes a fault at a pointer.
    pub fn note(&mut self, pointer: &str, fault: Fault) {
        self.first.get_or_insert(fault.code);
        let code = fault.code.entry().code;
        self.errors.push(FieldError { pointer: pointer.to_owned(), code, message: fault.message });
    }

    /// The value, if it is there and nothing at all was wrong.
    ///
    /// # Errors
    /// A [`Problem`] with every fault; its code is the first one's.
    pub fn verdict<T>(self, value: Option<T>) -> Result<T, Problem> {
        match (self.first, value) {
            (None, Some(value)) => Ok(value),
            (Some(code), _) => Err(Problem::fields(code, self.errors)),
            (None, None) => Err(Problem::new(Code::Internal)),
        }
    }
}

/// Reads the octets of a body as one JSON object.
///
/// # Errors
/// [`Code::InvalidJson`] or [`Code::DuplicateField`] with line and column; [`Code::WrongType`] if it is
/// no object.
pub fn object(octets: &[u8]) -> Result<Map<String, Value>, Problem> {
    let strict: Strict = serde_json::from_slice(octets).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        // Every value is allowed here, so the only fault of meaning is a name given twice.
        let code = if error.is_data() { Code::DuplicateField } else { Code::InvalidJson };
        Problem::because(code, place)
    })?;
    match strict.0 {
        Value::Object(map) => Ok(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Problem::because(Code::WrongType, "the body must be an object"))
        }
    }
}

/// One object whose fields are taken out one by one; what is left at the end is unknown.
pub struct Fields<'a> {
    pointer: String,
    map: Map<String, Value>,
    faults: &'a mut Faults,
}

impl<'a> Fields<'a> {
    /// Begins with an object that stands at `pointer`.
    pub fn new(pointer: String, map: Map<String, Value>, faults: &'a mut Faults) -> Self {
        Self { pointer, map, faults }
    }

    /// A field that must be there.
    pub fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.map.remove(name) {
            Some(value) => self.read(name, value, read),
            None => self.missing(name),
        }
    }

    /// A field that may be missing or null. The outer `None` is a fault.
    pub fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        match self.map.remove(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.read(name, value, read).map(Some),
        }
    }

    /// An object that must be there.
    pub fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.map.remove(name) {
            Some(value) => self.nested(format!("{}/{name}", self.pointer), value, read),
            None => self.missing(name),
        }
    }

    /// An object that may be missing or null. The outer `None` is a fault.
    pub fn optional_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.map.remove(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.nested(format!("{}/{name}", self.pointer), value, read).map(Some),
        }
    }

    /// A list of 1 to `most` objects that may be missing or null. The outer `None` is a fault.
    pub fn optional_list<T>(
        &mut self,
        name: &str,
        most: usize,
        read: impl Fn(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Option<Vec<T>>> {
        let value = match self.map.remove(name) {
            None | Some(Value::Null) => return Some(None),
            Some(value) => value,
        };
        let pointer = format!("{}/{name}", self.pointer);
        let items = match value {
            Value::Array(items) if (1..=most).contains(&items.len()) => items,
            Value::Array(items) => {
                let message = format!("must have 1 to {most} entries, not {}", items.len());
                self.faults.note(&pointer, Fault::new(Code::InvalidValue, message));
                return None;
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {
                self.faults.note(&pointer, Fault::new(Code::WrongType, "must be a list"));
                return None;
            }
        };
        // Each entry is read even after a fault, so that all faults are told.
        let read: Vec<Option<T>> = (0..)
            .zip(items)
            .map(|(place, item): (usize, Value)| {
                self.nested(format!("{pointer}/{place}"), item, &read)
            })
            .collect();
        read.into_iter().collect::<Option<Vec<T>>>().map(Some)
    }

    /// Notes a fault of a field that was read already, e.g. because it contradicts another one.
    pub fn note(&mut self, name: &str, fault: Fault) {
        self.faults.note(&format!("{}/{name}", self.pointer), fault);
    }

    /// Whatever was not taken does not exist.
    pub fn close(self) {
        for name in self.map.keys() {
            let pointer = format!("{}/{}", self.pointer, shown(name));
            self.faults.note(&pointer, Fault::new(Code::UnknownField, "there is no such field"));
        }
    }

    fn read<T>(
        &mut self,
        name: &str,
        value: Value,
        read: impl FnOnce(Value) -> Result<T, Fault>,
    ) -> Option<T> {
        read(value).map_err(|fault| self.note(name, fault)).ok()
    }

    fn missing<T>(&mut self, name: &str) -> Option<T> {
        self.note(name, Fault::new(Code::MissingField, "is required"));
        None
    }

    fn nested<T>(
        &mut self,
        pointer: String,
        value: Value,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        match value {
            Value::Object(map) => {
                let mut fields = Fields::new(pointer, map, self.faults);
                let got = read(&mut fields);
                fields.close();
                got
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                self.faults.note(&pointer, Fault::new(Code::WrongType, "must be an object"));
                None
            }
        }
    }
}

/// A text, moved out without a copy: it may be a secret.
///
/// # Errors
/// [`Code::WrongType`].
pub fn text(value: Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Fault::new(Code::WrongType, "must be a string"))
        }
    }
}

/// A whole number from 1 to `most`.
///
/// # Errors
/// [`Code::WrongType`], [`Code::InvalidValue`].
pub fn count(value: &Value, most: u16) -> Result<u16, Fault> {
    match value {
        Value::Number(number) => number
            .as_u64()
            .and_then(|number| u16::try_from(number).ok())
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| {
                Fault::new(Code::InvalidValue, format!("must be a whole number from 1 to {most}"))
            }),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            Err(Fault::new(Code::WrongType, "must be a number"))
        }
    }
}

/// Yes or no.
///
/// # Errors
/// [`Code::WrongType`].
pub fn flag(value: &Value) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| Fault::new(Code::WrongType, "must be true or false"))
}

/// A field's name as a piece of a pointer: short, printable, `~` and `/` escaped.
fn shown(name: &str) -> String {
    name.chars()
        .take(SHOWN_NAME_CHARS)
        .map(|character| if character.is_ascii_graphic() { character } else { '?' })
        .collect::<String>()
        .replace('~', "~0")
        .replace('/', "~1")
}

/// Any JSON value in which no object has a name twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(entry)) = entries.next_element()? {
            list.push(entry);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if map.insert(name, value).is_some() {
                return Err(de::Error::custom("a name twice in one object"));
            }
        }
        Ok(Value::Object(map))
    }
}
