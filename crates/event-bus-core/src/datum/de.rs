//! A deserializer around the one of `apache-avro`.
//!
//! A struct is read from any record, a number from any numeric type it fits, a text from an enum's symbol, a newtype from what
//! is in it, and an `Option` from a union or from a plain type. What nests too deeply, or has too many elements, is refused.

mod option;
mod seed;

use std::{cell::Cell, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor},
};

use option::OptionVisitor;
use seed::{Elements, Entries, Symbol, Variants};

/// A datum nested deeper than this is refused: its reader would run out of stack.
const MAX_DEPTH: u8 = 64;
/// All arrays of a datum together hold no more elements than this. Elements may take no bytes, so that the size of a datum is
/// no bound; a map's entries take some for each key.
pub(super) const MAX_ELEMENTS: usize = 1_000_000;

/// A value read from a whole datum.
pub(super) struct Datum<T>(pub(super) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Datum<T> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(inner: D) -> Result<Self, D::Error> {
        let elements = Cell::new(MAX_ELEMENTS);
        let limits = Limits {
            depth: MAX_DEPTH,
            elements: &elements,
        };
        T::deserialize(LenientDeserializer { inner, limits }).map(Datum)
    }
}

/// What a datum may still nest and repeat.
#[derive(Clone, Copy)]
struct Limits<'b> {
    depth: u8,
    elements: &'b Cell<usize>,
}

impl Limits<'_> {
    #[inline]
    fn nested<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(E::custom(format_args!(
                "nested deeper than {MAX_DEPTH} levels"
            ))),
        }
    }

    #[inline]
    fn take_element<E: Error>(self) -> Result<(), E> {
        match self.elements.get().checked_sub(1) {
            Some(left) => {
                self.elements.set(left);
                Ok(())
            }
            None => Err(E::custom(format_args!("more than {MAX_ELEMENTS} elements"))),
        }
    }
}

struct LenientDeserializer<'b, D> {
    inner: D,
    limits: Limits<'b>,
}

impl<'b, D> LenientDeserializer<'b, D> {
    #[inline]
    fn plain<V>(self, visitor: V) -> (D, PlainVisitor<'b, V>) {
        let limits = self.limits;
        (self.inner, PlainVisitor { visitor, limits })
    }
}

/// Methods that take a value as it is written, whatever type is asked for.
macro_rules! as_written {
    ($($name:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(
            #[inline]
            fn $name<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
                self.deserialize_any(visitor)
            }
        )*
    };
}

/// Methods that `apache-avro` answers in the same way.
macro_rules! pass {
    ($($name:ident),* $(,)?) => {
        $(
            #[inline]
            fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
                self.inner.$name(visitor)
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for LenientDeserializer<'_, D> {
    type Error = D::Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let (inner, visitor) = self.plain(visitor);
        inner.deserialize_any(visitor)
    }

    as_written! {
        deserialize_i8(),
        deserialize_i16(),
        deserialize_i32(),
        deserialize_i64(),
        deserialize_u8(),
        deserialize_u16(),
        deserialize_u32(),
        deserialize_u64(),
        deserialize_f32(),
        deserialize_f64(),
        deserialize_char(),
        deserialize_str(),
        deserialize_string(),
        deserialize_bytes(),
        deserialize_byte_buf(),
        deserialize_ignored_any(),
        deserialize_unit_struct(_name: &'static str),
        deserialize_tuple(_len: usize),
        deserialize_tuple_struct(_name: &'static str, _len: usize),
    }

    pass! {
        deserialize_bool,
        deserialize_i128,
        deserialize_u128,
        deserialize_unit,
        deserialize_identifier,
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let limits = self.limits;
        self.inner
            .deserialize_any(OptionVisitor { visitor, limits })
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let (inner, visitor) = self.plain(visitor);
        inner.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let (inner, visitor) = self.plain(visitor);
        inner.deserialize_map(visitor)
    }

    /// `apache-avro` compares the names of structs and records, but reads records as maps too.
    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let limits = self.limits;
        let visitor = EnumVisitor { visitor, limits };
        self.inner.deserialize_enum(name, variants, visitor)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visits {
    ($($name:ident($type:ty)),* $(,)?) => {
        $(
            #[inline]
            fn $name<E: Error>(self, value: $type) -> Result<V::Value, E> {
                self.visitor.$name(value)
            }
        )*
    };
}

/// Hands on what is read, its parts through [`LenientDeserializer`] and an enum's symbol as text.
struct PlainVisitor<'b, V> {
    visitor: V,
    limits: Limits<'b>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for PlainVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    visits! {
        visit_bool(bool),
        visit_i8(i8),
        visit_i16(i16),
        visit_i32(i32),
        visit_i64(i64),
        visit_u8(u8),
        visit_u16(u16),
        visit_u32(u32),
        visit_u64(u64),
        visit_f32(f32),
        visit_f64(f64),
        visit_char(char),
        visit_str(&str),
        visit_string(String),
        visit_bytes(&[u8]),
        visit_byte_buf(Vec<u8>),
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let limits = self.limits;
        self.visitor.visit_seq(Elements { inner, limits })
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let limits = self.limits;
        self.visitor.visit_map(Entries { inner, limits })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        let (symbol, variant) = data.variant_seed(Symbol)?;
        variant.unit_variant()?;
        self.visitor.visit_string(symbol)
    }
}

/// Hands on an enum as one.
struct EnumVisitor<'b, V> {
    visitor: V,
    limits: Limits<'b>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for EnumVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let limits = self.limits;
        self.visitor.visit_enum(Variants { inner, limits })
    }
}
