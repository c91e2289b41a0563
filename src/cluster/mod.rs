//! What a cluster is to us, and the backends it comes from: embedded, kind, context.
//! The only layer that names the simulated cluster.
