//! The fields of a server-side apply, laid over the object as it stands.
