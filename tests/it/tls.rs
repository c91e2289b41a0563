//! The loopback listener as clients meet it: kube-rs with a kubeconfig of ours, and raw connections.
//! What the API answers is not the matter here; a router that says who asks stands in for it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::{any, get};
use axum::{Json, Router};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use kubedrill::base::clock::Clock;
use kubedrill::sim::apiserver::auth::{Authenticator, PeerCertificate, TokenKey, TokenObjects};
use kubedrill::sim::apiserver::pki::{AlternativeNames, Authority, Issued, KeyPair, Kubeconfig};
use kubedrill::sim::apiserver::tls::{Serving, ServingError, ServingOptions};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

type Outcome = Result<(), Box<dyn std::error::Error>>;

struct Nothing;

impl TokenObjects for Nothing {
    fn object(&self, _kind: &str, _namespace: &str, _name: &str) -> Option<Arc<Value>> {
        None
    }

    fn note_use(&self, _secret: &Value, _now: Timestamp) {}
}

struct Cluster {
    authority: Authority,
    now: Timestamp,
    serving: Serving,
}

impl Cluster {
    async fn start() -> Result<Self, Box<dyn std::error::Error>> {
        Self::start_on(IpAddr::from([127, 0, 0, 1])).await
    }

    async fn start_on(address: IpAddr) -> Result<Self, Box<dyn std::error::Error>> {
        let now = Clock::system().now();
        let authority = Authority::generate("kubernetes", now)?;
        let served = Self::certificate(&authority, address, now)?;
        let authenticator =
            Arc::new(Authenticator::new(authority.certificate(), TokenKey::new(&KeyPair::generate()?)?));
        let options =
            ServingOptions { address: (address, 0).into(), serving: &served, by_address: None, authority: &authority };
        let serving = Serving::start(options, router(authenticator, now)).await?;
        Ok(Self { authority, now, serving })
    }

    fn certificate(
        authority: &Authority,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Issued, Box<dyn std::error::Error>> {
        let dns = vec!["localhost".to_owned(), "kubernetes".to_owned()];
        let names = AlternativeNames { dns, ips: vec![address], ..AlternativeNames::default() };
        Ok(authority.issue_serving("kube-apiserver", names, now)?)
    }

    /// A client of whoever holds `issued`.
    async fn client(&self, issued: &Issued) -> Result<kube::Client, Box<dyn std::error::Error>> {
        let config = Kubeconfig {
            server: &format!("https://{}", self.serving.address()),
            authority: &self.authority.certificate_pem(),
            user: "jane",
            certificate: &issued.certificate_pem(),
            key: &issued.key.to_pem(),
            namespace: None,
        };
        let config = kube::config::Kubeconfig::from_yaml(&config.to_yaml())?;
        let options = kube::config::KubeConfigOptions::default();
        Ok(kube::Client::try_from(kube::Config::from_custom_kubeconfig(config, &options).await?)?)
    }

    /// A TLS connection of nobody, which offers no ALPN, as upgrading clients do.
    async fn connect(&self) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Box<dyn std::error::Error>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.authority.certificate().to_vec()))?;
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.serving.address()).await?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        Ok(connector.connect(ServerName::try_from("localhost")?, stream).await?)
    }
}

fn router(authenticator: Arc<Authenticator>, now: Timestamp) -> Router {
    let whoami = move |request: Request| async move {
        let peer = request.extensions().get::<PeerCertificate>();
        match authenticator.authenticate(peer, request.headers(), now, &Nothing) {
            Ok(user) => Json(user.to_value()).into_response(),
            Err(status) => (StatusCode::UNAUTHORIZED, Json(status.to_value())).into_response(),
        }
    };
    let forever = || async { std::future::pending::<&'static str>().await };
    Router::new().route("/whoami", get(whoami)).route("/forever", get(forever)).route("/echo", any(echo))
}

/// Takes the connection over and says back what it is told.
async fn echo(mut request: Request) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    let answer = Response::builder().status(101).header("connection", "upgrade").header("upgrade", "echo");
    answer.body(Body::empty()).unwrap_or_default()
}

fn whoami() -> axum::http::Request<Vec<u8>> {
    axum::http::Request::get("/whoami").body(Vec::new()).unwrap_or_default()
}

#[tokio::test]
async fn a_certificate_of_two_groups_logs_in() -> Outcome {
    let cluster = Cluster::start().await?;
    let client = cluster.client(&cluster.authority.issue_client("jane", &["dev", "ops"], cluster.now)?).await?;
    let user: Value = client.request(whoami()).await?;
    assert_eq!(user["username"], "jane");
    assert_eq!(user["groups"], serde_json::json!(["dev", "ops", "system:authenticated"]));
    Ok(())
}

#[tokio::test]
async fn a_strangers_certificate_is_answered_with_401() -> Outcome {
    let cluster = Cluster::start().await?;
    let stranger = Authority::generate("kubernetes", cluster.now)?;
    let client = cluster.client(&stranger.issue_client("jane", &["system:masters"], cluster.now)?).await?;
    let refused = client.request::<Value>(whoami()).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.code == 401 && status.message == "Unauthorized"));
    Ok(())
}

#[tokio::test]
async fn a_connection_is_handed_over_where_the_router_upgrades_it() -> Outcome {
    let cluster = Cluster::start().await?;
    let mut stream = cluster.connect().await?;
    stream.write_all(b"GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream.write_all(b"hello").await?;
    let mut said = [0; 5];
    stream.read_exact(&mut said).await?;
    assert_eq!(&said, b"hello");
    Ok(())
}

#[tokio::test]
async fn plain_http_is_told_where_it_is() -> Outcome {
    let cluster = Cluster::start().await?;
    let mut stream = TcpStream::connect(cluster.serving.address()).await?;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.ends_with("Client sent an HTTP request to an HTTPS server.\n"), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_stopped_server_cuts_watches_off_and_refuses() -> Outcome {
    // Where nobody else takes the port once it is free; elsewhere than on Linux there is one address on loopback only.
    let own = if cfg!(target_os = "linux") { [127, 77, 0, 1] } else { [127, 0, 0, 1] };
    let cluster = Cluster::start_on(own.into()).await?;
    let address = cluster.serving.address();
    let mut stream = cluster.connect().await?;
    stream.write_all(b"GET /forever HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    let client = cluster.client(&cluster.authority.issue_client("jane", &[], cluster.now)?).await?;
    let _: Value = client.request(whoami()).await?;
    cluster.serving.stop(Duration::ZERO).await;
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
    // A program that another test is just starting has a copy of the listener until it has begun.
    let refused = async {
        loop {
            match TcpStream::connect(address).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error.kind(),
            }
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(20), refused).await?;
    assert_eq!(refused, std::io::ErrorKind::ConnectionRefused);
    let now = cluster.now;
    let served = Cluster::certificate(&cluster.authority, address.ip(), now)?;
    let options = ServingOptions { address, serving: &served, by_address: None, authority: &cluster.authority };
    assert_eq!(Serving::start(options, Router::new()).await?.address(), address);
    Ok(())
}

#[tokio::test]
async fn a_taken_port_is_named() -> Outcome {
    let cluster = Cluster::start().await?;
    let port = cluster.serving.address().port();
    let served = Cluster::certificate(&cluster.authority, cluster.serving.address().ip(), cluster.now)?;
    let options = ServingOptions {
        address: ([127, 0, 0, 1], port).into(),
        serving: &served,
        by_address: None,
        authority: &cluster.authority,
    };
    let refused = Serving::start(options, Router::new()).await;
    assert!(matches!(refused, Err(ServingError::PortTaken { address }) if address.port() == port));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_never_says_hello_is_let_go() -> Outcome {
    let cluster = Cluster::start().await?;
    let mut stream = TcpStream::connect(cluster.serving.address()).await?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await?;
    assert_eq!(said, b"");
    Ok(())
}
