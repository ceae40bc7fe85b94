"""The `tokenizers` library on the prompt of bench_tokenizer_speed, one thread: peer.py TOKENIZER.json TEXT_FILE [TOKENS]"""
import os, statistics, sys, time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import tokenizers


def seconds(tokenizer, prompt):
    begin = time.perf_counter()
    tokenizer.encode(prompt, add_special_tokens=False).ids
    return time.perf_counter() - begin


def main():
    path, wanted = sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else 12000
    tokenizer = tokenizers.Tokenizer.from_file(path)
    text = open(sys.argv[2], encoding="utf-8", newline="").read()
    while len(ids := tokenizer.encode(text, add_special_tokens=False).ids) < wanted:
        text += text
    prompt = tokenizer.decode(ids[:wanted], skip_special_tokens=False)
    first = statistics.median(seconds(tokenizers.Tokenizer.from_file(path), prompt) for _ in range(9))
    cached = statistics.median(seconds(tokenizer, prompt) for _ in range(50))
    print(f"tokenizers {tokenizers.__version__}: {first * 1e3:.2f} ms nothing cached, {cached * 1e3:.2f} ms pieces cached")


main()
