//! The rows: created once by the production code, and copied into outboxes before each turn.

use event_bus::OutboundRecord;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::zipf::Zipf;
use crate::{
    environment::Environment,
    works::{event::placed, outboxes},
};

/// The database of outboxes and rows.
pub const DATABASE: &str = "relay";
/// Number of outboxes, one per tenant. The first one holds all rows for the work with one outbox.
pub const OUTBOXES: usize = 1_000;
/// Rows inserted by one statement.
const BATCH: u64 = 5_000;
/// Orders per tenant.
const ORDERS: u64 = 10;

const PRELOAD: &str = "CREATE UNLOGGED TABLE preload (
    n        bigint NOT NULL PRIMARY KEY,
    outbox   bigint NOT NULL,
    topic    text   NOT NULL,
    envelope json   NOT NULL,
    datum    bytea  NOT NULL
)";
const ADD: &str = "INSERT INTO preload (n, outbox, topic, envelope, datum)
    SELECT n, outbox, topic, envelope::json, datum
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[])
         AS made (n, outbox, topic, envelope, datum)";
const FILL_ONE: &str = "TRUNCATE outbox_0.outbox RESTART IDENTITY;
    INSERT INTO outbox_0.outbox (topic, envelope, datum) SELECT topic, envelope, datum FROM preload ORDER BY n";
// A commit per hundred schemas, because the locks of a thousand exceed the server's lock table.
const FILL_ALL: &str = "DO $fill$ BEGIN
    FOR k IN 0..999 LOOP
        EXECUTE format('TRUNCATE outbox_%s.outbox RESTART IDENTITY', k);
        EXECUTE format('INSERT INTO outbox_%s.outbox (topic, envelope, datum)
                        SELECT topic, envelope, datum FROM preload WHERE outbox = $1 ORDER BY n', k)
            USING k::bigint;
        IF k % 100 = 99 THEN COMMIT; END IF;
    END LOOP;
END $fill$";

/// Connects to the database of the outboxes.
pub async fn connect(environment: &Environment) -> anyhow::Result<PgConnection> {
    let options = outboxes::options(environment, DATABASE)?;
    Ok(PgConnection::connect_with(&options).await?)
}

/// Creates the outboxes and the rows.
pub async fn make(environment: &Environment, rows: u64) -> anyhow::Result<()> {
    outboxes::recreate(environment, DATABASE, OUTBOXES).await?;
    let mut conn = connect(environment).await?;
    conn.execute(PRELOAD).await?;
    for first in (0..rows).step_by(usize::try_from(BATCH)?) {
        add(&mut conn, first..(first + BATCH).min(rows)).await?;
    }
    conn.execute("CREATE INDEX ON preload (outbox, n)").await?;
    conn.execute("VACUUM ANALYZE preload").await?;
    // Thousands of new files are flushed, which takes half a minute on a slow disk.
    conn.execute("CHECKPOINT").await?;
    Ok(())
}

async fn add(conn: &mut PgConnection, numbers: std::ops::Range<u64>) -> anyhow::Result<()> {
    let (mut ns, mut outboxes, mut topics) = (Vec::new(), Vec::new(), Vec::new());
    let (mut envelopes, mut data) = (Vec::new(), Vec::new());
    let law = law();
    for n in numbers {
        let record = row(&law, n)?;
        ns.push(n.cast_signed());
        outboxes.push(law.draw(n).cast_signed());
        topics.push(record.topic);
        envelopes.push(serde_json::to_string(&record.envelope)?);
        data.push(record.datum);
    }
    sqlx::query(ADD)
        .bind(ns)
        .bind(outboxes)
        .bind(topics)
        .bind(envelopes)
        .bind(data)
        .execute(conn)
        .await?;
    Ok(())
}

/// Copies all rows into the first outbox.
pub async fn fill_one(environment: &Environment) -> anyhow::Result<()> {
    let mut conn = connect(environment).await?;
    conn.execute(FILL_ONE).await?;
    settle(&mut conn, 1).await
}

/// Copies each row into its tenant's outbox.
pub async fn fill_all(environment: &Environment) -> anyhow::Result<()> {
    let mut conn = connect(environment).await?;
    conn.execute(FILL_ALL).await?;
    settle(&mut conn, OUTBOXES).await
}

/// Runs vacuum and a checkpoint, so that they do not affect a turn.
async fn settle(conn: &mut PgConnection, count: usize) -> anyhow::Result<()> {
    let tables: Vec<String> = (0..count)
        .map(|number| format!("{}.outbox", outboxes::name(number)))
        .collect();
    let vacuum = format!("VACUUM (ANALYZE) {}", tables.join(", "));
    conn.execute(AssertSqlSafe(vacuum)).await?;
    conn.execute("CHECKPOINT").await?;
    Ok(())
}

/// Returns the row with this number.
pub fn row(law: &Zipf, number: u64) -> anyhow::Result<OutboundRecord> {
    placed(law.draw(number), number % ORDERS, number + 1)
}

/// The distribution of rows over outboxes.
pub fn law() -> Zipf {
    Zipf::of(OUTBOXES as u64)
}
