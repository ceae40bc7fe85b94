"""A proxy that notes what a real client sends and what it is answered, for the trace set. HTTP/1.1, one thread a client."""
import http.client, http.server, json, select, threading, urllib.parse


class Recorder:
    refuse_first = False

    def __init__(self, upstream_root):
        self.calls = []   # in order of arrival: {"path", "headers", "body", "status", "reply"}
        self.events = []  # in order: ("request" | "reply" | "abort", call)
        self.lock = threading.Lock()
        upstream = urllib.parse.urlsplit(upstream_root)
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.forward(b"")

            def do_POST(self):
                self.forward(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def forward(self, body):
                call = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()},
                        "body": json.loads(body) if body else None, "status": None, "reply": b""}
                with recorder.lock:
                    recorder.calls.append(call)
                recorder.note("request", call)
                if recorder.refuse_first and len(recorder.calls) == 1:
                    return self.refuse(call)
                link = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=600)
                skipped = ("host", "connection", "content-length", "accept-encoding")
                headers = {k: v for k, v in self.headers.items() if k.lower() not in skipped}
                link.request(self.command, self.path, body=body or None, headers=headers)
                answer = link.getresponse()
                call["status"] = answer.status
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                self.pass_on(answer, link, call)

            def refuse(self, call):
                call["status"] = 503
                self.send_response(503)
                self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def pass_on(self, answer, link, call):
                try:
                    while True:
                        readable, _, _ = select.select([link.sock, self.connection] if link.sock else [], [], [], 0.2)
                        if self.connection in readable and not self.connection.recv(1, 2):  # MSG_PEEK: it hung up
                            call["aborted"] = True
                            break
                        piece = answer.read1(65536)
                        if not piece:
                            break
                        call["reply"] += piece
                        if b"data: [DONE]" in call["reply"]:
                            recorder.note("reply", call)  # before the client can ask again
                        self.wfile.write(piece)
                        self.wfile.flush()
                except OSError:
                    call["aborted"] = True
                finally:
                    recorder.note("reply" if call["status"] == 200 and not call.get("aborted") else "abort", call)
                    link.close()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def note(self, event, call):
        """The first end of a call counts."""
        with self.lock:
            if event == "request" or not any(e != "request" and c is call for e, c in self.events):
                self.events.append((event, call))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


class Recorder503(Recorder):
    """Answers the first call with 503 and lets the others through."""
    refuse_first = True
