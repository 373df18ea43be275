//! A product and its stock.

use money::Money;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{OrderId, ProductId};

/// Text of bounded length without control characters at its ends.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $least:tt, $most:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, min_length = $least, max_length = $most)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let text = text.trim();
                let long = text.chars().count();
                if ($least..=$most).contains(&long) && !text.contains('\0') {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(concat!("should be ", $least, " to ", $most, " characters"))
                }
            }
        }
    };
}

text!(
    /// A product's name.
    ProductName, 1, 200
);
text!(
    /// A product's description.
    Description, 0, 5000
);

/// A price: 0 to 10 billion minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Money", into = "Money")]
#[schema(value_type = Money)]
pub struct Price(Money);

impl Price {
    /// The amount.
    #[must_use]
    pub fn money(self) -> Money {
        self.0
    }
}

impl From<Price> for Money {
    fn from(price: Price) -> Self {
        price.0
    }
}

impl TryFrom<Money> for Price {
    type Error = &'static str;

    fn try_from(money: Money) -> Result<Self, Self::Error> {
        if (0..=10_000_000_000).contains(&money.amount) {
            Ok(Self(money))
        } else {
            Err("amount should be 0 to 10000000000 minor units")
        }
    }
}

/// A stock level: 0 to 1 billion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schema(value_type = i64, minimum = 0, maximum = 1_000_000_000)]
pub struct Stock(i64);

impl Stock {
    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl From<Stock> for i64 {
    fn from(stock: Stock) -> Self {
        stock.0
    }
}

impl TryFrom<i64> for Stock {
    type Error = &'static str;

    fn try_from(pieces: i64) -> Result<Self, Self::Error> {
        if (0..=1_000_000_000).contains(&pieces) {
            Ok(Self(pieces))
        } else {
            Err("should be 0 to 1000000000")
        }
    }
}

/// A product to be created.
#[derive(Clone, Debug, Serialize)]
pub struct NewProduct {
    /// Its name.
    pub name: ProductName,
    /// Its description.
    pub description: Option<Description>,
    /// Its unit price.
    pub price: Price,
    /// Stock that can be sold.
    pub stock: Stock,
}

/// Changes to a product; `None` keeps the value.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProductPatch {
    /// The new name.
    pub name: Option<ProductName>,
    /// The new description; `Some(None)` removes it.
    pub description: Option<Option<Description>>,
    /// The new price; placed orders keep theirs.
    pub price: Option<Price>,
    /// The new stock level, without reserved stock.
    pub stock: Option<Stock>,
}

/// A product of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Its unit price.
    pub price: Money,
    /// Stock that can be sold.
    pub stock: i64,
    /// Stock reserved for unpaid orders.
    pub reserved: i64,
    /// Its version, incremented by every change.
    pub version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// Less stock than requested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} ({id}): {left} left, {asked} asked for")]
pub struct NotEnough {
    /// The product.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// Stock that can be sold.
    pub left: i64,
    /// The requested quantity.
    pub asked: i64,
}

/// More stock was to be taken than is reserved: an internal error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("order {order} holds {pieces} pieces of product {id}, of which {reserved} are reserved")]
pub struct PiecesError {
    /// The product.
    pub id: ProductId,
    /// The order.
    pub order: OrderId,
    /// The quantity to be taken.
    pub pieces: i64,
    /// The reserved quantity.
    pub reserved: i64,
}

impl Product {
    /// A new product.
    #[must_use]
    pub fn new(items: NewProduct, now: OffsetDateTime) -> Self {
        Self {
            id: ProductId(Uuid::now_v7()),
            name: items.name.into(),
            description: items.description.map(Into::into),
            price: items.price.money(),
            stock: items.stock.get(),
            reserved: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Applies the changes.
    pub fn change(&mut self, patch: ProductPatch, now: OffsetDateTime) {
        if let Some(name) = patch.name {
            self.name = name.into();
        }
        if let Some(description) = patch.description {
            self.description = description.map(Into::into);
        }
        if let Some(price) = patch.price {
            self.price = price.money();
        }
        if let Some(stock) = patch.stock {
            self.stock = stock.get();
        }
        self.touch(now);
    }

    /// Reserves stock for an order.
    ///
    /// # Errors
    /// The stock is too low; nothing was reserved.
    pub fn reserve(&mut self, pieces: i64, now: OffsetDateTime) -> Result<(), NotEnough> {
        if pieces > self.stock {
            return Err(NotEnough {
                id: self.id,
                name: self.name.clone(),
                left: self.stock,
                asked: pieces,
            });
        }
        self.stock -= pieces;
        self.reserved += pieces;
        self.touch(now);
        Ok(())
    }

    /// Sells reserved stock.
    ///
    /// # Errors
    /// The stock was not reserved.
    pub fn sell(
        &mut self,
        order: OrderId,
        pieces: i64,
        now: OffsetDateTime,
    ) -> Result<(), PiecesError> {
        self.unhold(order, pieces)?;
        self.touch(now);
        Ok(())
    }

    /// Releases reserved stock.
    ///
    /// # Errors
    /// The stock was not reserved.
    pub fn give_back(
        &mut self,
        order: OrderId,
        pieces: i64,
        now: OffsetDateTime,
    ) -> Result<(), PiecesError> {
        self.unhold(order, pieces)?;
        self.stock += pieces;
        self.touch(now);
        Ok(())
    }

    fn unhold(&mut self, order: OrderId, pieces: i64) -> Result<(), PiecesError> {
        if pieces > self.reserved {
            return Err(PiecesError {
                id: self.id,
                order,
                pieces,
                reserved: self.reserved,
            });
        }
        self.reserved -= pieces;
        Ok(())
    }

    fn touch(&mut self, now: OffsetDateTime) {
        self.version += 1;
        self.updated_at = now;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn product(stock: i64) -> Product {
        let items = NewProduct {
            name: ProductName::try_from("Anvil".to_owned()).unwrap(),
            description: None,
            price: Money::new(1999, "EUR".parse().unwrap()).try_into().unwrap(),
            stock: stock.try_into().unwrap(),
        };
        Product::new(items, OffsetDateTime::UNIX_EPOCH)
    }

    proptest! {
        /// Whatever is reserved, sold and given back: nothing falls below zero, and no piece appears or vanishes.
        #[test]
        fn pieces_balance(stock in 0i64..20, steps in prop::collection::vec((0u8..3, 1i64..8), 0..40)) {
            let mut product = product(stock);
            let order = OrderId(Uuid::now_v7());
            let mut sold = 0;
            for (step, pieces) in steps {
                let now = OffsetDateTime::UNIX_EPOCH;
                match step {
                    0 => drop(product.reserve(pieces, now)),
                    1 => if product.sell(order, pieces, now).is_ok() { sold += pieces },
                    _ => drop(product.give_back(order, pieces, now)),
                }
                prop_assert!(product.stock >= 0 && product.reserved >= 0);
                prop_assert_eq!(product.stock + product.reserved + sold, stock);
            }
        }
    }

    #[test]
    fn the_last_piece_is_reserved_once() {
        let mut product = product(1);
        let now = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(product.reserve(1, now), Ok(()));
        assert_eq!(product.reserve(1, now).unwrap_err().left, 0);
    }
}
