"""The stock OpenClaw client with a home of its own, as section 6 of the client notes runs it."""
import json, os, pathlib, shutil, subprocess, tempfile

from harness import MODEL, NODE, OPENCLAW, PATIENCE, need

COST = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}


def provider(url, **more):
    """A provider entry with the demo model. `compat` and `headers` may be given, others go to the entry as they are."""
    compat = more.pop("compat", None)
    model = {"id": MODEL, "name": "clawrl demo", "reasoning": True, "input": ["text"], "contextWindow": 32768,
             "maxTokens": 2048, "cost": COST}
    if compat:
        model["compat"] = compat
    return {"baseUrl": url, "apiKey": "unused", "api": "openai-completions", "models": [model], **more}


class OpenClaw:
    def __init__(self, providers, defaults=None, gateway=None):
        need(NODE, OPENCLAW)
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="clawrl-openclaw-"))
        self.workspace = self.home / "workspace"
        self.workspace.mkdir()
        self.state = self.home / ".openclaw"
        self.state.mkdir()
        self.config = self.state / "openclaw.json"
        self.config.write_text(json.dumps({
            "update": {"checkOnStart": False},
            "gateway": {"mode": "local", **(gateway or {})},
            "agents": {"defaults": {"workspace": str(self.workspace), "skipBootstrap": True,
                                    "model": {"primary": f"{next(iter(providers))}/{MODEL}"}, **(defaults or {})}},
            "models": {"mode": "replace", "providers": providers}}))

    def environment(self):
        return {**{k: v for k, v in os.environ.items() if not k.startswith("OPENCLAW")},
                "HOME": str(self.home), "OPENCLAW_STATE_DIR": str(self.state), "OPENCLAW_CONFIG_PATH": str(self.config),
                "OPENCLAW_NO_AUTO_UPDATE": "1", "OPENCLAW_DISABLE_BONJOUR": "1", "DO_NOT_TRACK": "1", "NO_COLOR": "1",
                "PATH": f"{NODE.parent}:{os.environ['PATH']}"}

    def start(self, *arguments, **popen):
        return subprocess.Popen([str(NODE), str(OPENCLAW), *arguments], env=self.environment(), cwd=self.workspace,
                                text=True, **popen)

    def run(self, *arguments, expect=0, limit=PATIENCE):
        """stdout of a command that ends with the exit code `expect`."""
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"openclaw {arguments[:2]} took more than {limit} s:\n{out[-2000:]}\n{err[-2000:]}")
        assert process.returncode == expect, (
            f"openclaw {arguments[:2]} ended with {process.returncode}, not {expect}:\n{out[-3000:]}\n{err[-3000:]}")
        return out

    def json(self, *arguments, **more):
        out = self.run(*arguments, "--json", **more)
        return json.loads(out[out.index("{"):])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home, ignore_errors=True)
