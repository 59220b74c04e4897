// The page on which somebody signs: compares the text with the bytes, then signs with the key of this browser.
import { announce, checkTerms, kept, sign, unable, unhex } from "./keys.js";

const form = document.getElementById("sign");
const state = document.getElementById("sign-state");
const button = document.getElementById("sign-now");
const wallet = document.getElementById("wallet");

function say(text, warn = false, link) {
  const line = document.createElement("p");
  line.textContent = text + " ";
  if (warn) line.className = "bad";
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.textContent = link.text;
    line.append(anchor);
  }
  state.replaceChildren(line);
}

async function ready() {
  const fault = await unable();
  if (fault) {
    wallet.open = true;
    return say(fault, true);
  }
  await announce();
  const mine = await kept();
  const key = mine.find((key) => key.publicKey === form.dataset.key);
  if (!key) {
    const other = [...document.querySelectorAll("form.with-key")].find((form) => mine.some((key) => key.publicKey === form.dataset.key));
    if (other) return other.requestSubmit();
    wallet.open = true;
    return say("This browser has no key of your company yet.", true, { href: "/keys?next=" + encodeURIComponent(form.elements.next.value), text: "Enrol this browser" });
  }
  const bytes = unhex(form.elements.signing_bytes.value);
  // What the document holds, not what the layout makes of it.
  await checkTerms(document.getElementById("terms").textContent, bytes);
  say("The text on this page is what the bytes to sign stand for: compared in this browser.");
  button.hidden = false;
  // Another signature of the account came first, so the number of this one was used. The text is the same to the last
  // letter: what was agreed to is signed again, a few times at most.
  const agreed = JSON.parse(sessionStorage.getItem("agreed") ?? "{}");
  sessionStorage.removeItem("agreed");
  const again = form.dataset.stale === "true" && agreed.terms === form.dataset.terms && agreed.tries < 6 && Date.now() - agreed.at < 60_000;
  const tries = again ? agreed.tries + 1 : 0;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      sessionStorage.setItem("agreed", JSON.stringify({ terms: form.dataset.terms, at: again ? agreed.at : Date.now(), tries }));
      form.elements.signature.value = await sign(key, bytes);
      form.submit();
    } catch (error) {
      button.disabled = false;
      say(error.message, true);
    }
  });
  if (again) return button.click();
  button.focus({ preventScroll: true });
}

ready().catch((error) => say(error.message, true));
