// The openai package for Node against the scripted server; test_openai_node.py starts it and looks into the journal.
import assert from "node:assert/strict";
import OpenAI from "openai";

const model = "clawrl-demo";
const options = { baseURL: process.argv[2], apiKey: "unused", maxRetries: 0, timeout: 60_000 };
const client = new OpenAI(options);
const user = (content) => ({ role: "user", content });
const session = (name) => ({ headers: { "X-Session-Id": name } });

async function twoTurns() {
  const messages = [user("What is the capital of France?")];
  const first = await client.chat.completions.create({ model, messages }, session("turns"));
  assert.equal(first.choices[0].message.content, "Paris is the capital of France.");
  assert.equal(first.usage.total_tokens, first.usage.prompt_tokens + first.usage.completion_tokens);
  messages.push(first.choices[0].message, user("And of Italy?"));
  const second = await client.chat.completions.create({ model, messages }, session("turns"));
  assert.equal(second.choices[0].message.content, "That is Rome.");
  const models = await client.models.list();
  assert.deepEqual(models.data.map((m) => [m.id, m.max_model_len]), [[model, 32768]]);
}

async function streaming() {
  const stream = await client.chat.completions.create(
    { model, messages: [user("What is the capital of France?")], stream: true, stream_options: { include_usage: true } },
    session("stream"));
  let text = "", thoughts = "", usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    thoughts += chunk.choices[0]?.delta.reasoning_content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, "Paris is the capital of France.");
  assert.equal(thoughts, "Easy.");
  assert.ok(usage.completion_tokens > 0);
}

async function tools() {
  const asked = [];
  const runner = client.chat.completions.runTools({
    model,
    messages: [user("What is the weather in Oslo and in Bergen?")],
    tools: [{ type: "function", function: {
      name: "weather", description: "Weather of the next days", parse: JSON.parse,
      parameters: { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } } },
      function: ({ city }) => { asked.push(city); return city === "Oslo" ? "snow" : "rain"; },
    } }],
  }, session("tools"));
  assert.equal(await runner.finalContent(), "Snow in Oslo, rain in Bergen.");
  assert.deepEqual(asked.sort(), ["Bergen", "Oslo"]);
}

async function structuredOutput() {
  const schema = { type: "object", properties: { name: { type: "string" }, born: { type: "integer" } },
    required: ["name", "born"], additionalProperties: false };
  const reply = await client.chat.completions.create({ model, messages: [user("who wrote the first program?")],
    response_format: { type: "json_schema", json_schema: { name: "author", strict: true, schema } } }, session("schema"));
  assert.deepEqual(JSON.parse(reply.choices[0].message.content), { name: "Ada Lovelace", born: 1815 });
}

async function retries() {
  const patient = new OpenAI({ ...options, maxRetries: 3 });
  const reply = await patient.chat.completions.create({ model, messages: [user("this fails once")] });
  assert.equal(reply.choices[0].message.content, "Now it works.");
  await assert.rejects(client.chat.completions.create({ model: "other", messages: [user("x")] }),
    (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found");
  await assert.rejects(client.chat.completions.create({ model, messages: [user("x")], temperature: 7 }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "temperature");
}

async function readerLeaves() {
  const stream = await client.chat.completions.create({ model, messages: [user("go on forever")], stream: true },
    session("left"));
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;  // leaving the loop aborts the request
}

for (const step of [twoTurns, streaming, tools, structuredOutput, retries, readerLeaves]) {
  await step();
  console.log(`${step.name}: passed`);
}
