"""The exported model through ONNX Runtime, as the application runs it: what evaluation and reference set use."""

from pathlib import Path

import numpy as np
import onnxruntime

import tokenizer as words
from sampling import ETA, flow_sigmas, moved, own_noise


class ExportedModel:
    """One session per graph, each on `threads` threads."""

    batch, sampler = 8, "ONNX Runtime, float32"  # pictures made together; what makes them

    def __init__(self, folder: Path, threads: int = 2):
        self.folder = Path(folder)
        self.tokenizer = words.load(self.folder / "tokenizer" / "tokenizer.json")
        self.threads, self.sessions = threads, {}

    def run(self, file: str, **inputs):
        if file not in self.sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            self.sessions[file] = onnxruntime.InferenceSession(str(self.folder / file), options, providers=["CPUExecutionProvider"])
        session = self.sessions[file]
        return dict(zip((output.name for output in session.get_outputs()), session.run(None, inputs)))

    def ids(self, texts) -> np.ndarray:
        return words.encode(self.tokenizer, list(texts)).numpy()

    def text(self, texts) -> np.ndarray:
        return self.run("text_encoder/model.onnx", input_ids=self.ids(texts))["last_hidden_state"]

    def text_embeds(self, texts) -> np.ndarray:
        return self.run("feature_encoder/text.onnx", input_ids=self.ids(texts))["text_embeds"]

    def look(self, pixels: np.ndarray, batch: int = 64) -> dict[str, np.ndarray]:
        """Every output of the image encoder for uint8 pictures [N,128,128,3]."""
        parts = [self.run("feature_encoder/image.onnx", pixel_values=to_values(pixels[i : i + batch])) for i in range(0, len(pixels), batch)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        return self.run("vae_encoder/model.onnx", sample=to_values(pixels))["latent_sample"]

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """uint8 pictures [N,H,W,3]."""
        sample = self.run("vae_decoder/model.onnx", latent_sample=latents)["sample"]
        return ((sample.clip(-1, 1) + 1) * 127.5).round().astype(np.uint8).transpose(0, 2, 3, 1)

    def generate(self, texts, noise: np.ndarray, steps: int = 20, guidance_scale: float = 3.0) -> np.ndarray:
        """One picture per text from noise [N,8,h,w], Euler ancestral steps along the flow."""
        count = len(texts)
        hidden = self.text([*texts, ""])
        conditional, empty = hidden[:count], np.repeat(hidden[-1:], count, 0)
        x, sigmas, fresh = noise.astype(np.float32), flow_sigmas(steps), own_noise(noise)

        def flow(text, sigma):
            timestep = np.full(count, 1000 * sigma, np.float32)
            return self.run("unet/model.onnx", sample=x, timestep=timestep, encoder_hidden_states=text)["out_sample"]

        for sigma, sigma_next in zip(sigmas[:-1], sigmas[1:]):
            v = flow(conditional, sigma)
            if guidance_scale != 1:
                unconditional = flow(empty, sigma)
                v = unconditional + guidance_scale * (v - unconditional)
            x = moved(x, v, float(sigma), float(sigma_next), ETA, fresh).astype(np.float32)
        return self.decode(x)


def to_values(pixels: np.ndarray) -> np.ndarray:
    """uint8 [N,H,W,3] to float32 [N,3,H,W] in [-1,1]."""
    return (pixels.astype(np.float32) * np.float32(2 / 255) - 1).transpose(0, 3, 1, 2).copy()
