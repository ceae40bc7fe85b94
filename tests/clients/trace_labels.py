"""From what a recorder noted to a labelled trace (tests/session/traces/README.md).

The labels come from what the recording's author did, not from the server's code: every scripted reply is unique, so it is
known which reply a request goes on from; every text that the author typed is known, so it is known what followed it; the
session is that of the author's own user name or of the client's Runtime line; side calls are those that the author did not
ask for.
"""
import hashlib, json, re

KEPT_HEADERS = ("x-session-id", "x-session-affinity", "session_id", "x-client-request-id", "x-turn-type", "x-session-done")
SIGNS = ("running inside OpenClaw", "Runtime: agent=")  # lines of the system prompt that tell something
LEFT_OUT = ("tools", "messages", "provider")


REPORTS = ("A background task completed. Use this result", "[Subagent Context] Every subagent spawned")
ROUTED = ("[Inter-session message]", "This content was routed by OpenClaw")


def text_of(message):
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content)
    return content or ""


def report_of(text):
    """What the client tells of a sub-agent that ended, without its date and the lines that say where it came from."""
    lines = [line for line in text.splitlines() if not line.startswith(ROUTED)]
    report = re.sub(r"^\[\w{3} \d{4}-\d\d-\d\d \d\d:\d\d \w+\] ", "", "\n".join(lines).strip())
    return report if report.startswith(REPORTS) else None


def reply_of(raw):
    """The assistant message that the chunks of a stream (or a plain body) add up to."""
    message, calls = {"role": "assistant", "content": ""}, {}
    text = raw.decode()
    if not text.startswith("data:"):
        found = json.loads(text)["choices"][0]["message"]
        return {k: v for k, v in found.items() if v is not None or k == "content"}
    for line in text.splitlines():
        if not line.startswith("data: {"):
            continue
        for choice in json.loads(line[6:]).get("choices", []):
            delta = choice["delta"]
            message["content"] += delta.get("content") or ""
            if delta.get("reasoning_content"):
                message["reasoning_content"] = message.get("reasoning_content", "") + delta["reasoning_content"]
            for call in delta.get("tool_calls") or []:
                kept = calls.setdefault(call["index"], {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
                kept["id"] += call.get("id") or ""
                kept["function"]["name"] += call["function"].get("name") or ""
                kept["function"]["arguments"] += call["function"].get("arguments") or ""
    if calls:
        message["tool_calls"] = [calls[i] for i in sorted(calls)]
        message["content"] = message["content"] or None
    return message


class Shortener:
    """Own words in the place of the client's long texts; equal texts stay equal, marks stay byte for byte."""

    def __init__(self, replaced):
        self.replaced = replaced  # [(regex, text)]: folders, names, filler

    def cut(self, text, keep, marks):
        if len(text) <= keep + 40:
            return text
        sign = [line for line in text.splitlines() if any(s in line for s in marks)]
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return "\n".join([text[:keep], *sign, f"(shortened, {digest})"])

    def words(self, text):
        for pattern, new in self.replaced:
            text = re.sub(pattern, new, text)
        return text

    def message(self, message):
        shape = json.loads(json.dumps(message))
        if shape["role"] == "system":
            first = text_of(shape).splitlines()[0]
            shape["content"] = self.cut(self.words(text_of(shape)), min(len(first), 80), SIGNS)
        elif isinstance(shape.get("content"), list):
            for part in shape["content"]:
                if "text" in part:
                    part["text"] = self.words(part["text"])
        elif shape.get("content"):
            shape["content"] = self.words(shape["content"])
        return shape

    def body(self, body, side):
        short = {k: v for k, v in body.items() if k not in LEFT_OUT}
        short["messages"] = [self.message(m) for m in body["messages"]]
        if side:  # the client's instructions; their beginning tells what they are
            last = short["messages"][-1]
            last["content"] = self.cut(text_of(last), 160, SIGNS)
        if body.get("tools"):
            short["tools"] = [{"type": "function", "function": {"name": t["function"]["name"], "parameters": {"type": "object"}}}
                              for t in body["tools"]]
        return short


class Labels:
    def __init__(self, typed, session_of, is_side):
        self.typed, self.session_of, self.is_side = typed, session_of, is_side
        self.replies = []  # (request id, session, message)
        self.gone_on = set()

    def same(self, reply, message):
        ids = {re.sub("[^A-Za-z0-9]", "", c["id"]) for c in reply.get("tool_calls", [])}
        if ids:
            return ids == {re.sub("[^A-Za-z0-9]", "", c["id"]) for c in message.get("tool_calls") or []}
        said, sent = text_of(reply).strip(), text_of(message).strip()  # replies of one another are sent back as one
        return not message.get("tool_calls") and (said == sent or sent.endswith("\n" + said))

    def followed(self, messages, place):
        """What the author typed, or the client's tools gave, after the reply there."""
        found = []
        for message in messages[place + 1:]:
            if message["role"] == "assistant":
                break
            text = text_of(message)
            if message["role"] == "tool":
                found.append(text)
            elif message["role"] == "user":
                said = [t for t in self.typed if t in text]
                if report_of(text):
                    found.append(report_of(text))
                elif said:  # of a message that also quotes an earlier one the last counts
                    found.append(max(said, key=lambda t: (text.rfind(t) + len(t), len(t))))
        return found

    def of(self, number, body):
        messages = body["messages"]
        side = self.is_side(body)
        session = f"side-{number}" if side else self.session_of(body)
        answers, next_state = [], []
        for place, message in enumerate(messages if not side else []):
            if message["role"] != "assistant":
                continue
            for request, owner, reply in self.replies:
                if owner != session or not self.same(reply, message):
                    continue
                after = self.followed(messages, place)
                if request not in self.gone_on and after:
                    self.gone_on.add(request)
                    answers.append(request)
                    next_state = after
        return {"type": "side" if side else "main", "session": session, "answers": answers, "next_state": next_state}

    def replied(self, number, expect, message):
        if expect["type"] == "main":
            self.replies.append((number, expect["session"], message))


def write_trace(path, recorder, labels, shortener):
    """Returns how many links and main sessions the trace has."""
    events = [(event, call) for event, call in recorder.events if call["path"].endswith("/chat/completions")]
    numbers, expects, lines, links = {}, {}, [], 0
    for event, call in events:
        if event == "request":
            number = numbers[id(call)] = len(numbers) + 1
            expect = expects[number] = labels.of(number, call["body"])
            headers = {k: v for k, v in call["headers"].items() if k in KEPT_HEADERS}
            lines.append({"event": "request", "id": number, "headers": headers, "body": shortener.body(call["body"], expect["type"] == "side"),
                          "expect": {**expect, "next_state": [shortener.words(t) for t in expect["next_state"]]}})
            links += len(expect["answers"])
        elif event == "reply" and b'"error"' not in call["reply"]:
            message = reply_of(call["reply"])
            labels.replied(numbers[id(call)], expects[numbers[id(call)]], message)
            lines.append({"event": "reply", "id": numbers[id(call)], "message": shortener.message(message)})
        else:
            lines.append({"event": "abort", "id": numbers[id(call)]})
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return links, {e["session"] for e in expects.values() if e["type"] == "main"}
