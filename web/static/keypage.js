// Making, enrolling, restoring and inviting keys.
import { announce, backup, checkTerms, create, fromCode, keep, kept, newCode, post, restore, sign, tagged, unable, unhex } from "./keys.js";

const box = document.getElementById("keys");
const state = document.getElementById("key-state");
const account = box.dataset.account;
const byId = (id) => document.getElementById(id);

function say(text, warn = false) {
  const line = document.createElement("p");
  line.className = warn ? "notice warn" : "notice";
  line.textContent = text;
  state.replaceChildren(line);
}

function mark(id, text) {
  const line = byId("ke-" + id);
  line.textContent = text;
  line.hidden = !text;
  byId("k-" + id)?.setAttribute("aria-invalid", text ? "true" : "false");
}

function handle(form, action) {
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    state.replaceChildren();
    try {
      await action(form.elements);
    } catch (error) {
      say(error.message, true);
    } finally {
      button.disabled = false;
    }
  });
}

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Shows the terms of a transaction that this page itself prepares, and signs when asked. */
async function offerToSign(prepared, key, headline, code, before) {
  const bytes = unhex(prepared.signing_bytes);
  await checkTerms(prepared.terms, bytes);
  const panel = byId("sign-here");
  panel.querySelector(".terms").textContent = prepared.terms;
  byId("code-line").hidden = !code;
  byId("code").textContent = code ?? "";
  panel.hidden = false;
  panel.querySelector("button").onclick = async () => {
    const form = panel.querySelector("form");
    await before?.();
    form.elements.chain.value = prepared.chain;
    form.elements.signing_bytes.value = prepared.signing_bytes;
    form.elements.signature.value = await sign(key, bytes);
    form.elements.headline.value = headline;
    form.submit();
  };
  panel.scrollIntoView({ block: "center" });
  panel.querySelector("button").focus();
}

handle(byId("create"), async (fields) => {
  mark("password", fields.password.value.length < 12 ? "At least 12 characters." : "");
  mark("again", fields.password.value !== fields.again.value ? "The two passwords differ." : "");
  if (fields.password.value.length < 12 || fields.password.value !== fields.again.value) return;
  const made = await create("", fields.label.value.trim() || "My first browser");
  const proof = await sign(made.key, tagged("portal-key", new TextEncoder().encode(document.body.dataset.csrf)));
  const said = await post("/keys", { public_key: made.key.publicKey, proof, label: made.key.label });
  made.key.account = said.account;
  await keep(made.key);
  save("permuta-key-" + made.key.publicKey.slice(0, 8) + ".json", await backup(made.key, made.pkcs8, fields.password.value));
  made.pkcs8.fill(0);
  say("The key is made and its backup is in your downloads. Keep it safe. Going on to the registration …");
  setTimeout(() => location.assign("/register"), 900);
});

handle(byId("enrol"), async (fields) => {
  const code = fields.code.value.toUpperCase().replace(/[^A-Z0-9]/g, "");
  mark("code", code.length < 8 ? "A code has at least 8 letters and digits." : "");
  if (code.length < 8) return;
  const codeKey = await fromCode(code);
  const made = await create(account, fields.label.value.trim() || "Another browser");
  made.pkcs8.fill(0);
  const prepared = await post("/keys/propose", { kind: "enrol", key: made.key.publicKey, signer: codeKey.publicKey, label: made.key.label });
  await offerToSign(prepared, codeKey, "You enrol this browser", "", () => keep(made.key));
});

handle(byId("restore"), async (fields) => {
  const file = fields.file.files[0];
  mark("file", !file ? "Choose the file." : file.size > 10_000 ? "A backup is smaller than that." : "");
  if (!file || file.size > 10_000) return;
  const key = await restore(await file.text(), fields.password.value);
  if (key.account !== account) throw new Error("This backup belongs to account " + key.account + ", not to yours.");
  await keep(key);
  location.reload();
});

byId("invite")?.addEventListener("click", async () => {
  state.replaceChildren();
  try {
    const [key] = await kept(account);
    const code = newCode();
    const codeKey = await fromCode(code);
    const prepared = await post("/keys/propose", { kind: "invite", key: codeKey.publicKey, signer: key.publicKey });
    await offerToSign(prepared, key, "You make a one-time code", code);
  } catch (error) {
    say(error.message, true);
  }
});

async function begin() {
  const fault = await unable();
  if (fault) return say(fault, true);
  const mine = account ? await kept(account) : [];
  await announce();
  const listed = [...document.querySelectorAll(".this-browser")];
  for (const badge of listed) badge.hidden = !mine.some((key) => key.publicKey === badge.dataset.key);
  // A key that was made here but never got onto the account does not count.
  const usable = listed.some((badge) => !badge.hidden) || (mine.length > 0 && box.dataset.registered === "false");
  for (const id of account ? (usable ? ["have"] : ["enrol", "restore"]) : ["create"]) byId(id)?.removeAttribute("hidden");
}

begin().catch((error) => say(error.message, true));
