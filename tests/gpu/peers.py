"""The same operations composed in PyTorch, eager and torch.compile, timed as time_ops does and printed in its columns
plus `peer`. usage: peers.py [--device cuda|cpu] [--repeats N]   (cpu: only to see that the script itself works)"""
import argparse
import statistics
import time

import torch
import torch.nn.functional as F

SHAPES = [(128, 10), (256, 1000), (4096, 1000), (1024, 21841), (65536, 1000), (4096, 21841), (8192, 10000)]
ROTATE = 512 << 20


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


def evaluate_logits(student, teacher, is_forget, labels):
    log_p = torch.log_softmax(student.float(), -1)
    loss = -log_p.gather(-1, labels[:, None])[:, 0]
    entropy = -torch.xlogy(log_p.exp(), log_p.exp()).sum(-1)
    return (student.argmax(-1) == labels).sum(), loss, entropy


def js_divergence(student, teacher, is_forget, labels):
    p, q = torch.softmax(student.float(), -1), torch.softmax(teacher.float(), -1)
    m = (p + q) / 2
    rows = 0.5 * (torch.xlogy(p, p / m) + torch.xlogy(q, q / m)).sum(-1)
    return rows, rows.mean()


PEERS = {  # name: (function, matrices moved)
    "gumbel_cross_entropy": (gumbel_cross_entropy, 3),
    "evaluate_logits": (evaluate_logits, 1),
    "js_divergence:textbook": (js_divergence, 2),
}


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


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--repeats", type=int, default=50)
    args = parser.parse_args()
    name = "cpu" if args.device == "cpu" else torch.cuda.get_device_name()
    shapes = SHAPES[:2] if args.device == "cpu" else SHAPES
    print("op,device,dtype,rows,cols,median_us,p20_us,p80_us,host_us,bytes,gbps,percent_of_copy,peer")
    for dtype, dtype_name in ((torch.float32, "fp32"), (torch.bfloat16, "bf16")):
        for rows, cols in shapes:
            matrix = rows * cols * dtype.itemsize
            sets = 2 if args.device == "cpu" else max(2, min(64, ROTATE // (3 * matrix)))
            inputs = [
                (
                    torch.randn(rows, cols, device=args.device).to(dtype),
                    torch.randn(rows, cols, device=args.device).to(dtype),
                    torch.arange(rows, device=args.device) % 2 == 1,
                    torch.arange(rows, device=args.device) % cols,
                )
                for _ in range(sets)
            ]
            torch.compiler.reset()  # past a few shapes of one function it would fall back to eager without a word
            for op, (function, matrices) in PEERS.items():
                for peer, run in (("eager", function), ("compile", torch.compile(function, dynamic=False))):
                    p20, p50, p80, host = measure(lambda i: run(*inputs[i]), sets, args.repeats, args.device)
                    gbps = matrices * matrix / p50 * 1e-3
                    print(f"{op},{name},{dtype_name},{rows},{cols},{p50:.2f},{p20:.2f},{p80:.2f},{host:.2f},"
                          f"{matrices * matrix},{gbps:.1f},,{peer}", flush=True)


if __name__ == "__main__":
    main()
