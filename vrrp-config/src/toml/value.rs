//! Small value types of the file: seconds, and entries that are a text or a table.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Seconds as an integer or with decimals, kept in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Seconds, E> {
                let seconds =
                    u64::try_from(value).map_err(|_| E::custom("a time cannot be negative"))?;
                seconds
                    .checked_mul(1_000_000)
                    .map(Seconds)
                    .ok_or_else(|| E::custom("this time is too long"))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Seconds, E> {
                // The shortest text of a float is what was written, so no rounding comes in.
                match crate::number::decimal(&value.to_string()) {
                    Some((micros, false)) => Ok(Seconds(micros)),
                    Some((_, true)) => Err(E::custom("a time has at most six decimals")),
                    None => Err(E::custom("a time is a number of seconds from 0 on")),
                }
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// An entry that is a text, or a table where more is to be said.
#[derive(Clone, Debug)]
pub(super) enum TextOr<T> {
    Text(String),
    More(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a table")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(value.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(TextOr::More)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// A command: one text that is split as a shell splits words, or its words.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Text(String),
    Words(Vec<String>),
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Command;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a command as a string, or as a list of its words")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Command, E> {
                Ok(Command::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Command, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(Command::Words)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// `realtime`: off, or a priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RealtimeWord {
    Off,
    Priority(i64),
}

impl<'de> Deserialize<'de> for RealtimeWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = RealtimeWord;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"off\" or a priority from 1 to 99")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<RealtimeWord, E> {
                if value == "off" {
                    Ok(RealtimeWord::Off)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(value), &self))
                }
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<RealtimeWord, E> {
                Ok(RealtimeWord::Priority(value))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
