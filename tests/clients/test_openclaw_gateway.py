"""OpenClaw's gateway with the two-provider configuration of docs/clients.md: turns with a tool call, another session
between, side calls (recaps and a heartbeat), a wait longer than the client's own 10 s watchdog, and an abort."""
from harness import MODEL, Server, contains, equal, run_cases, texts, wait_until
from openclaw import Gateway, OpenClaw, provider

RULES = [
    {"when": "Activity recap", "reply": "A recap."},
    {"when": "heartbeat monitor scratch", "reply": "NO_REPLY"},
    {"when": "after the abort", "reply": "Back again."},
    {"when": "my name is Mia", "think": "A name.", "reply": "Hello Mia."},
    {"when": "what is on the disk", "think": "I look.",
     "calls": [{"name": "exec", "arguments": {"command": "cat disk.txt"}}]},
    {"when": "green folder", "reply": "A green folder."},
    {"when": "thank you", "reply": "You are welcome."},
    {"when": "a hard question", "first_token_s": 13, "reply": "It took a while."},
    {"when": "forever", "reply": "on and on ", "token_s": 0.05, "endless": True},
]
COMPAT = {"sendSessionAffinityHeaders": True, "openRouterRouting": {}, "supportsUsageInStreaming": True}
SIDE = f"rlside/{MODEL}"


def two_providers(url):
    """Main turns and side calls are told apart by a header; the watchdog of the main ones is set to 10 s."""
    return OpenClaw(
        {"rl": provider(url, headers={"X-Turn-Type": "main"}, compat=COMPAT, timeoutSeconds=10),
         "rlside": provider(url, headers={"X-Turn-Type": "side"}, compat=COMPAT)},
        defaults={"utilityModel": SIDE, "heartbeat": {"model": SIDE},
                  "compaction": {"model": SIDE, "memoryFlush": {"model": SIDE}}},
        gateway=Gateway.CONFIG)


def main_of(server, word):
    """Main turns of the session in which a user said `word` first."""
    turns = [t for t in server.turns() if t["type"] == "main"]
    names = {t["session"] for t in turns if any(word in m["text"] for m in t["messages"] if m["role"] == "user")}
    equal(len(names), 1, f"sessions with {word!r}")
    return [t for t in turns if t["session"] in names]


def talk(server, gateway):
    (gateway.client.workspace / "disk.txt").write_text("a green folder\n")
    equal(gateway.ask("my name is Mia", "mia"), "Hello Mia.", "first reply")
    equal(gateway.ask("what is on the disk?", "mia"), "A green folder.", "reply after the tool call")
    equal(gateway.ask("my name is Mia too", "other"), "Hello Mia.", "reply of the other session")
    equal(gateway.ask("thank you", "mia"), "You are welcome.", "third reply")


def check_talk(server):
    first, call, result, thanks = main_of(server, "what is on the disk")[:4]
    equal([t["index"] for t in (first, call, result, thanks)], [0, 1, 2, 3], "places in the session")
    equal({t["state"] for t in (first, call, result, thanks)}, {"answered"}, "states")
    equal(texts(first["next_state"]), ["what is on the disk?"], "next state of the first turn, its date gone")
    equal([(m["role"], m["text"]) for m in call["next_state"]], [("tool", "a green folder")], "next state of the call")
    equal(texts(result["next_state"]), ["thank you"], "next state of the third turn")
    other = main_of(server, "my name is Mia too")
    equal([(t["index"], t["next_state"]) for t in other], [(0, [])], "the other session")
    assert other[0]["session"] != first["session"], "two users in one session"


def wait_and_heartbeat(server, gateway):
    """The heartbeat's command takes seconds to start: it runs while the slow reply is waited for."""
    heartbeat = gateway.client.start("system", "event", "--text", "look around", "--mode", "now", "--url",
                                     f"ws://127.0.0.1:{gateway.port}", "--token", Gateway.TOKEN)
    try:
        before = len(server.turns())
        equal(gateway.ask("a hard question", "mia"), "It took a while.", "reply after 13 s")
        slow = [t for t in server.turns()[before:] if "hard question" in t["messages"][-2]["text"]]
        equal([t["state"] for t in slow], ["answered"], "the client did not try again")
        equal(heartbeat.wait(120), 0, "exit code of the command that wakes the heartbeat")
    finally:
        if heartbeat.poll() is None:
            heartbeat.kill()
    beat = server.wait_for_turns("a heartbeat", lambda t: "heartbeat monitor" in "".join(texts(t["messages"])))[0]
    equal((beat["type"], beat["state"]), ("side", "side"), "the heartbeat")
    assert beat["tools"], "heartbeats come with tools: only the header tells"
    mains = {t["session"] for t in server.turns() if t["type"] == "main"}
    assert beat["session"] not in mains, "the heartbeat's session is the user's"
    recaps = [t for t in server.turns() if t["messages"][0]["text"].startswith("Write an Activity recap")]
    assert recaps and {(t["type"], t["state"]) for t in recaps} == {("side", "side")}, recaps
    assert not mains & {t["session"] for t in recaps}, "a recap is in a user's session"


def abort(server, gateway):
    gateway.ask_and_leave("go on forever", "mia")
    half = server.wait_for_turns("the half turn", lambda t: t["state"] == "aborted")[0]
    wait_until("the end of the generation", lambda: server.status()["active"] == 0)
    contains(texts(half["messages"])[-2], "go on forever", "what was asked")
    equal((half["finish"], half["next_state"]), ("cancelled", []), "half turn")
    equal(gateway.ask("after the abort", "mia"), "Back again.", "reply after the abort")
    equal(gateway.ask("thank you", "mia"), "You are welcome.", "reply to the thanks")
    turns = main_of(server, "what is on the disk")
    slow, aborted, back, _ = turns[-4:]
    equal([t["state"] for t in (slow, aborted, back)], ["answered", "aborted", "answered"], "states")
    equal(aborted["next_state"], [], "the half turn has no next state, also later")
    equal(texts(slow["next_state"]), ["go on forever"], "next state of the turn before")
    contains(texts(back["messages"])[-2], "Queued user message", "how the client asks again")
    equal(texts(back["next_state"]), ["thank you"], "next state of the turn after the abort")


def gateway_turns():
    with Server(RULES) as server, two_providers(server.url) as client, Gateway(client) as gateway:
        talk(server, gateway)
        check_talk(server)
        wait_and_heartbeat(server, gateway)
        abort(server, gateway)


run_cases([gateway_turns])
