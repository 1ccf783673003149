//! How a page lies in a TIFF file: its directory, the values that do not fit into it, its strip.
//!
//! In: the fields of a page and its coded strip. Out: the octets that hold them from a given place of
//! the file on, so that a file is its header and its pages one behind the other.
//! Source: RFC 3949 3.5 and 4.4.6, RFC 2306 3.6.2 (the order, little end first, the first directory at
//! octet 8); TIFF 6.0 section 2 (directories, types, even places).
//! Not here: which fields a fax page has (`container.rs`); reading.

use std::vec::Vec;

use tiff::tags::Tag;

/// The first octets of a file: little end first, the number of TIFF, the place of the first directory.
pub(crate) const HEADER: [u8; 8] = *b"II*\0\x08\0\0\0";

/// Octets of a field in its directory: tag, type, count, and its value or the place of it.
const FIELD_OCTETS: usize = 12;
/// Octets of a directory beside its fields: how many they are, and the place of the next directory.
const DIRECTORY_OCTETS: usize = 2 + 4;
/// The most octets of a value that stands in its field.
const INLINE_OCTETS: usize = 4;

/// The value of a field.
pub(crate) enum Value<'a> {
    /// ASCII without a 0; it is written with one at its end.
    Text(&'a str),
    /// SHORT.
    Short(u16),
    /// Two SHORT.
    Shorts([u16; 2]),
    /// LONG.
    Long(u32),
    /// RATIONAL, a whole number.
    Whole(u16),
    /// LONG: the place of the strip in the file.
    StripPlace,
}

impl Value<'_> {
    /// Octets that it takes.
    fn octets(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 1,
            Self::Short(_) => 2,
            Self::Shorts(_) | Self::Long(_) | Self::StripPlace => 4,
            Self::Whole(_) => 8,
        }
    }

    /// Octets that it takes behind the directory; the next thing begins on an even place.
    fn octets_outside(&self) -> usize {
        match self.octets() {
            ..=INLINE_OCTETS => 0,
            octets => octets.next_multiple_of(2),
        }
    }

    /// The number of its type, and how many of that type it is.
    fn type_and_count(&self) -> (u16, usize) {
        match self {
            Self::Text(text) => (2, text.len() + 1),
            Self::Short(_) => (3, 1),
            Self::Shorts(_) => (3, 2),
            Self::Long(_) | Self::StripPlace => (4, 1),
            Self::Whole(_) => (5, 1),
        }
    }

    fn write(&self, strip_place: u32, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                out.extend(text.as_bytes());
                out.push(0);
            }
            Self::Short(short) => out.extend(short.to_le_bytes()),
            Self::Shorts(shorts) => out.extend(shorts.map(u16::to_le_bytes).as_flattened()),
            Self::Long(long) => out.extend(long.to_le_bytes()),
            Self::Whole(whole) => {
                out.extend(u32::from(*whole).to_le_bytes());
                out.extend(1u32.to_le_bytes());
            }
            Self::StripPlace => out.extend(strip_place.to_le_bytes()),
        }
    }
}

/// The octets of a page from the even place `at` of the file on, an even number of them. `fields` rise
/// by tag. `None` where a place is beyond the 4 GiB that TIFF can count.
pub(crate) fn page(
    at: usize,
    fields: &[(Tag, Value<'_>)],
    strip: &[u8],
    is_last: bool,
) -> Option<Vec<u8>> {
    let values_at = at + DIRECTORY_OCTETS + FIELD_OCTETS * fields.len();
    let values_octets: usize = fields.iter().map(|(_, value)| value.octets_outside()).sum();
    let strip_place = values_at + values_octets;
    let end = (strip_place + strip.len()).next_multiple_of(2);
    let long = |number: usize| u32::try_from(number).ok();

    let mut directory = Vec::with_capacity(end - at);
    let mut values = Vec::with_capacity(values_octets);
    directory.extend(u16::try_from(fields.len()).ok()?.to_le_bytes());
    for (tag, value) in fields {
        let (kind, count) = value.type_and_count();
        directory.extend(tag.to_u16().to_le_bytes());
        directory.extend(kind.to_le_bytes());
        directory.extend(long(count)?.to_le_bytes());
        let field_end = directory.len() + INLINE_OCTETS;
        if value.octets_outside() == 0 {
            value.write(long(strip_place)?, &mut directory);
            directory.resize(field_end, 0);
        } else {
            directory.extend(long(values_at + values.len())?.to_le_bytes());
            value.write(long(strip_place)?, &mut values);
            values.resize(values.len().next_multiple_of(2), 0);
        }
    }
    let next = if is_last { 0 } else { end };
    directory.extend(long(next)?.to_le_bytes());
    directory.extend(values);
    directory.extend(strip);
    directory.resize(end - at, 0);
    Some(directory)
}
