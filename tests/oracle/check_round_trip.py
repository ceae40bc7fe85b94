"""check_round_trip.py CONVERT MODELS OUT: every folder of MODELS to a checkpoint and back gives the same tensors, bit for
bit, and transformers gives the same logits; once more through fp32 and bf16 and in several files. What make_models.py
lists as refused must be refused by name.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

import make_models

CONVERT, MODELS, OUT = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
IDS = torch.arange(3, 60).reshape(1, -1)


def convert(source, target, *more):
    subprocess.run([CONVERT, f"--convert.from={source}", f"--convert.to={target}", *more], check=True)
    return target


def tensors(folder):
    found = {}
    for file in sorted(folder.glob("model*.safetensors")):
        found.update(load_file(file))
    return found


def logits(folder, dtype=torch.float32):
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager",
                                                       output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits


def same_config(one, other, ignored=()):
    for name in ("config.json", "generation_config.json"):
        a, b = (json.loads((folder / name).read_text()) for folder in (one, other))
        for key in ignored:
            a.pop(key, None), b.pop(key, None)
        assert a == b, f"{other / name} differs: {a} {b}"


def check(folder):
    name = folder.name
    checkpoint = convert(folder, OUT / name / "checkpoint")
    back = convert(checkpoint, OUT / name / "back")
    before, after = tensors(folder), tensors(back)
    assert before.keys() == after.keys()
    for key in before:
        assert before[key].dtype == after[key].dtype and torch.equal(before[key], after[key]), key
    same_config(folder, back)
    assert torch.equal(logits(folder), logits(back))
    wide = convert(checkpoint, OUT / name / "fp32", "--convert.dtype=fp32", "--convert.file_gb=0.0001")
    assert len(list(wide.glob("model-*.safetensors"))) > 1 and (wide / "model.safetensors.index.json").exists()
    assert json.loads((wide / "config.json").read_text())["dtype"] == "float32"
    assert torch.equal(logits(folder), logits(wide))
    half = convert(wide_checkpoint(wide, name), OUT / name / "bf16", "--convert.dtype=bf16")
    for key, value in tensors(half).items():
        assert torch.equal(value, before[key].float().bfloat16()), key
    assert json.loads((half / "config.json").read_text())["dtype"] == "bfloat16"
    print(f"{name}: {len(before)} tensors bit-equal after the round trip, logits equal", flush=True)


def check_refused(name):
    make_models.make(name, OUT / "refused", seed=1)
    kind = make_models.MODELS[name][0]
    target = OUT / "refused_checkpoint"
    result = subprocess.run([CONVERT, f"--convert.from={OUT / 'refused' / name}", f"--convert.to={target}"],
                            capture_output=True, text=True)
    assert result.returncode == 1 and kind in result.stderr and "not supported" in result.stderr, result
    assert not target.exists()


def wide_checkpoint(wide, name):
    return convert(wide, OUT / name / "fp32_checkpoint")


def main():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    folders = [f for f in sorted(MODELS.iterdir()) if (f / "config.json").exists()]
    for folder in folders:
        check(folder)
    for name in make_models.REFUSED:
        check_refused(name)
    print(f"compared {len(folders)} model folders")
    shutil.rmtree(OUT)


main()
