"""check_live_run.py MPIEXEC BUILD OUT [lora|full]: a folder made by transformers is served by online_rl, learns from
feedback given over HTTP, is exported by convert, and is loaded by transformers and PEFT: their log-probs are those that
our policy gave while it served the trained version, and others than the base model's.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from live_run import LiveRun
from reference64 import Reference64, logprobs
from tiny_chat_model import make_folder

MPIEXEC, BUILD, OUT, KIND = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]).absolute(), sys.argv[4]
TOLERANCE = 2e-4  # float32 against float64, as in the fixtures
RUNS = {  # ranks, model_type, dtype of the folder, tied, settings
    "lora": (3, "qwen2", torch.bfloat16, True, ["--trainer.lora_rank=4", "--trainer.lora_alpha=8",
                                                "--trainer.learning_rate=1e-2"]),
    "full": (1, "llama", torch.float32, False, ["--trainer.learning_rate=1e-3"]),
}


def serve_and_learn(base):
    ranks, _, _, _, settings = RUNS[KIND]
    settings = settings + [f"--model.policy={base}", "--samples.method=binary", "--samples.replay=0",
                           "--samples.max_staleness=1000", "--session.idle_s=600"]
    with LiveRun(MPIEXEC, str(BUILD / "jobs/online_rl"), ranks, OUT / "run", settings) as run:
        status = run.learn(steps=2)
        print(f"{status['steps']} steps, log-prob gap of sampler and trainer {status['logprob_gap_max']:.1e}", flush=True)
        assert status["logprob_gap_max"] < TOLERANCE
        for number in range(6):  # what the trained version says, of which nothing is learned
            run.chat([{"role": "system", "content": "be kind"}, {"role": "user", "content": f"count to {number}"}],
                     f"side-{number}", kind="side", done=True, max_tokens=40)
        run.stop()
    subprocess.run([BUILD / "tests/oracle_dump_run", OUT / "run", OUT / "turns.json"], check=True)
    return json.loads((OUT / "turns.json").read_text())


def convert(name, *more):
    target = OUT / name
    subprocess.run([BUILD / "jobs/convert", f"--convert.from={OUT / 'run'}", f"--convert.to={target}", *more], check=True)
    return target


def gaps(reference, turns):
    """Largest distance of our log-probs, as served and as scored, from the reference's."""
    worst = {"served": 0.0, "scored": 0.0}
    for turn in turns:
        ids = turn["prompt"] + turn["ids"]
        wanted = logprobs(reference.logits(ids), ids)[len(turn["prompt"]) - 1:]
        for kind in worst:
            assert len(turn[kind]) == len(wanted)
            worst[kind] = max(worst[kind], float((torch.tensor(turn[kind], dtype=torch.float64) - wanted).abs().max()))
    return worst


def check(name, reference, turns, same=True):
    worst = gaps(reference, turns)
    print(f"{name}: largest log-prob gap served {worst['served']:.1e}, scored {worst['scored']:.1e}", flush=True)
    for kind, gap in worst.items():
        assert gap < TOLERANCE if same else gap > 50 * TOLERANCE, f"{name}, {kind}: {gap}"


def check_tokenizer(folder, turns):
    """The exported folder's tokenizer and template are the ones that the run used."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = 0
    for number in range(6):
        messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": f"count to {number}"}]
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
        found += any(turn["prompt"] == prompt for turn in turns)
    assert found == 6, f"{found} of 6 prompts are those of {folder}'s template"


def check_lora(base, turns):
    merged = convert("merged", "--convert.lora=merged", "--convert.dtype=fp32")
    adapter = convert("adapter", "--convert.lora=adapter")
    check("merged export in transformers", Reference64(merged), turns)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float64, attn_implementation="eager")
    with_adapter = PeftModel.from_pretrained(model, adapter)
    check("base and adapter in PEFT", Reference64(model=with_adapter), turns)
    check("merged by PEFT", Reference64(model=with_adapter.merge_and_unload()), turns)
    return merged


def check_full(turns):
    exported = convert("exported")
    check("full export in transformers", Reference64(exported), turns)
    return exported


def main():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    _, kind, dtype, tied, _ = RUNS[KIND]
    base = make_folder(OUT / "base", kind, dtype, seed=11, tie_word_embeddings=tied)
    dump = serve_and_learn(base)
    turns = dump["turns"]
    print(f"version {dump['version']} answered {len(turns)} turns, {sum(len(t['ids']) for t in turns)} tokens", flush=True)
    exported = check_lora(base, turns) if KIND == "lora" else check_full(turns)
    check("the base model", Reference64(base), turns, same=False)
    check_tokenizer(exported, turns)
    kept = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}
    assert kept <= {file.name for file in exported.iterdir()}, list(exported.iterdir())
    assert (exported / "chat_template.jinja").exists() == (base / "chat_template.jinja").exists()
    shutil.rmtree(OUT)


main()
