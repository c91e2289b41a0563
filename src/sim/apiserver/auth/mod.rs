//! Who asks, and whether they may: authentication, RBAC, impersonation.
//! What is done with an allowed request is admission's and the endpoints'.

pub mod user;
