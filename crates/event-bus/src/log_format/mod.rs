//! Records that the bus writes for itself, as consumer and dead-letter tools both read them: headers of dead letters,
//! delivery history, marks of parked sequences.

pub(crate) mod headers;
pub(crate) mod history;
pub(crate) mod location;
pub(crate) mod parked_mark;
pub(crate) mod parked_sequence;
pub(crate) mod parked_state;
