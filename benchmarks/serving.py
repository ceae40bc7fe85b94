"""A server of the suite for the length of a measurement. For the benchmarks that drive one over HTTP."""
import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_serving(port, server, log):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended at its start, see {log}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2).read()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not answer within 120 s, see {log}")


def stop(server):
    server.send_signal(signal.SIGUSR1)  # saves and ends
    try:
        server.wait(120)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@contextlib.contextmanager
def serving(command, port, log, cwd):
    """Runs `command`, which serves at `port`, with one thread a rank; it has saved and ended when the block is left."""
    with open(log, "w") as output:
        server = subprocess.Popen(command, cwd=cwd, stdout=output, stderr=output,
                                  env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        wait_until_serving(port, server, log)
        yield
    finally:
        stop(server)
