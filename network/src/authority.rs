//! The authority of a consortium: it says in a certificate that a key is a validator's, and takes that back in a list
//! of revocations. This one is for local networks and small consortia; any authority that signs X.509 certificates of
//! Ed25519 keys for both ends of TLS does as well.

use ledger::{KeyPair, PublicKey, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, PKCS_ED25519, PublicKeyData,
    RevokedCertParams, SerialNumber, SignatureAlgorithm, SigningKey,
};
use time::OffsetDateTime;

/// The number by which an authority knows a certificate again.
///
/// RFC 5280 §4.1.2.2: positive, at most 20 bytes. Ours are 16 random bytes with the two highest bits set to 01, so that
/// every one of them has one encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial([u8; 16]);

impl Serial {
    /// The serial number made of these random bytes.
    #[must_use]
    pub const fn new(mut random: [u8; 16]) -> Serial {
        random[0] = random[0] & 0x3f | 0x40;
        Serial(random)
    }

    /// Its bytes, to be given to [`Serial::new`] again.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

/// From when until when something holds, both inclusive, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: Timestamp,
    /// The last one.
    pub until: Timestamp,
}

/// A moment that X.509 cannot express: after the year 9999, or an end before its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a certificate holds from a moment to a later one, both before the year 10000")]
pub struct ValidityError;

/// An authority, with its key.
#[derive(Debug)]
pub struct Authority {
    key: KeyPair,
}

impl Authority {
    /// The authority of this key. The key signs nothing else: give an authority one of its own.
    #[must_use]
    pub const fn new(key: KeyPair) -> Authority {
        Authority { key }
    }

    /// Its own certificate in PEM: what every validator trusts.
    ///
    /// # Errors
    /// [`ValidityError`].
    pub fn certificate(&self, validity: Validity) -> Result<String, ValidityError> {
        let mut params = self.params();
        (params.not_before, params.not_after) = range(validity)?;
        let mut serial = [0; 16];
        serial.copy_from_slice(&self.key.public().0[..16]);
        params.serial_number = Some(SerialNumber::from_slice(&Serial::new(serial).0));
        Ok(params.self_signed(&self.signer()).expect("the parameters are ours").pem())
    }

    /// A certificate in PEM that `validator` is a validator's key. The authority never sees the secret half; the
    /// handshake proves that the validator has it.
    ///
    /// # Errors
    /// [`ValidityError`].
    pub fn issue(
        &self,
        validator: PublicKey,
        serial: Serial,
        validity: Validity,
    ) -> Result<String, ValidityError> {
        let mut params = CertificateParams::default();
        (params.not_before, params.not_after) = range(validity)?;
        params.serial_number = Some(SerialNumber::from_slice(&serial.0));
        params.distinguished_name = named("validator", validator);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.key_identifier_method = KeyIdMethod::PreSpecified(validator.0[..20].to_vec());
        params.use_authority_key_identifier_extension = true;
        Ok(params.signed_by(&Subject(validator), &self.issuer()).expect("the parameters are ours").pem())
    }

    /// The list, in PEM, of all certificates that it has revoked, each with the moment since when. `number` grows with
    /// every list; the next one is promised by the end of `validity`.
    ///
    /// # Errors
    /// [`ValidityError`], also for a moment of revocation.
    pub fn revoke(
        &self,
        revoked: &[(Serial, Timestamp)],
        number: u64,
        validity: Validity,
    ) -> Result<String, ValidityError> {
        let (this_update, next_update) = range(validity)?;
        let revoked_certs = revoked
            .iter()
            .map(|(serial, since)| {
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&serial.0),
                    revocation_time: date(*since)?,
                    reason_code: None,
                    invalidity_date: None,
                })
            })
            .collect::<Result<_, _>>()?;
        let list = CertificateRevocationListParams {
            this_update,
            next_update,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: self.key_identifier(),
        };
        let signed = list.signed_by(&self.issuer()).expect("the parameters are ours");
        Ok(signed.pem().expect("a list was just encoded"))
    }

    /// All of it follows from the key, so nothing but the key has to be kept.
    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = named("authority", self.key.public());
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = self.key_identifier();
        params
    }

    fn issuer(&self) -> Issuer<'static, Signer<'_>> {
        Issuer::new(self.params(), self.signer())
    }

    fn signer(&self) -> Signer<'_> {
        Signer { key: &self.key, subject: Subject(self.key.public()) }
    }

    fn key_identifier(&self) -> KeyIdMethod {
        KeyIdMethod::PreSpecified(self.key.public().0[..20].to_vec())
    }
}

/// The key in hexadecimal fills the 64 characters that X.520 allows for a common name.
fn named(role: &str, key: PublicKey) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Permuta");
    name.push(DnType::OrganizationalUnitName, role);
    name.push(DnType::CommonName, key.to_string());
    name
}

fn range(validity: Validity) -> Result<(OffsetDateTime, OffsetDateTime), ValidityError> {
    let (from, until) = (date(validity.from)?, date(validity.until)?);
    if from < until { Ok((from, until)) } else { Err(ValidityError) }
}

fn date(at: Timestamp) -> Result<OffsetDateTime, ValidityError> {
    let seconds = i64::try_from(at.seconds()).map_err(|_| ValidityError)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| ValidityError)
}

/// The key that a certificate is about.
struct Subject(PublicKey);

impl PublicKeyData for Subject {
    fn der_bytes(&self) -> &[u8] {
        &self.0.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

/// The key that signs it.
struct Signer<'a> {
    key: &'a KeyPair,
    subject: Subject,
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.subject.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.subject.algorithm()
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign(message).0.to_vec())
    }
}
