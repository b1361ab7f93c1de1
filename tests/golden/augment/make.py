"""Makes tests/golden/augment: a small picture, and what torchvision's transforms make of it as a PIL image.

expected.png holds the results below each other, in the order of cases.json. torchvision is needed for its transforms only;
where its operators do not fit the torch that is there, they are left out."""
import json, os, sys
import numpy as np
import torch
from PIL import Image

try:
    import torchvision.transforms.functional as F
except RuntimeError:
    for name in [n for n in sys.modules if n.startswith("torchvision")]:
        del sys.modules[name]
    torch.library.register_fake = lambda *args, **options: lambda function: function
    import torchvision.transforms.functional as F

out = sys.argv[1]
HEIGHT, WIDTH = 21, 26
rng = np.random.default_rng(11)
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
pixels = np.stack([255 * x / WIDTH + 0 * y, 255 * y / HEIGHT + 0 * x, 128 + 127 * np.sin(x / 3 + y / 5)], -1)
pixels = np.clip(pixels + rng.normal(0, 30, pixels.shape), 0, 255).astype(np.uint8)
pixels[3:6, 4:9] = 255
pixels[12:15, 15:22] = 0
picture = Image.fromarray(pixels)
picture.save(os.path.join(out, "input.png"))

cases, results = [], []


def add(image, **case):
    cases.append(case)
    results.append(np.asarray(image))


for scale, shear in ((0.8, -10), (1.2, 10), (1, 7.3), (1.0371, -0.011), (0.913, 3.9), (1.1999, -9.99), (0.8001, 0.5)):
    # The parameters as Python sees them after torch drew them: single precision.
    scale, shear = float(np.float32(scale)), float(np.float32(shear))
    add(F.affine(picture, 0.0, (0, 0), scale, (shear, 0.0), fill=0), op="affine", scale=scale, shear=shear)
STEPS = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation)
ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
for order, factors in zip(range(6), ((0.8, 1.2, 1.2), (1.2, 0.8, 0.9), (1.137, 0.871, 1.2), (0.95, 1.19, 0.8), (1, 1.2, 0.801), (1.2, 1, 1.2))):
    factors = [float(np.float32(f)) for f in factors]
    image = picture
    for step in ORDERS[order]:
        image = STEPS[step](image, factors[step])
    add(image, op="colour", order=order, factors=factors)
for mode, down, across in (("edge", -8, 3), ("edge", 5, -8), ("edge", 8, 8), ("constant", -4, 2)):
    padded = torch.nn.functional.pad(torch.from_numpy(pixels).permute(2, 0, 1)[None].float(), (8, 8, 8, 8), "replicate" if mode == "edge" else "constant")
    image = F.crop(padded, 8 + down, 8 + across, HEIGHT, WIDTH)[0].byte().permute(1, 2, 0).numpy()
    add(image, op="crop", edge=mode == "edge", down=down, across=across)
add(F.hflip(picture), op="mirror")

Image.fromarray(np.concatenate(results)).save(os.path.join(out, "expected.png"), optimize=True)
with open(os.path.join(out, "cases.json"), "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
