# SPDX-License-Identifier: Apache-2.0
"""detection.py: the custom op TFLite_Detection_PostProcess."""

import numpy as np

from case import Case, Close
from modelgen import ModelGen, flex


DIFFERS = {"DETECTION_POSTPROCESS": "Rows that no detection fills are 0. The fast version of TFLite leaves in them what was in that memory."}


def model(n, classes, background, regular, dtype, anchors, most=5, per_box=1, per_class=100, iou=0.5, floor=0.2, columns=4, scores_dtype=None, scales=(10.0, 5.0),
          zero=120):
    options = {"max_detections": most, "max_classes_per_detection": per_box, "num_classes": classes, "nms_score_threshold": floor,
               "nms_iou_threshold": iou, "y_scale": scales[0], "x_scale": scales[0], "h_scale": scales[1], "w_scale": scales[1], "use_regular_nms": regular}
    if per_class != 100:
        options["detections_per_class"] = per_class
    g = ModelGen()
    scores_dtype = scores_dtype or dtype
    quant = {} if dtype == "float32" else {"scale": 0.05, "zero": zero}
    scores = {} if scores_dtype == "float32" else {"scale": 1 / 256, "zero": 0}
    box = g.tensor("encodings", dtype, (1, n, columns), **quant)
    cls = g.tensor("scores", scores_dtype, (1, n, classes + background), **scores)
    anchor = g.tensor("anchors", dtype, (n, 4), data=anchors, **({} if dtype == "float32" else {"scale": 1 / 255, "zero": 0}))
    rows = most * per_box
    outs = [g.tensor(f"y{i}", "float32", shape) for i, shape in enumerate([(1, rows, 4), (1, rows), (1, rows), (1,)])]
    g.op("CUSTOM", [box, cls, anchor], outs, custom="TFLite_Detection_PostProcess", custom_options=flex(options))
    g.inputs([box, cls])
    g.outputs(outs)
    return g.build()


def cases(rng):
    for i, (n, classes, background, per_box) in enumerate([(6, 3, 1, 1), (40, 5, 0, 1), (25, 4, 1, 2), (30, 12, 1, 3), (10, 1, 1, 1), (100, 20, 1, 1)]):
        for regular in (False, True):
            for dtype in ("float32", "uint8"):
                if regular and per_box > 1:
                    continue  # the reference leaves rows unwritten
                anchors = rng.uniform(0.1, 0.9, (n, 4))
                encodings = rng.standard_normal((1, n, 4)) * 2
                scores = rng.uniform(0, 1, (1, n, classes + background))
                scores[0, :, 0] = 0.9  # fills the output, so that no row stays unwritten
                if dtype == "uint8":
                    anchors, encodings, scores = (np.clip(np.round(v), 0, 255).astype(np.uint8) for v in
                                                  (anchors * 255, encodings / 0.05 + 120, scores * 255))
                else:
                    anchors, encodings, scores = (v.astype(np.float32) for v in (anchors, encodings, scores))
                most = min(5, n)
                data = model(n, classes, background, regular, dtype, anchors, most, per_box, floor=0.0, iou=0.99 if per_box > 1 else 0.5,
                             per_class=3 if i == 3 else 100)
                yield Case(f"{i}_{'regular' if regular else 'fast'}_{dtype}", op="DETECTION_POSTPROCESS", model=data, inputs=[encodings, scores],
                           tol=Close(1e-6, 1e-6))
    yield from more(rng)


def more(rng):
    """Encodings and scores of two dtypes, longer encodings, ties, thresholds that leave rows empty, options of other kinds."""
    n = 40
    anchors = rng.uniform(0.1, 0.9, (n, 4)).astype(np.float32)
    for i, (columns, dtype, scores_dtype, regular, options) in enumerate([
            (4, "float32", "uint8", False, {}), (4, "float32", "uint8", True, {"floor": 0.5}), (4, "uint8", "float32", False, {}), (4, "uint8", "float32", True, {"floor": 0.9}),
            (9, "float32", "float32", True, {"floor": 0.3}), (6, "uint8", "uint8", False, {}), (4, "float32", "float32", True, {"per_class": 1, "floor": 0.1}),
            (4, "float32", "float32", True, {"iou": 1.0, "most": 30, "floor": 0.6}), (4, "float32", "float32", True, {"iou": 0.01, "most": 40, "floor": 0.0}),
            (4, "float32", "float32", False, {"scales": (1.0, 1.0)}), (4, "float32", "float32", True, {"scales": (100.0, 0.5), "floor": 0.4}),
            (4, "uint8", "uint8", True, {"zero": 0, "floor": 0.5}), (4, "uint8", "uint8", True, {"zero": 255, "floor": 0.5}), (4, "float32", "float32", True, {"floor": 2.0}),
            (4, "float32", "float32", True, {"iou": 1, "floor": 0}), (4, "float32", "float32", True, {"most": 1, "per_class": 1000, "floor": 0.2})]):
        encodings, scores = rng.standard_normal((1, n, columns)), np.round(rng.uniform(0, 1, (1, n, 5)), 1)
        scores[0, :, 1] = 0.7  # ties
        if dtype == "uint8":
            encodings = np.clip(np.round(encodings / 0.05 + 120), 0, 255).astype(np.uint8)
        if scores_dtype == "uint8":
            scores = np.round(scores * 255).astype(np.uint8)
        given = np.round(anchors * 255).astype(np.uint8) if dtype == "uint8" else anchors
        data = model(n, 4, 1, regular, dtype, given, columns=columns, scores_dtype=scores_dtype, **{"floor": 0.0, **options})
        yield Case(f"more_{i}", op="DETECTION_POSTPROCESS", model=data, tol=Close(1e-6, 1e-6),
                   inputs=[encodings if dtype == "uint8" else encodings.astype(np.float32), scores if scores_dtype == "uint8" else scores.astype(np.float32)])
