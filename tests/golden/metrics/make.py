"""Writes the reference cases of the metrics beside this file.

    python3 -m venv V && V/bin/pip install numpy scipy scikit-learn safetensors && V/bin/python make.py

b_*, c_*, d_*.safetensors are the golden cases one folder up (computed by the published code) as
another program would store them for `lotus metrics`; their expected values stay in those files.
all.safetensors has every tensor that `lotus metrics` knows, in mixed element types, and all.json
what numpy, scipy and scikit-learn make of it. statistics.json has inputs and values of single
functions. Formulas are written here a second time, plainly, not taken from the Java code.
"""

import json
import pathlib

import numpy as np
import scipy.stats
import sklearn.linear_model
import sklearn.metrics
from safetensors.numpy import save, save_file

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE.parent


def golden(name):
    arrays = json.loads((GOLDEN / f"{name}.json").read_text())["arrays"]
    return {
        k: np.array(v["data"], dtype=v["dtype"]).reshape(v["shape"]) for k, v in arrays.items()
    }


def published_cases():
    b = golden("b_jsdiv")
    for key in b:
        if key.endswith("__p"):
            case = key[:-3]
            save_file(
                {"unlearned.forget.probs": b[f"{case}__p"], "retrained.forget.probs": b[f"{case}__q"]},
                HERE / f"b_{case}.safetensors",
            )
    for name in ["c_rfjsd_10cls_full", "c_rfjsd_10cls_missing3", "c_rfjsd_single_class"]:
        c = golden(name)
        save_file(
            {
                "unlearned.forget.logits": c["forget_logits"],
                "forget.labels": c["forget_labels"],
                "original.test.logits": c["test_logits"],
                "test.labels": c["test_labels"].astype(np.int32),
            },
            HERE / f"{name}.safetensors",
        )
    for name in ["d_mia_10cls", "d_mia_nogap"]:
        d = golden(name)
        sets = ["forget", "retain", "test", "val"]
        save_file(
            {f"unlearned.{s}.logits": d[f"{s}_logits"] for s in sets}, HERE / f"{name}.safetensors"
        )


# ---- plain formulas ----


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def entropy(p):
    return -np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0), 1)


def kl(p, q):
    return np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p / q, 1)), 0), 1)


def jsd(p, q):
    m = (p + q) / 2
    return np.mean(0.5 * kl(p, m) + 0.5 * kl(q, m))


def jsd_upstream(p, q):
    p, q = np.clip(p, 1e-8, 1), np.clip(q, 1e-8, 1)
    p, q = p / p.sum(), q / q.sum()
    m = (p + q) / 2
    return np.sum(m * np.log(m / np.sqrt(p * q))) / len(p)


def jsd_bt(p, q):
    p, q = np.clip(p, 1e-8, 1), np.clip(q, 1e-8, 1)
    m = (p + q) / 2
    return np.sum(m * np.log(m / np.sqrt(p * q))) / p.size


def roc(members, others):
    y = np.r_[np.ones(len(members)), np.zeros(len(others))]
    s = np.r_[members, others]
    fpr, tpr, _ = sklearn.metrics.roc_curve(y, s, drop_intermediate=False)
    return (
        sklearn.metrics.roc_auc_score(y, s),
        tpr[fpr <= 0.01 + 1e-12].max(),
        tpr[fpr <= 0.001 + 1e-12].max(),
    )


def mia(retain, test, val, forget):
    x = np.r_[retain, test, val][:, None]
    y = np.r_[np.ones(len(retain)), np.zeros(len(test) + len(val))]
    fit = sklearn.linear_model.LogisticRegression(
        class_weight="balanced", C=1, tol=1e-12, max_iter=10000
    ).fit(x, y)
    return fit.predict(forget[:, None]).mean()


def confidence(p, y):
    py = p[np.arange(len(p)), y]
    rest = p.copy()
    rest[np.arange(len(p)), y] = 0
    return np.log(py) - np.log(rest.sum(1))


def ulira(targets, models, masks):
    """Scores of each set: targets [S][N], models [S][K, N], masks [S][K, N]."""

    def sides(side):
        return [[m[k[:, i] == side, i] for i in range(m.shape[1])] for m, k in zip(models, masks)]

    def densities(side):
        sets = sides(side)
        samples = [x for one in sets for x in one]
        pooled = None
        if min(map(len, samples)) < 8:
            squares = sum(((x - x.mean()) ** 2).sum() for x in samples)
            pooled = np.sqrt(squares / sum(len(x) - 1 for x in samples))
        return [
            np.array(
                [
                    scipy.stats.norm.logpdf(t[i], x.mean(), x.std() if pooled is None else pooled)
                    for i, x in enumerate(one)
                ]
            )
            for t, one in zip(targets, sets)
        ]

    return [a - b for a, b in zip(densities(1), densities(0))]


def rmia(target, target_z, models, models_z, masks, masks_z, gamma, a):
    """Scores of the members, then of the population, which is its own peer but for the sample."""
    p, pz = 1 / (1 + np.exp(-target)), 1 / (1 + np.exp(-target_z))
    q, qz = 1 / (1 + np.exp(-models)), 1 / (1 + np.exp(-models_z))
    online = min(masks.sum(0).min(), masks_z.sum(0).min()) > 0

    def mean(q, mask):
        out = np.array([q[mask[:, i] == 0, i].mean() for i in range(q.shape[1])])
        if online:
            inside = np.array([q[mask[:, i] == 1, i].mean() for i in range(q.shape[1])])
            return (inside + out) / 2
        return ((1 + a) * out + (1 - a)) / 2

    r, rz = p / mean(q, masks), pz / mean(qz, masks_z)
    members = np.array([np.mean(x / rz >= gamma) for x in r])
    others = np.array([np.mean(np.delete(rz[i] / rz, i) >= gamma) for i in range(len(rz))])
    return members, others


def epsilon(u, r, per_unit=250, delta=1e-5):
    """The competition's epsilon of one example over its two families of attacks, on a fine grid."""
    ranges = np.ptp(u), np.ptp(r)
    if min(ranges) / max(ranges) < 0.01:
        return 50.0
    above, other = (r, u) if np.median(r) > np.median(u) else (u, r)
    narrow, wide = (other, above) if np.ptp(above) >= np.ptp(other) else (above, other)
    n = len(u)
    seen = np.zeros((n + 1, n + 1), bool)  # [false negatives, false positives]
    both = np.r_[above, other]
    for t in np.linspace(both.min(), both.max(), int(np.ptp(both) * per_unit) + 1):
        seen[np.sum(above < t), np.sum(other >= t)] = True
    width = np.ptp(narrow)
    for right in np.linspace(narrow.max() - 2, narrow.max() + 2, 4 * per_unit + 1):
        left = np.linspace(right - width - 2, right - width + 2, 4 * per_unit + 1)
        taken = lambda x: np.sum((left[:, None] <= x) & (x <= right), 1)
        seen[n - taken(narrow), taken(wide)] = True
    if seen[0, 0]:
        return 50.0
    best = 0.0
    for fn, fp in np.argwhere(seen):
        if fn > 0 and fp > 0:
            for a, b in [(fn / n, fp / n), (fp / n, fn / n)]:
                if 1 - delta - a > 0:
                    best = max(best, np.log((1 - delta - a) / b))
    return min(best, 50.0)


def points(eps, models):
    top = np.ceil(np.log(models - 1))
    bucket = int(eps // 0.5)
    return 0.5**bucket if (bucket + 1) * 0.5 <= top else 0.0


# ---- one function at a time ----


def statistics():
    rng = np.random.default_rng(1)
    arrays = {}

    def put(name, value):
        value = np.asarray(value, dtype=np.float64)
        arrays[name] = {
            "shape": list(value.shape),
            "dtype": "float64",
            "data": [float(v) for v in value.ravel()],
        }

    for name, members, others in [
        ("plain", rng.normal(0.5, 1, 300), rng.normal(0, 1, 400)),
        ("ties", rng.integers(0, 5, 200), rng.integers(1, 6, 150)),
        ("many", rng.normal(2, 1, 50), rng.normal(0, 1, 2500)),
        ("below", rng.normal(-1, 1, 100), rng.normal(0, 1, 100)),
    ]:
        put(f"roc_{name}_members", np.round(members, 6))
        put(f"roc_{name}_others", np.round(others, 6))
        put(f"roc_{name}", roc(np.round(members, 6), np.round(others, 6)))

    for name, x, y in [
        ("equal", rng.exponential(1, 60), rng.exponential(1, 80)),
        ("apart", rng.exponential(1, 60), rng.exponential(2, 80) + 0.5),
        ("ties", rng.integers(0, 6, 50) / 4, rng.integers(0, 7, 40) / 4),
        ("large", rng.normal(0, 1, 500), rng.normal(0.1, 1, 700)),
        ("two", np.array([0.25, 0.5]), np.array([1.0, 2.0])),
    ]:
        x, y = np.float32(x).astype(np.float64), np.float32(y).astype(np.float64)
        test = scipy.stats.ks_2samp(x, y, method="exact")
        put(f"ks_{name}_x", x)
        put(f"ks_{name}_y", y)
        put(f"ks_{name}", [test.statistic, test.pvalue])

    for name, x, y in [
        ("strong", np.arange(9.0), np.arange(9.0) ** 1.5 + rng.normal(0, 2, 9)),
        ("weak", rng.normal(0, 1, 12), rng.normal(0, 1, 12)),
        ("negative", rng.normal(0, 1, 6), -rng.normal(5, 1, 6)),
        ("three", np.array([1.0, 2, 4]), np.array([3.0, 5, 4])),
        ("tiny", np.array([1e-200, 2e-200, 4e-200, 3e-200]), np.array([1e-9, 3e-9, 4e-9, 1e-9])),
    ]:
        scale = 1e200 if name == "tiny" else 1  # scipy underflows where the Java code does not
        test = scipy.stats.pearsonr(x * scale, y)
        put(f"pearson_{name}_x", x)
        put(f"pearson_{name}_y", y)
        put(f"pearson_{name}", [test.statistic, test.pvalue])

    def apart(column):
        return np.diff(np.sort(column)).min() > 0.02

    for name, models, shift, spread in [
        ("same", 8, 0.0, 1.0),
        ("shifted", 8, 1.5, 1.0),
        ("narrow", 12, 0.3, 0.3),
        ("peaky", 6, 0.5, 0.001),
        ("apart", 5, 9.0, 1.0),
    ]:
        u, r = [], []
        while len(u) < 6:
            x, y = rng.normal(shift, spread, models), rng.normal(0, 1, models)
            if name == "peaky" or apart(np.r_[x, y]):
                u.append(x)
                r.append(y)
        eps = [epsilon(x, y) for x, y in zip(u, r)]
        put(f"forgetting_{name}_u", np.array(u).T)
        put(f"forgetting_{name}_r", np.array(r).T)
        put(f"forgetting_{name}_epsilon", eps)
        put(f"forgetting_{name}", np.mean([points(e, models) for e in eps]))

    (HERE / "statistics.json").write_text(json.dumps({"meta": {}, "arrays": arrays}) + "\n")


# ---- a whole file ----


def bf16(x):
    """Nearest-even bfloat16 as raw bits, and the values they stand for."""
    bits = np.float32(x).view(np.uint32)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return bits.astype(np.uint16), (bits.astype(np.uint32) << 16).view(np.float32)


def everything():
    rng = np.random.default_rng(2)
    classes, sizes = 5, {"forget": 40, "retain": 60, "val": 30, "test": 50}
    labels = {s: rng.integers(0, classes, n) for s, n in sizes.items()}
    labels["forget"][labels["forget"] == 3] = 0  # a class that only the test half has
    tensors, p = {}, {}
    tensors["forget.labels"] = labels["forget"].astype(np.int64)
    tensors["retain.labels"] = labels["retain"].astype(np.int32)
    tensors["val.labels"] = labels["val"].astype(np.uint8)
    tensors["test.labels"] = labels["test"].astype(np.int64)

    def logits(s, fit):
        x = rng.normal(0, 1.5, (sizes[s], classes))
        x[np.arange(sizes[s]), labels[s]] += fit
        return x

    raw = {}
    for model, fits in [("unlearned", (1.0, 4, 1.5, 1.5)), ("retrained", (1.6, 4, 1.4, 1.7))]:
        for s, fit in zip(sizes, fits):
            raw[f"{model}.{s}"] = logits(s, fit)
    raw["original.test"] = logits("test", 1.6)
    for name, x in raw.items():
        kind = {"unlearned.forget": "f64", "retrained.test": "probs", "unlearned.val": "f16"}.get(
            name, "f32"
        )
        if name == "unlearned.retain":
            kind = "bf16"
        if kind == "probs":
            tensors[f"{name}.probs"] = softmax(x) * 3  # rows need not sum to one
            p[name] = softmax(x)
        elif kind == "bf16":
            tensors[f"{name}.logits"], x = bf16(x)
            p[name] = softmax(x.astype(np.float64))
        else:
            x = x.astype({"f64": np.float64, "f32": np.float32, "f16": np.float16}[kind])
            tensors[f"{name}.logits"] = x
            p[name] = softmax(x.astype(np.float64))

    def many(kind, count, sets, fit, masked):
        for k in range(count):
            for s in sets:
                mask = (np.arange(sizes[s]) + k + (s == "test")) % 2
                x = logits(s, fit) + (mask * 1.2)[:, None] * np.eye(classes)[labels[s]]
                tensors[f"{kind}.{k}.{s}.logits"] = x.astype(np.float32)
                p[f"{kind}.{k}.{s}"] = softmax(x.astype(np.float32).astype(np.float64))
                if masked:
                    tensors[f"{kind}.{k}.{s}.member"] = mask.astype([np.uint8, bool][k % 2])

    many("shadow", 10, ["forget", "test"], 1.0, True)
    many("reference", 6, ["forget", "test"], 1.0, True)
    many("unlearned", 6, ["forget", "retain", "test"], 1.2, False)
    many("retrained", 6, ["forget", "retain", "test"], 1.2, False)

    # safetensors.numpy has no bfloat16: its bits go in as uint16, the header's word is changed.
    blob = save(tensors)
    length = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8 : 8 + length])
    header["unlearned.retain.logits"]["dtype"] = "BF16"
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    blob = len(text).to_bytes(8, "little") + text + blob[8 + length :]
    (HERE / "all.safetensors").write_bytes(blob)

    def accuracy(name):
        s = name.split(".")[-1]
        return float(np.mean(p[name].argmax(1) == labels[s]))

    def loss(name):
        s = name.split(".")[-1]
        return -np.log(p[name][np.arange(sizes[s]), labels[s]])

    def scores(model):
        h = {s: entropy(p[f"{model}.{s}"]) for s in sizes}
        return {
            "acc_forget": accuracy(f"{model}.forget"),
            "acc_retain": accuracy(f"{model}.retain"),
            "acc_test": accuracy(f"{model}.test"),
            "acc_val": accuracy(f"{model}.val"),
            "mia": mia(h["retain"], h["test"], h["val"], h["forget"]),
        }

    gold, out = scores("retrained"), scores("unlearned")
    u, r = p["unlearned.forget"], p["retrained.forget"]
    out |= {"jsd": jsd(u, r), "jsd_upstream": jsd_upstream(u, r), "jsd_bt": jsd_bt(u, r)}
    used = [k for k in range(classes) if k in labels["forget"] and k in labels["test"]]
    mu = np.array([u[labels["forget"] == k].mean(0) for k in used])
    mo = np.array([p["original.test"][labels["test"] == k].mean(0) for k in used])
    out |= {"rf_jsd": jsd(mu, mo), "rf_jsd_upstream": jsd_upstream(mu, mo)}
    out["rf_jsd_classes"] = len(used)
    four = ["mia", "acc_forget", "acc_retain", "acc_test"]
    gap = {k: abs(out[k] - gold[k]) for k in four}
    out["avg_gap"] = np.mean(list(gap.values()))
    out["avg_gap_published"] = np.mean([abs(np.round(out[k], 2) - np.round(gold[k], 2)) for k in four])

    def attack(model):
        return roc(
            -loss(f"{model}.forget"), -np.r_[loss(f"{model}.test"), loss(f"{model}.val")]
        )

    out["attack_auc"], out["attack_tpr_1"], out["attack_tpr_01"] = attack("unlearned")
    out["over_unlearned"] = int(out["attack_auc"] < min(0.5, attack("retrained")[0]) - 0.1)

    def bank(kind, count, s):
        return np.array([confidence(p[f"{kind}.{k}.{s}"], labels[s]) for k in range(count)])

    def masks(kind, count, s):
        return np.array([tensors[f"{kind}.{k}.{s}.member"].astype(int) for k in range(count)])

    target = {s: confidence(p[f"unlearned.{s}"], labels[s]) for s in ["forget", "test"]}
    both = ["forget", "test"]
    members, others = ulira(
        [target[s] for s in both],
        [bank("shadow", 10, s) for s in both],
        [masks("shadow", 10, s) for s in both],
    )
    out["ulira_auc"], out["ulira_tpr_1"], out["ulira_tpr_01"] = roc(members, others)
    out["ulira_accuracy"] = (np.mean(members > 0) + np.mean(others <= 0)) / 2
    out["ulira_models"], out["ulira_few"] = 10, 1  # five a side
    members, others = rmia(
        target["forget"],
        target["test"],
        bank("reference", 6, "forget"),
        bank("reference", 6, "test"),
        masks("reference", 6, "forget"),
        masks("reference", 6, "test"),
        2,
        0.3,
    )
    out["rmia_auc"], out["rmia_tpr_1"], out["rmia_tpr_01"] = roc(members, others)
    out["rmia_models"], out["rmia_few"] = 6, 1

    kept = (1 - gap["acc_retain"]) * (1 - gap["acc_test"])
    out["tow"] = (1 - gap["acc_forget"]) * kept
    out["tow_mia"] = (1 - gap["mia"]) * kept
    ks = scipy.stats.ks_2samp(
        entropy(u).astype(np.float32), entropy(p["unlearned.test"]).astype(np.float32), method="exact"
    )
    out["ks_statistic"], out["ks_p"] = ks.statistic, ks.pvalue
    eps = [epsilon(x, y) for x, y in zip(bank("unlearned", 6, "forget").T, bank("retrained", 6, "forget").T)]
    out["forgetting_quality"] = np.mean([points(e, 6) for e in eps])
    utility = 1.0
    for s in ["retain", "test"]:
        utility *= np.mean([accuracy(f"unlearned.{k}.{s}") for k in range(6)])
        utility /= np.mean([accuracy(f"retrained.{k}.{s}") for k in range(6)])
    out["forgetting_score"] = out["forgetting_quality"] * utility
    out["forgetting_models"] = 6
    out = {k: v if isinstance(v, int) else float(v) for k, v in out.items()}
    (HERE / "all.json").write_text(json.dumps(out, indent=2) + "\n")


published_cases()
statistics()
everything()
