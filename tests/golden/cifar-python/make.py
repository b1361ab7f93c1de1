"""Makes small CIFAR files in the Python form: protocol 2 as published, and as numpy 2 pickles at protocol 4."""
import os, pickle, sys
import numpy as np

out = sys.argv[1]


def batch(number, count, key, classes):
    i = np.arange(count)[:, None]
    data = (7 * number + 3 * i + np.arange(3072)[None, :]) % 256
    return {
        b"batch_label": b"batch", key: [int((number + k) % classes) for k in range(count)],
        b"data": data.astype(np.uint8), b"filenames": [b"a.png"] * count,
    }


def write(folder, name, value, protocol):
    os.makedirs(os.path.join(out, folder), exist_ok=True)
    with open(os.path.join(out, folder, name), "wb") as f:
        pickle.dump(value, f, protocol=protocol)


for n in range(1, 6):
    write("cifar-10-batches-py", f"data_batch_{n}", batch(n, 2, b"labels", 10), 2 if n < 4 else 4)
write("cifar-10-batches-py", "test_batch", batch(6, 2, b"labels", 10), 2)
names = ["plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
write("cifar-10-batches-py", "batches.meta", {"label_names": names, "num_vis": 3072}, 2)
write("cifar-100-python", "train", batch(95, 7, b"fine_labels", 100), 2)
write("cifar-100-python", "test", batch(3, 2, b"fine_labels", 100), 5)
write("cifar-100-python", "meta", {b"fine_label_names": [b"fine %d" % k for k in range(100)]}, 2)
