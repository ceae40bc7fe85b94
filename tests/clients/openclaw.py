"""The stock OpenClaw client with a home of its own, as section 6 of the client notes runs it."""
import http.client, json, os, pathlib, shutil, socket, subprocess, tempfile, urllib.request

from harness import MODEL, NODE, OPENCLAW, PATIENCE, need, wait_until

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


class Gateway:
    """`openclaw gateway run` with its OpenAI endpoint, by which turns cost a second instead of a start of the program."""

    TOKEN = "clients-test"
    CONFIG = {"auth": {"mode": "token", "token": TOKEN}, "http": {"endpoints": {"chatCompletions": {"enabled": True}}}}

    def __init__(self, client):
        self.client = client
        self.port = free_port()
        self.log = open(client.home / "gateway.log", "w+")
        self.process = client.start("gateway", "run", "--port", str(self.port), stdout=self.log, stderr=self.log)
        wait_until("the gateway's start", self._answers)

    def _answers(self):
        assert self.process.poll() is None, "the gateway ended at its start:\n" + self.text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=PATIENCE):
                return True
        except OSError:
            return False

    def text(self):
        self.log.seek(0)
        return self.log.read()[-3000:]

    def open(self, text, user, stream=False):
        """A connection on which the turn has been asked for."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        body = json.dumps({"model": "openclaw", "user": user, "stream": stream,
                           "messages": [{"role": "user", "content": text}]})
        link.request("POST", "/v1/chat/completions", body,
                     {"Authorization": f"Bearer {self.TOKEN}", "Content-Type": "application/json"})
        return link

    def ask(self, text, user):
        """The agent's final words."""
        link = self.open(text, user)
        try:
            answer = link.getresponse()
            content = answer.read()
            assert answer.status == 200, f"the gateway answered {answer.status}: {content[:2000]}\n{self.text()}"
            return json.loads(content)["choices"][0]["message"]["content"]
        finally:
            link.close()

    def ask_and_leave(self, text, user):
        """Hangs up when the first words of the reply have come."""
        link = self.open(text, user, stream=True)
        answer = link.getresponse()
        try:
            for line in answer:
                if line.startswith(b"data: {"):
                    choices = json.loads(line[6:]).get("choices") or [{}]
                    if choices[0].get("delta", {}).get("content"):
                        return
            raise AssertionError(f"there was no reply to {text!r} to leave")
        finally:
            answer.close()
            link.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print("--- gateway log, its end ---\n" + self.text(), flush=True)
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.log.close()


def free_port():
    """The gateway wants a number; one that the kernel has just given out is not given again soon."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
