//! Payloads as the catalogue has them, and as people read them: times as RFC 3339 instead of microseconds
//! since 1970.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use events::Timestamp;
use serde_json::Value;

/// What the catalogue says of a type's payload.
struct Shape {
    /// Fields that every version of it has.
    required: Vec<String>,
    times: Option<Times>,
}

/// Where in a payload there are times.
#[derive(Debug)]
enum Times {
    Here,
    InFields(BTreeMap<String, Times>),
    InItems(Box<Times>),
}

static BY_TYPE: LazyLock<HashMap<&'static str, Shape>> = LazyLock::new(|| {
    (events::CATALOGUE.iter())
        .filter_map(|known| {
            let schema: Value = serde_json::from_str((known.schema)().json()).ok()?;
            let fields = schema["fields"].as_array()?.iter();
            let required = fields
                .filter(|field| field.get("default").is_none())
                .filter_map(|field| Some(field["name"].as_str()?.to_owned()));
            let shape = Shape {
                required: required.collect(),
                times: times_in(&schema),
            };
            Some((known.ty, shape))
        })
        .collect()
});

/// Checks that the payload is one of this type, and makes its times readable. Types the catalogue lacks
/// stay as they are.
///
/// # Errors
/// The required field that is missing: these are the fields of another type.
pub(super) fn fit(event_type: &str, payload: &mut Value) -> Result<(), String> {
    let Some(shape) = BY_TYPE.get(event_type) else {
        return Ok(());
    };
    if let Some(missing) = (shape.required.iter()).find(|field| payload.get(field).is_none()) {
        return Err(format!(
            "the payload is not that of {event_type}: {missing} is missing"
        ));
    }
    if let Some(times) = &shape.times {
        rewrite(times, payload);
    }
    Ok(())
}

fn times_in(schema: &Value) -> Option<Times> {
    match schema {
        Value::Array(union) => union.iter().find_map(times_in),
        Value::Object(object) => {
            if object
                .get("logicalType")
                .is_some_and(|logical| logical == "timestamp-micros")
            {
                return Some(Times::Here);
            }
            if let Some(items) = object.get("items") {
                return Some(Times::InItems(Box::new(times_in(items)?)));
            }
            let fields = object.get("fields")?.as_array()?;
            let fields: BTreeMap<_, _> = (fields.iter())
                .filter_map(|field| {
                    Some((
                        field["name"].as_str()?.to_owned(),
                        times_in(&field["type"])?,
                    ))
                })
                .collect();
            (!fields.is_empty()).then_some(Times::InFields(fields))
        }
        _ => None,
    }
}

fn rewrite(times: &Times, value: &mut Value) {
    match (times, value) {
        (Times::Here, value) => {
            if let Some(time) = value.as_i64().and_then(Timestamp::from_micros) {
                *value = Value::String(time.to_string());
            }
        }
        (Times::InFields(fields), Value::Object(object)) => {
            for (name, times) in fields {
                if let Some(value) = object.get_mut(name) {
                    rewrite(times, value);
                }
            }
        }
        (Times::InItems(times), Value::Array(items)) => {
            for item in items {
                rewrite(times, item);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_rewritten_and_nothing_else() {
        let mut payload = json!({
            "subscriptionId": "x",
            "tenantId": "y",
            "package": "starter",
            "trialEndsAt": null,
            "currentPeriodEnd": 1_763_689_692_123_456_i64,
            "price": 1_763_689_692_123_456_i64,
        });
        let mut expected = payload.clone();
        expected["currentPeriodEnd"] = json!("2025-11-21T01:48:12.123456Z");
        fit("billing.subscription_started", &mut payload).unwrap();
        assert_eq!(payload, expected);

        payload["trialEndsAt"] = json!(0);
        expected["trialEndsAt"] = json!("1970-01-01T00:00:00Z");
        fit("billing.subscription_started", &mut payload).unwrap();
        assert_eq!(payload, expected);
    }

    #[test]
    fn the_payload_of_another_type_does_not_fit() {
        for payload in [json!({"number": 1}), json!([1]), json!(null)] {
            let error = fit("order.created", &mut payload.clone()).unwrap_err();
            assert!(error.contains("orderId"), "{error}");
        }
    }

    #[test]
    fn what_is_not_known_stays_and_a_time_out_of_range_too() {
        let mut unknown = json!({"createdAt": 1});
        fit("order.vanished", &mut unknown).unwrap();
        assert_eq!(unknown, json!({"createdAt": 1}));

        let schema = json!({"type": "long", "logicalType": "timestamp-micros"});
        let mut far = json!(i64::MAX);
        rewrite(&times_in(&schema).unwrap(), &mut far);
        assert_eq!(far, json!(i64::MAX));
    }
}
