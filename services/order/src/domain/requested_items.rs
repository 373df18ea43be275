//! The products that a buyer requests.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ProductId;

/// A quantity: 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schema(value_type = i64, minimum = 1, maximum = 1_000_000)]
pub struct Quantity(i64);

impl Quantity {
    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        if (1..=1_000_000).contains(&number) {
            Ok(Self(number))
        } else {
            Err("should be 1 to 1000000")
        }
    }
}

/// A quantity of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Line {
    /// The product.
    pub product_id: ProductId,
    /// The quantity.
    pub quantity: Quantity,
}

/// 1 to 100 lines, each of a different product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Line>", into = "Vec<Line>")]
pub struct RequestedItems(Vec<Line>);

/// Why lines are not a valid request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseItemsError {
    /// There is no line, or too many.
    #[error("should hold 1 to 100 lines")]
    Length,
    /// A product stands on two lines.
    #[error("product {0} stands on two lines; add the quantities up")]
    Twice(ProductId),
}

impl RequestedItems {
    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.0
    }

    /// The products, in the order of their ids.
    #[must_use]
    pub fn product_ids(&self) -> Vec<ProductId> {
        let mut ids: Vec<_> = self.0.iter().map(|line| line.product_id).collect();
        ids.sort_unstable();
        ids
    }
}

impl From<RequestedItems> for Vec<Line> {
    fn from(items: RequestedItems) -> Self {
        items.0
    }
}

impl TryFrom<Vec<Line>> for RequestedItems {
    type Error = ParseItemsError;

    fn try_from(lines: Vec<Line>) -> Result<Self, ParseItemsError> {
        if !(1..=100).contains(&lines.len()) {
            return Err(ParseItemsError::Length);
        }
        let items = Self(lines);
        let ids = items.product_ids();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(ParseItemsError::Twice(pair[0])),
            None => Ok(items),
        }
    }
}
