//! What an order and a product are and may become. Nothing here knows of HTTP, SQL or Kafka.

mod ids;
mod order;
mod product;
mod wish;

pub use ids::{OrderId, PaymentId, ProductId};
pub use order::{Buyer, Change, Item, NoStatus, Order, Payment, Refused, Status};
pub use product::{
    Description, NewProduct, NotEnough, PiecesError, Price, Product, ProductName, ProductPatch,
    Stock,
};
pub use wish::{Line, Quantity, Wish, WishError};
