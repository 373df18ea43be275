//! The bus against a real broker and registry: run through `make test`.
