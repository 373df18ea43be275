//! References of a schema replaced by what they mean.

use apache_avro::{
    Schema,
    schema::{Name, NamesRef, UnionSchema},
};

/// A schema of more types than this keeps the rest of its references: a short one can mean a very large one.
const MAX_TYPES: usize = 4096;

/// The schema with its references replaced, except those that lead back to a record they are in.
pub(super) fn inlined(schema: &Schema, names: &NamesRef<'_>) -> Schema {
    let mut inliner = Inliner {
        names,
        open: Vec::new(),
        left: MAX_TYPES,
    };
    inliner.schema(schema)
}

struct Inliner<'s> {
    names: &'s NamesRef<'s>,
    /// The records that a type is in.
    open: Vec<&'s Name>,
    left: usize,
}

impl<'s> Inliner<'s> {
    fn schema(&mut self, schema: &'s Schema) -> Schema {
        self.left = self.left.saturating_sub(1);
        match schema {
            Schema::Ref { name } => match self.names.get(name) {
                Some(definition) if self.left > 0 && !self.open.contains(&name) => {
                    self.schema(definition)
                }
                _ => schema.clone(),
            },
            Schema::Record(record) => {
                self.open.push(&record.name);
                let mut copy = record.clone();
                for (field, copy) in record.fields.iter().zip(&mut copy.fields) {
                    copy.schema = self.schema(&field.schema);
                }
                self.open.pop();
                Schema::Record(copy)
            }
            Schema::Array(array) => {
                let mut copy = array.clone();
                *copy.items = self.schema(&array.items);
                Schema::Array(copy)
            }
            Schema::Map(map) => {
                let mut copy = map.clone();
                *copy.types = self.schema(&map.types);
                Schema::Map(copy)
            }
            Schema::Union(union) => {
                let variants = union.variants().iter().map(|variant| self.schema(variant));
                UnionSchema::new(variants.collect()).map_or_else(|_| schema.clone(), Schema::Union)
            }
            _ => schema.clone(),
        }
    }
}
