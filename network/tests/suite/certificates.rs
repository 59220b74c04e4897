//! Whose certificates count, without a network.

use ledger::{PublicKey, Timestamp};
use network::authority::ValidityError;
use network::identity::IdentityError;
use network::trust::TrustError;
use network::{Authority, Identity, Refusal, Trust, Validity};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::common::{DAY, TODAY, YEAR, key, serial, trust_in};

fn from_to(from_days: i64, to_days: i64) -> Validity {
    let moment = |days: i64| Timestamp(TODAY.0.checked_add_signed(days * DAY as i64).unwrap());
    Validity { from: moment(from_days), until: moment(to_days) }
}

fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect()
}

/// Checks a certificate of validator 1 by the authority 200 today.
fn check(trust: &Trust, authority: &Authority, validity: Validity) -> Result<PublicKey, Refusal> {
    trust.check(&chain(&authority.issue(key(1).public(), serial(1), validity).unwrap()), TODAY)
}

#[test]
fn a_certificate_holds_from_its_first_second_to_its_last() {
    let authority = Authority::new(key(200));
    let trust = trust_in(&authority);
    let certificate = chain(&authority.issue(key(1).public(), serial(1), from_to(0, 10)).unwrap());
    let at = |ms: i64| trust.check(&certificate, Timestamp(TODAY.0.checked_add_signed(ms).unwrap()));
    let until = Timestamp(TODAY.0 + 10 * DAY);
    assert_eq!(at(-1000), Err(Refusal::NotYetValid { from: TODAY }));
    assert_eq!(at(0), Ok(key(1).public()));
    assert_eq!(at(10 * DAY as i64), Ok(key(1).public()));
    assert_eq!(at(10 * DAY as i64 + 1000), Err(Refusal::Expired { at: until }));
}

#[test]
fn the_end_of_a_certificate_is_known_beforehand() {
    let authority = Authority::new(key(200));
    let trust = trust_in(&authority);
    let certificate = chain(&authority.issue(key(1).public(), serial(1), from_to(-1, 10)).unwrap());
    assert_eq!(trust.expires(&certificate, TODAY), Some(Timestamp(TODAY.0 + 10 * DAY)));
}

#[test]
fn another_authority_is_refused_even_under_the_same_name() {
    let trust = trust_in(&Authority::new(key(200)));
    assert_eq!(check(&trust, &Authority::new(key(201)), from_to(-1, 10)), Err(Refusal::UnknownIssuer));
}

#[test]
fn a_validator_cannot_vouch_for_another() {
    let authority = Authority::new(key(200));
    let trust = trust_in(&authority);
    let first = authority.issue(key(1).public(), serial(1), from_to(-1, 10)).unwrap();
    let second = Authority::new(key(1)).issue(key(2).public(), serial(2), from_to(-1, 10)).unwrap();
    assert_eq!(trust.check(&chain(&(second + &first)), TODAY), Err(Refusal::UnknownIssuer));
}

#[test]
fn several_authorities_may_be_trusted() {
    let [first, second] = [200, 201].map(|number| Authority::new(key(number)));
    let both = [&first, &second].map(|authority| authority.certificate(from_to(-1, 100)).unwrap()).concat();
    let trust = Trust::new(both.as_bytes()).unwrap();
    for authority in [first, second] {
        assert_eq!(check(&trust, &authority, from_to(-1, 10)), Ok(key(1).public()));
    }
}

#[test]
fn a_revoked_certificate_is_refused_and_its_owner_may_get_another() {
    let authority = Authority::new(key(200));
    let trust = trust_in(&authority);
    let list = authority.revoke(&[(serial(1), TODAY), (serial(7), TODAY)], 1, from_to(-1, 10)).unwrap();
    trust.set_revocations(list.as_bytes()).unwrap();
    assert_eq!(check(&trust, &authority, from_to(-1, 10)), Err(Refusal::Revoked));
    let renewed = authority.issue(key(1).public(), serial(2), from_to(-1, 10)).unwrap();
    assert_eq!(trust.check(&chain(&renewed), TODAY), Ok(key(1).public()));
    // An empty list takes it all back.
    let list = authority.revoke(&[], 2, from_to(-1, 10)).unwrap();
    trust.set_revocations(list.as_bytes()).unwrap();
    assert_eq!(check(&trust, &authority, from_to(-1, 10)), Ok(key(1).public()));
}

#[test]
fn with_revocations_in_use_every_authority_has_to_publish_some() {
    let [ours, other] = [200, 201].map(|number| Authority::new(key(number)));
    let trust = trust_in(&ours);
    let list = other.revoke(&[], 1, from_to(-1, 10)).unwrap();
    trust.set_revocations(list.as_bytes()).unwrap();
    assert_eq!(check(&trust, &ours, from_to(-1, 10)), Err(Refusal::RevocationUnknown));
}

#[test]
fn a_list_of_revocations_with_the_authoritys_name_but_not_its_signature_counts_for_nothing() {
    let authority = Authority::new(key(200));
    let trust = trust_in(&authority);
    let list = authority.revoke(&[], 1, from_to(-1, 10)).unwrap();
    // The signature comes last, so a letter of the last line belongs to it.
    let at = list.trim_end().rfind("\n-----END").unwrap() - 20;
    let letter = if list.as_bytes()[at] == b'A' { "B" } else { "A" };
    let forged = [&list[..at], letter, &list[at + 1..]].concat();
    trust.set_revocations(forged.as_bytes()).unwrap();
    assert_eq!(check(&trust, &authority, from_to(-1, 10)), Err(Refusal::RevocationUnknown));
}

#[test]
fn an_outdated_list_of_revocations_goes_on_counting() {
    let authority = Authority::new(key(200));
    let trust = trust_in(&authority);
    let list = authority.revoke(&[(serial(1), TODAY)], 1, from_to(-20, -10)).unwrap();
    trust.set_revocations(list.as_bytes()).unwrap();
    assert_eq!(check(&trust, &authority, from_to(-1, 10)), Err(Refusal::Revoked));
}

#[test]
fn what_is_no_list_of_revocations_leaves_the_earlier_one_in_force() {
    let authority = Authority::new(key(200));
    let trust = trust_in(&authority);
    let list = authority.revoke(&[(serial(1), TODAY)], 1, from_to(-1, 10)).unwrap();
    trust.set_revocations(list.as_bytes()).unwrap();
    for garbage in ["", "garbage", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"] {
        assert_eq!(trust.set_revocations(garbage.as_bytes()), Err(TrustError::Revocations));
    }
    assert_eq!(check(&trust, &authority, from_to(-1, 10)), Err(Refusal::Revoked));
}

#[test]
fn a_validator_cannot_start_with_the_certificate_of_another() {
    let authority = Authority::new(key(200));
    let certificate = authority.issue(key(1).public(), serial(1), from_to(-1, 10)).unwrap();
    let expected = IdentityError::WrongKey { expected: key(2).public(), found: key(1).public() };
    assert_eq!(Identity::new(key(2), certificate.as_bytes()).unwrap_err(), expected);
    assert_eq!(Identity::new(key(1), b"garbage").unwrap_err(), IdentityError::Unreadable);
    assert_eq!(Trust::new(b"garbage").unwrap_err(), TrustError::Certificates);
}

#[test]
fn a_certificate_cannot_end_before_it_begins_or_after_the_year_9999() {
    let authority = Authority::new(key(200));
    let validity = Validity { from: TODAY, until: Timestamp(u64::MAX) };
    assert_eq!(authority.issue(key(1).public(), serial(1), validity), Err(ValidityError));
    assert_eq!(authority.issue(key(1).public(), serial(1), from_to(1, 0)), Err(ValidityError));
    assert_eq!(authority.certificate(from_to(1, 0)), Err(ValidityError));
    assert_eq!(authority.revoke(&[(serial(1), Timestamp(u64::MAX))], 1, from_to(0, 1)), Err(ValidityError));
}

#[test]
fn an_authority_is_nothing_but_its_key() {
    let validity = Validity { from: TODAY, until: Timestamp(TODAY.0 + YEAR) };
    let [first, second] = [(); 2].map(|()| Authority::new(key(200)));
    assert_eq!(first.certificate(validity), second.certificate(validity));
    assert_eq!(
        first.issue(key(1).public(), serial(1), validity),
        second.issue(key(1).public(), serial(1), validity)
    );
}
