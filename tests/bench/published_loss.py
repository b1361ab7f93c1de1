"""The LoTUS loss as the published code composes it, forward and backward, in PyTorch for Python: eager and torch.compile, fp32,
two threads. The peer of `lotus bench kernels --op gumbel_cross_entropy`; run both in turn. usage: published_loss.py"""
import statistics
import time

import torch
import torch.nn.functional as F

THREADS = 2
TAU = 2.05


def loss(student, teacher, is_forget):
    hard = F.gumbel_softmax(teacher, tau=1.0, hard=True)
    soft = F.gumbel_softmax(teacher, tau=TAU)
    target = is_forget * soft + (1 - is_forget) * hard
    return -(target * torch.log_softmax(student, -1)).sum() / student.shape[0]


def main():
    torch.set_num_threads(THREADS)
    print("rows,cols,peer,median_ms,min_ms,max_ms")
    for rows, cols in ((128, 10), (256, 1000), (4096, 1000), (1024, 21841)):
        student = torch.randn(rows, cols, requires_grad=True)
        teacher = torch.randn(rows, cols)
        is_forget = (torch.arange(rows) % 2).float()[:, None]
        torch.compiler.reset()
        for peer, function, repeats in (("compile", torch.compile(loss, dynamic=False), 15), ("eager", loss, 5)):
            times = []
            for i in range(repeats + 2):  # two to warm up
                student.grad = None
                start = time.perf_counter()
                function(student, teacher, is_forget).backward()
                times.append(1e3 * (time.perf_counter() - start))
            times = times[2:]
            print(f"{rows},{cols},{peer},{statistics.median(times):.3f},{min(times):.3f},{max(times):.3f}", flush=True)


if __name__ == "__main__":
    main()
