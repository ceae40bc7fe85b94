"""Makes tokenizer_styles.json: small tokenizers in the styles of published files, and what the `tokenizers` library
(0.22.2 when it was made) encodes and decodes with them. Deterministic. Usage: make_tokenizer_styles.py OUTPUT"""
import json, random, sys
from collections import Counter

import tokenizers

MARK = "\u2581"
CORPUS = ("the cat sat on the mat. The other cat, it's said, didn't sit there; we'll see what they've seen.  "
          "def add(a, b):\n    return a + b\n\n\tif x == 10 and y != 2024: print('hello world')\n"
          "na\u00efve caf\u00e9 \u00fcber stra\u00dfe \u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440 "
          "\u4f60\u597d\u4e16\u754c \u3053\u3093\u306b\u3061\u306f 123 4567 89 ") * 3
random_source = random.Random(1)


def train(words, start, merges_wanted):
    """Merges over lists of symbols; `start` = the symbols that exist before."""
    merges, vocab = [], list(start)
    while len(merges) < merges_wanted:
        pairs = Counter()
        for word, count in words:
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        pairs = {p: c for p, c in pairs.items() if p[0] in known(vocab) and p[1] in known(vocab)}
        if not pairs:
            break
        best = max(sorted(pairs), key=lambda p: pairs[p])
        merges.append(best)
        if "".join(best) not in known(vocab):
            vocab.append("".join(best))
        words = [(joined(word, best), count) for word, count in words]
    return vocab, merges


def known(vocab):
    return set(vocab)


def joined(word, pair):
    made, i = [], 0
    while i < len(word):
        if i + 1 < len(word) and (word[i], word[i + 1]) == pair:
            made.append(word[i] + word[i + 1])
            i += 2
        else:
            made.append(word[i])
            i += 1
    return made


def bytes_to_unicode():
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {b: chr(b) for b in keep}, 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + extra)
            extra += 1
    return table


def character_model():
    text = CORPUS.replace(" ", MARK)
    letters = [c for c in sorted(set(text)) if c not in "\n\t\u4e16\u3061"]  # these need byte fallback
    start = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + letters
    # whole lines, so that merges join words too (".▁▁", ",▁it")
    vocab, merges = train([(list(line), 1) for line in text.split("\n")], start, 160)
    return {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(vocab)}, "merges": [" ".join(m) for m in merges]}


def byte_model():
    table = bytes_to_unicode()
    words = Counter(" " + w for w in CORPUS.split(" "))
    start = [table[b] for b in sorted(table, key=lambda b: table[b])]
    vocab, merges = train([([table[b] for b in w.encode()], c) for w, c in sorted(words.items())], start, 120)
    return {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(vocab)}, "merges": [list(m) for m in merges]}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def sequence(*stages):
    return {"type": "Sequence", "pretokenizers": list(stages)}


def metaspace(scheme, cut):
    return {"type": "Metaspace", "replacement": MARK, "prepend_scheme": scheme, "split": cut}


def decoders(strip):
    steps = [{"type": "Replace", "pattern": {"String": MARK}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]
    return {"type": "Sequence", "decoders": steps + ([{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if strip else [])}


REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": MARK}
PREPEND = {"type": "Prepend", "prepend": MARK}
QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}"
          r"\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = ["\\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
            r"|\s*[\r\n]+|\s+(?!\S)|\s+"]

STYLES = {
    "llama2": ("characters", {"type": "Sequence", "normalizers": [PREPEND, REPLACE]}, None, decoders(True)),
    "mistral_v3": ("characters", None, metaspace("first", False), decoders(True)),
    "metaspace_always_split": ("characters", None, metaspace("always", True), decoders(True)),
    "metaspace_never": ("characters", None, metaspace("never", False), decoders(False)),
    "gemma": ("characters", REPLACE, split(" ", "MergedWithPrevious", kind="String"), decoders(False)),
    "gpt2": ("bytes", None, byte_level(regex=True), byte_level()),
    "gpt2_prefix_space": ("bytes", None, byte_level(prefix=True, regex=True), byte_level()),
    "tekken": ("bytes", None, sequence(split(TEKKEN), byte_level()), byte_level()),
    "deepseek": ("bytes", {"type": "Sequence", "normalizers": []},
                 sequence(*[split(p) for p in DEEPSEEK], byte_level()), byte_level()),
    "smollm": ("bytes", None, sequence({"type": "Digits", "individual_digits": True}, byte_level(regex=True)), byte_level()),
    "digit_runs": ("bytes", None, sequence({"type": "Digits", "individual_digits": False}, byte_level()), byte_level()),
    "removed_inverted": ("bytes", None, sequence(split(QWEN, "Removed", True), byte_level()), byte_level()),
    "removed": ("bytes", {"type": "NFC"}, sequence(split(r"\s+", "Removed"), byte_level()), byte_level()),
    "contiguous": ("bytes", None, sequence(split(r"[a-z]", "Contiguous"), byte_level()), byte_level()),
    "merged_with_next": ("bytes", None, sequence(split(r"\s", "MergedWithNext"), byte_level()), byte_level()),
}


def build(models, style):
    kind, normalizer, pre_tokenizer, decoder = STYLES[style]
    size = len(models[kind]["vocab"])
    names = ["<s>", "</s>"] if kind == "characters" else ["<|start|>", "<|end|>"]
    ids = [models[kind]["vocab"].get(name, size + i) for i, name in enumerate(names)]
    size = max(size, ids[-1] + 1)  # the library numbers new added tokens on, whatever the file says
    added = [{"id": i, "content": n, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, n in zip(ids, names)]
    added.append({"id": size, "content": "[TOOL]", "single_word": False, "lstrip": False, "rstrip": False,
                  "normalized": False, "special": False})
    added.append({"id": size + 1, "content": "a  b", "single_word": False, "lstrip": False, "rstrip": False,
                  "normalized": True, "special": False})
    post = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": names[0], "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {names[0]: {"id": names[0], "ids": [ids[0]], "tokens": [names[0]]}}}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer, "post_processor": post, "decoder": decoder, "model": models[kind]}


def texts():
    fixed = ["", " ", "  ", "the cat", " the cat", "the  cat", "\n", "a\n\n b", "it's they've IT'S 2024 and 1234567",
             "\u4f60\u597d\u4e16\u754c\u3061", "\U0001f600 ok \U0001f600\U0001f601", MARK + "mark " + MARK, "<s>the cat</s> sat",
             " <s> the", "<|start|>the<|end|> cat", "x [TOOL] y", "a  b", "x a  b y", "cafe\u0301 caf\u00e9", "e\u0301\u0323",
             "don't\tstop...  now!\r\n", "1.5e-10 0x1F \u00bd \u0663\u0664", "\u00a0nbsp\u2003em", "<0x41> <0x0A>", "\x00\x01"]
    pool = [c for c in CORPUS] + list("  \n\t'ABCxyz0189.,!\u00e9\u4e16\U0001f600" + MARK) + ["</s>", "<|end|>", "[TOOL]", " the", "  "]
    return fixed + ["".join(random_source.choices(pool, k=random_source.randrange(1, 60))) for _ in range(40)]


def main():
    models = {"characters": character_model(), "bytes": byte_model()}
    all_texts = texts()
    made = {"tokenizers": tokenizers.__version__, "models": models, "texts": all_texts, "styles": {}}
    for style in STYLES:
        spec = build(models, style)
        oracle = tokenizers.Tokenizer.from_str(json.dumps(spec))
        size = oracle.get_vocab_size()
        def some_id():
            if STYLES[style][0] == "characters" and random_source.random() < 0.4:
                return 3 + random_source.choice([0x41, 0x20, 0xE4, 0xBD, 0xA0, 0xF0, 0x9F, 0x98, 0x80, 0xFF])
            return random_source.randrange(size)
        runs = [[some_id() for _ in range(random_source.randrange(1, 10))] for _ in range(30)]
        if STYLES[style][0] == "characters":
            runs += [[3 + b for b in "\u4f60\u597d".encode()], [3 + b for b in "\u4f60".encode()[:2]], [3 + 0x20, 3 + 0x20],
                     [1, 3 + 0x20, 300], [3 + 0xE4, 1, 3 + 0xBD, 3 + 0xA0]]
        spec["model"] = STYLES[style][0]
        made["styles"][style] = {
            "file": spec,
            "ids": [oracle.encode(t, add_special_tokens=False).ids for t in all_texts],
            "bos": oracle.encode("the cat").ids,
            "decode": [[ids, oracle.decode(ids, skip_special_tokens=False), oracle.decode(ids, skip_special_tokens=True)]
                       for ids in runs]}
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        json.dump(made, out, ensure_ascii=True, separators=(",", ":"))
        out.write("\n")


main()
