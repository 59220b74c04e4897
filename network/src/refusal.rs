//! Why a connection is refused or ended, in words, as a code on the wire and as a counter.

use ledger::{Hash, PublicKey, Timestamp};
use quinn::VarInt;
use rustls::CertificateError;

use crate::config::Lane;

/// Why this node refuses a peer. The message is one log line; [`Refusal::name`] is the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No authority that we trust has signed the certificate.
    #[error("no authority that we trust has signed the certificate")]
    UnknownIssuer,
    /// The certificate, or one between it and the authority, has expired.
    #[error("the certificate expired at {} s since 1970", at.seconds())]
    Expired {
        /// When.
        at: Timestamp,
    },
    /// The certificate is not valid yet.
    #[error("the certificate is not valid before {} s since 1970", from.seconds())]
    NotYetValid {
        /// From when on it is.
        from: Timestamp,
    },
    /// The authority has revoked the certificate.
    #[error("the authority has revoked the certificate")]
    Revoked,
    /// There is a list of revocations, but none of the authority that signed this certificate.
    #[error("no list of revocations says whether the certificate still holds")]
    RevocationUnknown,
    /// No certificate, or one that cannot be read, is not meant for this, or is not of an Ed25519 key.
    #[error("not a certificate of an Ed25519 key for connections between validators")]
    Unfit,
    /// Somebody else answers where a validator should be.
    #[error("the certificate is of another validator, {found}")]
    WrongKey {
        /// Who answered.
        found: PublicKey,
    },
    /// The certificate is good, but its owner is no validator that we know.
    #[error("{key} is no validator that we know")]
    UnknownValidator {
        /// Who it is.
        key: PublicKey,
    },
    /// It misbehaved a short while ago.
    #[error("shut out for a while, because it misbehaved")]
    ShutOut,
    /// It speaks another version of this protocol.
    #[error("it speaks version {theirs} of the protocol")]
    Version {
        /// Which.
        theirs: u16,
    },
    /// It belongs to a network with another genesis.
    #[error("it belongs to another network, with genesis {theirs}")]
    Genesis {
        /// Which.
        theirs: Hash,
    },
    /// It names other chains, or the same ones differently.
    #[error("it names other chains than we do")]
    Chains,
    /// It is connected to us already, and the other connection stays.
    #[error("connected to it already")]
    Duplicate,
    /// Nothing was heard of it for too long.
    #[error("silent for too long")]
    Silent,
    /// It announced a frame above the lane's limit.
    #[error("a frame of {bytes} bytes in lane {lane}")]
    Oversized {
        /// Where.
        lane: Lane,
        /// How large it said that the frame is.
        bytes: u32,
    },
    /// It began a frame and did not end it in time: its line is slow, or it plays for time.
    #[error("a frame in lane {0} that did not end in time")]
    Unfinished(Lane),
    /// What it sent is not of this protocol: an unknown or repeated stream, bytes where none belong. What breaks off is
    /// never taken for this.
    #[error("what it sent is not of this protocol")]
    Malformed,
    /// It kept sending more than its share.
    #[error("more than its share in lane {0} for too long")]
    Flood(Lane),
    /// It made a newer connection.
    #[error("replaced by a newer connection")]
    Replaced,
    /// This node is stopping.
    #[error("this node is stopping")]
    Stopping,
    /// One of its streams ended, broke off or is read no more, while the connection lasts: it is on its way out, or gave
    /// up.
    #[error("one of its streams broke off")]
    Torn,
    /// What it said in a frame is nothing that an honest validator says: whoever reads the frames found that out.
    #[error("it said what no honest validator says")]
    Misbehaved,
}

/// The names of the refusals; the position is the code on the wire.
const NAMES: [&str; 22] = [
    "stopping",
    "unknown_issuer",
    "expired",
    "not_yet_valid",
    "revoked",
    "revocation_unknown",
    "unfit_certificate",
    "wrong_key",
    "unknown_validator",
    "shut_out",
    "version",
    "genesis",
    "chains",
    "duplicate",
    "silent",
    "oversized",
    "unfinished",
    "malformed",
    "flood",
    "replaced",
    "torn",
    "misbehaved",
];

impl Refusal {
    /// The code with which the connection is closed. Codes keep their meaning in all versions.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Refusal::Stopping => 0,
            Refusal::UnknownIssuer => 1,
            Refusal::Expired { .. } => 2,
            Refusal::NotYetValid { .. } => 3,
            Refusal::Revoked => 4,
            Refusal::RevocationUnknown => 5,
            Refusal::Unfit => 6,
            Refusal::WrongKey { .. } => 7,
            Refusal::UnknownValidator { .. } => 8,
            Refusal::ShutOut => 9,
            Refusal::Version { .. } => 10,
            Refusal::Genesis { .. } => 11,
            Refusal::Chains => 12,
            Refusal::Duplicate => 13,
            Refusal::Silent => 14,
            Refusal::Oversized { .. } => 15,
            Refusal::Unfinished(_) => 16,
            Refusal::Malformed => 17,
            Refusal::Flood(_) => 18,
            Refusal::Replaced => 19,
            Refusal::Torn => 20,
            Refusal::Misbehaved => 21,
        }
    }

    /// The name of its counter, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.code())]
    }

    /// Whether the peer broke the rules, so that it stays out for a while. Only what arrived can break them, never what
    /// is missing: that is how a crash, a restart or a slow line looks from here.
    #[must_use]
    pub const fn is_misconduct(self) -> bool {
        matches!(
            self,
            Refusal::Oversized { .. } | Refusal::Malformed | Refusal::Flood(_) | Refusal::Misbehaved
        )
    }

    /// Whether something is missing that was begun: the mark of a crash, a restart or a slow line, unless it comes again and
    /// again.
    #[must_use]
    pub const fn is_breach(self) -> bool {
        matches!(self, Refusal::Torn | Refusal::Unfinished(_))
    }

    /// Whether it belongs to the life of a healthy network and is worth no warning.
    #[must_use]
    pub const fn is_ordinary(self) -> bool {
        matches!(self, Refusal::Duplicate | Refusal::Replaced | Refusal::Stopping | Refusal::Torn)
    }

    pub(crate) fn close_code(self) -> VarInt {
        VarInt::from_u32(self.code().into())
    }

    /// What TLS tells the other side about a certificate that is refused during the handshake.
    pub(crate) fn alert(self) -> CertificateError {
        match self {
            Refusal::UnknownIssuer => CertificateError::UnknownIssuer,
            Refusal::Expired { .. } => CertificateError::Expired,
            Refusal::NotYetValid { .. } => CertificateError::NotValidYet,
            Refusal::Revoked => CertificateError::Revoked,
            Refusal::RevocationUnknown => CertificateError::UnknownRevocationStatus,
            Refusal::UnknownValidator { .. } | Refusal::ShutOut => {
                CertificateError::ApplicationVerificationFailure
            }
            _ => CertificateError::BadEncoding,
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Parting {
    /// We ended it.
    #[error("we refused it: {0}")]
    Refused(Refusal),
    /// The peer ended it; [`Refusal::name`] of its reason, or the alert of its TLS, as far as it is known.
    #[error("it refused us: {0}")]
    RefusedByPeer(&'static str),
    /// It could not be reached, fell silent or started anew.
    #[error("connection lost")]
    Lost,
}

impl Parting {
    /// What the transport says of a connection's end, when we ourselves have nothing to say.
    pub(crate) fn of(error: &quinn::ConnectionError) -> Parting {
        match error {
            quinn::ConnectionError::ApplicationClosed(close) => {
                let code = usize::try_from(close.error_code.into_inner()).unwrap_or(usize::MAX);
                Parting::RefusedByPeer(NAMES.get(code).copied().unwrap_or("unknown_reason"))
            }
            quinn::ConnectionError::ConnectionClosed(close) => {
                // RFC 9001 §4.8: a TLS alert is 0x100 plus its number (RFC 8446 §6).
                Parting::RefusedByPeer(match u64::from(close.error_code) {
                    0x2 => "busy",
                    0x12a => "bad_certificate",
                    0x12c => "revoked",
                    0x12d => "expired_or_not_yet_valid",
                    0x130 => "unknown_issuer",
                    0x131 => "unknown_validator_or_shut_out",
                    0x174 => "no_certificate",
                    0x178 => "other_protocol",
                    _ => "transport_error",
                })
            }
            // The peer broke QUIC's own rules, for instance with more streams than it was allowed.
            quinn::ConnectionError::TransportError(_) => Parting::Refused(Refusal::Malformed),
            quinn::ConnectionError::TimedOut => Parting::Refused(Refusal::Silent),
            _ => Parting::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_name_of_its_own() {
        let at = Timestamp(0);
        let all = [
            Refusal::Stopping,
            Refusal::UnknownIssuer,
            Refusal::Expired { at },
            Refusal::NotYetValid { from: at },
            Refusal::Revoked,
            Refusal::RevocationUnknown,
            Refusal::Unfit,
            Refusal::WrongKey { found: PublicKey([0; 32]) },
            Refusal::UnknownValidator { key: PublicKey([0; 32]) },
            Refusal::ShutOut,
            Refusal::Version { theirs: 0 },
            Refusal::Genesis { theirs: Hash::ZERO },
            Refusal::Chains,
            Refusal::Duplicate,
            Refusal::Silent,
            Refusal::Oversized { lane: Lane::Bulk, bytes: 0 },
            Refusal::Unfinished(Lane::Bulk),
            Refusal::Malformed,
            Refusal::Flood(Lane::Bulk),
            Refusal::Replaced,
            Refusal::Torn,
            Refusal::Misbehaved,
        ];
        let codes: Vec<u8> = all.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes, (0..22).collect::<Vec<u8>>());
        assert_eq!(all.map(Refusal::name), NAMES);
    }
}
