"""Runs every frame of docs/clients.md as it stands, with the address of the scripted server instead of the one there."""
import os, re, subprocess

from harness import CLIENTS, NODE, OPENCLAW, PATIENCE, PYTHON, SOURCE, Server, equal, need, run_cases
from openclaw import OpenClaw

need(NODE, OPENCLAW, PYTHON, CLIENTS / "node_modules" / "openai")

RULES = [
    {"when": "who are you", "think": "A question about me.", "reply": "I am a scripted policy."},
    {"when": "what can you do", "reply": "I read from a script."},
    {"when": "Hello number", "reply": "Hello."},
    {"when": "secret", "reply": "I keep it."},
    {"reply": "I do not know."},
]


def frames():
    text = (SOURCE / "docs" / "clients.md").read_text()
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Home(OpenClaw):
    """A user's home: `openclaw` is a command, Node finds the openai package, a JSON frame is OpenClaw's configuration."""

    def __init__(self):
        super().__init__({"none": {}})
        commands = self.home / "bin"
        commands.mkdir()
        (commands / "openclaw").write_text(f'#!/bin/sh\nexec "{NODE}" "{OPENCLAW}" "$@"\n')
        (commands / "openclaw").chmod(0o755)
        (self.home / "node_modules").symlink_to(CLIENTS / "node_modules")

    def run_frame(self, language, text):
        if language == "json":
            self.config.write_text(text)
            return "configuration"
        name = {"bash": "frame.sh", "python": "frame.py", "javascript": "frame.mjs"}[language]
        (self.home / name).write_text(text)
        program = {"bash": ["bash", "-eu"], "python": [str(PYTHON)], "javascript": [str(NODE)]}[language]
        environment = {**self.environment(), "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}"}
        del environment["OPENCLAW_STATE_DIR"], environment["OPENCLAW_CONFIG_PATH"]  # the default places of this home
        done = subprocess.run([*program, name], cwd=self.home, env=environment, capture_output=True, text=True,
                              timeout=2 * PATIENCE)
        assert done.returncode == 0, f"{language} frame ended with {done.returncode}:\n{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def every_frame():
    found = frames()
    equal([language for language, _ in found],
          ["bash", "bash", "python", "python", "javascript", "json", "bash", "json", "bash"], "frames of docs/clients.md")
    with Server(RULES) as server, Home() as home:
        printed = [home.run_frame(language, text.replace("http://127.0.0.1:30000", server.root))
                   for language, text in found]
        for place, words in ((0, "I am a scripted policy."), (1, "I keep it."), (2, "I read from a script."),
                             (3, "Hello."), (4, "I am a scripted policy."), (6, "I am a scripted policy."),
                             (8, "I am a scripted policy.")):
            spoken = re.sub(r'"}.*?"content":"', "", printed[place], flags=re.DOTALL)  # of a stream's chunks
            assert words in spoken, f"frame {place}: expected {words!r} in:\n{printed[place]}"
        turns = server.turns()
        sessions = {t["session"] for t in turns}
        stated = {"my-first", "python-1", "node-1", *(f"async-{n}" for n in range(4))}
        equal(stated - sessions, set(), "stated sessions that did not arrive")
        equal([t["index"] for t in turns if t["session"] == "python-1"], [0, 1], "turns of the Python conversation")
        equal([t for t in turns if "secret" in t["messages"][-1]["text"]], [], "turns that were not to be kept")
        claws = [t for t in turns if t["tools"] and t["type"] == "main"]
        equal(len({t["session"] for t in claws}), 2, "sessions of OpenClaw")


run_cases([every_frame])
