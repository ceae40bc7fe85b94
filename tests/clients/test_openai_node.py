"""The openai package for Node (openai_node.mjs); here is what arrived in the journal."""
import pathlib, shutil, subprocess, tempfile

from harness import CLIENTS, NODE, PATIENCE, Server, equal, need, run_cases, texts

need(NODE, CLIENTS / "node_modules" / "openai")

RULES = [
    {"when": "capital of France", "think": "Easy.", "reply": "Paris is the capital of France."},
    {"when": "And of Italy", "reply": "That is Rome."},
    {"when": "weather in Oslo", "calls": [{"name": "weather", "arguments": {"city": "Oslo", "days": 2}},
                                          {"name": "weather", "arguments": {"city": "Bergen", "days": 1}}]},
    {"when": ["snow", "rain"], "reply": "Snow in Oslo, rain in Bergen."},
    {"when": "who wrote", "reply": '{"name": "Ada Lovelace", "born": 1815}'},
    {"when": "fails once", "times": 1, "fail": "the engine stumbled"},
    {"when": "fails once", "reply": "Now it works."},
    {"when": "forever", "reply": "on and on ", "token_s": 0.02, "endless": True},
]


def run_script(url):
    """In a folder where Node finds the package."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="clawrl-node-"))
    try:
        shutil.copy(pathlib.Path(__file__).parent / "openai_node.mjs", folder)
        (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
        done = subprocess.run([str(NODE), str(folder / "openai_node.mjs"), url], capture_output=True, text=True,
                              timeout=PATIENCE)
        print(done.stdout, end="")
        assert done.returncode == 0, done.stderr
    finally:
        shutil.rmtree(folder)


def node_package():
    with Server(RULES) as server:
        run_script(server.url)
        left = server.wait_for_turns("the half turn", lambda t: t["session"] == "left")[0]
        equal((left["state"], left["finish"]), ("aborted", "cancelled"), "half turn")
        turns = {name: [t for t in server.turns() if t["session"] == name] for name in
                 ("turns", "stream", "tools", "schema")}
        equal([texts(t["next_state"]) for t in turns["turns"]], [["And of Italy?"], []], "next states")
        equal([t["reply_message"]["text"] for t in turns["stream"]], ["Paris is the capital of France."], "streamed reply")
        equal([len(t["reply_message"].get("tool_calls", [])) for t in turns["tools"]], [2, 0], "calls")
        equal(sorted(texts(turns["tools"][0]["next_state"])), ["rain", "snow"], "results as next state")
        equal([t["masked"] for t in turns["schema"]], [True], "held to the schema")
        for name in ("turns", "stream", "tools", "schema"):
            equal([(t["index"], t["type"], t["state"]) for t in turns[name]],
                  [(i, "main", "answered") for i in range(len(turns[name]))], f"turns of session {name}")


run_cases([node_package])
