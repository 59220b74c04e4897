// Signing keys in this browser: made here, kept here, never extractable once kept. Ed25519 by WebCrypto.

const utf8 = new TextEncoder();
const PKCS8_ED25519 = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const ROUNDS = 600_000;

export const hex = (bytes) => Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, "0")).join("");

export function unhex(text) {
  if (text.length % 2 || /[^0-9a-f]/i.test(text)) throw new Error("That is not hexadecimal.");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const unbase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const unbase64url = (text) => unbase64(text.replaceAll("-", "+").replaceAll("_", "/"));

/** The 32 bytes that go in front of everything hashed or signed as a thing of one kind. */
function tag(name) {
  const bytes = new Uint8Array(32);
  bytes.set(utf8.encode("permuta/1/" + name));
  return bytes;
}

export function tagged(name, bytes) {
  const all = new Uint8Array(32 + bytes.length);
  all.set(tag(name));
  all.set(bytes, 32);
  return all;
}

export async function taggedHash(name, bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", tagged(name, bytes)));
}

/** Why this browser cannot sign; empty if it can. */
export async function unable() {
  if (!globalThis.isSecureContext || !crypto.subtle) {
    return "This page came over a connection that is not secure, so the browser keeps its signing functions shut. Open the site over HTTPS or as localhost.";
  }
  try {
    await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
    return "";
  } catch {
    return "This browser cannot make Ed25519 signatures yet. Use a current Firefox, Chrome, Edge or Safari, or sign with the command-line wallet.";
  }
}

function store(mode) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("permuta", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys", { keyPath: "publicKey" });
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => resolve(opening.result.transaction("keys", mode).objectStore("keys"));
  });
}

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** All keys of this browser, or those of one account. */
export async function kept(account) {
  const keys = await done((await store("readonly")).getAll());
  return account ? keys.filter((key) => key.account === account) : keys;
}

/** Keeps a key, and tells the server which public keys this browser signs with. */
export async function keep(key) {
  await done((await store("readwrite")).put(key));
  await announce();
}

/** The server chooses the right key for the bytes that it prepares; it learns public keys only. */
export async function announce() {
  const keys = (await kept()).map((key) => key.publicKey).slice(-8);
  document.cookie = "permuta_keys=" + keys.join(".") + "; path=/; max-age=31536000; samesite=lax";
}

async function fromPkcs8(pkcs8, account, label) {
  const open = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, true, ["sign"]);
  const publicKey = hex(unbase64url((await crypto.subtle.exportKey("jwk", open)).x));
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, false, ["sign"]);
  return { publicKey, account, label, privateKey, made: Date.now() };
}

/** A new key: what to keep, and its PKCS#8 form for the backup, which is then forgotten. */
export async function create(account, label) {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  return { key: await fromPkcs8(pkcs8, account, label), pkcs8 };
}

/** The key of a one-time code: letters and digits count, in any case. */
export async function fromCode(code) {
  const plain = code.toUpperCase().replace(/[^A-Z0-9]/g, "");
  const seed = await taggedHash("enrol-code", utf8.encode(plain));
  return fromPkcs8(Uint8Array.from([...PKCS8_ED25519, ...seed]), "", "one-time code");
}

/** A new one-time code: 80 random bits in groups of four, without letters that look like digits. */
export function newCode() {
  const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => letters[byte % 32]).join("").replace(/(.{4})(?=.)/g, "$1-");
}

async function sealingKey(password, salt, rounds) {
  const material = await crypto.subtle.importKey("raw", utf8.encode(password.normalize("NFKC")), "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds }, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** An encrypted backup, as JSON text. */
export async function backup(key, pkcs8, password) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealing = await sealingKey(password, salt, ROUNDS);
  const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: utf8.encode(key.publicKey) }, sealing, pkcs8);
  return JSON.stringify({
    format: "permuta-key/1",
    public_key: key.publicKey,
    account: key.account,
    label: key.label,
    kdf: { name: "PBKDF2-SHA256", iterations: ROUNDS, salt: base64(salt) },
    cipher: { name: "AES-256-GCM", iv: base64(iv) },
    data: base64(data),
  }, null, 1);
}

/** A key out of its backup. */
export async function restore(text, password) {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error("This file is no key backup.");
  }
  const rounds = file?.kdf?.iterations;
  if (file?.format !== "permuta-key/1" || !(rounds >= 100_000 && rounds <= 10_000_000)) {
    throw new Error("This file is no key backup that this page knows.");
  }
  try {
    const sealing = await sealingKey(password, unbase64(file.kdf.salt), rounds);
    const pkcs8 = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: unbase64(file.cipher.iv), additionalData: utf8.encode(file.public_key) }, sealing, unbase64(file.data));
    return await fromPkcs8(new Uint8Array(pkcs8), file.account, file.label);
  } catch {
    throw new Error("The password does not open this backup, or the file is damaged.");
  }
}

/** Checks that `bytes` cover the text `terms`: what is signed is what was read. */
export async function checkTerms(terms, bytes) {
  const expected = tag("transaction");
  if (bytes.length < 64 || expected.some((byte, at) => bytes[at] !== byte)) throw new Error("These bytes are no transaction.");
  const hash = await taggedHash("terms", utf8.encode(terms));
  if (hash.some((byte, at) => bytes[32 + at] !== byte)) {
    throw new Error("The bytes to sign do not cover the text that is shown. Do not sign; tell the operator.");
  }
}

export async function sign(key, bytes) {
  return hex(await crypto.subtle.sign({ name: "Ed25519" }, key.privateKey, bytes));
}

/** Sends a form and takes JSON back; throws what the server says is wrong. */
export async function post(path, fields) {
  const body = new URLSearchParams({ csrf: document.body.dataset.csrf, ...fields });
  const answer = await fetch(path, { method: "POST", body, headers: { accept: "application/json" } });
  const kind = answer.headers.get("content-type") ?? "";
  const said = kind.startsWith("application/json") ? await answer.json() : {};
  if (!answer.ok) throw new Error(said.reason ?? "The server did not take that (" + answer.status + "). Load the page again.");
  return said;
}
