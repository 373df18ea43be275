//! Patterns of `LIKE` and `ILIKE`.

use sea_orm::sea_query::LikeExpr;

/// A pattern for texts that contain `text`, in which `%`, `_` and `\` stand for themselves.
#[must_use]
pub fn containing(text: &str) -> LikeExpr {
    let literal = text
        .replace('\\', r"\\")
        .replace('%', r"\%")
        .replace('_', r"\_");
    LikeExpr::new(format!("%{literal}%"))
}
