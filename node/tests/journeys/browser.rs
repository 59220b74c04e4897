//! What a person does in a browser, and what one waits to see.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;

use crate::demo::Login;

/// A journey's outcome: the fault says what was not there.
pub(crate) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// How long one waits for something that must come: batches and bots take their time.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the driver is, if there is one.
pub(crate) fn driver() -> Option<String> {
    std::env::var("PERMUTA_TEST_WEBDRIVER").ok()
}

/// A headless browser with a profile of its own.
pub(crate) struct Browser {
    client: Client,
    url: String,
}

impl Browser {
    /// Opens a browser that will look at `url`.
    pub(crate) async fn open(driver: &str, url: &str) -> Browser {
        let mut options = json!({ "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--window-size=1280,900",
        ]});
        if let Ok(chromium) = std::env::var("PERMUTA_TEST_CHROMIUM") {
            options["binary"] = json!(chromium);
        }
        let mut wanted = serde_json::Map::new();
        wanted.insert("browserName".to_owned(), json!("chrome"));
        wanted.insert("goog:chromeOptions".to_owned(), options);
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(wanted)
            .connect(driver)
            .await
            .unwrap();
        Browser { client, url: url.to_owned() }
    }

    pub(crate) async fn close(&self) {
        let _ = self.client.clone().close().await;
    }

    /// What the page says now, for a fault's report.
    pub(crate) async fn page(&self) -> String {
        let at = self.client.current_url().await.map(|url| url.to_string()).unwrap_or_default();
        format!("at {at}:\n{}", self.text().await.unwrap_or_default())
    }

    async fn text(&self) -> Result<String, CmdError> {
        self.client.find(Locator::Css("body")).await?.text().await
    }

    /// Opens a page.
    pub(crate) async fn go(&self, path: &str) -> Outcome {
        Ok(self.client.goto(&format!("{}{path}", self.url)).await?)
    }

    /// Types into the visible field `name`, in place of what it held.
    pub(crate) async fn fill(&self, name: &str, value: &str) -> Outcome {
        let field = self.visible(&format!("input[name={name}]:not([type=hidden])")).await?;
        field.clear().await?;
        Ok(field.send_keys(value).await?)
    }

    /// Ticks or picks the box `id`.
    pub(crate) async fn check(&self, id: &str) -> Outcome {
        let tick = "if (!arguments[0].checked) arguments[0].click();";
        let target = self.visible(&format!("#{id}")).await?;
        self.client.execute(tick, vec![serde_json::to_value(&target)?]).await?;
        Ok(())
    }

    /// Clicks the link or button that says `words`.
    pub(crate) async fn click(&self, words: &str) -> Outcome {
        let path = format!(
            "//*[self::a or self::button or self::summary][contains(normalize-space(.), \"{words}\")]"
        );
        let what = format!("a button or link «{words}»");
        let target = self.until(&what, async || self.shown(Locator::XPath(&path)).await).await?;
        Ok(target.click().await?)
    }

    /// Clicks what `css` selects, once it is there and can be clicked.
    pub(crate) async fn press(&self, css: &str) -> Outcome {
        Ok(self.visible(css).await?.click().await?)
    }

    /// Waits until the page says `words`.
    pub(crate) async fn sees(&self, words: &str) -> Outcome {
        self.sees_one_of(&[words]).await
    }

    /// Waits until the page says one of `words`.
    pub(crate) async fn sees_one_of(&self, words: &[&str]) -> Outcome {
        self.until(&format!("the words {words:?}"), async || {
            let text = self.text().await.ok()?;
            words.iter().any(|words| text.contains(words)).then_some(())
        })
        .await
    }

    /// Waits until the page has what `css` selects.
    pub(crate) async fn has(&self, css: &str) -> Outcome {
        self.until(&format!("an element {css}"), async || self.client.find(Locator::Css(css)).await.ok())
            .await
            .map(drop)
    }

    /// Opens `path` again and again until it says `words`: what others do takes its time.
    pub(crate) async fn becomes(&self, path: &str, words: &str) -> Outcome {
        self.until(&format!("the words «{words}» on {path}"), async || {
            self.go(path).await.ok()?;
            self.text().await.ok()?.contains(words).then_some(())
        })
        .await
    }

    /// Signs in through the form.
    pub(crate) async fn sign_in(&self, login: &Login) -> Outcome {
        self.go("/signin").await?;
        self.fill("email", &login.email).await?;
        self.fill("password", &login.password).await?;
        self.press("main form.form button.primary").await?;
        self.sees("Sign out").await
    }

    /// Enrols this browser with a one-time code.
    pub(crate) async fn enrol(&self, code: &str) -> Outcome {
        self.go("/keys").await?;
        self.fill("code", code).await?;
        self.press("#enrol button").await?;
        self.press("#sign-here .actions button").await?;
        self.settled().await?;
        self.go("/keys").await?;
        self.visible(".this-browser").await.map(drop)
    }

    /// Sends the form, reads the terms, signs, and waits for the receipt.
    pub(crate) async fn read_and_sign(&self) -> Outcome {
        self.click("Read the terms and sign").await?;
        self.press("#sign-now").await?;
        self.settled().await
    }

    /// Like [`Browser::read_and_sign`], sending the form again while a chain does not know the company yet.
    pub(crate) async fn read_and_sign_once_known(&self) -> Outcome {
        self.until("the chain to know the company", async || {
            self.click("Read the terms and sign").await.ok()?;
            self.client.find(Locator::Css("#sign")).await.ok().map(drop)
        })
        .await?;
        self.press("#sign-now").await?;
        self.settled().await
    }

    /// Waits until what was signed stands on record.
    pub(crate) async fn settled(&self) -> Outcome {
        self.until("the receipt", async || {
            let busy = "return document.querySelector('#sign, #wait, #sign-here:not([hidden])') === null && document.readyState === 'complete'";
            let done = self.client.execute(busy, Vec::new()).await.ok()?;
            (done == json!(true)).then_some(())
        })
        .await?;
        let text = self.text().await?;
        if text.contains("refused it") { Err(text.into()) } else { Ok(()) }
    }

    /// In the offer form: asks for as much of the goods with this HS code as what is given is worth, less 1.5 %.
    pub(crate) async fn ask_for_as_much(&self, hs: &str) -> Outcome {
        self.press(&format!("#f-want option[data-hs='{hs}']")).await?;
        self.fill("want_qty", "1000").await?;
        let dollars = async |id: &str| {
            let text = self.client.find(Locator::Id(id)).await.ok()?.text().await.ok()?;
            let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
            digits.parse::<f64>().ok().filter(|dollars| *dollars > 0.0)
        };
        let ratio = self
            .until("the value of the offer", async || {
                Some(dollars("v-give").await? / dollars("v-want").await?)
            })
            .await?;
        self.fill("want_qty", &format!("{:.2}", 1000.0 * ratio * 0.985)).await
    }

    /// Makes the window as large as a device.
    pub(crate) async fn resize(&self, width: u32, height: u32) -> Outcome {
        Ok(self.client.set_window_size(width, height).await?)
    }

    /// Checks that a page needs no sideways scrolling.
    pub(crate) async fn fits(&self, path: &str) -> Outcome {
        self.go(path).await?;
        let widest = "const wide = document.documentElement.clientWidth;
            const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > wide + 1
              && getComputedStyle(e).position !== 'absolute').map((e) => e.tagName + '.' + e.className);
            return document.documentElement.scrollWidth > wide ? out.slice(0, 5).join(', ') || 'something' : '';";
        match self.client.execute(widest, Vec::new()).await?.as_str() {
            Some("") => Ok(()),
            other => Err(format!("{path} is wider than the window: {other:?}").into()),
        }
    }

    /// The first element that `css` selects and that can be seen and used.
    async fn visible(&self, css: &str) -> Result<Element, Box<dyn std::error::Error>> {
        self.until(&format!("an element {css}"), async || self.shown(Locator::Css(css)).await).await
    }

    async fn shown(&self, what: Locator<'_>) -> Option<Element> {
        for element in self.client.find_all(what).await.ok()? {
            let usable =
                element.is_displayed().await.unwrap_or(false) && element.is_enabled().await.unwrap_or(false);
            if usable {
                return Some(element);
            }
        }
        None
    }

    /// Looks again and again until `look` finds something.
    async fn until<T>(
        &self,
        what: &str,
        look: impl AsyncFn() -> Option<T>,
    ) -> Result<T, Box<dyn std::error::Error>> {
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        let search = async {
            loop {
                looks.tick().await;
                if let Some(found) = look().await {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.map_err(|_| format!("waited in vain for {what}").into())
    }
}
