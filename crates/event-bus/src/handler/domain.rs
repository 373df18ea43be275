//! All events of a domain as one type.

use futures::future::BoxFuture;

use crate::{EventType, Failure, Record};

/// The events of a domain as one type, so that one handler meets them all and the compiler says when one is forgotten.
/// Made by [`crate::domain!`].
pub trait Domain: Sized + Send + Sync + 'static {
    /// The types of events in it.
    const TYPES: &'static [EventType];

    /// Reads an event of one of those types.
    ///
    /// # Errors
    /// As [`Record::decode`].
    fn read(record: &Record) -> BoxFuture<'_, Result<Self, Failure>>;
}

/// Makes an enum of types of events, to be handled by one [`Router::on_domain`](crate::Router::on_domain).
///
/// ```ignore
/// event_bus::domain! {
///     /// What happens to an order.
///     pub enum OrderEvent { Created(OrderCreated), Paid(OrderPaid) }
/// }
/// ```
#[macro_export]
macro_rules! domain {
    ($(#[$meta:meta])* $visible:vis enum $name:ident { $($(#[$doc:meta])* $case:ident($event:ty)),+ $(,)? }) => {
        $(#[$meta])*
        $visible enum $name {
            $($(#[$doc])* #[allow(missing_docs)] $case($event),)+
        }

        impl $crate::Domain for $name {
            const TYPES: &'static [$crate::EventType] = &[$($crate::EventType::of::<$event>()),+];

            fn read(
                record: &$crate::Record,
            ) -> ::std::pin::Pin<
                ::std::boxed::Box<
                    dyn ::std::future::Future<
                            Output = ::std::result::Result<Self, $crate::Failure>,
                        > + ::std::marker::Send
                        + '_,
                >,
            > {
                ::std::boxed::Box::pin(async move {
                    $(if record.is::<$event>() {
                        return record.decode::<$event>().await.map(Self::$case);
                    })+
                    ::std::result::Result::Err($crate::Failure::permanent(::std::format!(
                        "{} is not of this domain",
                        record.envelope.event_type
                    )))
                })
            }
        }
    };
}
