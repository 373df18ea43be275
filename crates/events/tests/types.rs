//! Each generated type reads and writes what apache-avro, the reference, writes and reads.

use std::collections::HashMap;

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};
use event_bus_core::Event;
use events::{audit, billing, notification, order, tenant, user};
use uuid::Uuid;

/// Makes values of a schema, with optional fields absent or present.
struct Sampler {
    named: HashMap<String, Schema>,
    present: bool,
}

impl Sampler {
    fn sample(&mut self, schema: &Schema) -> Value {
        if let (Some(name), false) = (schema.name(), matches!(schema, Schema::Ref { .. })) {
            self.named.insert(name.to_string(), schema.clone());
        }
        match schema {
            Schema::Ref { name } => {
                let schema = self.named[&name.to_string()].clone();
                self.sample(&schema)
            }
            Schema::Boolean => Value::Boolean(self.present),
            Schema::Long => Value::Long(1999),
            Schema::String => Value::String("Grüße".to_owned()),
            Schema::Uuid(_) => Value::Uuid(Uuid::from_u128(7)),
            Schema::TimestampMicros => Value::TimestampMicros(1_763_689_692_123_456),
            Schema::Enum(symbols) => Value::Enum(1, symbols.symbols[1].clone()),
            Schema::Array(array) => {
                Value::Array(vec![self.sample(&array.items), self.sample(&array.items)])
            }
            Schema::Map(map) => Value::Map(HashMap::from([(
                "locale".to_owned(),
                self.sample(&map.types),
            )])),
            Schema::Union(union) if self.present => {
                let some = self.sample(&union.variants()[1]);
                Value::Union(1, Box::new(some))
            }
            Schema::Union(_) => Value::Union(0, Box::new(Value::Null)),
            Schema::Record(record) => Value::Record(
                (record.fields.iter())
                    .map(|field| (field.name.clone(), self.sample(&field.schema)))
                    .collect(),
            ),
            Schema::Null => Value::Null,
            other => panic!("no event uses {other:?}"),
        }
    }
}

fn agrees_with_the_reference<E: Event>() -> &'static str {
    let schema = Schema::parse_str(E::schema().json()).unwrap();
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    for present in [false, true] {
        let named = HashMap::new();
        let value = Sampler { named, present }.sample(&schema);
        let datum = writer.write_value_to_vec(value.clone()).unwrap();

        let event: E = E::schema().decode(&datum).unwrap();
        let written = E::schema().encode(&event).unwrap();

        assert_eq!(written, datum, "{} writes other bytes", E::TYPE);
        let read = reader.read_value(&mut written.as_slice()).unwrap();
        assert_eq!(read, value, "{} reads differently", E::TYPE);

        // The event store keeps JSON: nothing may be lost on that way either.
        let json = serde_json::to_value(&event).unwrap();
        let back: E = serde_json::from_value(json).unwrap();
        assert_eq!(
            E::schema().encode(&back).unwrap(),
            datum,
            "{} in JSON",
            E::TYPE
        );
    }
    E::TYPE
}

macro_rules! check {
    ($($event:ty),* $(,)?) => { [$(agrees_with_the_reference::<$event>()),*] };
}

#[test]
fn every_type_agrees_with_the_reference() {
    let checked = check![
        audit::ActionPerformed,
        billing::PaymentFailed,
        billing::PaymentRefunded,
        billing::PaymentRequested,
        billing::PaymentSucceeded,
        billing::SubscriptionStarted,
        notification::EmailFailed,
        notification::EmailRequested,
        notification::EmailSent,
        notification::InAppCreated,
        order::OrderCancelled,
        order::OrderCompleted,
        order::OrderCreated,
        order::OrderExpired,
        order::OrderPaid,
        order::OrderPaymentRequested,
        order::OrderRefunded,
        order::ProductCreated,
        order::ProductDeleted,
        order::ProductStockChanged,
        order::ProductUpdated,
        tenant::TenantActivated,
        tenant::TenantCreated,
        tenant::TenantDatabaseCreated,
        tenant::TenantDatabaseFailed,
        tenant::TenantOnboardingCompleted,
        tenant::TenantOnboardingConfigureSettings,
        tenant::TenantOnboardingSendSetupGuide,
        tenant::TenantOnboardingSetupAdminUser,
        tenant::TenantSuspended,
        user::UserCreated,
        user::UserLoginFailed,
        user::UserLoginSucceeded,
        user::UserPasswordReset,
        user::UserRegistered,
        user::UserTokenCreated,
    ];
    let known: Vec<_> = events::CATALOGUE.iter().map(|known| known.ty).collect();
    assert_eq!(checked.as_slice(), known, "a type is not checked here");
}
