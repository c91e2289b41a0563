//! Who reaches whom in the cluster: names, Services, endpoints, what listens, and the policies between.
//! Nothing is sent: it is all decided from the objects, and from what listens in the Pods (`Sockets`). Programs and checks ask.

mod answer;
mod api;
mod block;
mod corefile;
mod dns;
mod ingress;
mod kubelet;
mod outside;
mod plugins;
pub mod policy;
mod proxy;
mod reach;
mod resolver;
mod view;

pub use answer::{Reply, Request, Silence, Why};
pub use api::ADDRESS as API_ADDRESS;
pub use corefile::{Corefile, is_usual as is_usual_corefile, read as read_corefile};
pub use dns::{Code, Data, Kind, Record, Response};
pub use proxy::address_of;
pub use reach::{Caller, Datagram, Network, Protocol, Sockets, is_secured};
pub use resolver::{ClusterDns, Resolver, hostname, kernel_name};
pub use view::{Connection, Found, View};
