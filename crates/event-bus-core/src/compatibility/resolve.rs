//! Whether a reader's schema resolves with a writer's: Avro 1.12, "Schema Resolution".

use std::collections::HashSet;

use super::{
    Incompatibility,
    model::{Field, Kind, Model, Named, Shape, Type},
};

/// Follows a reader and a writer, and notes where they part.
pub(super) struct Resolver<'a> {
    reader: &'a Model,
    writer: &'a Model,
    /// Pairs of definitions that are compared already, or just now.
    seen: HashSet<(&'a str, &'a str)>,
    found: Vec<Incompatibility>,
}

impl<'a> Resolver<'a> {
    pub(super) fn run(reader: &'a Model, writer: &'a Model) -> Vec<Incompatibility> {
        let mut resolver = Self {
            reader,
            writer,
            seen: HashSet::new(),
            found: Vec::new(),
        };
        let root = match &reader.root.shape {
            Shape::Named(name) => unqualified(name).to_owned(),
            _ => String::new(),
        };
        resolver.resolve(&reader.root, &writer.root, &root);
        resolver.found
    }

    fn note(&mut self, path: &str, rule: String, mend: impl Into<String>) {
        let (path, mend) = (path.to_owned(), mend.into());
        self.found.push(Incompatibility { path, rule, mend });
    }

    fn resolve(&mut self, reader: &'a Type, writer: &'a Type, path: &str) {
        match (&reader.shape, &writer.shape) {
            (_, Shape::Union(branches)) => {
                for branch in branches {
                    self.resolve(reader, branch, path);
                }
            }
            (Shape::Union(branches), _) => self.resolve_some(branches, writer, path),
            (Shape::Array(reader), Shape::Array(writer)) => {
                self.resolve(reader, writer, &format!("{path}[]"));
            }
            (Shape::Map(reader), Shape::Map(writer)) => {
                self.resolve(reader, writer, &format!("{path}{{}}"));
            }
            (Shape::Named(reader), Shape::Named(writer)) => {
                self.resolve_named(reader, writer, path);
            }
            (read, written) if !is_promoted(written, read) => {
                let rule = format!("{} does not read as {}", shown(writer), shown(reader));
                self.note(path, rule, "a changed type is a new field");
            }
            _ => {}
        }
        let is_union = |shape: &Shape| matches!(shape, Shape::Union(_));
        if reader.logical != writer.logical && !is_union(&reader.shape) && !is_union(&writer.shape)
        {
            let name =
                |of: &Option<String>| of.clone().unwrap_or_else(|| "no logical type".to_owned());
            let (read, written) = (name(&reader.logical), name(&writer.logical));
            let rule = format!("{written} would be taken for {read}");
            self.note(path, rule, "a changed meaning is a new field");
        }
    }

    /// One of the union's branches must take what was written.
    fn resolve_some(&mut self, branches: &'a [Type], writer: &'a Type, path: &str) {
        let before = self.found.len();
        let mut nearest: Option<Vec<Incompatibility>> = None;
        for branch in branches {
            let seen = self.seen.clone();
            self.resolve(branch, writer, path);
            let found = self.found.split_off(before);
            if found.is_empty() {
                return;
            }
            self.seen = seen;
            // What is wrong inside of a branch of the same kind says more than that no branch fits.
            let alike = same_kind(&branch.shape, &writer.shape);
            if alike && nearest.is_none() {
                nearest = Some(found);
            }
        }
        if let Some(nearest) = nearest {
            self.found.extend(nearest);
            return;
        }
        let all: Vec<String> = branches.iter().map(shown).collect();
        let rule = format!("{} is none of [{}]", shown(writer), all.join(", "));
        self.note(path, rule, "keep that branch in the union");
    }

    fn resolve_named(&mut self, reader: &'a str, writer: &'a str, path: &str) {
        if !self.seen.insert((reader, writer)) {
            return;
        }
        let (Some(read), Some(written)) = (self.reader.named(reader), self.writer.named(writer))
        else {
            return;
        };
        if !goes_by(reader, read, writer) {
            let rule = format!("{writer} is not {reader}");
            self.note(path, rule, "keep the name, or give the old one as an alias");
            return;
        }
        match (&read.kind, &written.kind) {
            (Kind::Record(read), Kind::Record(written)) => self.resolve_fields(read, written, path),
            (
                Kind::Enum { symbols, default },
                Kind::Enum {
                    symbols: written, ..
                },
            ) => {
                let knows_default = default
                    .as_ref()
                    .is_some_and(|default| symbols.contains(default));
                for symbol in written {
                    if !symbols.contains(symbol) && !knows_default {
                        let rule = format!("symbol {symbol} of {writer} is not known");
                        self.note(path, rule, "keep its symbols, or make it a new field");
                    }
                }
            }
            (Kind::Fixed(read), Kind::Fixed(written)) if read == written => {}
            (Kind::Fixed(read), Kind::Fixed(written)) => {
                let rule = format!("{writer} has {written} bytes, not {read}");
                self.note(path, rule, "a changed size is a new type and a new field");
            }
            _ => {
                let rule = format!("{writer} is another kind of type than {reader}");
                self.note(path, rule, "a changed type is a new field");
            }
        }
    }

    fn resolve_fields(&mut self, read: &'a [Field], written: &'a [Field], path: &str) {
        for field in read {
            let path = if path.is_empty() {
                field.name.clone()
            } else {
                format!("{path}.{}", field.name)
            };
            let found = written
                .iter()
                .find(|other| other.name == field.name)
                .or_else(|| {
                    written
                        .iter()
                        .find(|other| field.aliases.contains(&other.name))
                });
            match found {
                Some(found) => self.resolve(&field.schema, &found.schema, &path),
                None if field.has_default => {}
                None => {
                    let rule = "the field is not written, and has no default".to_owned();
                    self.note(
                        &path,
                        rule,
                        "make it [\"null\", T] with default null, and keep it",
                    );
                }
            }
        }
    }
}

/// Records, enums and fixeds are matched by their own name, without namespace.
fn goes_by(reader: &str, definition: &Named, writer: &str) -> bool {
    unqualified(reader) == unqualified(writer)
        || definition.aliases.iter().any(|alias| alias == writer)
}

fn unqualified(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn same_kind(reader: &Shape, writer: &Shape) -> bool {
    matches!(
        (reader, writer),
        (Shape::Array(_), Shape::Array(_)) | (Shape::Map(_), Shape::Map(_))
    ) || match (reader, writer) {
        (Shape::Named(reader), Shape::Named(writer)) => unqualified(reader) == unqualified(writer),
        _ => reader == writer,
    }
}

/// Whether what is written reads as that, itself or promoted.
fn is_promoted(written: &Shape, read: &Shape) -> bool {
    use Shape::{Bytes, Double, Float, Int, Long, String};
    written == read
        || matches!(
            (written, read),
            (Int, Long | Float | Double)
                | (Long, Float | Double)
                | (Float, Double)
                | (String, Bytes)
                | (Bytes, String)
        )
}

fn shown(of: &Type) -> String {
    let shape = match &of.shape {
        Shape::Null => "null".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Int => "int".to_owned(),
        Shape::Long => "long".to_owned(),
        Shape::Float => "float".to_owned(),
        Shape::Double => "double".to_owned(),
        Shape::Bytes => "bytes".to_owned(),
        Shape::String => "string".to_owned(),
        Shape::Array(items) => format!("array of {}", shown(items)),
        Shape::Map(values) => format!("map of {}", shown(values)),
        Shape::Union(branches) => {
            let branches: Vec<String> = branches.iter().map(shown).collect();
            format!("[{}]", branches.join(", "))
        }
        Shape::Named(name) => name.clone(),
    };
    match &of.logical {
        Some(logical) => format!("{shape} ({logical})"),
        None => shape,
    }
}
