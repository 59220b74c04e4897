//! Whose certificates count: those of the consortium's authorities, as long as they hold and are not revoked.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ledger::{PublicKey, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, CertRevocationList, EndEntityCert, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

use crate::identity::{key_of, read_certificates};
use crate::refusal::Refusal;

/// The authorities that are trusted, and what they have revoked.
#[derive(Debug)]
pub struct Trust {
    anchors: Vec<TrustAnchor<'static>>,
    revoked: RwLock<Arc<Vec<CertRevocationList<'static>>>>,
}

/// Why a file of certificates or revocations cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// No certificate of an authority in the text, or one that cannot be read.
    #[error("expected the certificates of one or more authorities in PEM")]
    Certificates,
    /// No list of revocations in the text, or one that cannot be read.
    #[error("expected one or more lists of revocations (X.509 CRL) in PEM")]
    Revocations,
}

impl Trust {
    /// Trust in the authorities whose certificates stand in this PEM text. Their own expiry does not count: an authority
    /// is trusted until it is taken out of the text.
    ///
    /// # Errors
    /// [`TrustError::Certificates`].
    pub fn new(authorities: &[u8]) -> Result<Trust, TrustError> {
        let anchors = read_certificates(authorities)
            .ok_or(TrustError::Certificates)?
            .iter()
            .map(|certificate| Ok(anchor_from_trusted_cert(certificate)?.to_owned()))
            .collect::<Result<_, webpki::Error>>()
            .map_err(|_| TrustError::Certificates)?;
        Ok(Trust { anchors, revoked: RwLock::default() })
    }

    /// Takes over the lists of revocations of this PEM text, instead of earlier ones. From the first list on, every
    /// certificate must be covered by a list of the authority that signed it; a list that is older than it promised to
    /// be goes on counting, since a network that stops for want of a newer one helps nobody.
    ///
    /// # Errors
    /// [`TrustError::Revocations`]; the earlier lists stay.
    pub fn set_revocations(&self, lists: &[u8]) -> Result<(), TrustError> {
        let lists = CertificateRevocationListDer::pem_slice_iter(lists)
            .map(|list| OwnedCertRevocationList::from_der(&list.ok()?).ok().map(CertRevocationList::from))
            .collect::<Option<Vec<_>>>()
            .filter(|lists| !lists.is_empty())
            .ok_or(TrustError::Revocations)?;
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(lists);
        Ok(())
    }

    /// The validator whose certificates these are, its own first, if they hold at `now`.
    ///
    /// # Errors
    /// The first [`Refusal`] of: unfit, not yet valid, expired, unknown issuer, revoked, revocation unknown.
    pub fn check(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<PublicKey, Refusal> {
        let (own, between) = chain.split_first().ok_or(Refusal::Unfit)?;
        let certificate = EndEntityCert::try_from(own).map_err(|_| Refusal::Unfit)?;
        let key = key_of(&certificate).ok_or(Refusal::Unfit)?;
        let revoked = Arc::clone(&self.revoked.read().unwrap_or_else(PoisonError::into_inner));
        let lists: Vec<&CertRevocationList<'_>> = revoked.iter().collect();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(now.seconds()));
        // A validator calls and is called, so its certificate serves both ends.
        for usage in [KeyUsage::server_auth(), KeyUsage::client_auth()] {
            // No list, no options: that is how webpki spells "nothing is revoked".
            let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
                options
                    .with_depth(RevocationCheckDepth::Chain)
                    .with_status_policy(UnknownStatusPolicy::Deny)
                    .build()
            });
            certificate
                .verify_for_usage(
                    ALL_VERIFICATION_ALGS,
                    &self.anchors,
                    between,
                    time,
                    usage,
                    revocation,
                    None,
                )
                .map_err(refusal)?;
        }
        Ok(key)
    }

    /// When the validator's own certificate of these expires; `None` if not within a hundred years from `now`.
    #[must_use]
    pub fn expires(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Option<Timestamp> {
        // The refusal names the moment, and saves us from reading X.509 ourselves.
        match self.check(chain, now.plus_ms(100 * 365 * Timestamp::DAY_MS)) {
            Err(Refusal::Expired { at }) => Some(at),
            _ => None,
        }
    }
}

fn refusal(error: webpki::Error) -> Refusal {
    let moment = |time: UnixTime| Timestamp(time.as_secs().saturating_mul(1000));
    match error {
        webpki::Error::CertExpired { not_after, .. } => Refusal::Expired { at: moment(not_after) },
        webpki::Error::CertNotValidYet { not_before, .. } => {
            Refusal::NotYetValid { from: moment(not_before) }
        }
        webpki::Error::CertRevoked => Refusal::Revoked,
        webpki::Error::UnknownRevocationStatus
        | webpki::Error::InvalidCrlSignatureForPublicKey
        | webpki::Error::IssuerNotCrlSigner => Refusal::RevocationUnknown,
        // Also when the name is right and the signature is not: somebody borrowed the authority's name.
        webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => Refusal::UnknownIssuer,
        _ => Refusal::Unfit,
    }
}
