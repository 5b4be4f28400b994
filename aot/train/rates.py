"""How fast a model is trained, beside what the processor could do: for benchmarks."""

import re
import time

import torch

ATTENTION_OPERATION = re.compile(r"scaled_dot_product_(?:(\w+?)_attention|attention_(math))|(Blockwise)Attention")


def matmul_flops(device: torch.device, seconds: float = 0.5, dtype: torch.dtype | None = None) -> float:
    """FLOP per second of a large matrix product, the best within `seconds`; on a GPU in bfloat16 unless told."""
    size, default = (8192, torch.bfloat16) if device.type == "cuda" else (1024, torch.float32)
    dtype = dtype or default
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    times, end = [], time.perf_counter() + seconds  # a GPU needs a part of it to leave its idle clock rate
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        left @ right
        if device.type != "cpu":
            torch.accelerator.synchronize()
        times.append(time.perf_counter() - begin)
    return 2 * size**3 / min(times)


def flops_per_token(model: torch.nn.Module) -> float:
    """Of one training step: 6 for each weight that multiplies, and attention (PaLM, arXiv 2204.02311, appendix B)."""
    config = model.config
    lookups = config.n_positions * config.n_embd  # the token embeddings are looked up, and multiply as the head
    return 6 * (model.num_parameters() - lookups) + 12 * config.n_layer * config.n_embd * config.n_positions


def attention_kernels(profile: torch.profiler.profile) -> list[str]:
    """What attention ran as while profiled: cudnn, flash, efficient, math or blockwise; [] if in parts, unfused."""
    found = [ATTENTION_OPERATION.search(event.key) for event in profile.key_averages()]
    return sorted({next(filter(None, each.groups())).lower() for each in found if each})


def kernel_shares(profile: torch.profiler.profile, most: int = 12) -> dict[str, float]:
    """Share of the time of the device that the longest kernels take, or on a CPU the longest operations."""
    on_gpu = torch.cuda.is_available()
    device = torch.autograd.DeviceType.CUDA if on_gpu else torch.autograd.DeviceType.CPU
    field = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    events = [each for each in profile.key_averages() if each.device_type == device and not each.is_user_annotation]
    times = {each.key: getattr(each, field) for each in events}
    total = sum(times.values()) or 1
    return {name[:100]: round(times[name] / total, 4) for name in sorted(times, key=times.get, reverse=True)[:most]}
