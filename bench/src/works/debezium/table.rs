//! The table that the outbox event router reads, filled with the values of the relay's rows.

use super::Way;
use crate::works::event::placed;

pub const DROP: &str =
    "DROP PUBLICATION IF EXISTS debezium; DROP SCHEMA IF EXISTS debezium CASCADE";

/// An attribute of the envelope: a header in the bus's records, a column here.
struct Attribute {
    header: String,
    /// Its name in the JSON envelope.
    name: String,
    /// The column; the router fixes the names of those it needs itself.
    column: String,
}

/// All attributes except the id.
fn attributes() -> anyhow::Result<Vec<Attribute>> {
    let headers = placed(1, 1, 1)?.envelope.to_headers();
    let attributes = headers.into_iter().map(|(header, _)| {
        let name = header.strip_prefix("ce_").unwrap_or("datacontenttype");
        let column = match name {
            "type" => "type".to_owned(),
            "partitionkey" => "aggregateid".to_owned(),
            other => format!("ce_{other}"),
        };
        Attribute {
            name: name.to_owned(),
            column,
            header: header.into_owned(),
        }
    });
    Ok(attributes.filter(|one| one.name != "id").collect())
}

/// The attributes with additional columns, beside those the router needs.
fn additional(way: Way) -> anyhow::Result<Vec<Attribute>> {
    let mut additional = attributes()?;
    additional.retain(|one| way != Way::LogBare && one.column.starts_with("ce_"));
    Ok(additional)
}

/// Creates the table and its publication.
pub fn create(way: Way) -> anyhow::Result<String> {
    let columns: Vec<String> = additional(way)?
        .iter()
        .map(|one| format!(", {} text NOT NULL", one.column))
        .collect();
    let columns = columns.concat();
    Ok(format!(
        "CREATE SCHEMA debezium;
         CREATE TABLE debezium.outbox (
             id uuid PRIMARY KEY, aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL,
             payload bytea NOT NULL{columns});
         CREATE PUBLICATION debezium FOR TABLE debezium.outbox"
    ))
}

/// Copies the rows into the table, 5,000 per transaction. In a single transaction, the server would spill them to disk before
/// decoding; single-row transactions take minutes and give Debezium more to read.
pub fn fill(way: Way) -> anyhow::Result<String> {
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for Attribute { column, name, .. } in additional(way)? {
        columns.push(format!(", {column}"));
        values.push(format!(", envelope->>'{name}'"));
    }
    let (columns, values) = (columns.concat(), values.concat());
    Ok(format!(
        "DO $fill$ DECLARE many bigint; BEGIN
            SELECT max(n) INTO many FROM preload;
            FOR batch IN 0..many BY 5000 LOOP
                INSERT INTO debezium.outbox (id, aggregatetype, aggregateid, type, payload{columns})
                SELECT (envelope->>'id')::uuid, topic, envelope->>'partitionkey', envelope->>'type',
                       '\\x0000000001'::bytea || datum{values}
                FROM preload WHERE n >= batch AND n < batch + 5000 ORDER BY n;
                COMMIT;
            END LOOP;
        END $fill$"
    ))
}

/// The router's mapping of columns to headers.
pub fn placement(way: Way) -> anyhow::Result<Option<String>> {
    if way == Way::LogBare {
        return Ok(None);
    }
    let placements: Vec<String> = attributes()?
        .iter()
        .map(|one| format!("{}:header:{}", one.column, one.header))
        .collect();
    Ok(Some(placements.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_has_its_column() {
        let placement = placement(Way::Log).unwrap().unwrap();
        assert!(placement.contains("type:header:ce_type,"), "{placement}");
        assert!(
            placement.contains("aggregateid:header:ce_partitionkey"),
            "{placement}"
        );
        assert!(
            placement.contains("ce_datacontenttype:header:content-type"),
            "{placement}"
        );
        assert!(!placement.contains(":header:ce_id"), "{placement}");
        let create = create(Way::Log).unwrap();
        assert!(create.contains("ce_datacontenttype text"), "{create}");
        assert!(!create.contains("ce_type text"), "{create}");
    }

    #[test]
    fn the_bare_table_has_what_the_router_wants_and_no_more() {
        assert_eq!(placement(Way::LogBare).unwrap(), None);
        assert!(!create(Way::LogBare).unwrap().contains("ce_"));
    }
}
