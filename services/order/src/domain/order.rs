//! An order and its state machine.

use auth::UserId;
use money::{Money, MoneyError};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{OrderId, PaymentId, Product, ProductId, RequestedItems};

/// The status of an order.
///
/// ```text
/// Created → WaitingForPayment → Paid → Complete
///    └────────────┴→ Cancelled · Expired
/// ```
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    Display,
    EnumIter,
    EnumString,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Placed; a payment is being requested from billing.
    Created,
    /// The buyer can pay.
    WaitingForPayment,
    /// The payment was received.
    Paid,
    /// Completed.
    Complete,
    /// Cancelled before it was paid.
    Cancelled,
    /// Not paid in time.
    Expired,
}

impl Status {
    /// Whether `next` may follow; staying is not a transition.
    #[must_use]
    pub fn can_become(self, next: Self) -> bool {
        use Status::{Cancelled, Complete, Created, Expired, Paid, WaitingForPayment};
        matches!(
            (self, next),
            (Created, WaitingForPayment | Cancelled | Expired)
                | (WaitingForPayment, Paid | Cancelled | Expired)
                | (Paid, Complete)
        )
    }
}

/// The buyer of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// The user.
    pub id: UserId,
    /// Their e-mail address.
    pub email: String,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The product.
    pub product_id: ProductId,
    /// Its name when the order was placed.
    pub name: String,
    /// Pieces.
    pub quantity: i64,
    /// The unit price when the order was placed.
    pub unit_price: Money,
    /// Quantity times unit price.
    pub total: Money,
}

/// The payment of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The id that billing assigned.
    pub id: PaymentId,
    /// The payment link for the buyer.
    pub link: String,
    /// The payment gateway; `test` is the embedded test gateway.
    pub gateway: String,
}

/// An order at one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The buyer of an order.
    pub buyer: Buyer,
    /// Its status.
    pub status: Status,
    /// Its lines.
    pub items: Vec<Item>,
    /// The sum of its lines.
    pub total: Money,
    /// Its payment, once billing has requested it.
    pub payment: Option<Payment>,
    /// The transaction that completed it.
    pub transaction_id: Option<String>,
    /// When it was placed.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it expires if it is not paid.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Its version, incremented by every change.
    pub version: i64,
}

/// Whether a transition changed anything; a repeated one does not, and nothing is stored or published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Change {
    /// The order changed.
    Made,
    /// The transition had happened before.
    None,
}

/// A transition that an order refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The status does not allow the transition.
    #[error("an order that is {from} cannot become {to}")]
    Step {
        /// The current status.
        from: Status,
        /// The requested status.
        to: Status,
    },
    /// The payment is not the one the order waits for.
    #[error("the order belongs to another payment")]
    OtherPayment,
    /// It was completed with another transaction.
    #[error("the order was completed with another transaction_id")]
    OtherTransaction,
    /// The lines have different currencies, or their sum overflows.
    #[error(transparent)]
    Sum(#[from] MoneyError),
}

impl Order {
    /// Places an order at the products' current prices. `products` holds every requested product.
    ///
    /// # Errors
    /// The lines have no sum.
    pub fn place(
        id: OrderId,
        buyer: Buyer,
        requested: &RequestedItems,
        products: &[Product],
        now: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Result<Self, Refused> {
        let mut items = Vec::with_capacity(products.len());
        for line in requested.lines() {
            let Some(product) = products
                .iter()
                .find(|product| product.id == line.product_id)
            else {
                continue;
            };
            let quantity = line.quantity.get();
            items.push(Item {
                product_id: product.id,
                name: product.name.clone(),
                quantity,
                unit_price: product.price,
                total: product.price.checked_mul(quantity)?,
            });
        }
        let mut totals = items.iter().map(|item| item.total);
        let first = totals.next().ok_or(MoneyError::Overflow)?;
        let total = totals.try_fold(first, Money::checked_add)?;
        Ok(Self {
            id,
            buyer,
            status: Status::Created,
            items,
            total,
            payment: None,
            transaction_id: None,
            created_at: now,
            expires_at,
            updated_at: now,
            version: 1,
        })
    }

    /// Records the requested payment. A repeated or late request changes nothing: an order never goes back.
    ///
    /// # Errors
    /// The order has another payment already.
    pub fn await_payment(
        &mut self,
        payment: Payment,
        now: OffsetDateTime,
    ) -> Result<Change, Refused> {
        match &self.payment {
            Some(known) if known.id == payment.id => Ok(Change::None),
            Some(_) => Err(Refused::OtherPayment),
            None if self.status == Status::Created => {
                self.payment = Some(payment);
                self.step(Status::WaitingForPayment, now)
            }
            None => Ok(Change::None),
        }
    }

    /// Records the payment. Idempotent for the same payment.
    ///
    /// # Errors
    /// It is another payment, or the order does not wait for one.
    pub fn pay(&mut self, payment: PaymentId, now: OffsetDateTime) -> Result<Change, Refused> {
        match (&self.payment, self.status) {
            (Some(known), _) if known.id != payment => Err(Refused::OtherPayment),
            (Some(_), Status::Paid | Status::Complete) => Ok(Change::None),
            _ => self.step(Status::Paid, now),
        }
    }

    /// Completes a paid order. Idempotent for the same transaction.
    ///
    /// # Errors
    /// The order is not paid, or was completed with another transaction.
    pub fn complete(
        &mut self,
        transaction_id: &str,
        now: OffsetDateTime,
    ) -> Result<Change, Refused> {
        if self.status == Status::Complete {
            return match self.transaction_id.as_deref() {
                Some(known) if known == transaction_id => Ok(Change::None),
                _ => Err(Refused::OtherTransaction),
            };
        }
        let change = self.step(Status::Complete, now)?;
        self.transaction_id = Some(transaction_id.to_owned());
        Ok(change)
    }

    /// Cancels the order.
    ///
    /// # Errors
    /// The order is paid or has ended.
    pub fn cancel(&mut self, now: OffsetDateTime) -> Result<Change, Refused> {
        if self.status == Status::Cancelled {
            return Ok(Change::None);
        }
        self.step(Status::Cancelled, now)
    }

    /// Expires the order if it is due and not paid.
    pub fn expire(&mut self, now: OffsetDateTime) -> Change {
        if now < self.expires_at || !self.status.can_become(Status::Expired) {
            return Change::None;
        }
        self.take(Status::Expired, now)
    }

    /// The products of the order, in the order of their ids.
    #[must_use]
    pub fn product_ids(&self) -> Vec<ProductId> {
        let mut ids: Vec<_> = self.items.iter().map(|item| item.product_id).collect();
        ids.sort_unstable();
        ids
    }

    fn step(&mut self, to: Status, now: OffsetDateTime) -> Result<Change, Refused> {
        if self.status.can_become(to) {
            Ok(self.take(to, now))
        } else {
            Err(Refused::Step {
                from: self.status,
                to,
            })
        }
    }

    fn take(&mut self, to: Status, now: OffsetDateTime) -> Change {
        self.status = to;
        self.updated_at = now;
        self.version += 1;
        Change::Made
    }
}

impl OrderId {
    /// When the id was generated: a `UUIDv7` begins with the Unix time in milliseconds.
    #[must_use]
    pub fn generated_at(self) -> OffsetDateTime {
        let milliseconds = self.0.as_u128() >> 80;
        i64::try_from(milliseconds).map_or(OffsetDateTime::UNIX_EPOCH, |milliseconds| {
            OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(milliseconds)
        })
    }
}

#[cfg(test)]
mod tests;
