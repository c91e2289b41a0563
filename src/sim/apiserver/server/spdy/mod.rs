//! SPDY/3.1, as far as Kubernetes' clients speak it: streams that the client opens, over one connection.
//! Frames are `frame.rs`, header blocks `headers.rs`; what the streams carry is `remote.rs` and `forward.rs`.

mod connection;
mod forward;
mod frame;
mod headers;
mod remote;

pub use forward::forward;
pub use remote::talk;
