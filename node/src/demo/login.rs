//! The logins that the demo prints.

use anyhow::{Context, Result};
use identity_chain::Payload;
use ledger::{Address, KeyPair, Scope, SubChain, Timestamp};
use market::CompanyId;
use vocabulary::Roles;
use web::accounts::{self, NewUser};

use super::cast::Cast;
use super::stage::{FOUNDERS, GATEWAYS, Stage, text, trader_roles};
use crate::clock;
use crate::house::House;

/// For how long a one-time code of the demo is good.
const CODE_GOOD_MS: u64 = 7 * Timestamp::DAY_MS;

/// A simulated company whose desk a visitor takes over.
pub(crate) struct PrintedTrader {
    /// The first part of its e-mail address.
    login: &'static str,
    /// Its name in the generated market.
    name: &'static str,
}

/// The companies whose logins are printed.
pub(crate) const PRINTED_TRADERS: [PrintedTrader; 4] = [
    PrintedTrader { login: "dhaka", name: "Dhaka Looms" },
    PrintedTrader { login: "colombo", name: "Colombo Gardens" },
    PrintedTrader { login: "mombasa", name: "Mombasa Hides" },
    PrintedTrader { login: "izmir", name: "Izmir Quarries" },
];

/// Founders whose logins are printed, with the first part of the e-mail address and what they do.
const PRINTED_FOUNDERS: [(&str, &str, &str); 4] = [
    ("operator", "operator", "Operator"),
    (GATEWAYS[0], "gateway", "Gateway"),
    ("supervisor", "supervisor", "Supervisor"),
    ("bank", "bank", "Bank"),
];

impl PrintedTrader {
    /// The company.
    ///
    /// # Errors
    /// The market has no company of this name.
    pub(crate) fn company(&self, stage: &Stage) -> Result<CompanyId> {
        let found = stage.companies().find(|(_, company)| company.name == self.name);
        found.map(|(id, _)| id).with_context(|| format!("the demo market has no company {}", self.name))
    }
}

/// The companies whose logins are printed.
///
/// # Errors
/// The market lacks one.
pub(crate) fn printed_companies(stage: &Stage) -> Result<Vec<CompanyId>> {
    PRINTED_TRADERS.iter().map(|trader| trader.company(stage)).collect()
}

/// Somebody who can sign in.
pub(crate) struct Login {
    /// What it shows.
    pub(crate) label: String,
    /// Its password at first.
    pub(crate) password: String,
    /// The code that enrols a browser, once; none while the organisation is suspended or gave up its office key.
    pub(crate) code: Option<String>,
    key: KeyPair,
    user: NewUser,
}

impl Login {
    /// How it signs in.
    pub(crate) fn email(&self) -> &str {
        self.user.email.as_str()
    }

    fn account(&self) -> Address {
        self.key.public().address()
    }
}

/// All logins, each with a code that was never used before.
///
/// # Errors
/// A name or code of the demo is none.
pub(crate) fn all(house: &House, stage: &Stage) -> Result<Vec<Login>> {
    let mut logins = Vec::new();
    for trader in &PRINTED_TRADERS {
        let id = trader.company(stage)?;
        let company = stage.market().company(id);
        let user = NewUser {
            email: email(trader.login)?,
            company: text(&company.name)?,
            registration_number: text(&company.registration_number)?,
            country: company.country.alpha2.parse()?,
            place: company.place.locode.parse()?,
            lei: company.lei.as_deref().map(str::parse).transpose()?,
            roles: trader_roles(),
            address: Some(stage.company_address(id)),
        };
        logins.push(login(house, stage, "Trader", stage.company_key(id), user)?);
    }
    for (who, name, label) in PRINTED_FOUNDERS {
        let founder = FOUNDERS.iter().find(|founder| founder.who == who).context("a login is a founder's")?;
        let user = NewUser {
            email: email(name)?,
            company: text(founder.name)?,
            registration_number: text(founder.number)?,
            country: founder.country.parse()?,
            place: founder.place.parse()?,
            lei: None,
            roles: Roles::of(founder.roles),
            address: Some(stage.cast.address(who)),
        };
        logins.push(login(house, stage, label, stage.cast.key(who), user)?);
    }
    Ok(logins)
}

fn login(house: &House, stage: &Stage, label: &str, key: KeyPair, user: NewUser) -> Result<Login> {
    let account = key.public().address();
    let number = house.ledger(SubChain::Identity).next_sequence(account);
    Ok(Login {
        label: format!("{label}: {}", user.company),
        password: stage.cast.password(user.email.as_str()),
        code: may_invite(house, &key).then(|| code(&stage.cast, account, number)),
        key,
        user,
    })
}

/// Whether the identity chain would take a code from this office key. Before the market is loaded it knows nobody.
fn may_invite(house: &House, key: &KeyPair) -> bool {
    let (account, key) = (key.public().address(), key.public());
    house.read(SubChain::Identity, |state| match identity_chain::view::party(state, account) {
        None => true,
        Some(party) => {
            let keys = identity_chain::view::keys(state, account);
            party.standing == vocabulary::Standing::Admitted
                && keys.iter().any(|held| held.key == key && held.scope == Scope::Full)
        }
    })
}

fn email(login: &str) -> Result<accounts::Email> {
    format!("{login}@permuta.example").parse().with_context(|| format!("the login {login}"))
}

/// The one-time code that `account` gives out with its transaction of this number.
fn code(cast: &Cast, account: Address, number: u64) -> String {
    cast.code(&format!("{account}/{number}"))
}

/// Puts this start's codes on the accounts, and takes earlier ones that nobody used away.
///
/// # Errors
/// The identity chain does not take them.
pub(crate) fn give_codes(house: &House, stage: &Stage, logins: &[Login]) -> Result<()> {
    let until = clock::now().plus_ms(CODE_GOOD_MS);
    for login in logins {
        let Some(fresh_code) = &login.code else { continue };
        let account = login.account();
        let ask = |payload| house.ask(SubChain::Identity, &login.key, account, &payload);
        let invitation = Payload::InviteKey { code: KeyPair::from_code(fresh_code).public(), until };
        let fresh = house.ledger(SubChain::Identity).next_sequence(account);
        let keys = house.read(SubChain::Identity, |state| identity_chain::view::keys(state, account));
        ask(invitation).with_context(|| format!("cannot give out a code for {}", login.email()))?;
        let unused: Vec<_> = keys.iter().filter(|key| key.scope != Scope::Full).map(|key| key.key).collect();
        if unused.is_empty() {
            continue;
        }
        for number in 0..fresh {
            let key = KeyPair::from_code(&code(&stage.cast, account, number)).public();
            if unused.contains(&key) {
                ask(Payload::RemoveKey { key })
                    .with_context(|| format!("cannot take back a code of {}", login.email()))?;
            }
        }
    }
    Ok(())
}

/// The demo bank's client of the API.
pub(crate) struct BankClient {
    /// Its identifier.
    pub(crate) id: &'static str,
    /// Its secret.
    pub(crate) secret: String,
}

impl BankClient {
    /// The client of this demo's bank.
    pub(crate) fn of(stage: &Stage) -> BankClient {
        BankClient { id: "demo-bank", secret: hex::encode(stage.cast.bytes("bank client")) }
    }

    /// Makes it known to the API.
    ///
    /// # Errors
    /// The database fails.
    pub(crate) fn make(&self, database: &web::db::Database, stage: &Stage) -> Result<()> {
        let account = stage.cast.address("bank").to_string();
        let now_ms = i64::try_from(clock::now().0)?;
        let client = web::api::token::client_with(self.id, &self.secret, &account, "The demo's bank", now_ms)
            .map_err(|error| anyhow::anyhow!("cannot hash the secret of the bank's client: {error}"))?;
        web::model::Model::new(&mut *database.get()?).put_oauth_client(&client)?;
        Ok(())
    }
}

/// Makes the logins that the portal does not have yet.
///
/// # Errors
/// The database fails.
pub(crate) fn make_users(database: &web::db::Database, logins: &[Login]) -> Result<()> {
    let mut connection = database.get()?;
    for login in logins {
        let hash = accounts::hash_password(&login.password)
            .map_err(|error| anyhow::anyhow!("cannot hash a password: {error}"))?;
        if let Some(user) = accounts::create(&mut connection, &login.user, &hash)? {
            accounts::note_key(&mut connection, user.id, login.key.public(), "The demo's own office key")?;
        }
    }
    Ok(())
}
