//! Products and orders: types, state machines, decisions. Free of actix, sea-orm, sqlx and rdkafka.

mod ids;
mod order;
mod product;
mod requested_items;

pub use ids::{OrderId, PaymentId, ProductId};
pub use order::{Buyer, Change, Item, Order, Payment, Refused, Status};
pub use product::{
    Description, NewProduct, NotEnough, PiecesError, Price, Product, ProductName, ProductPatch,
    Stock,
};
pub use requested_items::{Line, ParseItemsError, Quantity, RequestedItems};
