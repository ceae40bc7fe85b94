"""record_traces.py OUT [case...]: records what the real clients send in the cases of the client notes, labels it and writes
one trace per case for tests/session/traces. Run by hand when a client or a case is new; wants the environment of harness.py.
"""
import pathlib, re, subprocess, sys, time, uuid

from harness import MODEL, PATIENCE, PYTHON, Server, wait_until
from openclaw import Gateway, OpenClaw, provider
from recorder import Recorder
from trace_labels import Labels, Shortener, text_of, write_trace

COMPAT = {"sendSessionAffinityHeaders": True, "openRouterRouting": {}, "supportsUsageInStreaming": True}
SIDE = f"rlside/{MODEL}"
CLIENT_RULES = [
    {"when": "Write an Activity recap", "reply": "What was done so far."},
    {"when": "context summarization assistant", "reply": "## Goal\nThey talk about a long story."},
    {"when": "Pre-compaction memory flush", "reply": "NO_REPLY"},
    {"when": "heartbeat monitor scratch", "reply": "NO_REPLY"},
]
FILLER = "The river runs slowly past the old mill and the boats wait at the pier. "


class Talk:
    """Who says what, and what the policy answers: a text, calls with the text after their results, or a whole rule."""

    def __init__(self):
        self.rules, self.said = [], []

    def line(self, user, text, reply=None, calls=None, **rule):
        self.said.append((user, text))
        if calls:
            marks = [f"result-{len(self.said)}-{i}" for i in range(len(calls))]
            made = [{"name": "exec", "arguments": {"command": f"{command}; echo {mark}"}}
                    for command, mark in zip(calls, marks)]
            self.rules.append({"when": text, "unless": marks[0], "calls": made, **rule})
            self.rules.append({"when": marks, "reply": reply})
        else:
            if rule:
                self.rules.append({"when": text, "times": 1, **rule})
            if reply:
                self.rules.append({"when": text, "reply": reply})
        return self

    def all_rules(self):
        """What was said last counts where a message quotes an earlier one; the order of one text's rules stays."""
        order = {text: i for i, (_, text) in enumerate(self.said)}
        ranked = sorted(self.rules, key=lambda r: -order.get(r["when"], -1) if isinstance(r["when"], str) else 1)
        return CLIENT_RULES + [r for r in ranked if not isinstance(r["when"], str)] + \
            [r for r in ranked if isinstance(r["when"], str)]

    def typed(self):
        return [text for _, text in self.said]


def runtime_session(body):
    for message in body["messages"]:
        found = re.search(r"\| sessionId=(\S+)", text_of(message))
        if found:
            return found.group(1)
    return "unknown"


def no_agent_turn(body):
    said = "\n".join(text_of(m) for m in body["messages"] if m["role"] != "assistant")
    return not body.get("tools") or "heartbeat monitor scratch" in said or "Pre-compaction memory flush" in said


def plain(url):
    return {"rl": provider(url)}, {}


def affinity(url):
    return {"rl": provider(url, compat={"sendSessionAffinityHeaders": True})}, {}


def two(url):
    return ({"rl": provider(url, headers={"X-Turn-Type": "main"}, compat=COMPAT),
             "rlside": provider(url, headers={"X-Turn-Type": "side"}, compat=COMPAT)},
            {"utilityModel": SIDE, "heartbeat": {"model": SIDE},
             "compaction": {"model": SIDE, "memoryFlush": {"model": SIDE}}})


SUBAGENT_TEXTS = [  # shortened: carriers, results of sessions_spawn, instructions in reports
    (r"(?s)(<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\n.{60}).*?(\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>)", r"\1 (shortened)\2"),
    (r'(?s)^\{\n  "tool": .*"details": \{\n *("status": "[^"]*",)\n *("childSessionKey": "[^"]*").*', r"{\1 \2}"),
    (r"This completion ends one child run.*", "This completion ends one child run (shortened)"),
    (r"(Do not keep waiting|Child completion delivery is internal).*", r"\1 (shortened)")]


def finish(out, name, recorder, labels, home=None):
    replaced = [(r"host=\S+ \| os=[^|]*\|", "host=box | os=Linux |"), (re.escape(FILLER) + f"(?:{re.escape(FILLER)}|{re.escape(FILLER.strip())})*", FILLER),
                *(SUBAGENT_TEXTS if "subagents" in name else [])]
    if home:
        replaced.insert(0, (re.escape(str(home)), "/home/user"))
    links, sessions = write_trace(out / f"{name}.jsonl", recorder, labels, Shortener(replaced))
    print(f"{name}: {links} links, {len(sessions)} sessions, {len(recorder.calls)} requests", flush=True)
    return links, sessions


def over_gateway(out, name, talk, providers, between=None):
    with Server(talk.all_rules()) as server, Recorder(server.root) as recorder:
        entries, defaults = providers(recorder.url)
        with OpenClaw(entries, defaults=defaults, gateway=Gateway.CONFIG) as client, Gateway(client) as gateway:
            for user, text in talk.said:
                if between and between(server, gateway, user, text):
                    continue
                gateway.ask(text, user)
            wait_until("the last calls", lambda: server.status()["active"] == 0)
        finish(out, f"openclaw_{name}", recorder, Labels(talk.typed(), runtime_session, no_agent_turn), client.home)


def conversations(talk, users, extra=()):
    """Interleaved talks of several users about different things, with calls."""
    for user in users:
        talk.line(user, f"Good morning, I am {user} and I plan a trip.", f"Good morning {user}, where to?")
    for user in users:
        talk.line(user, f"Which files are in the folder of {user}?", f"There is a list for {user}.", calls=["ls"])
        talk.line(user, f"Take a second look for {user}, at two places.", f"Both places are the same for {user}.",
                  calls=["pwd", "ls -a"])
    for user in users:
        talk.line(user, f"Thank you, that helps {user}.", f"Gladly, {user}.")
        talk.line(user, f"One more thing about {user}.", f"Which thing, {user}?")
    return talk


def gateway_plain(out):
    over_gateway(out, "gateway_plain", conversations(Talk(), ["ada", "bo", "cy"]), plain)


def gateway_affinity(out):
    over_gateway(out, "gateway_affinity", conversations(Talk(), ["dee", "eli"]), affinity)


def heartbeat(gateway):
    gateway.client.run("system", "event", "--text", "look around", "--mode", "now", "--url",
                       f"ws://127.0.0.1:{gateway.port}", "--token", Gateway.TOKEN)


def gateway_two_providers(out):
    def between(server, gateway, user, text):
        if "One more thing about fay" in text:
            heartbeat(gateway)
    over_gateway(out, "gateway_two_providers", conversations(Talk(), ["fay", "gus"]), two, between)


def faults(out):
    """Aborted and asked again, failed once, an empty reply, thoughts only; in a plain and in the two-provider form."""
    for name, providers in (("faults_plain", plain), ("faults_two_providers", two)):
        talk = Talk()
        talk.line("hal", "We begin with something easy.", "Easy it is.")
        talk.line("hal", "Now talk for ever.")
        talk.rules.append({"when": "Now talk for ever.", "reply": "on and on ", "token_s": 0.05, "endless": True})
        talk.line("hal", "Stop, something else please.", "Something else then.")
        talk.line("hal", "This one fails at first.", "It works at last.", fail="the engine stumbled")
        talk.line("hal", "Here you say nothing at first.", "Now I say something.")
        talk.rules.insert(-1, {"when": "Here you say nothing at first.", "unless": "did not produce", "reply": ""})
        talk.line("hal", "Here you only think at first.", "Now I answer.")
        talk.rules.insert(-1, {"when": "Here you only think at first.", "unless": "did not produce", "think": "Hm.", "reply": ""})
        talk.line("hal", "And an end to it.", "The end.")

        def between(server, gateway, user, text):
            if text != "Now talk for ever.":
                return False
            gateway.ask_and_leave(text, user)
            server.wait_for_turns("the half turn", lambda t: t["state"] == "aborted")
            return True
        over_gateway(out, name, talk, providers, between)


def compaction(out):
    talk = Talk()
    for i in range(7):
        talk.line("ivy", f"Chapter {i} of the story. " + FILLER * 110 + f"So ends chapter {i}.", f"I have read chapter {i}.")
    talk.line("ivy", "Which chapter was the last?", "Chapter six was the last.")
    talk.line("ivy", "Thank you for reading.", "A fine story.")
    over_gateway(out, "compaction", talk, two)


def helper(task, **more):
    return {"name": "tool_call", "arguments": {"id": "sessions_spawn", "args": {"task": task, **more}}}


HELPERS = [  # the sub-agents, and what their parent makes of their reports
    {"when": ["[Subagent Task]", "Count the hills"], "calls": [{"name": "exec", "arguments": {"command": "echo result-hills"}}]},
    {"when": ["result-hills"], "first_token_s": 8, "reply": "There are nine hills."},
    {"when": ["[Subagent Task]", "Count the lakes"], "reply": "There are two lakes."},
    {"when": ["[Subagent Task]", "Count the towns"], "reply": "There are five towns."},
    {"when": ["[Subagent Task]", "Name our subject"], "reply": "We speak of a map."},
    {"when": ["task: Count the hills"], "reply": "The helper found nine hills."},
    {"when": ["task: Count the lakes"], "reply": "One helper found two lakes."},
    {"when": ["task: Count the towns"], "reply": "One helper found five towns."},
    {"when": ["task: Name our subject"], "reply": "The helper says that it is a map."},
    {"when": ["has now settled", "data>\nCount the lakes"], "reply": "Two lakes and five towns in all."},
    {"when": ["has now settled", "data>\nCount the hills"], "reply": "Nine hills in all."},
    {"when": ["has now settled", "data>\nName our subject"], "reply": "It is a map, they say."},
]
ASKED = [("Have the hills counted, please.", [helper("Count the hills.")], "A helper counts the hills."),
         ("Meanwhile, what is two and two?", None, "That is four."),
         ("Now the lakes and the towns, at once.", [helper("Count the lakes."), helper("Count the towns.")], "Two helpers do that."),
         ("Ask somebody who knows what we talk about.", [helper("Name our subject.", context="fork")], "I ask a helper."),
         ("Thank you all.", None, "We thank you.")]


def subagents(out):
    """One and two at a time, one with its parent's history; the parent goes on at once, or waits (sessions_yield)."""
    for name, providers, waits in (("subagents_plain", plain, False), ("subagents_two_providers", two, True)):
        talk = Talk()
        talk.said = [("max", text) for text, _, _ in ASKED]
        talk.rules += HELPERS
        for text, calls, reply in ASKED:
            talk.rules.append({"when": [text], "calls": calls} if calls else {"when": [text], "reply": reply})
            if calls:  # they were accepted
                talk.rules.append({"when": ["resolvedProvider"], "times": 1, **(
                    {"calls": [{"name": "sessions_yield", "arguments": {"message": reply}}]} if waits else {"reply": reply})})

        def between(server, gateway, user, text):
            if not text.startswith("Meanwhile"):
                quiet(server)
        over_gateway(out, name, talk, providers, between)


def quiet(server, seconds=6):
    """Nobody has asked for so long: the reports of sub-agents come a second or two after one another."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < seconds:
        count = len(server.turns())
        if count != seen or server.status()["active"]:
            seen, since = count, time.monotonic()
        time.sleep(0.5)


def command_line(out):
    talk = Talk()
    talk.line("s", "Please remember the word harbour.", "I keep it in mind.")
    talk.line("s", "Which word did I say?", "It was harbour.", calls=["echo harbour"])
    talk.line("x", "Count the files here.", "There are none.", calls=["ls | wc -l"])
    session = str(uuid.uuid4())
    with Server(talk.all_rules()) as server, Recorder(server.root) as recorder:
        with OpenClaw(plain(recorder.url)[0]) as client:
            for user, text in talk.said:
                if user == "s":
                    client.json("agent", "--local", "--agent", "main", "--session-id", session, "-m", text)
                else:
                    client.json("agent", "exec", text, "--config", str(client.config), "--cwd", str(client.workspace))
        finish(out, "openclaw_command_line", recorder, Labels(talk.typed(), runtime_session, no_agent_turn), client.home)


SDK = '''
import json, sys
from openai import OpenAI
client = OpenAI(base_url=sys.argv[1], api_key="unused")
tools = [{"type": "function", "function": {"name": "exec", "parameters": {"type": "object"}}}]
talks = {}
for user, text in json.loads(sys.argv[2]):
    messages = talks.setdefault(user, [])
    messages.append({"role": "user", "content": text})
    while True:
        reply = client.chat.completions.create(model=sys.argv[3], messages=messages, tools=tools).choices[0].message
        messages.append(reply.model_dump(exclude_none=True))
        if not reply.tool_calls:
            break
        for call in reply.tool_calls:
            mark = json.loads(call.function.arguments)["command"].split("echo ")[1]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "a.txt\\n" + mark})
'''


def python_sdk(out):
    """Conversations without any id: only what was said tells them apart."""
    import json
    talk = conversations(Talk(), ["jo", "kim", "lou"])
    names = [user for user, _ in talk.said[:3]]

    def session_of(body):
        first = text_of(body["messages"][0])
        return next(name for name in names if name in first)
    with Server(talk.all_rules()) as server, Recorder(server.root) as recorder:
        subprocess.run([str(PYTHON), "-c", SDK, recorder.url, json.dumps(talk.said), MODEL], check=True, timeout=PATIENCE)
        finish(out, "python_sdk", recorder, Labels(talk.typed(), session_of, lambda body: False))


CASES = {f.__name__: f for f in (gateway_plain, gateway_affinity, gateway_two_providers, faults, compaction, subagents,
                                 command_line, python_sdk)}

if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for case in sys.argv[2:] or CASES:
        CASES[case](folder)
