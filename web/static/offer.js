// Shows what an offer is worth while one types, and narrows the list of goods. The form works without.
import { post } from "./keys.js";

const form = document.getElementById("offer");
const search = document.getElementById("f-q");
const want = document.getElementById("f-want");
// What the server needs in order to say the same as with the whole form; boxes that are not ticked are not sent.
const asks = ["give", "want", "give_qty", "want_qty", "commitment", "joins_indicative", "divisible", "min_fill"];
let timer;
let asked = 0;

async function value() {
  const turn = ++asked;
  const entered = new FormData(form);
  const fields = Object.fromEntries(asks.filter((name) => entered.has(name)).map((name) => [name, entered.get(name)]));
  if (!fields.want) {
    suggest([]);
    return;
  }
  try {
    const said = await post("/offers/value.json", fields);
    if (turn !== asked) return;
    for (const name of ["give", "want", "limit", "hint", "quote", "ring", "book"]) document.getElementById("v-" + name).textContent = said[name];
    document.getElementById("v-limit").className = said.tone;
    suggest(said.suggestions);
  } catch {
    // The button "What is it worth?" asks the server for the whole page instead.
  }
}

// What could be given to get what is wanted; text only, and links to forms of this site.
function suggest(offers) {
  const list = document.getElementById("v-suggestions");
  if (!list) return;
  list.replaceChildren(...offers.map((offer) => {
    const make = (tag, text, kind) => Object.assign(document.createElement(tag), { textContent: text, className: kind });
    const item = document.createElement("li");
    item.append(make("strong", offer.what, ""), make("span", offer.how, "small muted"), Object.assign(make("a", offer.action, "btn slim"), { href: offer.href }));
    return item;
  }));
  document.getElementById("suggested").hidden = offers.length === 0;
}

function units() {
  for (const name of ["give", "want"]) {
    const unit = form.elements[name].selectedOptions?.[0]?.dataset.unit;
    if (unit !== undefined) document.getElementById("u-" + name).textContent = unit;
  }
}

form.addEventListener("input", () => {
  units();
  clearTimeout(timer);
  timer = setTimeout(value, 250);
});

if (search && want && !search.value) {
  const all = [...want.options];
  document.getElementById("find").hidden = true;
  search.addEventListener("input", (event) => {
    event.stopPropagation();
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = want.value;
    const fit = all.filter((option) => !option.value || words.every((word) => option.text.toLowerCase().includes(word) || option.dataset.hs.startsWith(word)));
    fit[0].text = fit.length > 1 ? "Choose among " + (fit.length - 1) + " …" : "Nothing found";
    want.replaceChildren(...fit);
    want.value = chosen && fit.some((option) => option.value === chosen) ? chosen : fit.length === 2 ? fit[1].value : "";
    want.dispatchEvent(new Event("input", { bubbles: true }));
  });
  // Enter in the search field chooses; it does not send the form.
  search.addEventListener("keydown", (event) => event.key === "Enter" && (event.preventDefault(), want.focus()));
}

units();
value();
