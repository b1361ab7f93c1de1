"""Makes the files of this folder: small seeded models of PyTorch, torchvision and timm as their users save them, and what
those libraries compute from them. usage: python make.py [--full DIR], in this folder; needs torch, torchvision, timm,
safetensors. --full writes the published sizes to DIR instead (2 GB), to be checked by
mvn test -Dtest=ParityTest -Dlotus.parity=DIR

NAME.expected.safetensors holds images, labels, the logits in evaluation and in training mode, and of the gradient of the
mean cross-entropy in training mode every n-th element of each tensor (at most 512), under the file's own names."""
import argparse
import collections
import io
import os
import pathlib
import zipfile

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer as TimmViT
from torch import nn
from torchvision.models.resnet import BasicBlock
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings


class PublishedBlock(nn.Module):
    """cspartalis/LoTUS, src/models.py."""

    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(o)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(o)
        self.identity_conv = nn.Conv2d(i, o, 1, stride, bias=False)

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(h + self.identity_conv(x))


class OptionABlock(nn.Module):
    """akamaster/pytorch_resnet_cifar10."""

    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(o)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(o)
        self.pad = (o - i) // 2

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(h + x)


def torchvision_block(i, o, stride):
    down = None
    if stride != 1:
        down = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))
    return BasicBlock(i, o, stride, down)


class ResNet(nn.Module):
    def __init__(self, block, widths, blocks, kernel, stride, pool, head, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.pool = pool
        self.head = head
        i = widths[0]
        for n, o in enumerate(widths):
            layer = []
            for b in range(blocks):
                layer.append(block(i, o, 2 if n and not b else 1))
                i = o
            setattr(self, f"layer{n + 1}", nn.Sequential(*layer))
        self.layers = len(widths)
        setattr(self, head, nn.Linear(i, classes))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        if self.pool:
            x = F.max_pool2d(x, 3, 2, 1)
        for n in range(self.layers):
            x = getattr(self, f"layer{n + 1}")(x)
        return getattr(self, self.head)(x.mean((2, 3)))


def draw(model, seed, dtype):
    """Weights that let every part of the network matter, exact in dtype."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, t in model.state_dict().items():
            if not t.is_floating_point():
                continue
            n = torch.randn(t.shape, generator=g)
            if name.endswith("running_var"):
                n = 0.5 + torch.rand(t.shape, generator=g)
            elif t.dim() == 1 and name.endswith("weight"):
                n = 1 + 0.2 * n
            elif t.dim() > 1:
                n = n / max(1, t[0].numel()) ** 0.5
            else:
                n = 0.2 * n
            t.copy_(n.to(dtype).float())


def expected(model, images, rename, seed):
    labels = torch.arange(len(images)) % 3
    model.eval()
    with torch.no_grad():
        evaluation = model(images)
    model.train()
    training = model(images)
    F.cross_entropy(training, labels).backward()
    result = {"images": images, "labels": labels, "eval": evaluation, "train": training.detach()}
    grads = rename({n: p.grad for n, p in model.named_parameters()})
    for name, grad in grads.items():
        result["grad." + name] = grad.flatten()[:: -(-grad.numel() // 512)].clone()
    return result


def hugging_face(prefix, head):
    """torchvision's names to those in Hugging Face's files."""

    def rename(state):
        names = [
            ("class_token", prefix + "embeddings.cls_token"),
            ("encoder.pos_embedding", prefix + "embeddings.position_embeddings"),
            ("conv_proj", prefix + "embeddings.patch_embeddings.projection"),
            ("encoder.ln.", prefix + "layernorm."),
            ("heads.head", head),
            ("encoder.layers.encoder_layer_", prefix + "encoder.layer."),
            ("ln_1", "layernorm_before"),
            ("ln_2", "layernorm_after"),
            ("self_attention.out_proj", "attention.output.dense"),
            ("mlp.0", "intermediate.dense"),
            ("mlp.3", "output.dense"),
        ]
        out = {}
        for key, value in state.items():
            for a, b in names:
                key = key.replace(a, b)
            if "self_attention.in_proj_" in key:
                for part, what in zip(value.chunk(3), ("query", "key", "value")):
                    new = key.replace("self_attention.in_proj_", f"attention.attention.{what}.")
                    out[new] = part.clone()
            else:
                out[key] = value
        return out

    return rename


def same(state):
    return dict(state)


def case(out, name, model, size, seed, dtype, save, rename=same, channels=3, batch=4):
    torch.manual_seed(seed)
    draw(model, seed, dtype)
    images = torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(seed + 1))
    state = {k: v.clone() for k, v in model.state_dict().items()}
    state = rename({k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()})
    save(state, out)
    save_file(expected(model, images, rename, seed), out / f"{name}.expected.safetensors")


def small(out):
    half, full = torch.float16, torch.float32
    case(out, "resnet18", ResNet(PublishedBlock, [8, 8, 8, 16], 2, 3, 1, True, "fc", 5), 32, 1, full,
         lambda s, o: torch.save({"net": s, "epoch": 3, "acc": 0.5}, o / "resnet18.pth"))
    case(out, "resnet20", ResNet(OptionABlock, [8, 16, 32], 3, 3, 1, False, "linear", 10), 32, 2, half,
         lambda s, o: torch.save({"state_dict": collections.OrderedDict(("module." + k, v) for k, v in s.items()),
                                  "best_prec1": 91.5}, o / "resnet20.th", _use_new_zipfile_serialization=False))
    case(out, "resnet18_torchvision", ResNet(torchvision_block, [8, 8, 16, 32], 2, 7, 2, True, "fc", 6), 48, 3, half,
         lambda s, o: torch.save(s, o / "resnet18_torchvision.pth"))
    case(out, "resnet18_cifar", ResNet(torchvision_block, [8, 8, 16, 32], 2, 3, 1, False, "fc", 10), 32, 4,
         torch.bfloat16, lambda s, o: save_file(s, o / "resnet18_cifar.safetensors"))
    b = VisionTransformer(32, 16, 2, 12, 48, 192, num_classes=7)
    b.conv_proj = nn.Conv2d(1, 48, 16, 16)
    case(out, "vit_b_16", b, 32, 5, half, lambda s, o: torch.save(s, o / "vit_b_16.pth"), channels=1)
    s = TimmViT(48, 16, embed_dim=24, depth=2, num_heads=6, num_classes=5)
    case(out, "vit_s_16", s, 48, 6, full, lambda s, o: save_file(s, o / "vit_s_16.safetensors"))
    eps = lambda d: nn.LayerNorm(d, eps=1e-12)
    ti = VisionTransformer(32, 16, 3, 3, 12, 48, num_classes=4, norm_layer=eps)
    case(out, "vit_ti_16", ti, 32, 7, full, lambda s, o: save_file(s, o / "vit_ti_16.safetensors"),
         hugging_face("vit.", "classifier"))

    def published(state, o):
        state["base.pooler.dense.weight"] = torch.zeros(12, 12)
        state["base.pooler.dense.bias"] = torch.zeros(12)
        torch.save(state, o / "vit_ti_16_published.pth")

    ti = VisionTransformer(32, 16, 3, 3, 12, 48, num_classes=4, norm_layer=eps)
    case(out, "vit_ti_16_published", ti, 32, 8, full, published, hugging_face("base.", "final"))
    positions = torch.randn(1, 10, 24, generator=torch.Generator().manual_seed(9))
    grid = positions[:, 1:].reshape(1, 3, 3, 24).permute(0, 3, 1, 2)
    result = {"positions": positions}
    for side in (2, 5):
        result[f"timm.{side}"] = resample_abs_pos_embed(positions, [side, side], num_prefix_tokens=1)
        other = F.interpolate(grid, size=(side, side), mode="bicubic", align_corners=False)
        other = other.permute(0, 2, 3, 1).reshape(1, side * side, 24)
        result[f"huggingface.{side}"] = torch.cat([positions[:, :1], other], 1)
        state = {"encoder.pos_embedding": positions}
        result[f"torchvision.{side}"] = interpolate_embeddings(16 * side, 16, state)["encoder.pos_embedding"]
    save_file(result, out / "positions.safetensors")


class System:
    """Would run a command in a loader that obeys."""

    def __reduce__(self):
        return os.system, ("echo this must never run",)


def big_endian(path, target):
    """The same file as a big-endian machine writes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("/byteorder"):
                data = b"big"
            elif "/data/" in name:
                data = b"".join(data[i:i + 4][::-1] for i in range(0, len(data), 4))
            new.writestr(name, data)
    target.write_bytes(out.getvalue())


def formats(out):
    base = torch.arange(24, dtype=torch.float32) * 0.5 - 3
    tensors = {
        "plain": base.view(4, 6),
        "transposed": base.view(4, 6).t(),
        "window": base.view(4, 6)[1:3, 2:5],
        "scalar": base[7],
        "empty": base[:0].view(0, 3),
        "parameter": nn.Parameter(base[3:9] * 2),
    }
    torch.save(tensors, out / "strided.pth")
    torch.save(tensors, out / "strided.th", _use_new_zipfile_serialization=False)
    big_endian(out / "strided.pth", out / "strided_big_endian.pth")
    types = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
             torch.int8, torch.uint8, torch.bool]
    torch.save({str(t).split(".")[1]: (torch.arange(5) - 2).abs().to(t) for t in types}, out / "types.pth")
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, out / "strided.expected.safetensors")
    torch.save(nn.Linear(2, 2), out / "whole_module.pth")
    # A class without a source file, which the legacy form would copy with its place on this machine.
    nn.Net = type("Net", (nn.Linear,), {"__module__": "torch.nn"})
    torch.save(nn.Net(2, 2), out / "whole_module.th", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": {"a": base}, "extra": System()}, out / "hostile.pth")
    torch.save({"state_dict": {"a": base}, "extra": System()}, out / "hostile.th", _use_new_zipfile_serialization=False)


class Classifier(nn.Module):
    """A small network of no architecture that lotus knows."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 5, 2, 2), nn.GroupNorm(4, 16), nn.SiLU(),
            nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.SiLU(), nn.AdaptiveAvgPool2d(4))
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(512, 10)

    def forward(self, x):
        return self.head(self.dropout(self.features(x).flatten(1)))


def script(out):
    torch.manual_seed(11)
    model = Classifier()
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(model), buffer)
    # Without the debug records, which name source files of this machine.
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(out / "classifier.pt", "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            if not name.endswith(".debug_pkl"):
                new.writestr(zipfile.ZipInfo(name), old.read(name))
    images = torch.randn(3, 3, 32, 32)
    save_file({"images": images, "eval": model.eval()(images).detach()}, out / "classifier.expected.safetensors")


def full_size(out):
    import timm
    import torchvision
    full = torch.float32
    case(out, "resnet18_torchvision", torchvision.models.resnet18(), 224, 1, full,
         lambda s, o: torch.save(s, o / "resnet18_torchvision.pth"), batch=2)
    case(out, "vit_b_16", torchvision.models.vit_b_16(), 224, 2, full,
         lambda s, o: torch.save(s, o / "vit_b_16.pth"), batch=2)
    for name, short in (("vit_small_patch16_224", "vit_s_16"), ("vit_tiny_patch16_224", "vit_ti_16")):
        case(out, short, timm.create_model(name), 224, 3, full,
             lambda s, o: save_file(s, o / f"{short}.safetensors"), batch=2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", type=pathlib.Path)
    where = parser.parse_args().full
    if where:
        where.mkdir(parents=True, exist_ok=True)
        full_size(where)
    else:
        here = pathlib.Path(__file__).parent
        small(here)
        formats(here)
        script(here)
