//! Who this node is: a validator's key, and the certificate that says so.

use std::fmt;
use std::sync::Arc;

use ledger::{KeyPair, PublicKey};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use webpki::EndEntityCert;

/// RFC 8410 §4: the SubjectPublicKeyInfo of an Ed25519 key is these bytes and the key.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A validator's key with its certificates, its own first.
///
/// The key of the certificate *is* the validator's key: the signature of the TLS handshake proves both at once, and there
/// is no second statement that could say something else.
#[derive(Clone)]
pub struct Identity {
    key: KeyPair,
    chain: Vec<CertificateDer<'static>>,
}

/// Why a key and certificates are no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No certificate in the text, or one that cannot be read.
    #[error("expected the validator's certificate in PEM, followed by those between it and the authority")]
    Unreadable,
    /// The certificate is of another key.
    #[error("the certificate is of key {found}, not of this validator's key {expected}")]
    WrongKey {
        /// The key that we have.
        expected: PublicKey,
        /// The key that the certificate is of.
        found: PublicKey,
    },
    /// The certificate is not of an Ed25519 key.
    #[error("the certificate is not of an Ed25519 key")]
    NotEd25519,
}

impl Identity {
    /// The identity of a key and its certificates in PEM.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn new(key: KeyPair, certificates: &[u8]) -> Result<Identity, IdentityError> {
        let chain = read_certificates(certificates).ok_or(IdentityError::Unreadable)?;
        let end_entity = EndEntityCert::try_from(&chain[0]).map_err(|_| IdentityError::Unreadable)?;
        let found = key_of(&end_entity).ok_or(IdentityError::NotEd25519)?;
        if found != key.public() {
            return Err(IdentityError::WrongKey { expected: key.public(), found });
        }
        Ok(Identity { key, chain })
    }

    /// The validator's public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }

    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// What shows the certificates and signs handshakes with the key.
    pub(crate) fn resolver(&self) -> Arc<SingleCertAndKey> {
        let key = Arc::new(HandshakeKey(self.key.clone()));
        Arc::new(SingleCertAndKey::from(CertifiedKey::new(self.chain.clone(), key)))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.public())
    }
}

/// The certificates of a PEM text, at least one; `None` if there is none or one cannot be read.
pub(crate) fn read_certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    (!chain.is_empty()).then_some(chain)
}

/// The Ed25519 key that a certificate is of.
pub(crate) fn key_of(certificate: &EndEntityCert<'_>) -> Option<PublicKey> {
    let info = certificate.subject_public_key_info();
    let key: [u8; 32] = info.strip_prefix(&SPKI_PREFIX)?.try_into().ok()?;
    let key = PublicKey(key);
    key.can_sign().then_some(key)
}

/// A validator's key as TLS wants it.
///
/// What TLS 1.3 signs begins with 64 spaces (RFC 8446 §4.4.3); what the ledger signs begins with a tag that begins with
/// "permuta". So neither signature can be taken for the other.
#[derive(Clone, Debug)]
struct HandshakeKey(KeyPair);

impl SigningKey for HandshakeKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SignatureScheme::ED25519).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from([&SPKI_PREFIX[..], &self.0.public().0].concat()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for HandshakeKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(self.0.sign(message).0.to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
