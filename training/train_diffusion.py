"""Train the denoiser and its text encoder on latents (rectified flow); resumes from its checkpoint.

    python training/train_diffusion.py --minutes 60                      # constant rate, checkpoint kept
    python training/train_diffusion.py --minutes 60 --attribute-weight 0.02   # listening to the latent reader
    python training/train_diffusion.py --name diffusion-decayed --branch-of diffusion --minutes 15 --decay-from 0
    python training/train_diffusion.py --name diffusion-decayed --branch-of diffusion --minutes 300 --decay-samples 130000   # can be stopped and resumed
"""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import NormalDist

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import captions
import catalogue
import checkpoint
import tokenizer as words
from attribute_reading import VISIBLE, load_latent_reader, missing_losses
from dataset import RenderedSet, to_pixels
from encode_latents import load_autoencoder
from exercises import exercise, exercise_loss
from networks.attention import Attention, clip_scores
from networks.text_encoder import AttributeReader, TextEncoder
from networks.unet import UNet
from optimizer import MovingAverage, MuonWithAdamW, warm_up_stable_decay
from parallel import Workers
from sampling import sample
from stated import stated, value_counts
from train_text import targets_of

DROP_TEXT = 0.1  # share of samples with the empty text
# Backdrop, colour and outline are common to many cells and can be told through much noise, so they are settled at t > 0.9,
# where the usual standard normal would put 1.4 % of the samples; these put 12 % there.
TIME_MEAN, TIME_DEVIATION = 0.8, 1.2
SETTLED_LATE = ("pattern", "detail")
HEARD_TWICE = ("accent",)  # a second colour covers few cells, and was left out most
SHOWN_WHOLE, SHOWN_UNTIL = 0.6, 0.95  # times up to which their attribute loss counts whole, and from which not at all
GREATEST_SCORE = 30.0  # of the U-Net's attention; at bf16 larger ones are off by more than 0.1
READING_WEIGHT = 0.02  # of the cross-entropies of the stated attributes, read from the text's first row


class Denoiser(nn.Module):
    """Text encoder and U-Net, trained together."""

    def __init__(self, vocabulary: int, widths=(128, 256, 256)):
        super().__init__()
        self.text_encoder = TextEncoder(vocabulary)
        self.unet = UNet(widths, text_width=self.text_encoder.sizes["width"])


class LatentSet:
    """Latents of a rendered set with captions drawn afresh at every visit."""

    def __init__(self, name, size, tokenizer):
        data = RenderedSet(name, size)
        self.folder, self.tokenizer = data.folder, tokenizer
        self.latents = np.load(self.folder / "latents.npy", mmap_mode="r")
        self.data, self.products = data, []
        self.refresh()

    def refresh(self):
        """Takes in what was rendered and encoded since."""
        self.products += [catalogue.Product.from_json(row) for row in self.data.products(len(self.products))]
        self.done = min(json.loads((self.folder / "latents.json").read_text())["done"], len(self.products))

    def batch(self, rows, rng, drop=DROP_TEXT):
        latents = torch.from_numpy(self.latents[rows]).float()
        texts = ["" if rng.random() < drop else captions.caption(self.products[row], rng) for row in rows]
        return latents, texts


def logit_normal_times(count, rng, mean=TIME_MEAN, deviation=TIME_DEVIATION, late_share=0.0):
    """t = sigmoid(normal), stratified over the batch and shuffled; a `late_share` of them uniform from 0.9 to 1 instead."""
    quantile = NormalDist().inv_cdf
    strata = (rng.permutation(count) + rng.random(count)) / count
    normal = np.array([quantile(min(max(share, 1e-6), 1 - 1e-6)) for share in strata])
    times = 1 / (1 + np.exp(-(mean + deviation * normal)))
    late = round(late_share * count)  # a shuffled stratum like any other
    times[:late] = 0.9 + 0.1 * (np.arange(late) + rng.random(late)) / max(late, 1)
    order = rng.permutation(count) if late else slice(None)
    return torch.from_numpy(times[order]).float()


def flow_loss(model, part):
    latents, noise, t, input_ids, _ = part
    v, _ = predicted_flow(model.unet, latents, noise, t, model.text_encoder(input_ids))
    return (v - (noise - latents)).square().mean()


def predicted_flow(unet, latents, noise, t, text):
    """The flow v [B,8,h,w] the network sees at times t, and the latents x0 = x - t v that this amounts to."""
    share = t[:, None, None, None]
    x = ((1 - share) * latents + share * noise).contiguous(memory_format=torch.channels_last)
    v = unet(x, 1000 * t, text).float()
    return v, x - share * v


def shown_loss(latent_reader, guess, latents, t, labels):
    """How much worse the guessed latents show what the brief states than the picture's own do, as a frozen reader sees both.

    The squared error barely notices a wrong accent (a few cells) or a highlight; this does. Where the guess is still the mean of
    many pictures it shows a colour but need not show stripes, so what is settled late counts less from t = 0.6 and nothing
    from 0.95.
    """
    clear = ((SHOWN_UNTIL - t) / (SHOWN_UNTIL - SHOWN_WHOLE)).clamp(0, 1)
    emphasis = [2.0 if name in HEARD_TWICE else 1.0 for name in VISIBLE]
    weights = torch.stack([clear if name in SETTLED_LATE else torch.ones_like(t) for name in VISIBLE], 1) * torch.tensor(emphasis)
    return (weights * missing_losses(latent_reader, guess, latents, labels)).sum(1).mean()


def training_loss(model, reader, part, exercised=None, latent_reader=None, attribute_weight=0.0):
    """Flow loss, and a little of what keeps the text encoder from losing attributes that few pictures hang on; and, with a
    latent reader, what keeps the U-Net from leaving them out, also of briefs without a picture (`exercises.py`)."""
    latents, noise, t, input_ids, labels = part
    text = model.text_encoder(input_ids)
    heads = zip(reader(text[:, 0]), targets_of(labels, list(value_counts().values())))
    reading = sum(F.cross_entropy(logits.float(), target) for logits, target in heads)
    v, guess = predicted_flow(model.unet, latents, noise, t, text)
    loss = (v - (noise - latents)).square().mean() + READING_WEIGHT * reading
    if attribute_weight:
        loss = loss + attribute_weight * shown_loss(latent_reader, guess, latents, t, labels)
    if exercised is not None:
        loss = loss + attribute_weight * exercise_loss(model, latent_reader, exercised)
    return loss


def parts_of(latents, texts, rng, tokenizer, micro_batch, time_mean=TIME_MEAN, late_share=0.0):
    """Micro-batches (latents, noise, t, input_ids, stated attributes) of one batch."""
    noise = torch.from_numpy(rng.standard_normal(latents.shape, dtype=np.float32))
    t = logit_normal_times(len(latents), rng, time_mean, late_share=late_share)
    labels = torch.from_numpy(np.stack([stated(text) for text in texts])).long()
    for start in range(0, len(latents), micro_batch):
        window = slice(start, start + micro_batch)
        yield latents[window], noise[window], t[window], words.encode(tokenizer, texts[window]), labels[window]


@torch.no_grad()
def heldout_loss(model, parts, workers):
    """Flow loss of the fixed held-out micro-batches."""

    def loss_of(part):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            return float(flow_loss(model, part))

    return float(np.mean(workers.map(loss_of, parts)))


@torch.no_grad()
def sample_sheet(model, autoencoder, tokenizer, texts, path, workers, guidance_scale=3.0, steps=20, seed=0, cells=16):
    """A contact sheet of one picture per text, 8 in a row."""
    noise = torch.randn(len(texts), 8, cells, cells, generator=torch.Generator().manual_seed(seed))
    ids = words.encode(tokenizer, [*texts, ""])

    def draw(window):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            text = model.text_encoder(ids[window])
            null = model.text_encoder(ids[-1:]).expand(len(text), -1, -1)
            latents = sample(model.unet, noise[window].contiguous(memory_format=torch.channels_last), text, null, steps, guidance_scale)
            return to_pixels(autoencoder.decode(latents).float())

    pixels = np.concatenate(workers.map(draw, [slice(i, min(i + 8, len(texts))) for i in range(0, len(texts), 8)]))
    rows = [np.concatenate(list(pixels[i : i + 8]), 1) for i in range(0, len(pixels) // 8 * 8, 8)]
    Image.fromarray(np.concatenate(rows)).save(path)


def is_hidden_matrix(name, parameter):
    """Convolutions and attention matrices of the U-Net; not its ends, not the conditioning."""
    if not name.startswith("unet.") or parameter.ndim < 2:
        return False
    return not any(part in name for part in ("unet.input", "unet.output", "time_mlp", "text_mlp", "modulation"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="train")
    parser.add_argument("--heldout", default="heldout")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--name", default="diffusion")
    parser.add_argument("--branch-of", help="start from this run's whole state, write to --name")
    parser.add_argument("--init-text", default="text", help="checkpoint of the text encoder's warm start (see train_text.py)")
    parser.add_argument("--init", help="an exported model's folder to start from when no checkpoint is left")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--decay-from", type=float, help="share of the minutes after which the rate decays; none: it stays")
    parser.add_argument("--decay-samples", type=int, help="of a branch: the rate decays over this many samples and the run ends with them, however often it was stopped")
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--micro-batch", type=int, default=8)
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=1e-3)
    # at the full rate the noise of the first steps wipes out what the text encoder learnt in its warm start
    parser.add_argument("--text-lr", type=float, default=3e-5)
    parser.add_argument("--time-mean", type=float, default=TIME_MEAN, help="of the normal whose sigmoid is t; held-out losses keep the default")
    parser.add_argument("--late-share", type=float, default=0.0, help="share of samples with t from 0.9 to 1, where the brief alone decides")
    parser.add_argument("--attribute-weight", type=float, default=0.0, help="of what the latent reader misses in the guesses (see train_latent_reader.py)")
    parser.add_argument("--exercises", type=int, default=0, help="briefs without a picture in each micro-batch; they take --attribute-weight")
    parser.add_argument("--average", type=float, default=0.999, help="decay of the moving average of the weights")
    parser.add_argument("--warm-up", type=int, default=100)
    parser.add_argument("--report-minutes", type=float, default=4)
    parser.add_argument("--sheet-minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.decay_samples is not None and options.decay_samples < 1:
        parser.error(f"--decay-samples: expected at least 1, got {options.decay_samples}")
    if options.decay_samples and (options.branch_of is None or options.decay_from is not None):
        parser.error("--decay-samples: of a branch (--branch-of), and instead of --decay-from")

    if options.exercises and not options.attribute_weight:
        parser.error("--exercises: the latent reader judges them, so --attribute-weight must be above 0")

    workers = Workers(options.threads)
    torch.manual_seed(options.seed)
    tokenizer = words.build()
    data = LatentSet(options.data, options.size, tokenizer)
    heldout = LatentSet(options.heldout, options.size, tokenizer)
    autoencoder = load_autoencoder()
    path = checkpoint.CHECKPOINTS / f"{options.name}.pt"

    model = Denoiser(tokenizer.get_vocab_size()).to(memory_format=torch.channels_last)
    optimizer = MuonWithAdamW(model.named_parameters(), is_hidden_matrix, options.muon_lr, options.adam_lr,
                               slow="text_encoder.", slow_lr=options.text_lr)
    reader = AttributeReader(model.text_encoder.sizes["width"], list(value_counts().values()))
    reader_optimizer = torch.optim.AdamW(reader.parameters(), lr=options.adam_lr, betas=(0.9, 0.99), weight_decay=0.01)
    latent_reader = load_latent_reader() if options.attribute_weight else None
    step, samples, seconds_before, branched_at = 0, 0, 0.0, None
    origin = path if path.exists() else options.branch_of and checkpoint.CHECKPOINTS / f"{options.branch_of}.pt"
    if origin:
        state = checkpoint.load(origin)
        model.load_state_dict(state["model"])
        average = MovingAverage(model, options.average)
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        if "reader" in state:
            reader.load_state_dict(state["reader"])
        step, samples, seconds_before = state["step"], state["samples"], state["seconds"]
        if options.branch_of:
            branched_at = state.get("branched_at") if path.exists() else samples
        if options.decay_samples and branched_at is None:
            raise SystemExit(f"{path}: does not tell where its branch began, so its decay cannot be resumed; move it away to begin anew")
    else:
        if options.init:
            from initialise import exported_record, load_exported

            load_exported(model, options.init)
            step, samples, seconds_before = exported_record(options.init)
        elif (checkpoint.CHECKPOINTS / f"{options.init_text}.pt").exists():
            model.text_encoder.load_state_dict(checkpoint.load(checkpoint.CHECKPOINTS / f"{options.init_text}.pt")["text_encoder"])
        else:
            print("no warm start of the text encoder: it begins at random")
        average = MovingAverage(model, options.average)

    attentions = [pair for pair in zip(model.unet.modules(), average.module.unet.modules()) if isinstance(pair[0], Attention)]
    for attention, _ in attentions:
        attention.watched = []

    fixed = np.random.default_rng(0)
    rows = np.arange(min(96, heldout.done))
    heldout_parts = list(parts_of(*heldout.batch(rows, fixed, drop=0.0), fixed, tokenizer, 16))
    sheet_texts = [*captions.example_briefs()][:16]
    sheet_texts += [captions.caption(product, fixed, style="full") for product in heldout.products[: 24 - len(sheet_texts)]]
    path.with_suffix(".txt").write_text("\n".join(sheet_texts) + "\n")

    rng = np.random.default_rng((options.seed, step))

    def next_parts():
        rows = rng.integers(0, data.done, options.batch)
        parts = list(parts_of(*data.batch(rows, rng), rng, tokenizer, options.micro_batch, options.time_mean, options.late_share))
        if not options.exercises:
            return [(part, None) for part in parts]
        shape = data.latents.shape[1:]
        return [(part, exercise([data.products[row] for row in rng.integers(0, data.done, options.exercises)], rng, tokenizer, shape)) for part in parts]

    ahead = ThreadPoolExecutor(1)  # captions and noise of the next step are made while this one is computed
    upcoming = ahead.submit(next_parts)
    first, begin, mean_loss = step, time.time(), 0.0
    saved = reported = drawn = begin
    while True:
        elapsed = time.time() - begin
        parts, upcoming = upcoming.result(), ahead.submit(next_parts)
        losses = workers.backward(lambda pair: training_loss(model, reader, *pair, latent_reader, options.attribute_weight), parts)
        loss = float(np.mean(losses))
        if not np.isfinite(loss):
            raise RuntimeError(f"diffusion: loss {loss} at step {step}")
        warm_up = 1 if origin else options.warm_up
        if options.decay_samples:
            scale = warm_up_stable_decay((samples - branched_at) / options.decay_samples, 0.0, step - first, warm_up)
        else:
            scale = warm_up_stable_decay(elapsed / (60 * options.minutes), options.decay_from, step - first, warm_up)
        optimizer.step(scale, map_tasks=workers.map)
        for group in reader_optimizer.param_groups:
            group["lr"] = options.adam_lr * scale
        reader_optimizer.step()
        reader_optimizer.zero_grad(set_to_none=True)
        average.update(model, scale)
        greatest = max(clip_scores(attention, averaged, GREATEST_SCORE) for attention, averaged in attentions)
        step, samples = step + 1, samples + options.batch
        mean_loss += (loss - mean_loss) * max(0.01, 1 / (step - first))
        decayed = options.decay_samples and samples - branched_at >= options.decay_samples
        now, ended = time.time(), elapsed > 60 * options.minutes or decayed
        if ended or now - saved > 150:
            checkpoint.save({"model": model.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(),
                             "reader": reader.state_dict(), "step": step, "samples": samples, "branched_at": branched_at,
                             "seconds": seconds_before + now - begin}, path)
            data.refresh()
            saved = time.time()
        if ended or now - reported > 60 * options.report_minutes:
            held = heldout_loss(average.module, heldout_parts, workers)
            print(f"{(seconds_before + now - begin) / 60:6.1f} min  step {step}  samples {samples}  of {data.done}  "
                  f"loss {mean_loss:.4f}  held-out {held:.4f}  scores to {greatest:.0f}  {(step - first) * options.batch / (now - begin):.1f} samples/s", flush=True)
            reported = time.time()
        if ended or now - drawn > 60 * options.sheet_minutes:
            sample_sheet(average.module, autoencoder, tokenizer, sheet_texts, path.with_suffix(".png"), workers, cells=options.size // 8)
            drawn = time.time()
        if ended:
            break


if __name__ == "__main__":
    main()
