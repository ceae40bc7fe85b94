"""`openclaw agent exec`: one turn with a tool call that the client really executes, and its answer."""
from harness import Server, equal, run_cases, texts
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
    equal(call["reply_message"]["reasoning"], "I look at the file.", "thoughts")
    equal([c["name"] for c in call["reply_message"]["tool_calls"]], ["exec"], "call")
    equal(final["reply"], "The file notes.txt has three lines.", "last reply")
    equal(texts(final["next_state"]), [], "nothing has followed the last reply yet")


run_cases([agent_exec])
