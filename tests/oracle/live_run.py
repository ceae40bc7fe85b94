"""online_rl as a child process: real chats with feedback over HTTP until it has learned, then an orderly stop."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 150
FEEDBACK = ["no sorry, but I don't understand this reply, please try again", "honestly I can't follow what you wrote, redo it",
            "hmm, I am lost with that answer, write it again for me", "well I can't read these words, fix that please"]


class LiveRun:
    def __init__(self, mpiexec, online_rl, ranks, out, arguments):
        self.out, self.log_path = pathlib.Path(out), pathlib.Path(str(out) + ".log")
        allowed = {name: "1" for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
                                          "PRTE_ALLOW_RUN_AS_ROOT", "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM")}
        command = [mpiexec, "--oversubscribe", "--bind-to", "none", "-n", str(ranks), online_rl, "--config",
                   "configs/ci/online_rl.ini", f"--run.out={out}", "--model.name=tiny", *arguments]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **allowed})
        try:
            self.url = self.wait(lambda: re.search(r"serving on (http://\S+)/v1 as", self.log()), "serving").group(1)
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait(self, done, what):
        end = time.monotonic() + LIMIT_S
        while not (found := done()):
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit(f"online_rl: no {what} within {LIMIT_S} s\n" + self.log()[-4000:])
            time.sleep(0.05)
        return found

    def request(self, path, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json", **(headers or {})})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read())

    def chat(self, messages, session, kind="main", done=False, max_tokens=24):
        body = {"model": "tiny", "messages": messages, "max_tokens": max_tokens, "temperature": 1.0}
        headers = {"X-Session-Id": session, "X-Turn-Type": kind, "X-Session-Done": "true" if done else "false"}
        return self.request("/v1/chat/completions", body, headers)["choices"][0]["message"]["content"] or ""

    def student(self, number):
        """Asks, gets a reply, is not content, asks again."""
        messages = [{"role": "user", "content": f"how many apples are left when {number} of 9 are gone"}]
        reply = self.chat(messages, f"student-{number}")
        messages += [{"role": "assistant", "content": reply}, {"role": "user", "content": FEEDBACK[number % len(FEEDBACK)]}]
        self.chat(messages, f"student-{number}", done=True)

    def learn(self, steps):
        """Students come until so many optimiser steps are done and nothing is left to learn from."""
        for number in range(40):
            self.student(number)
            if self.request("/status")["steps"] >= steps:
                break
        def idle():
            time.sleep(0.6)  # the figures are renewed twice a second
            status = self.request("/status")
            return status["judging"] == 0 and status["samples_waiting"] < 2 and status["steps"] >= steps and status
        before = self.wait(idle, f"step {steps}")
        return self.wait(lambda: (now := idle()) and now["version"] == now["step"] and now, "last version") or before

    def stop(self):
        self.process.send_signal(signal.SIGUSR1)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            raise SystemExit("online_rl does not stop\n" + self.log()[-4000:])
        assert code == 0, f"online_rl ended with {code}\n" + self.log()[-4000:]

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
