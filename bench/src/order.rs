//! An order event as the order service publishes it, with three lines, so that strings and lists are included.

use event_bus::{EventParts, OutboundRecord, TenantRef};
use events::{
    Money, Timestamp,
    order::{OrderCreated, OrderItem},
};
use uuid::Uuid;

const NAMES: [&str; 3] = ["Espresso cups, set of six", "Grinder", "Descaler, 500 ml"];

/// Returns the order with this number; it has three lines.
pub fn order(number: i64) -> OrderCreated {
    let placed = 1_763_712_000_123_456;
    let items = (1..).zip(NAMES).map(|(pieces, name)| OrderItem {
        product_id: id(pieces),
        name: name.to_owned(),
        quantity: pieces,
        unit_price: euros(1999),
        total: euros(1999 * pieces),
    });
    OrderCreated {
        order_id: id(1000 + number),
        tenant_code: "acme".to_owned(),
        buyer_id: id(8),
        buyer_email: "jo.miller@example.com".to_owned(),
        items: items.collect(),
        total: euros(1999 * 6),
        created_at: moment(placed),
        expires_at: moment(placed + 900_000_000),
    }
}

/// Returns the order as a record for the outbox.
///
/// # Errors
/// The event is invalid, which it is not.
pub fn record(order: &OrderCreated) -> anyhow::Result<OutboundRecord> {
    let tenant = TenantRef {
        id: id(9),
        region: "eu".to_owned(),
    };
    let parts = EventParts::new("/tenantry/order", order.order_id)
        .tenant(tenant)
        .user(order.buyer_id)
        .sequence(1);
    Ok(OutboundRecord::of(parts, order)?)
}

fn id(number: i64) -> Uuid {
    Uuid::from_u128(0x019a_a5b2_6a53_7c41_a9cf_0000_0000_0000 + u128::from(number.unsigned_abs()))
}

fn euros(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".to_owned(),
    }
}

fn moment(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).expect("a time of this century is in range")
}
