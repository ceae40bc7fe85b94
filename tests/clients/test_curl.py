"""curl: a plain reply, a stream read line by line, an error, and a user who presses Ctrl-C."""
import json, signal, subprocess

from harness import MODEL, PATIENCE, Server, equal, run_cases

RULES = [
    {"when": "hello", "think": "A greeting.", "reply": "Hello to you."},
    {"when": "slow", "first_token_s": 4, "reply": "At last."},
    {"when": "forever", "reply": "on and on ", "token_s": 0.02, "endless": True},
]


def body(text, **more):
    return json.dumps({"model": MODEL, "messages": [{"role": "user", "content": text}], **more})


def command(server, data, session):
    return ["curl", "-sN", "--max-time", str(PATIENCE), server.url + "/chat/completions", "-H", "Content-Type: application/json",
            "-H", f"X-Session-Id: {session}", "-d", data]


def curl(server, data, session="c"):
    return subprocess.run(command(server, data, session), capture_output=True, text=True, check=True).stdout


def events(text):
    lines = [line for line in text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines), lines
    equal(lines[-1], "data: [DONE]", "last event")
    return [json.loads(line[6:]) for line in lines[:-1]]


def plain_and_streamed():
    with Server(RULES) as server:
        reply = json.loads(curl(server, body("hello")))
        equal(reply["choices"][0]["message"]["content"], "Hello to you.", "plain reply")
        chunks = events(curl(server, body("hello", stream=True)))
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
        equal(deltas[0]["role"], "assistant", "first delta")
        equal("".join(d.get("reasoning_content") or "" for d in deltas), "A greeting.", "thoughts")
        equal("".join(d.get("content") or "" for d in deltas), "Hello to you.", "text")
        equal([c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["finish_reason"]], ["stop"], "reason")
        assert any(chunk.get("usage") for chunk in chunks), "no usage though it is always sent"
        equal({chunk["id"] for chunk in chunks}, {server.turns()[1]["completion_id"]}, "ids")
        equal([t["reply"] for t in server.turns()], ["<think>\nA greeting.\n</think>\n\nHello to you."] * 2, "on record")


def waiting_is_not_silent():
    with Server(RULES) as server:
        chunks = events(curl(server, body("slow", stream=True)))
        empty = [c for c in chunks[1:] if c["choices"] and not any(c["choices"][0]["delta"].values())
                 and not c["choices"][0]["finish_reason"]]
        assert empty, "no empty chunk within four seconds of waiting"
        equal("".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]), "At last.", "text")


def errors():
    with Server(RULES) as server:
        equal(json.loads(curl(server, "{"))["error"]["type"], "invalid_request_error", "no JSON")
        equal(json.loads(curl(server, body("hello", temperature="hot")))["error"]["param"], "temperature", "field")
        equal(server.turns(), [], "turns on record")


def interrupted():
    with Server(RULES) as server:
        process = subprocess.Popen(command(server, body("forever", stream=True), "left"), stdout=subprocess.PIPE, text=True)
        while '"content":"' not in process.stdout.readline():
            assert process.poll() is None, "curl ended"
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        turn = server.wait_for_turns("the half turn", lambda t: t["session"] == "left")[0]
        equal((turn["state"], turn["finish"]), ("aborted", "cancelled"), "half turn")


run_cases([plain_and_streamed, waiting_is_not_silent, errors, interrupted])
