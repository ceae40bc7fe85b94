"""`openclaw agent --local`, twice in one session, and `infer model run`, with nothing in the configuration but the
server's address: the session is read from the prompt."""
import uuid

from harness import MODEL, Server, equal, run_cases, texts
from openclaw import OpenClaw, provider

RULES = [
    {"when": "remember the word", "think": "Easy.", "reply": "I will remember it."},
    {"when": "which word", "reply": "The word was harbour."},
    {"when": "say good day", "reply": "Good day."},
]


def local_turns_and_infer():
    session = str(uuid.uuid4())
    with Server(RULES) as server, OpenClaw({"rl": provider(server.url)}) as client:
        for text, reply in (("remember the word harbour", "I will remember it."),
                            ("which word was it?", "The word was harbour.")):
            answer = client.json("agent", "--local", "--agent", "main", "--session-id", session, "-m", text)
            equal([p["text"] for p in answer["payloads"]], [reply], f"reply to {text!r}")
        answer = client.json("infer", "model", "run", "--local", "--model", f"rl/{MODEL}", "--prompt", "say good day")
        equal([o["text"] for o in answer["outputs"]], ["Good day."], "reply of infer")
        first, second, infer = server.turns()
        equal([t["index"] for t in (first, second)], [0, 1], "places in the session")
        equal({(t["type"], t["state"]) for t in (first, second)}, {("main", "answered")}, "life of the turns")
        equal(second["session"], first["session"], "one session")
        equal(texts(first["next_state"]), ["which word was it?"], "next state")
        assert first["tools"], "agent turns have tools"
        equal((infer["tools"], len(infer["messages"]), infer["next_state"]), ([], 1, []), "infer is a lone question")
        assert infer["session"] != first["session"], "infer has a session of its own"


run_cases([local_turns_and_infer])
