//! The machines below the nodes: their files, services, journal and packages.
//! What runs on them is the kubelets'; how one goes in and what one types there, `shell`'s.

pub mod root;
