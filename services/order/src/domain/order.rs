//! An order and the steps it can take.

use auth::UserId;
use money::{Money, MoneyError};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{OrderId, PaymentId, Product, ProductId, Wish};

/// Where an order is in its life.
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
    /// Placed; billing is asked for a payment.
    Created,
    /// The buyer can pay.
    WaitingForPayment,
    /// The payment was received.
    Paid,
    /// Handed over.
    Complete,
    /// Called off before it was paid.
    Cancelled,
    /// Not paid in time.
    Expired,
}

impl Status {
    /// Whether `next` may follow. Staying is not a step.
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

/// Who ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// The user.
    pub id: UserId,
    /// Where to write to them.
    pub email: String,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// What was ordered.
    pub product_id: ProductId,
    /// Its name at that moment.
    pub name: String,
    /// Pieces.
    pub quantity: i64,
    /// What a piece cost at that moment.
    pub unit_price: Money,
    /// Quantity times unit price.
    pub total: Money,
}

/// How an order is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Billing's payment.
    pub id: PaymentId,
    /// Where the buyer pays.
    pub link: String,
    /// Who settles it; `test` is the embedded test gateway.
    pub gateway: String,
}

/// An order at one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Who ordered.
    pub buyer: Buyer,
    /// Where it is in its life.
    pub status: Status,
    /// Its lines.
    pub items: Vec<Item>,
    /// The sum of its lines.
    pub total: Money,
    /// How it is paid, once billing has said so.
    pub payment: Option<Payment>,
    /// What it was completed with.
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
    /// Counts its changes.
    pub version: i64,
}

/// Whether a step changed anything: a repeated one does not, and then nothing is stored or published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Change {
    /// It did.
    Made,
    /// It had been taken before.
    None,
}

/// A step that an order does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its status does not allow it.
    #[error("an order that is {from} cannot become {to}")]
    Step {
        /// Where it is.
        from: Status,
        /// Where it was to go.
        to: Status,
    },
    /// The payment is not the one the order waits for.
    #[error("the order belongs to another payment")]
    OtherPayment,
    /// It was completed with another transaction.
    #[error("the order was completed with another transaction_id")]
    OtherTransaction,
    /// Its lines are of different currencies, or their sum cannot be held.
    #[error(transparent)]
    Sum(#[from] MoneyError),
}

impl Order {
    /// Places an order at the products' prices of this moment. `products` holds each product of the wish.
    ///
    /// # Errors
    /// The lines cannot be added up.
    pub fn place(
        id: OrderId,
        buyer: Buyer,
        wish: &Wish,
        products: &[Product],
        now: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Result<Self, Refused> {
        let mut items = Vec::with_capacity(products.len());
        for line in wish.lines() {
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

    /// Billing says how it is to be paid. Said again, or too late, it changes nothing: an order never goes back.
    ///
    /// # Errors
    /// Another payment is on it already.
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

    /// Takes the payment. A second notice of the same one changes nothing.
    ///
    /// # Errors
    /// Another payment, or an order that does not wait for one.
    pub fn pay(&mut self, payment: PaymentId, now: OffsetDateTime) -> Result<Change, Refused> {
        match (&self.payment, self.status) {
            (Some(known), _) if known.id != payment => Err(Refused::OtherPayment),
            (Some(_), Status::Paid | Status::Complete) => Ok(Change::None),
            _ => self.step(Status::Paid, now),
        }
    }

    /// Completes a paid order. The same transaction again changes nothing.
    ///
    /// # Errors
    /// It is not paid, or was completed with another transaction.
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

    /// Calls it off.
    ///
    /// # Errors
    /// It is paid or has ended.
    pub fn cancel(&mut self, now: OffsetDateTime) -> Result<Change, Refused> {
        if self.status == Status::Cancelled {
            return Ok(Change::None);
        }
        self.step(Status::Cancelled, now)
    }

    /// Ends it if it is due and not paid.
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
    /// When it was generated: a `UUIDv7` begins with the milliseconds since 1970.
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
