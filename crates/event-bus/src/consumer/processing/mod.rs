//! Record processing: filter, decode, dispatch, handle, retry.

pub(in crate::consumer) mod batches;
pub(in crate::consumer) mod dispatcher;
pub(in crate::consumer) mod handler_kind;
pub(in crate::consumer) mod processor;
pub(in crate::consumer) mod source_record;
pub(in crate::consumer) mod work_item;
