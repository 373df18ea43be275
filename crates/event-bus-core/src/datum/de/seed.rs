//! The parts of arrays, records, maps and enums.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor},
};

use super::{LenientDeserializer, Limits, PlainVisitor};

/// The elements of an array.
pub(super) struct Elements<'b, A> {
    pub(super) inner: A,
    pub(super) limits: Limits<'b>,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, A::Error> {
        let limits = self.limits;
        let next = self.inner.next_element_seed(Part { seed, limits })?;
        if next.is_some() {
            limits.take_element()?;
        }
        Ok(next)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        let most = self.limits.elements.get();
        self.inner.size_hint().map(|hint| hint.min(most))
    }
}

/// The entries of a map, or the fields of a record.
pub(super) struct Entries<'b, A> {
    pub(super) inner: A,
    pub(super) limits: Limits<'b>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let limits = self.limits;
        self.inner.next_key_seed(Name { seed, limits })
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let limits = self.limits;
        self.inner.next_value_seed(Part { seed, limits })
    }
}

/// The variant of an enum.
pub(super) struct Variants<'b, A> {
    pub(super) inner: A,
    pub(super) limits: Limits<'b>,
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Variants<'b, A> {
    type Error = A::Error;
    type Variant = Variants<'b, A::Variant>;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Self::Variant), A::Error> {
        let limits = self.limits;
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, Variants { inner, limits }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Variants<'_, A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        let limits = self.limits;
        self.inner.newtype_variant_seed(Part { seed, limits })
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let limits = self.limits.nested()?;
        self.inner
            .tuple_variant(len, PlainVisitor { visitor, limits })
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let limits = self.limits.nested()?;
        self.inner
            .struct_variant(fields, PlainVisitor { visitor, limits })
    }
}

/// A part of a value, one level deeper.
struct Part<'b, S> {
    seed: S,
    limits: Limits<'b>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Part<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let limits = self.limits.nested()?;
        self.seed.deserialize(LenientDeserializer { inner, limits })
    }
}

/// The name of a field, or the key of an entry.
struct Name<'b, S> {
    seed: S,
    limits: Limits<'b>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Name<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let limits = self.limits;
        self.seed.deserialize(LenientDeserializer { inner, limits })
    }
}

/// The symbol of an enum, which `apache-avro` gives out as an identifier only.
pub(super) struct Symbol;

impl<'de> DeserializeSeed<'de> for Symbol {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Symbol {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a symbol")
    }

    fn visit_str<E: Error>(self, symbol: &str) -> Result<String, E> {
        Ok(symbol.to_owned())
    }
}
