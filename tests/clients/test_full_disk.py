"""The disk fills up under a running server: it goes on unrecorded and says so, or refuses when a record is demanded."""
import json, resource, sys, urllib.error, urllib.request

import harness

RULES = [{"reply": "Yes."}]


def ask(server, path, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.root + path, data, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=harness.PATIENCE) as reply:
            return reply.status, reply.headers, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def chat(server, words, **more):
    body = {"model": harness.MODEL, "messages": [{"role": "user", "content": words}], "max_tokens": 16, **more}
    return ask(server, "/v1/chat/completions", body)


def fill_disk(server):
    """From now on no file of the server may grow beyond what the journal's log has: every commit fails."""
    files = [f.stat().st_size for f in (server.folder / "run").glob("journal.sqlite*")]
    limit = max(files)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, limit))


def fail_journal(server):
    fill_disk(server)
    harness.wait_until("the journal to fail",
                       lambda: chat(server, "x" * 2000) and json.loads(ask(server, "/status")[2])["unrecorded"])


def serving_goes_on():
    server = harness.Server(RULES)
    try:
        status, headers, _ = chat(server, "before")
        harness.equal((status, headers["X-Unrecorded"]), (200, None), "a recorded reply")
        recorded = len(server.wait_for_turns("the first", lambda turn: True))
        fail_journal(server)
        for stream in (False, True):
            status, headers, text = chat(server, "after", stream=stream)
            harness.equal((status, headers["X-Unrecorded"]), (200, "true"), "an unrecorded reply")
            assert "finish_reason" in text and "error" not in text, text
        status, _, text = ask(server, "/ready")
        harness.equal(status, 200, "/ready")
        harness.contains(text, '"unrecorded":"journal ', "/ready")
        harness.contains(ask(server, "/metrics")[2], "clawrl_unrecorded 1\n", "/metrics")
        server.stop()
        harness.equal(server.process.returncode, 1, "the exit code")
        assert len(server.turns()) >= recorded, "what was recorded is gone"
    finally:
        server.process.kill()
        server.process.wait(10)


def a_record_is_demanded():
    server = harness.Server(RULES, "--run.unrecorded", "refuse")
    try:
        harness.equal(chat(server, "before")[0], 200, "a recorded reply")
        fail_journal(server)
        status, headers, text = chat(server, "after")
        harness.equal((status, json.loads(text)["error"]["code"]), (503, "journal_failed"), "a refused reply")
        assert headers["Retry-After"], "no Retry-After"
        harness.equal(ask(server, "/ready")[0], 503, "/ready")
        harness.equal(ask(server, "/health")[0], 200, "/health")
        harness.equal(chat(server, "private", metadata={"learning": "off"})[0], 200, "what is not recorded anyhow")
    finally:
        server.process.kill()
        server.process.wait(10)


serving_goes_on()
a_record_is_demanded()
print("full disk: served unrecorded, refused when a record is demanded")
