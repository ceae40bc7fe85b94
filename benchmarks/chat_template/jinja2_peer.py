"""A conversation for bench_chat_template, and the same rendering by Jinja2.

jinja2_peer.py make CONVERSATION.json            writes about 12,000 tokens of messages with four tools
jinja2_peer.py time TEMPLATE.jinja CONVERSATION.json
"""
import json
import statistics
import sys
import time


def make(path):
    tools = [{"type": "function", "function": {"name": f"tool_{i}", "description": "Looks something up: <a> & 'b' \"c\".",
              "parameters": {"type": "object", "properties": {f"argument_{j}": {"type": "string", "description": "What to look up"}
                                                              for j in range(6)}, "required": ["argument_0"]}}}
             for i in range(4)]
    text = "Please look at the second paragraph again, and say in one sentence what it promises to the reader. " * 4
    messages = [{"role": "system", "content": text}]
    for turn in range(24):
        messages.append({"role": "user", "content": f"Question {turn}: {text}"})
        messages.append({"role": "assistant", "content": "", "tool_calls": [{"id": f"call{turn}", "type": "function",
                         "function": {"name": "tool_1", "arguments": {"argument_0": text[:80], "argument_1": turn}}}]})
        messages.append({"role": "tool", "tool_call_id": f"call{turn}", "content": "{\"found\": \"" + text + "\"}"})
        messages.append({"role": "assistant", "content": f"Answer {turn}: {text}"})
    messages.append({"role": "user", "content": "And now?"})
    json.dump({"messages": messages, "tools": tools}, open(path, "w"))


def measure(template_path, path):
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    source, conversation = open(template_path).read(), json.load(open(path))

    def median(work, repeats):
        times = []
        for _ in range(repeats):
            begin = time.perf_counter()
            work()
            times.append(time.perf_counter() - begin)
        return statistics.median(times) * 1e3

    template = environment.from_string(source)
    text = template.render(add_generation_prompt=True, **conversation)
    print(f"Jinja2 {jinja2.__version__}: {len(text.encode())} bytes, "
          f"load {median(lambda: jinja2.Environment().from_string(source), 20):.3f} ms, "
          f"render {median(lambda: template.render(add_generation_prompt=True, **conversation), 50):.3f} ms")


if __name__ == "__main__":
    {"make": make, "time": measure}[sys.argv[1]](*sys.argv[2:])
