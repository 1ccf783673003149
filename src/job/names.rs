//! Stable names of enum values, as they stand in the store, in answers and in the journal.
//!
//! In: one list of variant and name per enum. Out: `ALL`, `as_str`, `Display`, `FromStr`.
//! A variant missing from its list does not compile. A name, once released, keeps its meaning.

/// Gives a field-less enum its stable names, both ways, from one list.
macro_rules! stable_names {
    ($type:ident { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::job::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().find(|value| value.as_str() == text);
                found.copied().ok_or($crate::job::UnknownName { of: stringify!($type) })
            }
        }
    };
}
pub(crate) use stable_names;

/// A text that is none of the names of its kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no {of} has this name")]
pub struct UnknownName {
    pub of: &'static str,
}
