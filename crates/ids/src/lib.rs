#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod private {
    pub use {sea_orm, serde, sqlx, utoipa, uuid};
}

/// Declares a UUID newtype: `uuid_id!(/// doc comment Name)`.
///
/// The type is `Copy`, ordered and hashable; `Display`, `FromStr` and serde use the UUID's text; `generate` draws a
/// `UUIDv7`. Entities and queries of sea-orm and sqlx take it as a `uuid` column.
#[macro_export]
macro_rules! uuid_id {
    ($(#[doc = $doc:literal])* $name:ident) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $crate::private::uuid::Uuid);

        impl $name {
            /// A new id (`UUIDv7`), later in order than those drawn before.
            #[must_use]
            pub fn generate() -> Self {
                Self($crate::private::uuid::Uuid::now_v7())
            }

            /// The bare UUID.
            #[must_use]
            pub const fn as_uuid(self) -> $crate::private::uuid::Uuid {
                self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::private::uuid::Error;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl ::std::convert::From<$crate::private::uuid::Uuid> for $name {
            fn from(id: $crate::private::uuid::Uuid) -> Self {
                Self(id)
            }
        }

        impl ::std::convert::From<$name> for $crate::private::uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        $crate::__uuid_id_serde!($name);
        $crate::__uuid_id_openapi!($name, concat!($($doc, "\n"),*));
        $crate::__uuid_id_sea_orm!($name);
        $crate::__uuid_id_sqlx!($name);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __uuid_id_serde {
    ($name:ident) => {
        impl $crate::private::serde::Serialize for $name {
            fn serialize<S: $crate::private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de> $crate::private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                <$crate::private::uuid::Uuid as $crate::private::serde::Deserialize>::deserialize(
                    deserializer,
                )
                .map(Self)
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __uuid_id_openapi {
    ($name:ident, $description:expr) => {
        impl $crate::private::utoipa::PartialSchema for $name {
            fn schema() -> $crate::private::utoipa::openapi::RefOr<
                $crate::private::utoipa::openapi::schema::Schema,
            > {
                use $crate::private::utoipa::openapi::schema::{
                    KnownFormat, ObjectBuilder, SchemaFormat, Type,
                };
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
                    .description(Some($description.trim()))
                    .into()
            }
        }

        impl $crate::private::utoipa::ToSchema for $name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(stringify!($name))
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __uuid_id_sea_orm {
    ($name:ident) => {
        impl ::std::convert::From<$name> for $crate::private::sea_orm::Value {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl $crate::private::sea_orm::TryGetable for $name {
            fn try_get_by<I: $crate::private::sea_orm::ColIdx>(
                row: &$crate::private::sea_orm::QueryResult,
                index: I,
            ) -> ::std::result::Result<Self, $crate::private::sea_orm::TryGetError> {
                <$crate::private::uuid::Uuid as $crate::private::sea_orm::TryGetable>::try_get_by(
                    row, index,
                )
                .map(Self)
            }
        }

        impl $crate::private::sea_orm::sea_query::ValueType for $name {
            fn try_from(
                value: $crate::private::sea_orm::Value,
            ) -> ::std::result::Result<Self, $crate::private::sea_orm::sea_query::ValueTypeErr>
            {
                <$crate::private::uuid::Uuid as $crate::private::sea_orm::sea_query::ValueType>::try_from(value)
                    .map(Self)
            }

            fn type_name() -> ::std::string::String {
                stringify!($name).to_owned()
            }

            fn array_type() -> $crate::private::sea_orm::sea_query::ArrayType {
                $crate::private::sea_orm::sea_query::ArrayType::Uuid
            }

            fn column_type() -> $crate::private::sea_orm::ColumnType {
                $crate::private::sea_orm::ColumnType::Uuid
            }
        }

        impl $crate::private::sea_orm::sea_query::Nullable for $name {
            fn null() -> $crate::private::sea_orm::Value {
                <$crate::private::uuid::Uuid as $crate::private::sea_orm::sea_query::Nullable>::null()
            }
        }

        impl $crate::private::sea_orm::IntoActiveValue<$name> for $name {
            fn into_active_value(self) -> $crate::private::sea_orm::ActiveValue<$name> {
                $crate::private::sea_orm::ActiveValue::Set(self)
            }
        }

        impl $crate::private::sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> ::std::result::Result<Self, $crate::private::sea_orm::DbErr> {
                Err($crate::private::sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl $crate::private::sea_orm::sea_query::postgres_array::NotU8 for $name {}
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __uuid_id_sqlx {
    ($name:ident) => {
        impl $crate::private::sqlx::Type<$crate::private::sqlx::Postgres> for $name {
            fn type_info() -> $crate::private::sqlx::postgres::PgTypeInfo {
                <$crate::private::uuid::Uuid as $crate::private::sqlx::Type<
                    $crate::private::sqlx::Postgres,
                >>::type_info()
            }
        }

        impl $crate::private::sqlx::postgres::PgHasArrayType for $name {
            fn array_type_info() -> $crate::private::sqlx::postgres::PgTypeInfo {
                <$crate::private::uuid::Uuid as $crate::private::sqlx::postgres::PgHasArrayType>::array_type_info()
            }
        }

        impl $crate::private::sqlx::Encode<'_, $crate::private::sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut $crate::private::sqlx::postgres::PgArgumentBuffer,
            ) -> ::std::result::Result<
                $crate::private::sqlx::encode::IsNull,
                $crate::private::sqlx::error::BoxDynError,
            > {
                $crate::private::sqlx::Encode::<$crate::private::sqlx::Postgres>::encode_by_ref(
                    &self.0, buffer,
                )
            }
        }

        impl<'r> $crate::private::sqlx::Decode<'r, $crate::private::sqlx::Postgres> for $name {
            fn decode(
                value: $crate::private::sqlx::postgres::PgValueRef<'r>,
            ) -> ::std::result::Result<Self, $crate::private::sqlx::error::BoxDynError> {
                <$crate::private::uuid::Uuid as $crate::private::sqlx::Decode<
                    $crate::private::sqlx::Postgres,
                >>::decode(value)
                .map(Self)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    uuid_id!(
        /// An id.
        ThingId
    );

    #[test]
    fn json_is_the_bare_uuid() {
        let id = ThingId::generate();
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<ThingId>(&json).unwrap(), id);
    }

    #[test]
    fn ids_are_ordered_by_when_they_were_drawn() {
        assert!(ThingId::generate() < ThingId::generate());
    }
}
