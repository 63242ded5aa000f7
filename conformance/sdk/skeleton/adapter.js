// A Legwork adapter that drives nothing yet. Fill it in by ADAPTERS.md, step by step.
"use strict";

const readline = require("node:readline");

const HELLO = { protocol: 1, name: "NAME", version: "0", drives: [], controls: [] };

/** The library has no way to do what was asked. */
class Unsupported extends Error {}

function reset({ environment }) {
  for (const name of Object.keys(environment.policy ?? {})) throw new Unsupported(`policy:${name}`);
  for (const name of environment.faults ?? []) throw new Unsupported(`fault:${name}`);
  return {};
}

const operations = new Map([
  ["hello", () => ({ hello: HELLO })],
  ["reset", reset],
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
