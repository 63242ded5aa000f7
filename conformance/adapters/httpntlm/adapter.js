// Speaks the Legwork adapter protocol for the functions of httpntlm that make and read header fields: NTLM, initiator.
"use strict";

const readline = require("node:readline");
const { ntlm } = require("httpntlm");
const { version } = require("httpntlm/package.json");

const TOKEN = 2;

/** Functions that the library has by themselves, under the names of the specification. */
const FUNCTIONS = { "ntowf-v1": ntlm.create_NT_hashed_password, "lmowf-v1": ntlm.create_LM_hashed_password };

const HELLO = {
  protocol: 1,
  name: "httpntlm",
  version,
  drives: [
    {
      package: "ntlm",
      role: "initiator",
      layer: "http-header",
      operations: ["acquire", "free-credential", "initialize", "delete"],
      observables: ["token", "status"],
      requirements: 0,
      honours: ["character-set:oem", "policy:send-names:true", "target:absent"],
      decode: ["challenge"],
      derive: Object.keys(FUNCTIONS),
    },
  ],
  controls: ["host"],
};

/** The library has no way to do what was asked. */
class Unsupported extends Error {}

/** The objects that stand under the harness's numbers; null once they are freed. */
class Handles extends Map {
  find(number) {
    if (number === undefined) throw new Unsupported("absent-handle");
    if (!this.has(number)) throw new Unsupported("foreign-handle");
    if (this.get(number) === null) throw new Unsupported("stale-handle");
    return this.get(number);
  }

  drop(number) {
    this.find(number);
    this.set(number, null);
    return returned("complete");
  }
}

let credentials = new Handles();
let contexts = new Handles();
let workstation = "";

const returned = (code) => ({ status: { namespace: "return", code } });

/** A text as JavaScript has it; unpaired surrogates survive. */
function textOf(value, absent) {
  if (value === undefined) throw new Unsupported(absent);
  return Buffer.from(value.utf16, "hex").toString("utf16le");
}

function reset({ environment }) {
  credentials = new Handles();
  contexts = new Handles();
  workstation = environment.host["netbios-computer"];
  for (const [name, value] of Object.entries(environment.policy ?? {})) {
    // Names are always sent.
    if (name !== "send-names" || value !== true) throw new Unsupported(`policy:${name}`);
  }
  for (const name of environment.faults ?? []) throw new Unsupported(`fault:${name}`);
  return {};
}

function acquire(request) {
  if (request.package !== "ntlm") throw new Unsupported(`package:${request.package}`);
  if (request.role !== "initiator") throw new Unsupported(`role:${request.role}`);
  if (!request.identity) throw new Unsupported("identity:absent");
  const { user, domain, password } = request.identity;
  credentials.set(request.credential, {
    username: textOf(user, "identity:no-user"),
    password: textOf(password, "identity:no-password"),
    ...(domain && { domain: textOf(domain) }),
  });
  return returned("complete");
}

/** The value of the header field that comes in; undefined if there is none, as among the headers of a response. */
function headerOf(request) {
  const found = request.input.find(({ kind }) => kind === TOKEN);
  return found && Buffer.from(found.bytes ?? "", "hex").toString("latin1");
}

const token = (header) => ({ buffers: [{ kind: TOKEN, bytes: Buffer.from(header, "latin1").toString("hex") }] });

/** Calls the library. What it throws is an outcome, and so is what it hands to its callback. */
function library(code, call, shown) {
  let refusal;
  try {
    const made = call((error) => {
      refusal ??= error;
    });
    if (!refusal) return { ...returned(code), ...shown(made) };
  } catch (error) {
    refusal = error;
  }
  const status = { namespace: "exception", code: refusal.constructor.name, message: String(refusal.message) };
  return { status: refusal.code ? { ...status, minor: refusal.code } : status };
}

function initialize(request) {
  const credential = credentials.find(request.credential);
  if (request.bindings !== undefined) throw new Unsupported("bindings");
  if (request.reserved.some((value) => value !== 0)) throw new Unsupported("reserved");
  if (request.context === undefined) return negotiate(request, credential);
  const context = contexts.find(request.context);
  if (!context.waits) throw new Unsupported("leg after the last");
  context.waits = false;
  return library("complete", (callback) => {
    const challenge = ntlm.parseType2Message(headerOf(request), callback);
    return challenge && ntlm.createType3Message(challenge, context.options);
  }, token);
}

/** The first leg; its function takes no token. */
function negotiate(request, credential) {
  if (headerOf(request) !== undefined) throw new Unsupported("token for the first leg");
  // The library writes into the options that it is given.
  const options = { ...credential, workstation };
  contexts.set(request["new-context"], { options, waits: true });
  return library("continue", () => ntlm.createType1Message(options), token);
}

/** What the library reads in a CHALLENGE, but for what it only cuts out and leaves as bytes. */
function decode({ token: name, bytes }) {
  if (name !== "challenge") throw new Unsupported(`decode:${name}`);
  const header = `NTLM ${Buffer.from(bytes ?? "", "hex").toString("base64")}`;
  return library("complete", (callback) => ntlm.parseType2Message(header, callback), (challenge) => ({
    values: {
      flags: `0x${(challenge.negotiateFlags >>> 0).toString(16).padStart(8, "0")}`,
      server_challenge: challenge.serverChallenge.toString("hex"),
    },
  }));
}

function derive({ function: name, values }) {
  const call = FUNCTIONS[name];
  if (!call) throw new Unsupported(`derive:${name}`);
  return library("complete", () => call(values.password), (value) => ({ values: { value: value.toString("hex") } }));
}

const operations = new Map([
  ["hello", () => ({ hello: HELLO })],
  ["reset", reset],
  ["acquire", acquire],
  ["free-credential", ({ credential }) => credentials.drop(credential)],
  ["initialize", initialize],
  ["delete", ({ context }) => contexts.drop(context)],
  ["decode", decode],
  ["derive", derive],
  ["bye", () => ({})],
]);

function answer(request) {
  try {
    const operation = operations.get(request.op);
    if (!operation) throw new Unsupported(request.op);
    return { outcome: operation(request) };
  } catch (error) {
    if (error instanceof Unsupported) return { unsupported: { what: error.message } };
    return { fault: { message: String(error) } };
  }
}

// What the library prints goes to standard error; the protocol has standard output for itself.
console.log = console.info = console.error;
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  const reply = JSON.stringify({ seq: request.seq, ...answer(request) });
  process.stdout.write(`${reply}\n`, () => {
    if (request.op === "bye") process.exit(0);
  });
});
