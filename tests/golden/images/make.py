"""Makes tests/golden/images: small JPEG and PNG files, and what Pillow makes of them."""
import io, json, os, sys
import numpy as np
from PIL import Image, ImageOps

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(5)


def picture(h, w):
    y, x = np.mgrid[0:h, 0:w]
    base = np.stack([127 + 100 * np.sin(x / 9 + y / 17), 255 * x / w + 0 * y, 255 * y / h + 0 * x], -1)
    base += rng.normal(0, 12, base.shape)
    base[h // 3 : h // 2, w // 4 : w // 2] = (240, 20, 60)
    return Image.fromarray(np.clip(base, 0, 255).astype(np.uint8))


def resized(image, short, side):
    image = ImageOps.exif_transpose(image).convert("RGB")
    if short == 0:
        return image.resize((side, side), Image.BILINEAR)
    w, h = image.size
    if w < h:
        size = (short, int(short * h / w))
    else:
        size = (int(short * w / h), short)
    image = image.resize(size, Image.BILINEAR)
    left, top = int(round((size[0] - side) / 2)), int(round((size[1] - side) / 2))
    return image.crop((left, top, left + side, top + side))


def save(name, image, **options):
    image.save(os.path.join(out, name), **options)


rgb = picture(90, 121)
save("rgb.jpg", rgb, quality=90)
save("progressive.jpg", rgb, quality=85, progressive=True)
save("grey.jpg", rgb.convert("L"), quality=90)
save("cmyk.jpg", rgb.convert("CMYK"), quality=92)
exif = Image.Exif()
exif[0x0112] = 6
save("rotated.jpg", rgb, quality=90, exif=exif)
save("rgb.png", rgb)
save("grey.png", rgb.convert("L"))
save("palette.png", rgb.quantize(32))
rgba = rgb.convert("RGBA")
rgba.putalpha(100)
save("alpha.png", rgba)
expected = {}
for name in sorted(os.listdir(out)):
    if not name.endswith((".jpg", ".png")) or name.startswith("expected"):
        continue
    for short, side in ((0, 32), (40, 35), (0, 150)):
        if side == 150 and name != "rgb.png":
            continue
        image = resized(Image.open(os.path.join(out, name)), short, side)
        image.save(os.path.join(out, f"expected-{name}-{short}-{side}.png"))
