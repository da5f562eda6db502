// The planted races of agents.py in Node, behind HTTP: `node server.mjs DEPTH [mended]`. It listens on PORT.

import { createServer } from "node:http";

const [depth, mended] = process.argv.slice(2);
const memory = new Map();

async function ask(messages, more = {}) {
  const response = await fetch(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ model: "any", messages, ...more }),
  });
  return (await response.json()).choices[0].message.content;
}

const considered = (question, message, more) =>
  ask([{ role: "system", content: question }, { role: "user", content: message }], more);

const said = (resource) => memory.get(resource) ?? memory.set(resource, []).get(resource);

function known(resource) {
  const lately = said(resource).slice(-8).filter((one) => one.role === "user").map((one) => one.content);
  const title = "You are talking to somebody who lately said:";
  return lately.length ? [{ role: "system", content: [title, ...lately].join("\n") }] : [];
}

// What the model is told beforehand of whom it talks to; here are the races.

let latest = [];

async function depth1(message, resource) {
  let own;
  const schema = { type: "object", properties: { language: { type: "string" } } };
  const profiling = considered("Who is this?", message, {
    response_format: { type: "json_schema", json_schema: { name: "profile", schema } },
  }).then(() => (latest = own = known(resource)));
  await considered("Which tone would fit?", message);
  const introduction = own ?? (mended ? [] : latest);
  await profiling;
  return introduction;
}

const everybodys = {};

async function depth2(message, resource) {
  const box = mended ? {} : everybodys;
  box.introduction = known(resource);
  await considered("May this be answered?", message);
  return box.introduction;
}

async function depth3(message, resource) {
  const box = mended ? {} : everybodys;
  box.owner = resource;
  await considered("May this be answered?", message);
  const own = (box.introduction = known(resource));
  await considered("Which tone would fit?", message);
  return box.owner === resource ? box.introduction : own;
}

const introduced = { 1: depth1, 2: depth2, 3: depth3 }[depth];

async function send({ message, resource }) {
  const introduction = await introduced(message, resource);
  const asked = { role: "user", content: message };
  const reply = await ask([...introduction, ...said(resource).slice(-20), asked]);
  said(resource).push(asked, { role: "assistant", content: reply.slice(0, 400) });
  return reply;
}

createServer(async (request, response) => {
  if (request.method === "GET") return response.end("ready");
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const text = await send(JSON.parse(Buffer.concat(pieces)));
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ text }));
}).listen(Number(process.env.PORT), "127.0.0.1");
