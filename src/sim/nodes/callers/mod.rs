//! Programs in containers that live by the API server: schedulers, controller managers and kube-proxies. They try until they
//! reach it, elect who works, and end when they lose their lease. What each read when it started is `components`' and `kube_proxy`'s.
//! Source: `k8s.io/client-go/tools/leaderelection`, `k8s.io/client-go/tools/cache/reflector.go`.

mod caller;
mod election;
mod rights;
mod round;
mod watching;

pub use caller::{Caller, Callers, Calls, Told};
pub use round::Round;
pub use watching::Watching;
