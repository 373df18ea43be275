//! The claims of a lease after its first one.

use std::vec;

use sqlx::{PgConnection, postgres::PgRow};

use super::{MAX_CLAIM_BYTES, MAX_CLAIMS};

// One statement lists the rows of all follow-up claims, starting with the first row of the table. A scan per claim would
// visit the tuples deleted by the previous claims again. All listed rows are visible in one snapshot, so no row that
// precedes them in its aggregate is missing.
const LIST: &str = "SELECT id, octet_length(datum) FROM outbox ORDER BY id LIMIT $1";
const CLAIM_LISTED: &str =
    "DELETE FROM outbox WHERE id = ANY($1) RETURNING id, topic, envelope::text, datum";

/// Size of a follow-up claim relative to the first one. No other outbox is queued at that time, so it can be larger.
const SIZE_FACTOR: i64 = 4;

/// The rows that a lease claims after its first claim.
pub(super) struct FollowUpClaims {
    max_rows: i64,
    /// The ids of each remaining claim; `None` until they are listed.
    pending: Option<vec::IntoIter<Vec<i64>>>,
}

impl FollowUpClaims {
    pub(super) fn new(batch_size: i64) -> Self {
        Self {
            max_rows: batch_size.saturating_mul(SIZE_FACTOR),
            pending: None,
        }
    }

    /// Claims the next rows, or returns `None` if there are no more.
    pub(super) async fn next(
        &mut self,
        tx: &mut PgConnection,
    ) -> Result<Option<Vec<PgRow>>, sqlx::Error> {
        if self.pending.is_none() {
            let limit = self.max_rows.saturating_mul(i64::from(MAX_CLAIMS - 1));
            let rows: Vec<(i64, i32)> =
                sqlx::query_as(LIST).bind(limit).fetch_all(&mut *tx).await?;
            self.pending = Some(partition(rows, self.max_rows).into_iter());
        }
        match self.pending.as_mut().and_then(Iterator::next) {
            Some(ids) => {
                let claim = sqlx::query(CLAIM_LISTED).bind(ids);
                claim.fetch_all(tx).await.map(Some)
            }
            None => Ok(None),
        }
    }
}

/// Partitions rows, given by id and payload size, into claims of up to `max_rows` rows. A claim ends with the row that
/// reaches [`MAX_CLAIM_BYTES`].
fn partition(rows: Vec<(i64, i32)>, max_rows: i64) -> Vec<Vec<i64>> {
    let max_rows = usize::try_from(max_rows).unwrap_or(usize::MAX);
    let mut claims: Vec<Vec<i64>> = Vec::new();
    let mut bytes = MAX_CLAIM_BYTES;
    for (id, size) in rows {
        match claims.last_mut() {
            Some(claim) if bytes < MAX_CLAIM_BYTES && claim.len() < max_rows => claim.push(id),
            _ => {
                claims.push(vec![id]);
                bytes = 0;
            }
        }
        bytes += i64::from(size);
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_ends_with_the_row_that_reaches_a_limit() {
        let mib = 1 << 20;
        let rows = |sizes: &[i32]| (1..).zip(sizes.iter().copied()).collect();
        assert_eq!(partition(rows(&[]), 2), Vec::<Vec<i64>>::new());
        assert_eq!(
            partition(rows(&[0; 5]), 2),
            [vec![1, 2], vec![3, 4], vec![5]],
            "row limit"
        );
        assert_eq!(
            partition(rows(&[15 * mib, mib, 17 * mib, 1, 1]), 9),
            [vec![1, 2], vec![3], vec![4, 5]],
            "byte limit"
        );
    }
}
