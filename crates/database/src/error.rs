//! What an error of PostgreSQL means for the caller.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

/// What the caller of a failed statement can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The database is down, too busy, or took too long: try again later.
    Unavailable,
    /// Another transaction changed the same rows first (SQLSTATE 40001, 40P01, 55P03): try again now.
    Conflict,
    /// The statement or the row is wrong; the same statement fails again.
    Rejected,
}

/// Classifies an error of sqlx by its SQLSTATE or its kind.
#[must_use]
pub fn classify(error: &sqlx::Error) -> ErrorKind {
    match error {
        sqlx::Error::Database(refused) => match refused.code().as_deref() {
            // Serialisation failure, deadlock, lock not available.
            Some("40001" | "40P01" | "55P03") => ErrorKind::Conflict,
            // Connection exceptions, resources exhausted, shutdown or start, statement cancelled by its timeout.
            Some(code)
                if code.starts_with("08")
                    || code.starts_with("53")
                    || code.starts_with("57P")
                    || code == "57014"
                    || code == "25P03" =>
            {
                ErrorKind::Unavailable
            }
            _ => ErrorKind::Rejected,
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => ErrorKind::Unavailable,
        _ => ErrorKind::Rejected,
    }
}

/// Classifies an error of sea-orm by the error of sqlx in it.
#[must_use]
pub fn classify_orm(error: &DbErr) -> ErrorKind {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => classify(cause),
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout | ConnAcquireErr::ConnectionClosed) => {
            ErrorKind::Unavailable
        }
        _ => ErrorKind::Rejected,
    }
}

/// The SQLSTATE of an error that the database answered.
#[must_use]
pub fn sqlstate(error: &DbErr) -> Option<String> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            Some(cause.as_database_error()?.code()?.into_owned())
        }
        _ => None,
    }
}

/// An error of sqlx as sea-orm carries it.
#[must_use]
pub fn orm_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_or_exhausted_pool_is_unavailable() {
        for error in [sqlx::Error::PoolClosed, sqlx::Error::PoolTimedOut] {
            assert_eq!(classify(&error), ErrorKind::Unavailable);
            assert_eq!(classify_orm(&orm_error(error)), ErrorKind::Unavailable);
        }
        let acquire = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        assert_eq!(classify_orm(&acquire), ErrorKind::Unavailable);
    }

    #[test]
    fn a_row_that_does_not_decode_is_rejected() {
        let error = sqlx::Error::ColumnNotFound("total".to_owned());
        assert_eq!(classify(&error), ErrorKind::Rejected);
        assert_eq!(
            classify_orm(&DbErr::Type("not a uuid".to_owned())),
            ErrorKind::Rejected
        );
    }
}
