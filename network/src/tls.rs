//! TLS 1.3 as both ends set it up. Both show a certificate, both check the other's with [`Trust`](crate::Trust), and a
//! handshake is never abbreviated: a resumed session would not be checked.

use std::fmt;
use std::sync::{Arc, OnceLock};

use ledger::PublicKey;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, ServerConfig,
    SignatureScheme,
};

use crate::refusal::Refusal;

/// The name of the protocol inside TLS (RFC 7301). Versions are told apart in the greeting, where both can be named.
const PROTOCOL: &[u8] = b"permuta";

/// Decides about the certificates of a peer, its own first.
pub(crate) type Judge = dyn Fn(&[CertificateDer<'_>]) -> Result<PublicKey, Refusal> + Send + Sync;

/// Checks the peer of one connection, and remembers the verdict: TLS itself passes on no more than an alert.
pub(crate) struct Gate {
    provider: Arc<CryptoProvider>,
    judge: Box<Judge>,
    verdict: OnceLock<Result<PublicKey, Refusal>>,
}

impl Gate {
    pub(crate) fn new(judge: Box<Judge>) -> Arc<Gate> {
        Arc::new(Gate { provider: Arc::new(ring::default_provider()), judge, verdict: OnceLock::new() })
    }

    /// What came of it; `None` if it never came to a certificate.
    pub(crate) fn verdict(&self) -> Option<Result<PublicKey, Refusal>> {
        self.verdict.get().copied()
    }

    pub(crate) fn client(self: &Arc<Gate>, own: Arc<SingleCertAndKey>) -> Arc<QuicClientConfig> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .expect("ring knows TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_client_cert_resolver(own);
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Arc::new(QuicClientConfig::try_from(config).expect("ring has the cipher that QUIC starts with"))
    }

    pub(crate) fn server(self: &Arc<Gate>, own: Arc<SingleCertAndKey>) -> Arc<QuicServerConfig> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .expect("ring knows TLS 1.3")
            .with_client_cert_verifier(Arc::clone(self) as Arc<dyn ClientCertVerifier>)
            .with_cert_resolver(own);
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Arc::new(QuicServerConfig::try_from(config).expect("ring has the cipher that QUIC starts with"))
    }

    fn decide(&self, own: &CertificateDer<'_>, between: &[CertificateDer<'_>]) -> Result<(), Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(own).chain(between).cloned().collect();
        let verdict = (self.judge)(&chain);
        let verdict = *self.verdict.get_or_init(|| verdict);
        verdict.map(|_| ()).map_err(|refusal| Error::InvalidCertificate(refusal.alert()))
    }

    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate({:?})", self.verdict)
    }
}

impl ServerCertVerifier for Gate {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        // Validators are known by their keys; where they listen may change.
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.decide(own, between).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for Gate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.decide(own, between).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
