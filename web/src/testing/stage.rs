//! The three real chains in memory with a read model behind them, and the portal's real router in front: a small
//! market whose people sign with keys that follow from their names. Dhaka Mills has jute and wants coffee, Hanoi
//! Beans have coffee and want diesel, Doha Fuels have diesel and want jute.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::test::TestRequest;
use actix_web::{App as ActixApp, test};
use barter_engine::{Effort, Options as EngineOptions};
use borsh::BorshSerialize;
use clearing::{Amount, Proof};
use identity_chain::{GenesisParty, IdentityChain, Registration};
use ledger::engine::{Effect, Host, Input, Reached, Standing as Surety};
use ledger::hash::encode;
use ledger::{
    AccountKey, Application, Engine, Genesis, Height, Ledger, LocalEngine, Options, Refusal, Scope, SubChain,
    Timestamp, relay,
};
use payment_chain::model::{AssetId, Commitment, OfferTerms};
use payment_chain::payload::SubmittedRing;
use payment_chain::{Payload, PaymentChain};
use vocabulary::{Role, Roles, Standing, ToParty};

use super::story::{account, amount, key};
use crate::accounts::{self, NewUser};
use crate::app::{App, Settings, configure, guard, visit};
use crate::chains::Chains;
use crate::clearings::{Clearings, Published};
use crate::clock;
use crate::model::Model;
use crate::projector::Projector;
use crate::signing::Proposal;
use crate::sure::{Caution, Step};

/// Jute yarn, at 900 dollars a tonne.
pub(crate) const JUTE: AssetId = AssetId(2);
/// Robusta coffee, at 3,000 dollars a tonne.
pub(crate) const COFFEE: AssetId = AssetId(3);
/// Diesel, at 720 dollars a tonne.
pub(crate) const DIESEL: AssetId = AssetId(4);

/// The password of everybody.
pub(crate) const PASSWORD: &str = "everybody's password";

/// Who is there from the start: name, country, role.
const CAST: [(&str, &str, Role); 9] = [
    ("Registrar", "SG", Role::Operator),
    ("Harbour Warehouse", "SG", Role::Gateway),
    ("Exchange", "GB", Role::Feed),
    ("Matcher", "CH", Role::Solver),
    ("Dhaka Mills", "BD", Role::Trader),
    ("Hanoi Beans", "VN", Role::Trader),
    ("Doha Fuels", "QA", Role::Trader),
    ("Silk Bank", "KZ", Role::Bank),
    ("Market Watch", "KE", Role::Supervisor),
];

/// The market on its stage.
pub(crate) struct Stage {
    /// The portal's program.
    pub(crate) app: Arc<App>,
    projector: Projector,
    /// Kept for its files.
    _dir: tempfile::TempDir,
}

/// What a chain says of itself, as a test wishes.
pub(crate) type Watched = Arc<Mutex<Option<Surety>>>;

/// Four validators, of which `weight` would have to cheat to undo any block.
pub(crate) fn sure(weight: u64, halted: bool) -> Surety {
    let reached = Reached {
        first: Height(0),
        last: Height(u64::MAX),
        total: 4,
        grade: 1,
        faulty: 0,
        ladder: vec![(weight, Height(u64::MAX))],
    };
    Surety { validators: 4, threshold: 1, classical: 1, halted, reached: vec![reached], ..Surety::default() }
}

/// One validator's engine that says what it is told of how sure its blocks are.
struct Watching {
    engine: LocalEngine,
    says: Watched,
}

impl Engine for Watching {
    fn step(&mut self, now: Timestamp, input: Input, host: &mut dyn Host) -> Vec<Effect> {
        self.engine.step(now, input, host)
    }

    fn proof(&self, height: Height) -> Option<ledger::Seal> {
        self.engine.proof(height)
    }

    fn standing(&self) -> Surety {
        self.says.lock().unwrap().clone().unwrap_or_else(|| self.engine.standing())
    }
}

fn registration(index: usize) -> Registration {
    let (name, country, role) = CAST[index];
    Registration {
        name: name.parse().unwrap(),
        registration_number: format!("R-{index}").parse().unwrap(),
        country: country.parse().unwrap(),
        place: None,
        lei: None,
        roles: Roles::of(&[role]),
    }
}

impl Stage {
    /// A market whose warehouse issued 500 t jute, 200 t coffee and 900 t diesel to their owners.
    pub(crate) fn new() -> Stage {
        Stage::watched(None)
    }

    /// The same market, where the payment chain says of itself what `says` does, when that is set.
    pub(crate) fn watched(says: Option<Watched>) -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let start = Timestamp(clock::now().0.saturating_sub(3_600_000));
        let identity = identity_chain::Config {
            parties: (0..CAST.len())
                .map(|index| GenesisParty {
                    registration: registration(index),
                    roles: Roles::of(&[CAST[index].2]),
                    account: account(CAST[index].0),
                    keys: vec![key(CAST[index].0).public()],
                })
                .collect(),
            registrations_per_day: 1_000,
            free_per_day: 1_000,
            validators: Vec::new(),
            bond_needed: false,
        };
        let data = data_chain::Config { free_per_day: 1_000, max_document_bytes: 1 << 20 };
        let mut payment = payment_chain::Config::with_operator(account("Registrar"));
        (payment.interval, payment.window, payment.signing_window) = (10, 3, 40);
        payment.feeds = vec![("Exchange".parse().unwrap(), account("Exchange"))];
        payment.deposit.endowments = vec![(account("Matcher"), amount(5_000_000))];
        payment.parties = CAST
            .iter()
            .map(|(name, country, role)| ToParty {
                party: account(name),
                country: country.parse().unwrap(),
                standing: Standing::Admitted,
                roles: Roles::of(&[*role]),
                keys: vec![AccountKey { key: key(name).public(), scope: Scope::Full }],
            })
            .collect();
        let validator = key("validator");
        let settings = [encode(&identity), encode(&data), encode(&payment)];
        let genesis =
            Genesis::new(start, vec![(validator.public(), 1)], [&settings[0], &settings[1], &settings[2]])
                .unwrap();
        let open = |app: Arc<dyn Application>| {
            let options = Options::memory(validator.clone());
            let says = says.clone().filter(|_| app.chain() == SubChain::Payment);
            let ledger = match says {
                Some(says) => {
                    let engine = Watching { engine: LocalEngine::new(validator.clone(), 1), says };
                    Ledger::open_with(app, &genesis, options, None, Box::new(engine))
                }
                None => Ledger::open(app, &genesis, options),
            };
            Arc::new(ledger.unwrap())
        };
        let chains = Chains {
            identity: open(Arc::new(IdentityChain::new(identity).unwrap())),
            data: open(Arc::new(data_chain::DataChain::new(data))),
            payment: open(Arc::new(PaymentChain::new(payment).unwrap())),
        };
        let settings = Settings {
            bind: "127.0.0.1:0".to_owned(),
            database_url: dir.path().join("web.sqlite").to_str().unwrap().to_owned(),
            files_dir: dir.path().join("files"),
            max_document_bytes: 1 << 20,
            cookie_secret: [7; 32],
            token_seed: [8; 32],
            secure_cookies: false,
            caution: Caution::new(&[Step { from_usd: 2_000_000, share_percent: 80 }]).unwrap(),
            demo: None,
        };
        let app = App::new(settings, chains).unwrap();
        let stage = Stage { projector: Projector::new(app.db.clone()), app, _dir: dir };
        for _ in 0..4 {
            stage.tick();
        }
        stage.furnish();
        stage
    }

    fn furnish(&self) {
        for (name, hs, price) in
            [("jute yarn", "5307", "900"), ("robusta coffee", "0901", "3000"), ("diesel", "2710", "720")]
        {
            let product = ledger::Hash::of(ledger::Tag::Content, name.as_bytes());
            self.act(
                "Harbour Warehouse",
                SubChain::Payment,
                &payment_chain::Payload::DefineAsset {
                    name: name.parse().unwrap(),
                    hs: hs.parse().unwrap(),
                    unit: "TNE".parse().unwrap(),
                    decimals: 3,
                    product,
                },
            )
            .unwrap();
            let asset = AssetId(self.assets());
            self.act(
                "Exchange",
                SubChain::Payment,
                &payment_chain::Payload::PublishPrice {
                    asset,
                    price: price.parse().unwrap(),
                    as_of: self.now(),
                    source: "the exchange's list".parse().unwrap(),
                },
            )
            .unwrap();
        }
        self.act("Matcher", SubChain::Payment, &payment_chain::Payload::Bond { amount: amount(2_000_000) })
            .unwrap();
        for (owner, asset, tonnes) in
            [("Dhaka Mills", JUTE, 500), ("Hanoi Beans", COFFEE, 200), ("Doha Fuels", DIESEL, 900)]
        {
            self.vouch(owner, asset, tonnes);
        }
        for (name, _, role) in CAST {
            self.login(name, role);
        }
    }

    fn assets(&self) -> u64 {
        self.app.chains.payment.view(payment_chain::view::assets).len() as u64
    }

    /// The warehouse issues goods to `owner`, who asks for it.
    pub(crate) fn vouch(&self, owner: &str, asset: AssetId, tonnes: u128) {
        let hs = ["5307", "0901", "2710"][usize::try_from(asset.0).unwrap() - 2];
        self.act(
            owner,
            SubChain::Data,
            &data_chain::Payload::DescribeProduct(data_chain::Product {
                name: "goods in the harbour".parse().unwrap(),
                hs: hs.parse().unwrap(),
                grade: "fair average quality".parse().unwrap(),
                origin: "SG".parse().unwrap(),
                unit: "TNE".parse().unwrap(),
                place: "SGSIN".parse().unwrap(),
                documents: Vec::new(),
            }),
        )
        .unwrap();
        let product =
            self.app.chains.data.view(|state| data_chain::view::products_of(state, account(owner)))[0].0;
        self.act(
            owner,
            SubChain::Payment,
            &payment_chain::Payload::RequestIssue {
                asset,
                amount: amount(tonnes * 1_000),
                product,
                document: ledger::Hash::ZERO,
            },
        )
        .unwrap();
        let requests = self.app.chains.payment.view(payment_chain::view::requests);
        let request = requests.last().unwrap().0;
        self.act("Harbour Warehouse", SubChain::Payment, &payment_chain::Payload::GrantRequest { request })
            .unwrap();
    }

    /// A login for a member of the cast, at `name@market.example`.
    fn login(&self, name: &str, role: Role) {
        static HASH: std::sync::LazyLock<String> =
            std::sync::LazyLock::new(|| accounts::hash_password(PASSWORD).unwrap());
        let user = NewUser {
            email: email(name).parse().unwrap(),
            company: name.parse().unwrap(),
            registration_number: "R-1".parse().unwrap(),
            country: "SG".parse().unwrap(),
            place: "SGSIN".parse().unwrap(),
            lei: None,
            roles: Roles::of(&[role]),
            address: Some(account(name)),
        };
        let connection = &mut *self.app.db.get().unwrap();
        let made = accounts::create(connection, &user, &HASH).unwrap().unwrap();
        accounts::note_key(connection, made.id, key(name).public(), "first").unwrap();
    }

    /// A login without an organisation behind it.
    pub(crate) fn login_of(&self, name: &str, role: Role) {
        self.login(name, role);
    }

    /// The time of the last block.
    pub(crate) fn now(&self) -> Timestamp {
        self.app.chains.payment.head().block.header.time
    }

    /// A second passes: each chain makes its block, messages travel, and the read model follows.
    pub(crate) fn tick(&self) {
        let now = self.now().plus_ms(1_000);
        for chain in SubChain::ALL {
            let ledger = self.app.chains.get(chain);
            ledger.step(now).unwrap();
            for to in SubChain::ALL.into_iter().filter(|to| *to != chain) {
                relay(ledger, self.app.chains.get(to)).unwrap();
            }
            self.projector.catch_up(ledger).unwrap();
        }
    }

    /// Somebody signs a request, and blocks follow until its receipt is there.
    pub(crate) fn act<P: BorshSerialize>(
        &self,
        who: &str,
        chain: SubChain,
        payload: &P,
    ) -> Result<(), Refusal> {
        let key = key(who);
        let proposal = Proposal::new(&self.app, chain, account(who), key.public(), encode(payload))?;
        let id = self.app.chains.get(chain).submit(proposal.body.sign(&key)).unwrap();
        for _ in 0..3 {
            self.tick();
        }
        let connection = &mut *self.app.db.get().unwrap();
        let found =
            Model::new(connection).transaction(chain, id).unwrap().expect("a receipt after three blocks");
        match found.outcome.as_str() {
            "done" => Ok(()),
            _ => Err(Refusal::new(
                &found.code.unwrap_or_default(),
                &found.field.unwrap_or_default(),
                found.reason.unwrap_or_default(),
            )),
        }
    }

    /// Posts an offer good for a week.
    pub(crate) fn offer(
        &self,
        who: &str,
        give: (AssetId, u128),
        want: (AssetId, u128),
        commitment: Commitment,
    ) {
        let terms = OfferTerms {
            give: give.0,
            give_qty: amount(give.1),
            want: want.0,
            want_qty: amount(want.1),
            divisible: true,
            min_fill: Amount::ZERO,
            commitment,
            joins_indicative: true,
            valid_until: self.now().plus_ms(7 * Timestamp::DAY_MS),
            incoterm: vocabulary::Incoterm::Fca,
            place: "BDCGP".parse().unwrap(),
        };
        self.act(who, SubChain::Payment, &payment_chain::Payload::PostOffer(terms)).unwrap();
    }

    /// The three offers that close a ring over jute, coffee and diesel.
    pub(crate) fn offers_of_a_ring(&self, commitment: Commitment) {
        self.offer("Dhaka Mills", (JUTE, 400_000), (COFFEE, 118_000), commitment);
        self.offer("Hanoi Beans", (COFFEE, 120_000), (DIESEL, 495_000), commitment);
        self.offer("Doha Fuels", (DIESEL, 500_000), (JUTE, 395_000), commitment);
    }

    /// Time passes until a batch with rings has been cleared by the solver, at most 60 blocks.
    pub(crate) fn clear(&self) {
        self.clear_with(true);
    }

    /// The same by a solver that could not keep its certificate's files, and so names none.
    pub(crate) fn clear_uncertified(&self) {
        self.clear_with(false);
    }

    fn clear_with(&self, certified: bool) {
        for _ in 0..60 {
            self.tick();
            let Some(batch) = self.app.chains.payment.view(payment_chain::view::open_batch) else { continue };
            let options = EngineOptions { effort: Effort::Quick, ..EngineOptions::default() };
            let clearing = barter_engine::clear(&batch.book, &batch.rules, batch.now, &options);
            if clearing.answer.rings.is_empty() {
                continue;
            }
            let value =
                clearing::check(&batch.book, &batch.rules, batch.now, &clearing.answer).unwrap().value;
            let (book, rules) = (&batch.book, &batch.rules);
            let bound = clearing::bound(book, rules, batch.now, &clearing.answer.prices, &clearing.duals);
            let bound_micro_usd = bound.floor_to(6).unwrap() + 1;
            let rings = &clearing.answer.rings[..];
            let proof = Proof { bound_micro_usd, duals: clearing.duals };
            let certificate = payment_chain::certificate(&batch, rings, &proof);
            let unfilled = barter_engine::unfilled_beside(book, rules, batch.now, rings);
            let published =
                Published { batch: &batch, rings, value, certificate: &certificate, unfilled: &unfilled };
            let (batch, declared_micro_usd) = (batch.batch, value.floor_to(6).unwrap());
            let rings = rings.iter().map(SubmittedRing::from).collect();
            let payload = if certified {
                Clearings::beside(&self.app.settings.files_dir).keep(&published).unwrap();
                let certificate = payment_chain::certificate_hash(&certificate);
                Payload::SubmitCertified { batch, declared_micro_usd, bound_micro_usd, certificate, rings }
            } else {
                Payload::SubmitClearing { batch, declared_micro_usd, bound_micro_usd, rings }
            };
            self.act("Matcher", SubChain::Payment, &payload).unwrap();
            for _ in 0..4 {
                self.tick();
            }
            return;
        }
        panic!("no batch had rings in 60 blocks");
    }
}

/// The login of a member of the cast.
pub(crate) fn email(name: &str) -> String {
    format!("{}@market.example", name.to_lowercase().replace(' ', "-"))
}

/// What a request came to.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Where it leads, when it does.
    pub(crate) location: String,
    /// What scripts it lets run.
    pub(crate) policy: String,
    /// Its body as text.
    pub(crate) body: String,
    /// Its body.
    pub(crate) bytes: Vec<u8>,
    cookies: Vec<(String, String)>,
}

type Sending = Pin<Box<dyn Future<Output = Answer>>>;

/// A browser without scripts: keeps cookies, sends forms with the token of the last page, signs outside of it.
pub(crate) struct Browser {
    send: Box<dyn Fn(TestRequest) -> Sending>,
    cookies: BTreeMap<String, String>,
    /// The token of the last page.
    pub(crate) csrf: String,
}

impl Browser {
    /// A browser that knows nothing yet, in front of the site of `stage`.
    pub(crate) async fn new(stage: &Stage) -> Browser {
        let site =
            ActixApp::new().configure(configure(stage.app.clone())).wrap(from_fn(visit)).wrap(from_fn(guard));
        let site = Rc::new(test::init_service(site).await);
        let send = move |request: TestRequest| -> Sending {
            let site = site.clone();
            Box::pin(async move {
                let response = match test::try_call_service(&*site, request.to_request()).await {
                    Ok(response) => response.map_into_boxed_body().into_parts().1,
                    Err(error) => error.error_response(),
                };
                let status = response.status();
                let header = |name: &str| {
                    let value = response.headers().get(name).and_then(|value| value.to_str().ok());
                    value.unwrap_or_default().to_owned()
                };
                let (location, policy) = (header("location"), header("content-security-policy"));
                let cookies = response
                    .cookies()
                    .map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned()))
                    .collect();
                let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap_or_default();
                let body = String::from_utf8_lossy(&bytes).into_owned();
                Answer { status, location, policy, body, bytes: bytes.to_vec(), cookies }
            })
        };
        Browser { send: Box::new(send), cookies: BTreeMap::new(), csrf: String::new() }
    }

    async fn request(&mut self, mut request: TestRequest) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.insert_header(("cookie", cookies.join("; ")));
        }
        let answer = (self.send)(request).await;
        for (name, value) in &answer.cookies {
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.clone(), value.clone());
            }
        }
        if let Some(csrf) = between(&answer.body, "data-csrf=\"", "\"").filter(|csrf| !csrf.is_empty()) {
            self.csrf = csrf;
        }
        answer
    }

    /// Opens a page.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.request(TestRequest::get().uri(path)).await
    }

    /// Sends a form with the token of the last page.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        self.request(TestRequest::post().uri(path).set_form(fields)).await
    }

    /// Sends a file with the token of the last page, as a browser does (RFC 7578).
    pub(crate) async fn upload(&mut self, path: &str, name: &str, contents: &[u8]) -> Answer {
        let csrf = self.csrf.clone();
        self.upload_with(path, &csrf, name, contents).await
    }

    /// Sends a file with a token.
    pub(crate) async fn upload_with(
        &mut self,
        path: &str,
        csrf: &str,
        name: &str,
        contents: &[u8],
    ) -> Answer {
        let head = format!(
            "--part\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--part\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/pdf\r\n\r\n"
        );
        let body = [head.as_bytes(), contents, b"\r\n--part--\r\n"].concat();
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("content-type", "multipart/form-data; boundary=part"))
            .set_payload(body);
        self.request(request).await
    }

    /// Sends a form without any token.
    pub(crate) async fn forge(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.request(TestRequest::post().uri(path).set_form(fields)).await
    }

    /// Signs in as a member of the cast.
    pub(crate) async fn sign_in(&mut self, name: &str) {
        self.get("/signin").await;
        let answer = self.post("/signin", &[("email", &email(name)), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        self.get("/").await;
    }

    /// Signs what the page `asked` shows with the key of `who`, as the wallet would, and sends it.
    pub(crate) async fn sign(&mut self, who: &str, asked: &Answer) -> Answer {
        assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
        let hidden =
            |name: &str| between(&asked.body, &format!("name=\"{name}\" value=\""), "\"").unwrap_or_default();
        let bytes = hex::decode(hidden("signing_bytes")).unwrap();
        let signature = key(who).sign(&bytes).to_string();
        let fields = ["chain", "signing_bytes", "next", "headline"].map(|name| (name, hidden(name)));
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain([("signature", signature.as_str())])
            .collect();
        self.post("/sign", &fields).await
    }
}

/// The text between two others.
pub(crate) fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(inside, _)| inside.to_owned())
}
