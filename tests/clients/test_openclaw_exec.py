"""`openclaw agent exec`: one turn with a tool call that the client really executes, and its answer."""
import re

from harness import Server, contains, equal, run_cases, texts
from openclaw import OpenClaw, provider

RULES = [
    {"when": "count the lines of notes.txt", "think": "I look at the file.",
     "calls": [{"name": "exec", "arguments": {"command": "wc -l notes.txt && echo counted > proof.txt"}}]},
    {"when": "3 notes.txt", "reply": "The file notes.txt has three lines."},
]


def agent_exec():
    with Server(RULES) as server, OpenClaw({"rl": provider(server.url)}) as client:
        (client.workspace / "notes.txt").write_text("a\nb\nc\n")
        answer = client.json("agent", "exec", "Please count the lines of notes.txt", "--config", str(client.config),
                             "--cwd", str(client.workspace))
        equal(answer["ok"], True, "ok")
        equal(answer["final"], "The file notes.txt has three lines.", "the final answer")
        equal(answer["assistantTurns"], 2, "assistant turns")
        equal(answer["toolSummary"]["calls"], 1, "calls that the client made")
        equal((client.workspace / "proof.txt").read_text(), "counted\n", "what the command wrote")
        check_journal(server.turns(), answer)


def check_journal(turns, answer):
    equal(len(turns), 2, "turns on record")
    call, final = turns
    for turn in turns:
        equal((turn["type"], turn["state"], turn["exclusion"]), ("main", "answered", ""), "life of a turn")
        equal(turn["logprobs"], turn["tokens"], "log-probs")
        assert turn["prompt_tokens"] > 5000, turn["prompt_tokens"]
    equal([turn["index"] for turn in turns], [0, 1], "places in the session")
    equal(call["session"], final["session"], "one session")
    equal(call["reply_message"]["reasoning"], "I look at the file.", "thoughts")
    equal([c["name"] for c in call["reply_message"]["tool_calls"]], ["exec"], "call")
    equal(len(call["next_state"]), 1, "what followed the call, without what the client adds for one request")
    result = call["next_state"][0]
    equal(result["role"], "tool", "role of the next state")
    contains(result["text"], "3 notes.txt", "result of the command")
    equal(re.sub("[^A-Za-z0-9]", "", call["reply_message"]["tool_calls"][0]["id"]), result["tool_call_id"], "call id")
    equal(final["reply"], "The file notes.txt has three lines.", "last reply")
    equal(texts(final["next_state"]), [], "nothing has followed the last reply yet")


run_cases([agent_exec])
