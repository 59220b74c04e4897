//! A peer with a good certificate and bad manners, made of nothing but quinn, so that it shares no mistake with the crate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use borsh::BorshSerialize;
use ledger::{Hash, KeyPair, SubChain};
use network::{Authority, Validity};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, Endpoint, SendStream};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use crate::common::{Consortium, DAY, Node, TODAY, YEAR, serial, soon};

/// RFC 8410 §7: PKCS #8 of an Ed25519 key is these bytes and the seed.
const PKCS8_PREFIX: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];

pub(crate) struct Rogue {
    pub(crate) connection: Connection,
    // Dropped last: it ends the connection.
    _endpoint: Endpoint,
    _control: Option<SendStream>,
}

/// Trusts everybody.
#[derive(Debug)]
struct Gullible;

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

#[derive(BorshSerialize)]
pub(crate) struct Greeting {
    pub(crate) version: u16,
    pub(crate) genesis: Hash,
    pub(crate) chains: Vec<(SubChain, Hash)>,
    pub(crate) run: u64,
}

/// A certificate, and the key that signs the handshake: they need not belong together.
pub(crate) struct Papers {
    pub(crate) certificate: Option<CertificateDer<'static>>,
    pub(crate) key: KeyPair,
}

impl Papers {
    /// Those of a validator.
    pub(crate) fn of(consortium: &Consortium, index: usize) -> Papers {
        let key = consortium.keys[index].clone();
        Papers { certificate: Some(certificate(&consortium.authority, &key, index)), key }
    }
}

pub(crate) fn certificate(authority: &Authority, key: &KeyPair, index: usize) -> CertificateDer<'static> {
    let validity = Validity { from: ledger::Timestamp(TODAY.0 - DAY), until: TODAY.plus_ms(YEAR) };
    let pem = authority.issue(key.public(), serial(index), validity).unwrap();
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// Connects with these papers.
pub(crate) async fn connect(
    papers: Papers,
    to: SocketAddr,
    protocol: &[u8],
) -> Result<Rogue, ConnectionError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible));
    let mut config = match papers.certificate {
        Some(certificate) => {
            let pkcs8 = PrivatePkcs8KeyDer::from([&PKCS8_PREFIX[..], &papers.key.seed()].concat());
            let key = rustls::crypto::ring::sign::any_eddsa_type(&pkcs8).unwrap();
            let _: PrivateKeyDer<'_> = pkcs8.into();
            let certified = rustls::sign::CertifiedKey::new(vec![certificate], key);
            builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()));
    let connection = endpoint.connect_with(config, to, "anybody").unwrap().await?;
    Ok(Rogue { connection, _endpoint: endpoint, _control: None })
}

pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat()
}

impl Rogue {
    /// Validator `index` of the consortium, greeted and in good standing so far.
    pub(crate) async fn greeted(consortium: &Consortium, index: usize, node: &Node) -> Rogue {
        let mut rogue =
            soon("the handshake", connect(Papers::of(consortium, index), node.address(), b"permuta"))
                .await
                .unwrap();
        rogue.greet(&greeting(consortium)).await;
        crate::common::until("the rogue to be let in", || {
            node.is_connected_to(consortium.keys[index].public())
        })
        .await;
        rogue
    }

    pub(crate) async fn greet(&mut self, greeting: &Greeting) {
        let hello = frame(&borsh::to_vec(greeting).unwrap());
        self._control = Some(self.stream([0, 0], &hello).await);
    }

    /// Says that it is there, as often as a good peer would.
    pub(crate) fn stays_alive(&mut self) {
        let mut control = self._control.take().unwrap();
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        tokio::spawn(async move {
            while control.write_all(&frame(&[])).await.is_ok() {
                ticks.tick().await;
            }
        });
    }

    /// Writes to the greeting's stream again.
    pub(crate) async fn says(&mut self, bytes: &[u8]) {
        self._control.as_mut().unwrap().write_all(bytes).await.unwrap();
    }

    /// Opens a stream, and writes to it.
    pub(crate) async fn stream(&self, head: [u8; 2], bytes: &[u8]) -> SendStream {
        let mut stream = self.connection.open_uni().await.unwrap();
        let _ = stream.write_all(&head).await;
        let _ = stream.write_all(bytes).await;
        stream
    }

    /// The reason with which it is thrown out.
    pub(crate) async fn thrown_out(&self) -> String {
        match soon("the rogue to be thrown out", self.connection.closed()).await {
            ConnectionError::ApplicationClosed(close) => String::from_utf8(close.reason.to_vec()).unwrap(),
            other => other.to_string(),
        }
    }
}

pub(crate) fn greeting(consortium: &Consortium) -> Greeting {
    let chains = SubChain::ALL.map(|chain| (chain, consortium.genesis.chain_id(chain))).to_vec();
    Greeting { version: 1, genesis: consortium.genesis.hash(), chains, run: 99 }
}
