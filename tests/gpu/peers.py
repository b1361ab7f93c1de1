"""The operations of lotus.h composed in PyTorch (eager and torch.compile), and, where they are the natural peer, written in
Triton; timed as time_ops does, printed in its columns plus `peer`.
usage: peers.py [--device cuda|cpu] [--repeats N]   (cpu: small shapes, only to see that the script itself works)"""
import argparse
import statistics
import time

import torch
import torch.nn.functional as F

SHAPES = [(128, 10), (256, 1000), (4096, 1000), (1024, 21841), (65536, 1000), (4096, 21841), (8192, 10000), (64, 262144)]
ROTATE = 512 << 20


# ---- Logits: functions of (student, teacher, is_forget, labels) ----
def gumbel_cross_entropy(student, teacher, is_forget, labels):
    """As the published code: noise drawn, soft and hard targets, cross-entropy with probabilities, its gradient."""
    noise = -torch.empty_like(teacher, dtype=torch.float32).exponential_().log()
    scores = teacher.float() + noise
    soft = torch.softmax(scores, -1)
    hard = F.one_hot(scores.argmax(-1), scores.shape[-1]).float()
    target = torch.where(is_forget[:, None], soft, hard)
    log_p = torch.log_softmax(student.float(), -1)
    loss = -(target * log_p).sum(-1)
    return loss, ((log_p.exp() - target) / student.shape[0]).to(student.dtype)


def distillation(student, teacher, is_forget, labels, temperature=4.0):
    log_q = torch.log_softmax(student.float() / temperature, -1)
    p = torch.softmax(teacher.float() / temperature, -1)
    loss = F.kl_div(log_q, p, reduction="none").sum(-1)
    return loss, ((log_q.exp() - p) * (temperature / student.shape[0])).to(student.dtype)


def cross_entropy(student, teacher, is_forget, labels):
    log_p = torch.log_softmax(student.float(), -1)
    loss = -log_p.gather(-1, labels[:, None])[:, 0]
    gradient = (log_p.exp() - F.one_hot(labels, student.shape[-1])) / student.shape[0]
    return (student.argmax(-1) == labels).sum(), loss, gradient.to(student.dtype)


def gumbel_noise(student, teacher, is_forget, labels):
    return (-torch.empty_like(student, dtype=torch.float32).exponential_().log()).to(student.dtype)


def gumbel_softmax(student, teacher, is_forget, labels):
    return F.gumbel_softmax(student.float(), tau=1.0).to(student.dtype)


def evaluate_logits(student, teacher, is_forget, labels):
    log_p = torch.log_softmax(student.float(), -1)
    loss = -log_p.gather(-1, labels[:, None])[:, 0]
    entropy = -torch.xlogy(log_p.exp(), log_p.exp()).sum(-1)
    return (student.argmax(-1) == labels).sum(), loss, entropy


def entropy_histogram(student, teacher, is_forget, labels):
    p = torch.softmax(student.float(), -1)
    return torch.histc(-torch.xlogy(p, p).sum(-1), bins=64, min=0.0, max=8.0)


def class_means(student, teacher, is_forget, labels):
    p = torch.softmax(student.float(), -1)
    return torch.zeros(student.shape[1], student.shape[1], device=p.device).index_add_(0, labels, p)


def js_divergence(student, teacher, is_forget, labels):
    p, q = torch.softmax(student.float(), -1), torch.softmax(teacher.float(), -1)
    m = (p + q) / 2
    rows = 0.5 * (torch.xlogy(p, p / m) + torch.xlogy(q, q / m)).sum(-1)
    return rows, rows.mean()


def js_divergence_gradient(student, teacher, is_forget, labels):
    p, q = torch.softmax(student.float(), -1), torch.softmax(teacher.float(), -1)
    m = (p + q) / 2
    log_ratio = torch.log(p / m)
    rows = 0.5 * (torch.xlogy(p, p / m) + torch.xlogy(q, q / m)).sum(-1)
    inner = (p * log_ratio).sum(-1, keepdim=True)
    return rows, (0.5 / student.shape[0] * p * (log_ratio - inner)).to(student.dtype)


LOGITS = {  # name: (function, matrices that must move)
    "gumbel_cross_entropy": (gumbel_cross_entropy, 3),
    "distillation": (distillation, 3),
    "cross_entropy": (cross_entropy, 2),
    "gumbel_noise": (gumbel_noise, 1),
    "gumbel_softmax": (gumbel_softmax, 2),
    "evaluate_logits": (evaluate_logits, 1),
    "entropy_histogram": (entropy_histogram, 1),
    "class_means": (class_means, 1),
    "js_divergence": (js_divergence, 2),
    "js_divergence:gradient": (js_divergence_gradient, 3),
}


# ---- Triton: the loss as a Triton user would write it, one program a row, its own Philox ----
def triton_gumbel_cross_entropy():
    try:
        import triton
        import triton.language as tl
    except ImportError:
        return None

    @triton.jit
    def kernel(student, teacher, is_forget, loss, gradient, seed, scale, cols, BLOCK: tl.constexpr):
        row = tl.program_id(0).to(tl.int64)
        c = tl.arange(0, BLOCK)
        inside = c < cols
        s = tl.load(student + row * cols + c, mask=inside, other=-float("inf")).to(tl.float32)
        t = tl.load(teacher + row * cols + c, mask=inside, other=-float("inf")).to(tl.float32)
        u = tl.rand(seed, row * cols + c)
        scores = t - tl.log(-tl.log(u * 0.9999999 + 2.9e-8))
        e = tl.exp(scores - tl.max(scores, 0))
        soft = e / tl.sum(e, 0)
        hard = (c == tl.argmax(scores, 0)).to(tl.float32)
        target = tl.where(tl.load(is_forget + row), soft, hard)
        d = s - tl.max(s, 0)
        p = tl.exp(d)
        total = tl.sum(p, 0)
        tl.store(loss + row, tl.log(total) - tl.sum(tl.where(inside, target * d, 0.0), 0))
        tl.store(gradient + row * cols + c, ((p / total - target) * scale).to(gradient.dtype.element_ty), mask=inside)

    def run(student, teacher, is_forget, labels):
        rows, cols = student.shape
        block = triton.next_power_of_2(cols)
        loss = torch.empty(rows, device=student.device)
        gradient = torch.empty_like(student)
        kernel[(rows,)](student, teacher, is_forget, loss, gradient, 1, 1.0 / rows, cols, BLOCK=block,
                        num_warps=4 if block <= 2048 else 16)
        return loss, gradient

    return run


# ---- Weights ----
def resnet18():
    sizes, before = [64 * 27, 64, 64], 64
    for width in (64, 128, 256, 512):
        for _ in range(2):
            sizes += [width * before * 9, width, width, width * width * 9, width, width]
            if width != before:
                sizes += [width * before, width, width]
            before = width
    return sizes + [5120, 10]


def vit_b16():
    d, sizes = 768, [768, 197 * 768, 768 * 768, 768]
    for _ in range(12):
        sizes += [d, d, 3 * d * d, 3 * d, d * d, d, d, d, 4 * d * d, 4 * d, 4 * d * d, d]
    return sizes + [d, d, 1000 * d, 1000]


def weight_peers(sizes, device):
    """name: (words an element, {peer: call})"""
    parameters = [torch.nn.Parameter(torch.randn(n, device=device)) for n in sizes]
    for p in parameters:
        p.grad = torch.randn_like(p)
    scores = [torch.zeros_like(p) for p in parameters]
    gradients = [p.grad for p in parameters]
    fused = {"fused": True} if device != "cpu" else {"foreach": True}
    adamw = {name: torch.optim.AdamW(parameters, lr=1e-4, weight_decay=5e-4, **how)
             for name, how in (("eager", {"foreach": False}), ("foreach", {"foreach": True}), ("fused", fused))}
    sgd = {name: torch.optim.SGD(parameters, lr=1e-4, momentum=0.9, weight_decay=5e-4, **how)
           for name, how in (("eager", {"foreach": False}), ("foreach", {"foreach": True}), ("fused", fused))}

    def square():
        for score, g in zip(scores, gradients):
            score.addcmul_(g, g, value=1e-3)

    def square_foreach():
        torch._foreach_addcmul_(scores, gradients, gradients, value=1e-3)

    def mask():
        everything = torch.cat([s.abs() for s in scores])
        threshold = everything.kthvalue(everything.numel() - everything.numel() // 10).values
        return [(s.abs() > threshold).to(torch.uint8) for s in scores]

    return {
        "adamw": (7, {name: optimizer.step for name, optimizer in adamw.items()}),
        "sgd": (5, {name: optimizer.step for name, optimizer in sgd.items()}),
        "gradient_norm": (1, {"foreach": lambda: torch.nn.utils.get_total_norm(gradients)
                              if hasattr(torch.nn.utils, "get_total_norm")
                              else torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))}),
        "square_accumulate": (3, {"eager": square, "foreach": square_foreach}),
        "top_k_mask": (1.25, {"eager": mask}),
    }


# ---- Images ----
def gather_augment(images, order, tops, lefts, flips):
    """512 CIFAR images: gather, pad, a random crop each, flip, normalise, channels-last bf16."""
    batch = F.pad(images[order].permute(0, 3, 1, 2).float().div(255), (4, 4, 4, 4))
    rows = torch.arange(32, device=images.device)
    b = torch.arange(batch.shape[0], device=images.device)[:, None, None]
    crop = batch[b, :, (tops[:, None] + rows)[:, :, None], (lefts[:, None] + rows)[:, None, :]]  # [B, 32, 32, 3]
    crop = torch.where(flips[:, None, None, None], crop.flip(2), crop)
    return crop.sub(0.5).div(0.25).to(torch.bfloat16)


# ---- Timing ----
def measure(call, sets, repeats, device):
    for i in range(5):
        call(i % sets)
    times = []
    if device == "cpu":
        for i in range(repeats):
            start = time.perf_counter()
            call(i % sets)
            times.append(1e6 * (time.perf_counter() - start))
    else:
        torch.cuda.synchronize()
        events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(repeats)]
        for i, (start, end) in enumerate(events):
            start.record()
            call(i % sets)
            end.record()
        torch.cuda.synchronize()
        times = [1e3 * start.elapsed_time(end) for start, end in events]
    host = []
    for i in range(repeats):
        start = time.perf_counter()
        call(i % sets)
        if device != "cpu":
            torch.cuda.synchronize()
        host.append(1e6 * (time.perf_counter() - start))
    times.sort()
    return times[len(times) // 5], statistics.median(times), times[4 * len(times) // 5], statistics.median(host)


class Report:
    def __init__(self, device, repeats):
        self.device, self.repeats = device, repeats
        self.name = "cpu" if device == "cpu" else torch.cuda.get_device_name()
        print("op,device,dtype,rows,cols,median_us,p20_us,p80_us,host_us,bytes,gbps,percent_of_copy,peer")

    def row(self, op, dtype, rows, cols, peer, moved, call, sets=1):
        p20, p50, p80, host = measure(call, sets, self.repeats, self.device)
        print(f"{op},{self.name},{dtype},{rows},{cols},{p50:.2f},{p20:.2f},{p80:.2f},{host:.2f},{moved:.0f},"
              f"{moved / p50 * 1e-3:.1f},,{peer}", flush=True)


def time_logits(report, shapes):
    device = report.device
    triton_loss = triton_gumbel_cross_entropy() if device != "cpu" else None
    for dtype, dtype_name in ((torch.float32, "fp32"), (torch.bfloat16, "bf16")):
        for rows, cols in shapes:
            matrix = rows * cols * dtype.itemsize
            sets = 2 if device == "cpu" else max(2, min(64, ROTATE // (3 * matrix)))
            inputs = [
                (
                    torch.randn(rows, cols, device=device).to(dtype),
                    torch.randn(rows, cols, device=device).to(dtype),
                    torch.arange(rows, device=device) % 2 == 1,
                    torch.arange(rows, device=device) % cols,
                )
                for _ in range(sets)
            ]
            torch.compiler.reset()  # past a few shapes of one function it would fall back to eager without a word
            for op, (function, matrices) in LOGITS.items():
                if op == "class_means" and cols > 1000:
                    continue
                peers = [("eager", function), ("compile", torch.compile(function, dynamic=False))]
                if op == "gumbel_cross_entropy" and triton_loss is not None and cols <= 65536:
                    peers.append(("triton", triton_loss))
                for peer, run in peers:
                    report.row(op, dtype_name, rows, cols, peer, matrices * matrix, lambda i: run(*inputs[i]), sets)


def time_weights(report):
    for model, sizes in (("resnet18", resnet18()), ("vit_b16", vit_b16())):
        if report.device == "cpu" and model != "resnet18":
            continue
        for op, (words, peers) in weight_peers(sizes, report.device).items():
            for peer, call in peers.items():
                report.row(f"{op}:{model}", "fp32", len(sizes), sum(sizes), peer, 4 * words * sum(sizes), lambda i: call())


def time_images(report):
    device = report.device
    images = torch.randint(0, 256, (50000 if device != "cpu" else 1000, 32, 32, 3), dtype=torch.uint8, device=device)
    inputs = [
        (
            torch.randint(0, len(images), (512,), device=device),
            torch.randint(0, 9, (512,), device=device),
            torch.randint(0, 9, (512,), device=device),
            torch.rand(512, device=device) < 0.5,
        )
        for _ in range(8)
    ]
    for peer, run in (("eager", gather_augment), ("compile", torch.compile(gather_augment, dynamic=False))):
        report.row("gather_augment:cifar", "bf16", 512, 3072, peer, 512 * 3072 * 3, lambda i: run(images, *inputs[i]), 8)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--repeats", type=int, default=50)
    args = parser.parse_args()
    report = Report(args.device, args.repeats)
    time_logits(report, SHAPES[:2] if args.device == "cpu" else SHAPES)
    time_weights(report)
    time_images(report)


if __name__ == "__main__":
    main()
