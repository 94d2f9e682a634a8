"""The shipped graphs give what PyTorch gave when they were exported."""

import json

import numpy as np
import pytest
from parity import STORED, relative_error
from export import SHIPPED

onnxruntime = pytest.importorskip("onnxruntime")
ABOUT = json.loads((STORED / "cases.json").read_text()) if (STORED / "cases.json").exists() else {"cases": []}


@pytest.mark.parametrize("case", ABOUT["cases"], ids=lambda case: case["file"])
def test_shipped_graph_agrees_with_pytorch(case):
    session = onnxruntime.InferenceSession(str(SHIPPED / case["file"]), providers=["CPUExecutionProvider"])
    inputs = {name: np.load(STORED / file) for name, file in case["inputs"].items()}
    got = dict(zip((output.name for output in session.get_outputs()), session.run(None, inputs)))
    for name, file in case["outputs"].items():
        assert relative_error(got[name], np.load(STORED / file)) <= ABOUT["tolerances"]["float16"], name


@pytest.mark.parametrize("case", ABOUT["cases"], ids=lambda case: case["file"])
def test_float32_export_agreed_with_pytorch(case):
    assert case["relativeError"]["float32"] <= ABOUT["tolerances"]["float32"]
