//! The API server's door to the learner's machine: a TLS listener on the loopback interface that serves a router.
//! What is served is the server's; whether a shown certificate is believed, authentication's: here only the key is proved,
//! so that a bad certificate is answered with 401 as by a real API server, not with a broken handshake.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    DigitallySignedStruct, DistinguishedName, Error as TlsError, ServerConfig, SignatureScheme, crypto,
};
use tower::ServiceExt as _;

use super::auth::PeerCertificate;
use super::pki::{self, Authority, Issued, PkiError};

/// How many connections are served at once; more wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How long a client may take for its handshake, and for the head of a request (`k8s.io/apiserver` secure_serving.go).
const PATIENCE: Duration = Duration::from_secs(32);
/// How many requests one HTTP/2 connection may have under way.
const STREAMS: u32 = 250;

/// Why the door stays shut.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// Somebody else listens there.
    #[error(
        "port {} on {} is taken by another program; stop it, or leave the port out to have a free one chosen", address.port(), address.ip()
    )]
    PortTaken {
        /// The address wanted.
        address: SocketAddr,
    },
    /// The system gives no such port.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address wanted.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate or key cannot be served with.
    #[error("cannot serve TLS: {0}")]
    Tls(#[from] TlsError),
    /// The authority has no name.
    #[error(transparent)]
    Pki(#[from] PkiError),
}

/// Where and as whom to listen.
#[derive(Clone, Copy, Debug)]
pub struct ServingOptions<'a> {
    /// Where, on loopback; with port 0 at any that is free.
    pub address: SocketAddr,
    /// The server's certificate and key.
    pub serving: &'a Issued,
    /// What whoever names no server is shown instead: who comes by an address sends no name (RFC 6066, 3).
    pub by_address: Option<&'a Issued>,
    /// Whose client certificates are asked for.
    pub authority: &'a Authority,
}

/// What new connections are accepted with; it can be another from one moment to the next.
type Acceptor = Arc<RwLock<TlsAcceptor>>;

/// A listener that serves until it is stopped or dropped.
pub struct Serving {
    address: SocketAddr,
    acceptor: Acceptor,
    stop: Option<oneshot::Sender<Duration>>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Listens on loopback and serves `router` there; requests carry a [`PeerCertificate`] where the client showed one.
    pub async fn start(options: ServingOptions<'_>, router: Router) -> Result<Self, ServingError> {
        let acceptor = Arc::new(RwLock::new(TlsAcceptor::from(Arc::new(configure(options)?))));
        let address = options.address;
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = bound.await.map_err(|source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ServingError::PortTaken { address },
            _ => ServingError::Listen { address, source },
        })?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, Door { acceptor: acceptor.clone(), router }, stopped));
        Ok(Self { address, acceptor, stop: Some(stop), task })
    }

    /// Shows new connections another certificate, as a server does whose file has changed
    /// (`k8s.io/apiserver/pkg/server/dynamiccertificates/dynamic_serving_content.go`).
    pub fn show(&self, options: ServingOptions<'_>) -> Result<(), ServingError> {
        let acceptor = TlsAcceptor::from(Arc::new(configure(options)?));
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens no more, lets requests under way end within `patience`, and cuts off what is left, such as watches.
    /// Afterwards the port is free, and connecting to it is refused.
    pub async fn stop(mut self, patience: Duration) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(patience);
        }
        let _ = (&mut self.task).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What every connection needs.
#[derive(Clone)]
struct Door {
    acceptor: Acceptor,
    router: Router,
}

async fn accept(listener: TcpListener, door: Door, mut stopped: oneshot::Receiver<Duration>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let patience = loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            patience = &mut stopped => break patience.unwrap_or_default(),
            Some(_) = connections.join_next() => {}
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let served = door.clone().serve(stream, graceful.watcher());
                    connections.spawn(async move {
                        served.await;
                        drop(place);
                    });
                }
                // Out of file descriptors, or the client is gone already: the next one may fare better.
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::task::yield_now().await;
                }
            },
        }
    };
    drop(listener);
    let _ = timeout(patience, graceful.shutdown()).await;
    connections.shutdown().await;
}

impl Door {
    async fn serve(self, stream: TcpStream, watcher: Watcher) {
        if let Err(error) = self.try_serve(stream, watcher).await {
            tracing::debug!(%error, "a connection ended");
        }
    }

    async fn try_serve(
        self,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        stream.set_nodelay(true)?;
        let Some(stream) = timeout(PATIENCE, self.handshake(stream)).await?? else { return Ok(()) };
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let peer = shown.map(|certificate| PeerCertificate::new(certificate.to_vec()));
        let router = self.router;
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            if let Some(peer) = &peer {
                request.extensions_mut().insert(peer.clone());
            }
            router.clone().oneshot(request.map(Body::new))
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        watcher.watch(connection).await
    }

    /// The TLS stream, or `None` when the client speaks plain HTTP and was told so, in Go's words.
    async fn handshake(&self, mut stream: TcpStream) -> io::Result<Option<tokio_rustls::server::TlsStream<TcpStream>>> {
        let mut first = [0];
        stream.peek(&mut first).await?;
        if first[0].is_ascii_uppercase() {
            let answer = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
            return Ok(None);
        }
        let acceptor = self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone();
        acceptor.accept(stream).await.map(Some)
    }
}

fn configure(options: ServingOptions<'_>) -> Result<ServerConfig, ServingError> {
    let hints = vec![DistinguishedName::from(options.authority.name_der()?)];
    let provider = Arc::new(crypto::ring::default_provider());
    let shown = |issued: &Issued| {
        let key = PrivatePkcs8KeyDer::from(issued.key.pkcs8().to_vec());
        let certificate = CertificateDer::from(issued.certificate.clone());
        CertifiedKey::from_der(vec![certificate], key.into(), &provider).map(Arc::new)
    };
    let named = shown(options.serving)?;
    let by_address = options.by_address.map(shown).transpose()?.unwrap_or_else(|| named.clone());
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(AnyCertificate { hints }))
        .with_cert_resolver(Arc::new(Shown { named, by_address }));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates that are shown.
#[derive(Debug)]
struct Shown {
    named: Arc<CertifiedKey>,
    by_address: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(if hello.server_name().is_some() { self.named.clone() } else { self.by_address.clone() })
    }
}

/// Takes any client certificate, or none, and has the client prove that it holds the key.
#[derive(Debug)]
struct AnyCertificate {
    hints: Vec<DistinguishedName>,
}

impl AnyCertificate {
    fn proved(
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        pki::verify_handshake(certificate, signed.scheme, message, signed.signature())
            .map(|()| HandshakeSignatureValid::assertion())
            .map_err(|error| TlsError::General(error.to_string()))
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Self::proved(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Self::proved(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        pki::handshake_schemes()
    }
}
