"""Makes tests/golden/imagenet: a meta.mat as ILSVRC 2012's development kit has it (struct array `synsets`), for three classes and
one inner node of WordNet, written by scipy; once packed, once plain."""
import os, sys
import numpy as np
from scipy.io import savemat

out = sys.argv[1]
FIELDS = ["ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height", "num_train_images"]
ROWS = [
    (1, "n02119789", "kit fox, Vulpes macrotis", "small grey fox of southwestern United States", 0, np.zeros((1, 0)), 0, 1300),
    (2, "n02100735", "English setter", "an English breed having a plumed tail", 0, np.zeros((1, 0)), 0, 1300),
    (300, "n01440764", "tench, Tinca tinca", "freshwater dace-like game fish", 0, np.zeros((1, 0)), 0, 1300),
    (1001, "n02083346", "canine, canid", "any of various fissiped mammals", 2, np.array([[1.0, 2.0]]), 2, 0),
]
synsets = np.empty((len(ROWS), 1), dtype=[(f, object) for f in FIELDS])
for i, row in enumerate(ROWS):
    for field, value in zip(FIELDS, row):
        synsets[i, 0][field] = float(value) if isinstance(value, int) else value
for name, packed in (("meta.mat", True), ("meta-plain.mat", False)):
    savemat(os.path.join(out, name), {"other": np.arange(6.0), "synsets": synsets}, do_compression=packed)
