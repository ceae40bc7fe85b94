"""Tiny random Hugging Face folders with float64 reference values, one per variation of the architectures.

make_models.py OUT [NAME...]: OUT/<name>/ with config.json, generation_config.json, safetensors, cases.json,
logits.safetensors; without names all but those of REFUSED.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from reference64 import Reference64, logprobs

VOCABULARY = 320
LENGTHS = (1, 7, 60, 150)
GREEDY = 32
SMALLEST_MARGIN = 2e-3  # ten times what a float32 implementation may be off

SMALL = dict(vocab_size=VOCABULARY, hidden_size=48, intermediate_size=112, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=1024, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
             pad_token_id=0, tie_word_embeddings=False, rope_theta=10000.0)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
EXPERTS = dict(num_experts=8, num_experts_per_tok=3, moe_intermediate_size=32, head_dim=16)

# name -> model_type, what differs from SMALL, dtype of the files, largest file in bytes (None: one file)
MODELS = {
    "llama": ("llama", {}, torch.float32, None),
    "llama_linear": ("llama", dict(rope_scaling=dict(rope_type="linear", factor=2.5)), torch.float32, None),
    "llama_yarn": ("llama", dict(rope_scaling=YARN, max_position_embeddings=256), torch.float32, None),
    "llama_llama3": ("llama", dict(rope_scaling=LLAMA3, rope_theta=500000.0), torch.bfloat16, None),
    "llama_tied_head_dim": ("llama", dict(tie_word_embeddings=True, head_dim=32), torch.float32, None),
    "llama_sharded": ("llama", dict(num_hidden_layers=3), torch.bfloat16, 60_000),
    "qwen2_f16": ("qwen2", dict(tie_word_embeddings=True), torch.float16, None),
    "qwen2_bf16_sharded": ("qwen2", {}, torch.bfloat16, 50_000),
    "qwen2_yarn": ("qwen2", dict(rope_scaling=YARN, max_position_embeddings=256, rope_theta=1e6), torch.float32, None),
    "qwen2_sliding": ("qwen2", dict(num_hidden_layers=4, use_sliding_window=True, sliding_window=16,
                                    max_window_layers=2), torch.float32, None),
    "qwen2_sliding_unused": ("qwen2", dict(use_sliding_window=False, sliding_window=16, max_window_layers=1),
                             torch.float32, None),
    "mistral_sliding": ("mistral", dict(sliding_window=16), torch.float32, None),
    "mistral_full": ("mistral", dict(sliding_window=None, head_dim=24), torch.bfloat16, None),
    "qwen3": ("qwen3", dict(head_dim=16, rope_theta=1e6), torch.bfloat16, None),
    "qwen3_bias": ("qwen3", dict(head_dim=16, attention_bias=True), torch.float32, None),
    "qwen3_moe": ("qwen3_moe", dict(EXPERTS, norm_topk_prob=True), torch.float32, None),
    "qwen3_moe_mixed": ("qwen3_moe", dict(EXPERTS, num_hidden_layers=3, norm_topk_prob=False, mlp_only_layers=[0],
                                          decoder_sparse_step=1, tie_word_embeddings=True), torch.bfloat16, 90_000),
    "qwen3_moe_sliding": ("qwen3_moe", dict(EXPERTS, num_hidden_layers=4, decoder_sparse_step=2, attention_bias=True,
                                            use_sliding_window=True, sliding_window=16), torch.float32, None),
    "mixtral": ("mixtral", dict(num_local_experts=4), torch.float32, None),
}

REFUSED = ("mixtral",)  # by name at load: leave one out of here when it is computed


def fill(model, generator):
    """Weights so large that every part of the model shows in the logits, and the norms are no identity."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("bias"):
                parameter.copy_(0.3 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(1 + 0.2 * noise)
            elif "embed_tokens" in name:
                parameter.copy_(0.5 * noise)
            else:
                parameter.copy_(noise * 1.3 / parameter.shape[1] ** 0.5)


def greedy(reference, ids):
    """The most likely continuation, and the smallest distance between the first and the second choice on the way."""
    path, margin = list(ids), float("inf")
    for _ in range(GREEDY):
        best = torch.topk(reference.logits(path)[-1], 2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        path.append(int(best.indices[0]))
    return path[len(ids):], margin


def make_case(reference, length, generator):
    for _ in range(20):
        ids = torch.randint(3, VOCABULARY, (length,), generator=generator).tolist()
        path, margin = greedy(reference, ids)
        if margin > SMALLEST_MARGIN:
            positions = sorted({0, length // 3, length // 2, max(length - 2, 0), length - 1})
            return dict(name=f"len{length}", ids=ids, logit_positions=positions, greedy32=path, greedy_min_margin=margin)
    raise SystemExit(f"no prompt of {length} tokens has a clear greedy continuation")


def make_reference(folder, generator):
    reference = Reference64(folder)
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    cases, tensors, gap = [], {}, 0.0
    for length in LENGTHS:
        case = make_case(reference, length, generator)
        ids, name = case["ids"], case["name"]
        logits = reference.logits(ids)
        with torch.no_grad():
            gap = max(gap, float((plain(input_ids=torch.tensor([ids])).logits[0].double() - logits).abs().max()))
        tensors[name + ".logits_ref64"] = logits[case["logit_positions"]].contiguous()
        if length > 1:
            tensors[name + ".logprobs"] = logprobs(logits, ids)
            tensors[name + ".logprobs_t07"] = logprobs(logits, ids, 0.7)
        cases.append(case)
    assert gap < 1e-4, f"{folder}: float32 and float64 differ by {gap}: not the same formula"
    save_file(tensors, folder / "logits.safetensors")
    (folder / "cases.json").write_text(json.dumps({"cases": cases}))
    return gap


def make(name, out, seed):
    kind, changes, dtype, shard = MODELS[name]
    generator = torch.Generator().manual_seed(seed)
    config = AutoConfig.for_model(kind, **{**SMALL, **changes})
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    fill(model, generator)
    folder = out / name
    model.to(dtype).save_pretrained(folder, max_shard_size=shard or "5GB")
    gap = make_reference(folder, generator)
    size = sum(f.stat().st_size for f in folder.glob("model*.safetensors"))
    files = len(list(folder.glob("model*.safetensors")))
    print(f"{name}: {size} bytes in {files} files, float32 of transformers is off by {gap:.1e}", flush=True)


def main():
    torch.set_num_threads(1)
    out = pathlib.Path(sys.argv[1])
    wanted = sys.argv[2:] or [name for name in MODELS if name not in REFUSED]
    for name in wanted:
        make(name, out, 100 + list(MODELS).index(name))


if __name__ == "__main__":
    main()
