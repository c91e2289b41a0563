//! Who reaches whom in the cluster: names, Services, endpoints, what listens, and the policies between.
//! Nothing is sent: it is all decided from the objects, and from what listens in the Pods (`Sockets`). Programs and checks ask.

mod answer;
mod block;
mod corefile;
mod dns;
mod ingress;
mod outside;
pub mod policy;
mod proxy;
mod reach;
mod resolver;
mod view;

pub use answer::{Reply, Request, Silence, Why};
pub use corefile::fault as corefile_fault;
pub use dns::{Code, Data, Kind, Record, Response};
pub use reach::{Network, Protocol, Sockets};
pub use resolver::Resolver;
pub use view::{Connection, Found, View};
