"""The openai package for Python: sync, async, streaming, tools, structured output, retries, errors, a reader that leaves."""
import asyncio, json, os, sys, threading

from harness import CLIENTS, MODEL, PYTHON, Server, contains, equal, need, run_cases, texts, wait_until
from recorder import Recorder503

need(PYTHON)
if os.path.realpath(sys.prefix) != os.path.realpath(CLIENTS / "venv"):
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

import openai
from pydantic import BaseModel

RULES = [
    {"when": "capital of France", "think": "Easy.", "reply": "Paris is the capital of France."},
    {"when": "And of Italy", "reply": "That is Rome."},
    {"when": "weather in Oslo", "calls": [{"name": "weather", "arguments": {"city": "Oslo", "days": 2}},
                                          {"name": "weather", "arguments": {"city": "Bergen", "days": 1}}]},
    {"when": ["snow", "rain"], "reply": "Snow in Oslo, rain in Bergen."},
    {"when": "who wrote", "reply": '{"name": "Ada Lovelace", "born": 1815, "works": ["Notes"]}'},
    {"when": "fails once", "times": 1, "fail": "the engine stumbled"},
    {"when": "fails once", "reply": "Now it works."},
    {"when": "number", "reply": "A number came."},
    {"when": "forever", "reply": "on and on ", "token_s": 0.02, "endless": True},
    {"when": "after the queue", "reply": "It was my turn."},
]
WEATHER = {"type": "function", "function": {
    "name": "weather", "description": "Weather of the next days",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                   "required": ["city", "days"]}}}


def user(text):
    return {"role": "user", "content": text}


def session(name):
    return {"X-Session-Id": name}


def client_of(server, **more):
    return openai.OpenAI(base_url=server.url, api_key="unused", timeout=60, **{"max_retries": 0, **more})


def of_session(server, name):
    return [turn for turn in server.turns() if turn["session"] == name]


def two_turns():
    with Server(RULES) as server:
        client = client_of(server)
        first = client.chat.completions.create(model=MODEL, messages=[user("What is the capital of France?")],
                                               extra_headers=session("s"), user="anna")
        equal(first.choices[0].message.content, "Paris is the capital of France.", "first reply")
        equal(first.choices[0].finish_reason, "stop", "finish reason")
        equal(first.usage.total_tokens, first.usage.prompt_tokens + first.usage.completion_tokens, "usage")
        history = [user("What is the capital of France?"), first.choices[0].message.model_dump(exclude_none=True)]
        second = client.chat.completions.create(model=MODEL, messages=history + [user("And of Italy?")],
                                                extra_headers=session("s"), user="anna")
        equal(second.choices[0].message.content, "That is Rome.", "second reply")
        turns = of_session(server, "s")
        equal([(t["index"], t["type"], t["state"]) for t in turns], [(0, "main", "answered"), (1, "main", "answered")],
              "turns of the session")
        equal(texts(turns[0]["next_state"]), ["And of Italy?"], "next state of the first turn")
        equal([t["completion_id"] for t in turns], [first.id, second.id], "completion ids")
        equal([t["user"] for t in turns], ["anna", "anna"], "user")
        models = client.models.list().data
        equal([m.id for m in models], [MODEL], "models")
        equal(models[0].max_model_len, 32768, "context that /v1/models says")


def streaming():
    with Server(RULES) as server:
        stream = client_of(server).chat.completions.create(
            model=MODEL, messages=[user("What is the capital of France?")], stream=True,
            stream_options={"include_usage": True}, extra_headers=session("s"))
        text, thoughts, reasons, usage = "", "", [], None
        for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                thoughts += getattr(choice.delta, "reasoning_content", None) or ""
                reasons += [choice.finish_reason] if choice.finish_reason else []
        equal((text, thoughts, reasons), ("Paris is the capital of France.", "Easy.", ["stop"]), "the stream's content")
        turn = of_session(server, "s")[0]
        equal((usage.prompt_tokens, usage.completion_tokens), (turn["prompt_tokens"], turn["tokens"]), "usage")
        equal(turn["reply_message"]["text"], text, "reply on record")


def many_at_once():
    async def ask(client, number):
        stream = await client.chat.completions.create(model=MODEL, messages=[user(f"number {number}")], stream=True,
                                                      extra_headers=session(f"s{number}"))
        return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

    async def ask_all(url):
        async with openai.AsyncOpenAI(base_url=url, api_key="unused", max_retries=0, timeout=60) as client:
            return await asyncio.gather(*[ask(client, number) for number in range(16)])

    with Server(RULES) as server:
        equal(asyncio.run(ask_all(server.url)), ["A number came."] * 16, "replies")
        asked = {t["session"]: texts(t["messages"]) for t in server.turns()}
        equal(asked, {f"s{n}": [f"number {n}"] for n in range(16)}, "sessions on record")


def tools():
    with Server(RULES) as server:
        client = client_of(server)
        messages = [user("What is the weather in Oslo and in Bergen?")]
        first = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER],
                                               extra_headers=session("s")).choices[0]
        equal(first.finish_reason, "tool_calls", "finish reason")
        calls = first.message.tool_calls
        equal([json.loads(c.function.arguments) for c in calls],
              [{"city": "Oslo", "days": 2}, {"city": "Bergen", "days": 1}], "arguments")
        messages.append(first.message.model_dump(exclude_none=True))
        for call, result in reversed(list(zip(calls, ["snow", "rain"]))):  # results need not come in order
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        second = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER],
                                                extra_headers=session("s")).choices[0]
        equal(second.message.content, "Snow in Oslo, rain in Bergen.", "answer")
        turns = of_session(server, "s")
        equal(sorted((m["role"], m["text"]) for m in turns[0]["next_state"]), [("tool", "rain"), ("tool", "snow")],
              "next state of the calls")
        equal(turns[0]["tools"], [WEATHER], "tools on record")


class Author(BaseModel):
    name: str
    born: int
    works: list[str]


def structured_output():
    with Server(RULES + [{"when": "who broke", "reply": '{"name": "Ada", "born": "long ago"}'}]) as server:
        client = client_of(server)
        parsed = client.chat.completions.parse(model=MODEL, messages=[user("who wrote the first program?")],
                                               response_format=Author, extra_headers=session("s"))
        equal(parsed.choices[0].message.parsed, Author(name="Ada Lovelace", born=1815, works=["Notes"]), "parsed")
        turn = of_session(server, "s")[0]
        assert turn["masked"], "the reply was not held to its schema"
        try:  # the mask is real: what the script says is refused where it breaks the schema
            client.chat.completions.parse(model=MODEL, messages=[user("who broke it?")], response_format=Author)
            raise AssertionError("a reply that breaks the schema went through")
        except openai.InternalServerError as error:
            contains(str(error), "breaks the request's constraint", "error")


def retries():
    with Server(RULES, "--http.max_queue", "1") as server:
        patient = client_of(server, max_retries=8)
        reply = patient.chat.completions.create(model=MODEL, messages=[user("this fails once")])
        equal(reply.choices[0].message.content, "Now it works.", "after a 500")
        blocker = client_of(server).chat.completions.create(model=MODEL, messages=[user("go on forever")], stream=True)
        next(iter(blocker))
        try:
            client_of(server).chat.completions.create(model=MODEL, messages=[user("after the queue")])
            raise AssertionError("the queue was full")
        except openai.RateLimitError as error:
            assert int(error.response.headers["retry-after"]) >= 1, error.response.headers
        replies = []
        waiting = threading.Thread(target=lambda: replies.append(patient.chat.completions.create(
            model=MODEL, messages=[user("after the queue")], extra_headers=session("s"))))
        wait_until("the count of refusals so far", lambda: server.status()["refused"] == 2)  # published twice a second
        waiting.start()
        wait_until("a refusal of the patient client", lambda: server.status()["refused"] > 2)
        blocker.close()
        waiting.join(60)
        equal([r.choices[0].message.content for r in replies], ["It was my turn."], "after a 429")
        equal([t["reply"] for t in of_session(server, "s")], ["It was my turn."], "refused tries leave no turn")
        with Recorder503(server.root) as proxy:
            impatient = openai.OpenAI(base_url=proxy.url, api_key="unused", max_retries=2, timeout=60)
            reply = impatient.chat.completions.create(model=MODEL, messages=[user("number 3")])
            equal(reply.choices[0].message.content, "A number came.", "after a 503")
            equal([call["status"] for call in proxy.calls], [503, 200], "tries")


def reader_leaves():
    with Server(RULES) as server:
        stream = client_of(server).chat.completions.create(
            model=MODEL, messages=[user("go on forever")], stream=True, extra_headers=session("s"))
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                break
        stream.close()
        turn = server.wait_for_turns("the half turn", lambda t: t["session"] == "s")[0]
        equal((turn["state"], turn["finish"], turn["next_state"]), ("aborted", "cancelled", []), "half turn")
        assert 0 < turn["tokens"] < 1000, turn["tokens"]
        wait_until("the end of the generation", lambda: server.status()["active"] == 0)


def choices_and_logprobs():
    with Server(RULES) as server:
        client = client_of(server)
        reply = client.chat.completions.create(model=MODEL, messages=[user("number 1")], n=3, logprobs=True,
                                               top_logprobs=2, extra_headers=session("s"))
        equal([c.message.content for c in reply.choices], ["A number came."] * 3, "three choices")
        equal([c.index for c in reply.choices], [0, 1, 2], "their places")
        tokens = reply.choices[0].logprobs.content
        equal("".join(t.token for t in tokens), "A number came.", "tokens of the log-probs")
        assert all(abs(t.logprob + 0.6931) < 1e-3 and len(t.top_logprobs) == 2 for t in tokens), tokens
        equal({t["session"] for t in server.turns()}, {"s"}, "session of all choices")
        text = client.completions.create(model=MODEL, prompt="a number please", max_tokens=20)
        equal(text.choices[0].text, "A number came.", "/v1/completions")


def not_to_be_kept():
    with Server(RULES) as server:
        client = client_of(server)
        client.chat.completions.create(model=MODEL, messages=[user("number 1")], extra_headers={"X-Learning": "off"})
        client.chat.completions.create(model=MODEL, messages=[user("number 2")], store=False)
        client.chat.completions.create(model=MODEL, messages=[user("number 3")], metadata={"learning": "store"})
        client.chat.completions.create(model=MODEL, messages=[user("number 4")])
        equal([(texts(t["messages"]), t["state"], t["exclusion"], t["learning"]) for t in server.turns()],
              [(["number 3"], "excluded", "opted_out", "store"), (["number 4"], "answered", "", "learn")], "on record")


def errors():
    with Server(RULES, "--rollout.max_context", "64") as server:
        client = client_of(server)

        def refused(kind, **arguments):
            try:
                client.chat.completions.create(**{"model": MODEL, "messages": [user("number 1")], **arguments})
            except kind as error:
                return error
            raise AssertionError(f"no {kind.__name__} for {arguments}")

        equal(refused(openai.NotFoundError, model="other").code, "model_not_found", "code")
        equal(refused(openai.BadRequestError, temperature=7).param, "temperature", "param")
        long = refused(openai.BadRequestError, messages=[user("word " * 200)])
        equal(long.code, "context_length_exceeded", "code")
        contains(str(long), "maximum context length is 64 tokens", "text that clients recognise")
        equal(server.turns(), [], "turns on record")


def echo_scored():
    """As lm-evaluation-harness asks (max_tokens 1), and scoring only."""
    with Server(RULES) as server:
        def scored(**arguments):
            return client_of(server).completions.create(model=MODEL, prompt="number one", echo=True, logprobs=0, **arguments).choices[0]

        only, one = scored(max_tokens=0), scored(max_tokens=1)
        equal((only.text, only.finish_reason), ("number one", "length"), "what is scored")
        equal("".join(only.logprobs.tokens), "number one", "its tokens")
        equal(only.logprobs.token_logprobs[0], None, "log-prob of the first token")
        equal(one.logprobs.token_logprobs[:-1], only.logprobs.token_logprobs, "log-probs of the prompt before the reply's token")
        equal(one.logprobs.text_offset[0], 0, "offset of the first token")


run_cases([two_turns, streaming, many_at_once, tools, structured_output, retries, reader_leaves, choices_and_logprobs, echo_scored, not_to_be_kept, errors])
