//! What a signer reads, in English: rendered from the request and from what stands on record about whom it names.

use std::fmt::{Display, Write};

use ledger::koma::Accusation;
use ledger::{Address, Read};
use vocabulary::date::minute;

use crate::party::Party;
use crate::payload::{Payload, Registration};
use crate::rejection::Rejection;
use crate::tables::{PARTIES, PROPOSALS};
use crate::validator::Change;

/// The version of these texts. A change of any word is a new version.
pub const VERSION: u16 = 1;

/// The terms of `payload`, sent by `account`.
///
/// # Errors
/// [`Rejection::PartyUnknown`] when the request names an account without an organisation.
pub fn render(state: &dyn Read, account: Address, payload: &Payload) -> Result<String, Rejection> {
    let named = |field, account: Address| {
        PARTIES.get(state, &account).ok_or(Rejection::PartyUnknown { field, account })
    };
    let mut text = match payload {
        Payload::Register(registration) => register(registration),
        Payload::AddKey { key } => format!(
            "You add a key to your account.\n\n\
             New key: {key}\n\n\
             Whoever holds it can do everything that you can do, on all three chains.\n"
        ),
        Payload::RemoveKey { key } => format!(
            "You remove a key from your account.\n\n\
             Key: {key}\n\n\
             From then on nothing can be signed with it. What it has signed before stands.\n"
        ),
        Payload::InviteKey { code, until } => format!(
            "You make a one-time code for your account.\n\n\
             Public key of the code: {code}\n\
             Void from: {}\n\n\
             Whoever knows the code can add one key to your account, once, and with that key do everything that \
             you can do. Give it to nobody but yourself and those who act for you.\n",
            minute(*until)
        ),
        Payload::EnrolKey { key } => format!(
            "You add this key to your account with a one-time code, which is then used up.\n\n\
             New key: {key}\n\n\
             Whoever holds it can do everything that you can do, on all three chains.\n"
        ),
        Payload::Admit { party, roles } => {
            let known = named("party", *party)?;
            let name = &known.registration.name;
            let mut text = format!("You admit {name} as: {roles}.\n\n");
            particulars(&mut text, *party, &known);
            line(&mut text, format_args!("It asked to be: {}", known.registration.roles));
            text.push_str("\nFrom then on it has these roles and no others, on all three chains.\n");
            text
        }
        Payload::Refuse { party, reason } => {
            let known = named("party", *party)?;
            let headline = format!("You turn {} down.", known.registration.name);
            decide(&headline, *party, &known, reason, "It is told the reason and may register again.")
        }
        Payload::Suspend { party, reason } => {
            let known = named("party", *party)?;
            let effect = "From then on it can neither trade nor move what it holds. What it holds stays its own. \
                          The reason goes on record.";
            decide(&format!("You suspend {}.", known.registration.name), *party, &known, reason, effect)
        }
        Payload::Reinstate { party, reason } => {
            let known = named("party", *party)?;
            let effect =
                "From then on it can trade again in the roles that it had. The reason goes on record.";
            let headline = format!("You lift the suspension of {}.", known.registration.name);
            decide(&headline, *party, &known, reason, effect)
        }
        Payload::ShareCredit { with, until } => {
            let known = named("with", *with)?;
            let name = &known.registration.name;
            let until = minute(*until);
            let mut text = format!("You let {name} read your credit record until {until}.\n\n");
            particulars(&mut text, *with, &known);
            text.push_str(
                "\nIt sees every entry: what you settled and what that was worth, what you declined or let lapse. \
                 This replaces what you agreed with it before; a moment in the past withdraws it.\n",
            );
            text
        }
        Payload::Propose { change, until } => {
            let mut text =
                "You propose a change of those who decide on all three chains, and agree to it.\n\n"
                    .to_owned();
            changed(&mut text, state, change)?;
            let until = minute(*until);
            let vote = by_vote(change);
            line(&mut text, format_args!("The proposal is void from: {until}\n\n{vote}"));
            text
        }
        Payload::Vote { proposal } => {
            let known = PROPOSALS.get(state, proposal).ok_or(Rejection::ProposalUnknown(*proposal))?;
            let mut text = format!(
                "You agree to proposal {proposal}, a change of those who decide on all three chains.\n\n"
            );
            changed(&mut text, state, &known.change)?;
            let (until, vote) = (minute(known.until), by_vote(&known.change));
            line(
                &mut text,
                format_args!("Proposed by: {}\nThe proposal is void from: {until}\n\n{vote}", known.by),
            );
            text
        }
        Payload::Leave { validator } => format!(
            "You take a validator of yours out.\n\n\
             Validator: {validator}\n\n\
             It decides no more from the era after the next one on. Let it run until then. To come back it has to be \
             admitted anew.\n"
        ),
        Payload::Accuse { evidence } => {
            let Accusation { chain, era, validator } = evidence.against(state)?;
            let [first, second] = evidence.units().map(|signed| signed.unit.hash());
            format!(
                "You bring evidence that a validator said two things at once.\n\n\
                 Validator: {validator}\n\
                 Where: {chain} chain, era {era}\n\
                 It signed: {first}\n\
                 and also: {second}\n\n\
                 If both signatures hold, its key is out for good on all three chains, and what was bonded for it on the \
                 payment chain is taken as a fine.\n"
            )
        }
    };
    line(&mut text, format_args!("\nAccount {account}\nIdentity chain, terms version {VERSION}"));
    Ok(text)
}

/// What a vote brings about.
fn by_vote(change: &Change) -> String {
    let from = match change {
        Change::Admit { .. } | Change::Remove { .. } | Change::Weigh { .. } => "the era after the next one",
        Change::Ease => "the next era",
    };
    format!(
        "Organisations that run validators vote, each with the weight of its validators. It is done once more than two \
         thirds of the weight agree, and counts from {from} on. A vote cannot be taken back."
    )
}

/// What is to change, a fact a line.
fn changed(text: &mut String, state: &dyn Read, change: &Change) -> Result<(), Rejection> {
    match change {
        Change::Admit { key, weight, organisation, .. } => {
            let account = *organisation;
            let known = PARTIES.get(state, organisation);
            let known = known.ok_or(Rejection::PartyUnknown { field: "organisation", account })?;
            let name = &known.registration.name;
            line(text, format_args!("A validator is admitted: {key}\nIts weight: {weight}"));
            line(text, format_args!("Run by: {name} ({organisation})"));
        }
        Change::Remove { key } => line(text, format_args!("A validator is removed: {key}")),
        Change::Weigh { key, weight } => {
            line(text, format_args!("A validator weighs more or less: {key}\nIts new weight: {weight}"));
        }
        Change::Ease => line(
            text,
            "Validators were banned, so blocks take at least the classical grade. The low grade that the genesis names \
             becomes enough again while all is well.",
        ),
    }
    Ok(())
}

fn line(text: &mut String, line: impl Display) {
    writeln!(text, "{line}").expect("writing to memory does not fail");
}

fn register(registration: &Registration) -> String {
    let name = &registration.name;
    let mut text = format!("You register {name} on Permuta.\n\n");
    facts(&mut text, registration);
    line(&mut text, format_args!("It asks to be: {}", registration.roles));
    let rest = format_args!(
        "\nThis goes on record for good. An operator looks at it and admits {name} or turns it down; until then \
         it can look but not trade. Your signature says that this is true and that you may act for {name}."
    );
    line(&mut text, rest);
    text
}

fn facts(text: &mut String, registration: &Registration) {
    let Registration { registration_number, country, place, lei, .. } = registration;
    let or_none = |code: Option<&str>| code.unwrap_or("none given").to_owned();
    line(text, format_args!("Registration number: {registration_number} ({country})"));
    line(text, format_args!("Place of business: {}", or_none(place.as_ref().map(|place| place.as_str()))));
    line(text, format_args!("Legal Entity Identifier: {}", or_none(lei.as_ref().map(|lei| lei.as_str()))));
}

fn particulars(text: &mut String, account: Address, party: &Party) {
    line(text, format_args!("Its account: {account}"));
    facts(text, &party.registration);
}

fn decide(headline: &str, account: Address, party: &Party, reason: &impl Display, effect: &str) -> String {
    let mut text = format!("{headline}\n\n");
    particulars(&mut text, account, party);
    line(&mut text, format_args!("Reason: {reason}\n\n{effect}"));
    text
}
