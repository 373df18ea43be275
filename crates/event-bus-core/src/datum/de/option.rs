//! A value that may be null.

use std::fmt;

use serde::de::{
    EnumAccess, Error, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
    value::{
        BytesDeserializer, EnumAccessDeserializer, MapAccessDeserializer, SeqAccessDeserializer,
    },
};

use super::{LenientDeserializer, Limits};

/// Makes `None` of null and `Some` of everything else. `apache-avro` itself reads an `Option` only from a union of null and
/// one more type, but a writer may know the field without the union.
pub(super) struct OptionVisitor<'b, V> {
    pub(super) visitor: V,
    pub(super) limits: Limits<'b>,
}

macro_rules! some {
    ($($name:ident($type:ty)),* $(,)?) => {
        $(
            #[inline]
            fn $name<E: Error>(self, value: $type) -> Result<V::Value, E> {
                let (inner, limits) = (value.into_deserializer(), self.limits);
                self.visitor.visit_some(LenientDeserializer { inner, limits })
            }
        )*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for OptionVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    some! {
        visit_bool(bool),
        visit_i32(i32),
        visit_i64(i64),
        visit_f32(f32),
        visit_f64(f64),
        visit_str(&str),
        visit_string(String),
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    #[inline]
    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<V::Value, E> {
        let (inner, limits) = (BytesDeserializer::new(value), self.limits);
        self.visitor
            .visit_some(LenientDeserializer { inner, limits })
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        let (inner, limits) = (SeqAccessDeserializer::new(seq), self.limits);
        self.visitor
            .visit_some(LenientDeserializer { inner, limits })
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let (inner, limits) = (MapAccessDeserializer::new(map), self.limits);
        self.visitor
            .visit_some(LenientDeserializer { inner, limits })
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        let (inner, limits) = (EnumAccessDeserializer::new(data), self.limits);
        self.visitor
            .visit_some(LenientDeserializer { inner, limits })
    }
}
