// Drives an installed npm client: each line of input is a call, each line of output what came of it.
"use strict";

const { createInterface } = require("node:readline");

const callOf = (root, path, args) => {
  const names = path.split(".");
  const method = names.pop();
  return names.reduce((found, name) => found[name], root)[method](...args);
};

// How each client is made, and how its users call it: a function of a dotted name and its arguments.
const CLIENTS = {
  "iamport-rest-client-nodejs": ({ url, key, secret }) => {
    const { Iamport, Request } = require("iamport-rest-client-nodejs");
    const client = new Iamport({ apiKey: key, apiSecret: secret, baseUrl: url });
    return async (path, args) => (await callOf(Request, path, args).request(client)).data;
  },
  iamport: ({ url, key, secret }) => {
    const Iamport = require("iamport");
    Iamport.DEFAULT_HOST = url;
    const client = new Iamport({ impKey: key, impSecret: secret });
    return async (path, args) => callOf(client, path, args);
  },
  iamporter: ({ url, key, secret }) => {
    const { Iamporter } = require("iamporter");
    const client = new Iamporter({ apiKey: key, secret, host: url });
    return async (path, args) => (await callOf(client, path, args)).raw;
  },
};

const told = (error) => ({
  raised: error.constructor?.name,
  said: error.message ?? "",
  facts: { code: error.code, status: error.status ?? error.response?.status, body: error.raw ?? error.response?.data },
});

async function main(name, options) {
  const call = CLIENTS[name](JSON.parse(options));
  for await (const line of createInterface({ input: process.stdin })) {
    const { method, arguments: given, named } = JSON.parse(line);
    const args = Object.keys(named).length ? [...given, named] : given;
    const outcome = await call(method, args).then((returned) => ({ returned: returned ?? null }), told);
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  }
}

main(...process.argv.slice(2));
