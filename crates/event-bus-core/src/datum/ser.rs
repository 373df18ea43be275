//! A serializer around the one of `apache-avro`.
//!
//! A newtype is written as what is in it, an unsigned 64-bit integer as a `long`. Everything else passes, but for records: the
//! serializer of `apache-avro` looks each field up by its name and keeps a hash map for those that come too early. Where the
//! schema is at hand, a record is written as a tuple instead, and the names are only compared.

use std::slice;

use apache_avro::{Schema, schema::RecordField};
use serde::{
    Serialize, Serializer,
    ser::{
        Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

/// A value whose parts are all written through [`LenientSerializer`].
pub(super) struct Lenient<'a, 's, T: ?Sized> {
    value: &'a T,
    schema: Option<&'s Schema>,
}

impl<'a, 's, T: ?Sized> Lenient<'a, 's, T> {
    /// The value with the fields of each record in the order of its schema; an error when one of them is not.
    pub(super) fn in_order(value: &'a T, schema: &'s Schema) -> Self {
        Self {
            value,
            schema: Some(schema),
        }
    }

    /// The value with fields in any order.
    pub(super) fn by_name(value: &'a T) -> Self {
        Self {
            value,
            schema: None,
        }
    }
}

impl<T: Serialize + ?Sized> Serialize for Lenient<'_, '_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        let schema = self.schema;
        self.value.serialize(LenientSerializer { inner, schema })
    }
}

struct LenientSerializer<'s, S> {
    inner: S,
    /// What the value is written with; nothing where records are written by name.
    schema: Option<&'s Schema>,
}

macro_rules! pass {
    ($($name:ident($type:ty)),* $(,)?) => {
        $(
            #[inline]
            fn $name(self, value: $type) -> Result<S::Ok, S::Error> {
                self.inner.$name(value)
            }
        )*
    };
}

impl<'s, S: Serializer> Serializer for LenientSerializer<'s, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'s, S::SerializeSeq>;
    type SerializeTuple = Parts<'s, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'s, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'s, S::SerializeTupleVariant>;
    type SerializeMap = Parts<'s, S::SerializeMap>;
    type SerializeStruct = Fields<'s, S::SerializeTuple, S::SerializeStruct>;
    type SerializeStructVariant = Parts<'s, S::SerializeStructVariant>;

    pass! {
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_i128(i128),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u128(u128),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<S::Ok, S::Error> {
        match i64::try_from(value) {
            Ok(value) => self.inner.serialize_i64(value),
            Err(_) => Err(S::Error::custom(format_args!(
                "{value} does not fit a long"
            ))),
        }
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let schema = self.schema.and_then(|schema| match schema {
            Schema::Union(union) => match union.variants() {
                [Schema::Null, schema] | [schema, Schema::Null] => Some(schema),
                _ => None,
            },
            _ => None,
        });
        self.inner.serialize_some(&Lenient { value, schema })
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner
            .serialize_newtype_variant(name, index, variant, &Lenient::by_name(value))
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let schema = self.schema.and_then(|schema| match schema {
            Schema::Array(array) => Some(&*array.items),
            _ => None,
        });
        let inner = self.inner.serialize_seq(len)?;
        Ok(Parts { inner, schema })
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.inner.serialize_tuple(len).map(Parts::by_name)
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.inner
            .serialize_tuple_struct(name, len)
            .map(Parts::by_name)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.inner
            .serialize_tuple_variant(name, index, variant, len)
            .map(Parts::by_name)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let schema = self.schema.and_then(|schema| match schema {
            Schema::Map(map) => Some(&*map.types),
            _ => None,
        });
        let inner = self.inner.serialize_map(len)?;
        Ok(Parts { inner, schema })
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        match self.schema {
            // A tuple of one is what is in it, not a record.
            Some(Schema::Record(record)) if len > 1 && record.fields.len() == len => Ok(
                Fields::InOrder(self.inner.serialize_tuple(len)?, record.fields.iter()),
            ),
            _ => self.inner.serialize_struct(name, len).map(Fields::ByName),
        }
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.inner
            .serialize_struct_variant(name, index, variant, len)
            .map(Parts::by_name)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// The parts of a compound value, each of them [`Lenient`].
struct Parts<'s, C> {
    inner: C,
    /// What all parts but keys are written with.
    schema: Option<&'s Schema>,
}

impl<C> Parts<'_, C> {
    fn by_name(inner: C) -> Self {
        Self {
            inner,
            schema: None,
        }
    }
}

macro_rules! of_elements {
    ($($trait:ident::$element:ident),* $(,)?) => {
        $(
            impl<C: $trait> $trait for Parts<'_, C> {
                type Ok = C::Ok;
                type Error = C::Error;

                #[inline]
                fn $element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                    let schema = self.schema;
                    self.inner.$element(&Lenient { value, schema })
                }

                #[inline]
                fn end(self) -> Result<C::Ok, C::Error> {
                    self.inner.end()
                }
            }
        )*
    };
}

of_elements! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

impl<C: SerializeStructVariant> SerializeStructVariant for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), C::Error> {
        self.inner.serialize_field(name, &Lenient::by_name(value))
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
        self.inner.skip_field(name)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

impl<C: SerializeMap> SerializeMap for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.inner.serialize_key(&Lenient::by_name(key))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let schema = self.schema;
        self.inner.serialize_value(&Lenient { value, schema })
    }

    #[inline]
    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), C::Error> {
        let schema = self.schema;
        let (key, value) = (Lenient::by_name(key), Lenient { value, schema });
        self.inner.serialize_entry(&key, &value)
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

/// The fields of a record.
enum Fields<'s, I, N> {
    /// In the order of the schema, whose fields are left.
    InOrder(I, slice::Iter<'s, RecordField>),
    ByName(N),
}

impl<I: SerializeTuple, N: SerializeStruct<Ok = I::Ok, Error = I::Error>> SerializeStruct
    for Fields<'_, I, N>
{
    type Ok = I::Ok;
    type Error = I::Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), I::Error> {
        match self {
            Self::InOrder(inner, left) => match left.next() {
                Some(field) if field.name == name => {
                    let schema = Some(&field.schema);
                    inner.serialize_element(&Lenient { value, schema })
                }
                _ => Err(I::Error::custom("a field out of order")),
            },
            Self::ByName(inner) => inner.serialize_field(name, &Lenient::by_name(value)),
        }
    }

    #[inline]
    fn skip_field(&mut self, name: &'static str) -> Result<(), I::Error> {
        match self {
            Self::InOrder(..) => Err(I::Error::custom("a field out of order")),
            Self::ByName(inner) => inner.skip_field(name),
        }
    }

    #[inline]
    fn end(self) -> Result<I::Ok, I::Error> {
        match self {
            Self::InOrder(inner, _) => inner.end(),
            Self::ByName(inner) => inner.end(),
        }
    }
}
