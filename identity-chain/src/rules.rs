//! What is refused, and in which order: pure questions to the state. Whatever passes here can be done.

use ledger::account::{CHAIN_IDS, ERA, RULES, STRICT, account};
use ledger::koma::{Mode, Validators, ValidatorsError};
use ledger::{AccountKey, Address, Body, PublicKey, Read, Scope, SubChain, Timestamp};
use vocabulary::{Role, Roles, Standing};

use crate::config::{Config, MAX_KEYS};
use crate::council::{deciding, members, passes, weight_of};
use crate::party::{Party, may_follow};
use crate::payload::{MAX_GRANT_MS, MAX_INVITATION_MS, Payload, Registration};
use crate::rejection::Rejection;
use crate::tables::{
    ALONE, BANS, FOUR, KEY_OWNERS, LEIS, NUMBERS, OPERATORS, PARTIES, PROPOSALS, REGISTERED, SENT,
    VALIDATORS, lei_key, number_key,
};
use crate::validator::{
    Change, MAX_PROPOSAL_MS, MAX_PROPOSALS, MAX_PROPOSALS_EACH, Members, Stand, Validator, possession_bytes,
};

/// A request in its circumstances.
pub(crate) struct Case<'a> {
    pub(crate) config: &'a Config,
    pub(crate) state: &'a dyn Read,
    /// The time of the block; `None` before there is one, and then nothing is refused for the time.
    pub(crate) now: Option<Timestamp>,
    pub(crate) body: &'a Body,
    pub(crate) payload: &'a Payload,
}

type Checked = Result<(), Rejection>;

fn ensure(holds: bool, otherwise: Rejection) -> Checked {
    if holds { Ok(()) } else { Err(otherwise) }
}

impl Case<'_> {
    fn sender(&self) -> Address {
        self.body.account
    }

    /// Whether the sender may send this at all: no fee offered; a one-time code only enrols, and nothing else
    /// does; an organisation is registered (or registers now), not turned down, not suspended; its quota.
    pub(crate) fn admissible(&self) -> Checked {
        ensure(self.body.fee == 0, Rejection::Fee)?;
        let known = account(self.state, self.sender());
        let scope = known.scope(self.sender(), self.body.key, self.now.unwrap_or_default());
        let enrols = matches!(self.payload, Payload::EnrolKey { .. });
        match scope {
            Some(Scope::EnrolOnce { .. }) => ensure(enrols, Rejection::CodeOnlyEnrols)?,
            Some(Scope::Full) | None => ensure(!enrols, Rejection::NotACode)?,
        }
        let party = PARTIES.get(self.state, &self.sender());
        let registers = matches!(self.payload, Payload::Register(_));
        let removes = matches!(self.payload, Payload::RemoveKey { .. });
        let shares = matches!(self.payload, Payload::ShareCredit { .. });
        let leaves = matches!(self.payload, Payload::Leave { .. });
        let accuses = matches!(self.payload, Payload::Accuse { .. }) && self.is_validator();
        // Who decides is for those who decide: no operator silences one of them.
        let votes = matches!(self.payload, Payload::Propose { .. } | Payload::Vote { .. }) && self.weighs();
        match party.as_ref().map(|party| party.standing) {
            None => ensure(registers || accuses, Rejection::NotRegistered)?,
            Some(Standing::Refused) => ensure(registers || removes || accuses, Rejection::TurnedDown)?,
            Some(Standing::Suspended) => {
                ensure(removes || shares || leaves || accuses || votes, Rejection::Suspended)?
            }
            Some(Standing::Pending | Standing::Admitted) => {}
        }
        if party.is_some_and(|party| party.acts_as(Role::Operator)) {
            return Ok(());
        }
        let Some(now) = self.now else { return Ok(()) };
        let quota = self.config.free_per_day;
        ensure(sent_on(self.state, self.sender(), now) < quota, Rejection::Quota(quota))
    }

    /// Whether the request can be done, in the order of its fields.
    pub(crate) fn permitted(&self) -> Checked {
        match self.payload {
            Payload::Register(registration) => self.register(registration),
            Payload::AddKey { key } => {
                self.new_key("key", *key)?;
                self.room_for_key("key")
            }
            Payload::RemoveKey { key } => self.remove_key(*key),
            Payload::InviteKey { code, until } => {
                self.new_key("code", *code)?;
                self.room_for_key("code")?;
                self.ahead(*until, MAX_INVITATION_MS, Some(Rejection::UntilPast))
            }
            // The code's own place is free for the key.
            Payload::EnrolKey { key } => self.new_key("key", *key),
            Payload::Admit { party, roles } => self.admit(*party, *roles),
            Payload::Refuse { party, .. } => {
                self.entitled(&[Role::Operator])?;
                self.moves(*party, Standing::Refused, "only a pending one can be turned down").map(drop)
            }
            Payload::Suspend { party, .. } => self.suspend(*party),
            Payload::Reinstate { party, .. } => {
                self.entitled(&[Role::Operator, Role::Supervisor])?;
                let known = self.known("party", *party)?;
                let reason = "only a suspended one can be reinstated";
                ensure(known.standing == Standing::Suspended, Rejection::Standing(known.standing, reason))
            }
            Payload::ShareCredit { with, until } => {
                ensure(*with != self.sender(), Rejection::SharedWithOneself)?;
                self.known("with", *with)?;
                self.ahead(*until, MAX_GRANT_MS, None)
            }
            Payload::Propose { change, until } => {
                self.propose(change)?;
                self.ahead(*until, MAX_PROPOSAL_MS, Some(Rejection::UntilPast))
            }
            Payload::Vote { proposal } => self.vote(*proposal),
            Payload::Leave { validator } => self.leave(*validator),
            Payload::Accuse { evidence } => {
                let party = PARTIES.get(self.state, &self.sender());
                let admitted = party.is_some_and(|party| party.standing == Standing::Admitted);
                ensure(
                    admitted || self.is_validator(),
                    Rejection::NotEntitled("organisation, or a validator,"),
                )?;
                let accused = evidence.against(self.state)?.validator;
                ensure(!BANS.has(self.state, &accused), Rejection::ValidatorBanned("evidence"))?;
                Ok(evidence.prove(self.state).map(drop)?)
            }
        }
    }

    /// Whether a validator speaks with its own key: its account is the one that this key gives.
    fn is_validator(&self) -> bool {
        let key = self.body.key;
        self.sender() == key.address()
            && VALIDATORS.get(self.state, &key).is_some_and(|known| known.stand != Stand::Banned)
    }

    /// Sender, eras, proposals that wait; then the key, its state, weight, organisation, proof, and those who would decide.
    fn propose(&self, change: &Change) -> Checked {
        ensure(self.weighs(), Rejection::RunsNoValidator)?;
        changeable(self.state)?;
        let open = PROPOSALS.all(self.state);
        let own = open.iter().filter(|(_, proposal)| proposal.by == self.sender()).count();
        ensure(own < MAX_PROPOSALS_EACH, Rejection::ProposalsOfOne)?;
        ensure(open.len() < MAX_PROPOSALS, Rejection::ProposalsFull)?;
        match change {
            Change::Admit { key, weight, organisation, proof } => {
                ensure(key.can_sign(), Rejection::NotAKey { field: "key", key: *key })?;
                ensure(!BANS.has(self.state, key), Rejection::ValidatorBanned("key"))?;
                ensure(sitting(self.state, *key).is_none(), Rejection::ValidatorPresent)?;
                ensure(*weight > 0, Rejection::NoWeight)?;
                let known = self.known("organisation", *organisation)?;
                let reason = "only an admitted one runs a validator";
                ensure(known.standing == Standing::Admitted, Rejection::Standing(known.standing, reason))?;
                let chain = CHAIN_IDS.get(self.state, &SubChain::Identity).unwrap_or_default();
                let said = possession_bytes(chain, *organisation, *key);
                ensure(key.verify(&said, proof).is_ok(), Rejection::NoPossession)?;
            }
            Change::Remove { key } => {
                ensure(sitting(self.state, *key).is_some(), Rejection::ValidatorUnknown("key"))?;
            }
            Change::Weigh { key, weight } => {
                let known = sitting(self.state, *key).ok_or(Rejection::ValidatorUnknown("key"))?;
                ensure(*weight > 0, Rejection::NoWeight)?;
                ensure(*weight != known.weight, Rejection::SameWeight)?;
            }
            Change::Ease => {}
        }
        may_be(self.state, change)
    }

    /// Proposal, sender, vote before, and those who would decide if this vote is the last that it needs.
    fn vote(&self, number: u64) -> Checked {
        let proposal = PROPOSALS.get(self.state, &number);
        let open = proposal.filter(|proposal| self.now.is_none_or(|now| now < proposal.until));
        let proposal = open.ok_or(Rejection::ProposalUnknown(number))?;
        ensure(self.weighs(), Rejection::RunsNoValidator)?;
        ensure(!proposal.backers.contains(&self.sender()), Rejection::VotedAlready)?;
        let backers = [proposal.backers, vec![self.sender()]].concat();
        if passes(&deciding(self.state), &backers) {
            may_be(self.state, &proposal.change)?;
        }
        Ok(())
    }

    /// The validator, whose it is, eras, and those who would be left.
    fn leave(&self, key: PublicKey) -> Checked {
        let known = sitting(self.state, key).ok_or(Rejection::ValidatorUnknown("validator"))?;
        ensure(known.organisation == self.sender(), Rejection::NotYours(known.organisation))?;
        changeable(self.state)?;
        match known.stand {
            Stand::Decides => may_decide(self.state, &Change::Remove { key }.applied(members(self.state))),
            Stand::AwaitsBond | Stand::Left | Stand::Banned => Ok(()),
        }
    }

    /// Whether the sender runs a validator that decides.
    fn weighs(&self) -> bool {
        weight_of(&deciding(self.state), self.sender()) > 0
    }

    /// Account, key, registration number, LEI, roles, daily limit.
    fn register(&self, registration: &Registration) -> Checked {
        if let Some(party) = PARTIES.get(self.state, &self.sender()) {
            ensure(
                may_follow(party.standing, Standing::Pending),
                Rejection::AlreadyRegistered(party.standing),
            )?;
        }
        if let Some(owner) = self.other_owner(self.body.key) {
            return Err(Rejection::KeyTaken { field: "key", owner });
        }
        let number = &registration.registration_number;
        let punctuation = |c: char| c.is_ascii_punctuation() || c == ' ';
        ensure(!number.as_str().chars().all(punctuation), Rejection::NumberEmpty)?;
        if let Some(owner) = NUMBERS.get(self.state, &number_key(registration.country, number)) {
            return Err(Rejection::NumberTaken(owner));
        }
        if let Some(owner) = registration.lei.and_then(|lei| LEIS.get(self.state, &lei_key(lei))) {
            return Err(Rejection::LeiTaken(owner));
        }
        grantable(registration.roles)?;
        let Some(now) = self.now else { return Ok(()) };
        let limit = self.config.registrations_per_day;
        ensure(registered_on(self.state, now) < limit, Rejection::RegistrationsFull(limit))
    }

    /// Key: can sign, is nobody's.
    fn new_key(&self, field: &'static str, key: PublicKey) -> Checked {
        ensure(key.can_sign(), Rejection::NotAKey { field, key })?;
        if let Some(owner) = self.other_owner(key) {
            return Err(Rejection::KeyTaken { field, owner });
        }
        ensure(!KEY_OWNERS.has(self.state, &key), Rejection::KeyPresent(field))
    }

    fn other_owner(&self, key: PublicKey) -> Option<Address> {
        KEY_OWNERS.get(self.state, &key).filter(|owner| *owner != self.sender())
    }

    fn room_for_key(&self, field: &'static str) -> Checked {
        let Some(now) = self.now else { return Ok(()) };
        ensure(live_keys(self.state, self.sender(), now).len() < MAX_KEYS, Rejection::TooManyKeys(field))
    }

    fn remove_key(&self, key: PublicKey) -> Checked {
        let keys = account(self.state, self.sender()).keys.unwrap_or_default();
        ensure(keys.iter().any(|known| known.key == key), Rejection::KeyUnknown)?;
        let stays = keys.iter().any(|known| known.key != key && known.scope == Scope::Full);
        ensure(stays, Rejection::LastKey)
    }

    /// Sender, party, its standing, roles.
    fn admit(&self, party: Address, roles: Roles) -> Checked {
        self.entitled(&[Role::Operator])?;
        let known = self.known("party", party)?;
        match known.standing {
            Standing::Pending | Standing::Admitted => {}
            Standing::Suspended => {
                return Err(Rejection::Standing(known.standing, "reinstate it instead"));
            }
            Standing::Refused => {
                return Err(Rejection::Standing(known.standing, "it has to register again first"));
            }
        }
        ensure(!known.roles.has(Role::Operator), Rejection::OperatorFixed)?;
        grantable(roles)?;
        ensure(known.standing != Standing::Admitted || known.roles != roles, Rejection::Unchanged)
    }

    /// Sender, party, its standing, not oneself, not the last operator.
    fn suspend(&self, party: Address) -> Checked {
        self.entitled(&[Role::Operator, Role::Supervisor])?;
        self.moves(party, Standing::Suspended, "only an admitted one can be suspended")?;
        ensure(party != self.sender(), Rejection::Oneself)?;
        let operators = OPERATORS.get(self.state).unwrap_or_default();
        let acts = |account: &Address| {
            PARTIES.get(self.state, account).is_some_and(|party| party.acts_as(Role::Operator))
        };
        let others = operators.iter().any(|account| *account != party && acts(account));
        ensure(others || !operators.contains(&party), Rejection::LastOperator)
    }

    fn entitled(&self, roles: &[Role]) -> Checked {
        let sender = PARTIES.get(self.state, &self.sender());
        let may = sender.is_some_and(|sender| roles.iter().any(|role| sender.acts_as(*role)));
        ensure(may, Rejection::entitled(roles))
    }

    fn known(&self, field: &'static str, account: Address) -> Result<Party, Rejection> {
        PARTIES.get(self.state, &account).ok_or(Rejection::PartyUnknown { field, account })
    }

    fn moves(&self, party: Address, to: Standing, reason: &'static str) -> Result<Party, Rejection> {
        let known = self.known("party", party)?;
        ensure(may_follow(known.standing, to), Rejection::Standing(known.standing, reason))?;
        Ok(known)
    }

    /// That `until` lies at most `most_ms` ahead and, where `past` is given, not in the past.
    fn ahead(&self, until: Timestamp, most_ms: u64, past: Option<Rejection>) -> Checked {
        let Some(now) = self.now else { return Ok(()) };
        if let Some(past) = past {
            ensure(now < until, past)?;
        }
        ensure(until <= now.plus_ms(most_ms), Rejection::UntilTooFar(most_ms / Timestamp::DAY_MS))
    }
}

/// A validator that decides, or will once its bond is enough.
fn sitting(state: &dyn Read, key: PublicKey) -> Option<Validator> {
    VALIDATORS.get(state, &key).filter(|known| matches!(known.stand, Stand::Decides | Stand::AwaitsBond))
}

/// Whether what a change is about is no more.
pub(crate) fn moot(state: &dyn Read, change: &Change) -> bool {
    match change {
        Change::Admit { key, .. } => BANS.has(state, key) || sitting(state, *key).is_some(),
        Change::Remove { key } | Change::Weigh { key, .. } => sitting(state, *key).is_none(),
        Change::Ease => STRICT.get(state).is_none(),
    }
}

/// That a change could be done now.
pub(crate) fn may_be(state: &dyn Read, change: &Change) -> Checked {
    match change {
        Change::Admit { .. } | Change::Remove { .. } | Change::Weigh { .. } => {
            may_decide(state, &change.applied(members(state)))
        }
        Change::Ease => may_ease(state),
    }
}

/// That blocks take more than the genesis asks for, and that nobody who cheated decides any more.
fn may_ease(state: &dyn Read) -> Checked {
    let adaptive = RULES.get(state).is_some_and(|rules| matches!(rules.mode, Mode::Adaptive { .. }));
    ensure(adaptive && STRICT.get(state).is_some(), Rejection::NothingToEase)?;
    let era = ERA.get(state).map_or(0, |era| era.number);
    let decide =
        [era, era.saturating_add(1)].map(|era| ledger::account::deciding(state, SubChain::Identity, era));
    let banned = decide.into_iter().flatten().flatten().any(|(key, _)| BANS.has(state, &key));
    ensure(!banned, Rejection::CheatDecides)
}

/// That those who decide can be others one day: eras end, and more than one validator has a say.
pub(crate) fn changeable(state: &dyn Read) -> Checked {
    ensure(ALONE.get(state).is_none(), Rejection::RunAlone)?;
    ensure(RULES.get(state).is_none_or(|rules| !rules.endless()), Rejection::ErasNeverEnd)
}

/// That these can decide, and may after those who do: not fewer than four where four did.
pub(crate) fn may_decide(state: &dyn Read, next: &Members) -> Checked {
    fits(next)?;
    let thinner = next.len() < 4 && next.len() < members(state).len();
    ensure(!thinner || FOUR.get(state).is_none(), Rejection::TooFewValidators)
}

/// That these can decide.
pub(crate) fn fits(members: &Members) -> Checked {
    let members = members.iter().map(|(key, weight)| (*key, *weight)).collect();
    Validators::new(members).map(drop).map_err(|error| match error {
        ValidatorsError::Count(0) => Rejection::LastValidator,
        ValidatorsError::Count(_) => Rejection::TooManyValidators(ledger::genesis::MAX_VALIDATORS),
        // The order is that of the map.
        ValidatorsError::Order | ValidatorsError::Weight => Rejection::WeightTooHigh,
        ValidatorsError::Heavy { most, weight } => Rejection::TooHeavy { most, weight },
    })
}

/// That roles can be asked for and given: some, and not operator.
fn grantable(roles: Roles) -> Checked {
    ensure(!roles.is_empty(), Rejection::NoRole)?;
    ensure(!roles.has(Role::Operator), Rejection::OperatorRole)
}

/// The keys of an account without the codes that are void at `now`.
pub(crate) fn live_keys(state: &dyn Read, address: Address, now: Timestamp) -> Vec<AccountKey> {
    let keys = account(state, address).keys.unwrap_or_default();
    let live = |key: &AccountKey| match key.scope {
        Scope::Full => true,
        Scope::EnrolOnce { until } => now < until,
    };
    keys.into_iter().filter(live).collect()
}

/// How much an account has sent on the day of `now`.
pub(crate) fn sent_on(state: &dyn Read, address: Address, now: Timestamp) -> u32 {
    SENT.get(state, &address).filter(|(day, _)| *day == now.day()).map_or(0, |(_, sent)| sent)
}

/// How many organisations have registered on the day of `now`.
pub(crate) fn registered_on(state: &dyn Read, now: Timestamp) -> u32 {
    REGISTERED.get(state).filter(|(day, _)| *day == now.day()).map_or(0, |(_, count)| count)
}
