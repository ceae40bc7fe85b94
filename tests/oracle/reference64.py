"""A transformers model evaluated wholly in float64: weights widened, and rotary angles, norms and softmax as well."""

import contextlib

import torch
from transformers import AutoModelForCausalLM


@contextlib.contextmanager
def widened():
    """Code of transformers that asks for float32 on purpose (norms, softmax, angles) gets float64 inside."""
    kept = torch.float32, torch.float, torch.Tensor.float
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = kept


class Reference64:
    def __init__(self, folder=None, model=None):
        self.model = model or AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64,
                                                                    attn_implementation="eager")
        self.model = self.model.double().eval()
        for module in self.model.modules():
            if hasattr(module, "rope_init_fn"):
                with widened():
                    module.inv_freq, module.attention_scaling = module.rope_init_fn(module.config, "cpu")
                module.original_inv_freq = module.inv_freq

    def logits(self, ids):
        """[L, V] float64."""
        with torch.no_grad(), widened():
            found = self.model(input_ids=torch.tensor([ids])).logits[0]
        assert found.dtype == torch.float64
        return found


def logprobs(logits, ids, temperature=1.0):
    """[L-1] float64: entry t-1 = log pi(ids[t] | ids[:t])."""
    rows = torch.log_softmax(logits[:-1].double() / temperature, dim=-1)
    return rows.gather(1, torch.tensor(ids[1:]).reshape(-1, 1)).reshape(-1)
