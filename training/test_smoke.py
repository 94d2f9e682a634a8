"""The whole chain runs on tiny sizes (about five minutes; needs the packages of requirements.txt)."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("numba")

from smoke import run  # noqa: E402


def test_chain_from_renders_to_model_card(tmp_path):
    about = run(tmp_path)
    model = tmp_path / "model"
    for file in ("model_index.json", "unet/model.onnx", "text_encoder/model.onnx", "vae_decoder/model.onnx", "vae_encoder/model.onnx",
                 "feature_encoder/image.onnx", "feature_encoder/text.onnx", "tokenizer/tokenizer.json", "scheduler/scheduler_config.json",
                 "reference/features.f16.npy", "README.md"):
        assert (model / file).exists(), file
    assert about["referenceSet"]["count"] == 200
    assert set(about["figures"]["generation"]["perGuidanceScale"]) == {"1", "2", "3", "5"}
