"""Writes cases.json: scheduler cases beyond the copied ones, in the same form.

Each scheduler is stated here a second time and in another way than in the application: step by step in its own
coordinates (the sample a diffusers scheduler holds, alphas_cumprod, integer timesteps), where the application works on
x = x0 + sigma * noise and noise levels only. Needs numpy, scipy and torch (for torch.randn).
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from scipy.stats import beta as beta_law

SHAPE = (4, 3, 8, 8)


# --- the suite's dummy data ---------------------------------------------------------------------------------------


def dummy(flip=False):
    n = int(np.prod(SHAPE))
    values = np.arange(n, dtype=np.float64)
    values = values[::-1] if flip else values
    return (values.reshape(3, 8, 8, 4) / n).transpose(3, 0, 1, 2).copy()


def model(x, t):
    return x * t / (t + 1)


class Noise:
    def __init__(self):
        self.generator = torch.Generator().manual_seed(0)

    def __call__(self):
        return torch.randn(SHAPE, generator=self.generator).numpy().astype(np.float64)


# --- shared pieces ------------------------------------------------------------------------------------------------

DEFAULTS = dict(
    num_train_timesteps=1000, beta_start=0.0001, beta_end=0.02, beta_schedule="linear", prediction_type="epsilon",
    steps_offset=0, timestep_spacing="linspace", rescale_betas_zero_snr=False, clip_sample=False, clip_sample_range=1.0,
    thresholding=False, dynamic_thresholding_ratio=0.995, sample_max_value=1.0, set_alpha_to_one=True,
    solver_order=2, algorithm_type="dpmsolver++", solver_type=None, lower_order_final=True, euler_at_final=False,
    final_sigmas_type="zero", lambda_min_clipped=-math.inf, use_karras_sigmas=False, use_exponential_sigmas=False,
    use_beta_sigmas=False, use_lu_lambdas=False, predict_x0=True, disable_corrector=[], skip_prk_steps=False,
    original_inference_steps=50, timestep_scaling=10.0, variance_type="fixed_small", sigma_data=0.5, rho=7.0,
    sigma_schedule="karras",
)


def alphas_cumprod(c, terminal=None):
    n = c["num_train_timesteps"]
    kind = c["beta_schedule"]
    if kind == "linear":
        betas = np.linspace(c["beta_start"], c["beta_end"], n)
    elif kind == "scaled_linear":
        betas = np.linspace(c["beta_start"] ** 0.5, c["beta_end"] ** 0.5, n) ** 2
    elif kind == "squaredcos_cap_v2":
        bar = lambda t: math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
        betas = np.array([min(1 - bar((i + 1) / n) / bar(i / n), 0.999) for i in range(n)])
    if c["rescale_betas_zero_snr"]:
        root = np.sqrt(np.cumprod(1 - betas))
        first, last = root[0], root[-1]
        bar = ((root - last) * first / (first - last)) ** 2
        betas = 1 - np.concatenate([bar[:1], bar[1:] / bar[:-1]])
    acp = np.cumprod(1 - betas)
    if c["rescale_betas_zero_snr"] and terminal is not None:
        acp[-1] = terminal
    return acp


def grid(c, n):
    """Integer timesteps of DDPM, DDIM, LMS, Euler...: n points."""
    N, spacing = c["num_train_timesteps"], c["timestep_spacing"]
    if spacing == "linspace":
        return np.linspace(0, N - 1, n).round()[::-1].astype(int)
    if spacing == "leading":
        return (np.arange(n) * (N // n)).round()[::-1].astype(int) + c["steps_offset"]
    return np.round(np.arange(N, 0, -N / n)).astype(int) - 1


def limit(c, x0):
    if c["thresholding"]:
        flat = x0.reshape(x0.shape[0], -1)
        s = np.quantile(np.abs(flat), c["dynamic_thresholding_ratio"], axis=1)
        s = np.minimum(np.maximum(s, 1), c["sample_max_value"])[:, None]
        return (np.clip(flat, -s, s) / s).reshape(x0.shape)
    if c["clip_sample"]:
        return np.clip(x0, -c["clip_sample_range"], c["clip_sample_range"])
    return x0


def estimates(c, out, x, alpha, sigma):
    """x0 and noise from a network output, for x = alpha x0 + sigma noise with alpha^2 + sigma^2 = 1."""
    kind = c["prediction_type"]
    if kind == "epsilon":
        return (x - sigma * out) / alpha if alpha > 0 else None, out
    if kind == "sample":
        return out, (x - alpha * out) / sigma
    return alpha * x - sigma * out, alpha * out + sigma * x


# --- DDPM, DDIM, PNDM ---------------------------------------------------------------------------------------------


def ddpm(c, n, x, noise, **_):
    acp = alphas_cumprod(c)
    ts = grid(c, n)
    for i, t in enumerate(ts):
        prev = ts[i + 1] if i + 1 < len(ts) else -1
        a, ap = acp[t], acp[prev] if prev >= 0 else 1.0
        beta = 1 - a / ap
        x0, _ = estimates(c, model(x, t), x, a**0.5, (1 - a) ** 0.5)
        x0 = limit(c, x0)
        mean = ap**0.5 * beta / (1 - a) * x0 + (1 - beta) ** 0.5 * (1 - ap) / (1 - a) * x
        if t > 0:
            variance = max((1 - ap) / (1 - a) * beta, 1e-20) if "small" in c["variance_type"] else beta
            mean = mean + variance**0.5 * noise()
        x = mean
    return x


def ddim(c, n, x, noise, eta=0.0, use_clipped_model_output=False, **_):
    acp = alphas_cumprod(c)
    for t in grid(c, n):
        prev = t - c["num_train_timesteps"] // n
        a = acp[t]
        ap = acp[prev] if prev >= 0 else (1.0 if c["set_alpha_to_one"] else acp[0])
        x0, eps = estimates(c, model(x, t), x, a**0.5, (1 - a) ** 0.5)
        x0 = limit(c, x0)
        variance = (1 - ap) / (1 - a) * (1 - a / ap)
        std = eta * variance**0.5
        if use_clipped_model_output:
            eps = (x - a**0.5 * x0) / (1 - a) ** 0.5
        x = ap**0.5 * x0 + (1 - ap - std**2) ** 0.5 * eps
        if eta > 0:
            x = x + std * noise()
    return x


def ddim_inverse(c, n, x, noise, **_):
    acp = alphas_cumprod(c)
    for t in grid(c, n)[::-1]:
        current = min(t - c["num_train_timesteps"] // n, c["num_train_timesteps"] - 1)
        a = acp[current] if current >= 0 else (1.0 if c["set_alpha_to_one"] else acp[0])
        ap = acp[t]
        x0, eps = estimates(c, model(x, t), x, a**0.5, (1 - a) ** 0.5)
        x0 = limit(c, x0)
        x = ap**0.5 * x0 + (1 - ap) ** 0.5 * eps
    return x


def pndm(c, n, x, noise, start=0, **_):
    N = c["num_train_timesteps"]
    acp = alphas_cumprod(c)
    final = 1.0 if c["set_alpha_to_one"] else acp[0]
    ts = grid(c, n)[::-1]
    stride = N // n

    def transfer(sample, t, prev, out):
        a, ap = acp[t], acp[prev] if prev >= 0 else final
        b, bp = 1 - a, 1 - ap
        if c["prediction_type"] == "v_prediction":
            out = a**0.5 * out + b**0.5 * sample
        denominator = a * bp**0.5 + (a * b * ap) ** 0.5
        return (ap / a) ** 0.5 * sample - (ap - a) * out / denominator

    ets, counter = [], 0
    if c["skip_prk_steps"]:
        prk, plms = [], np.concatenate([ts[:-1], ts[-2:-1], ts[-1:]])[::-1]
    else:
        prk = np.array(ts[-4:]).repeat(2) + np.tile([0, stride // 2], 4)
        prk = (prk[:-1].repeat(2)[1:-1])[::-1]
        plms = ts[:-3][::-1]
    current_out, current_x = 0, None
    # a run that begins in the middle, after noise was added: the counter begins at 0 there too
    plms = plms[start:]
    if start:
        x = acp[plms[0]] ** 0.5 * x + (1 - acp[plms[0]]) ** 0.5 * dummy(True)
    for t in prk:
        out = model(x, t)
        prev = t - (0 if counter % 2 else stride // 2)
        base = prk[counter // 4 * 4]
        if counter % 4 == 0:
            current_out = out / 6
            ets.append(out)
            current_x = x
        elif counter % 4 < 3:
            current_out = current_out + out / 3
        else:
            out = current_out + out / 6
        x = transfer(current_x, base, prev, out)
        counter += 1
    for t in plms:
        out = model(x, t)
        sample, at, prev = x, t, t - stride
        if counter != 1:
            ets = ets[-3:] + [out]
        else:
            prev, at = t, t + stride
        if len(ets) == 1 and counter == 0:
            current_x = x
        elif len(ets) == 1 and counter == 1:
            out = (out + ets[-1]) / 2
            sample = current_x
        elif len(ets) == 2:
            out = (3 * ets[-1] - ets[-2]) / 2
        elif len(ets) == 3:
            out = (23 * ets[-1] - 16 * ets[-2] + 5 * ets[-3]) / 12
        else:
            out = (55 * ets[-1] - 59 * ets[-2] + 37 * ets[-3] - 9 * ets[-4]) / 24
        x = transfer(sample, at, prev, out)
        counter += 1
    return x


# --- DPM-Solver, DEIS, UniPC --------------------------------------------------------------------------------------


def sigma_to_t(sigma, sigmas):
    logs = np.log(sigmas)
    i = int(np.clip(np.searchsorted(logs, math.log(sigma), side="right") - 1, 0, len(logs) - 2))
    w = np.clip((logs[i] - math.log(sigma)) / (logs[i] - logs[i + 1]), 0, 1)
    return (1 - w) * i + w * (i + 1)


def respaced(c, low, high, n):
    if c["use_karras_sigmas"]:
        ramp = np.linspace(0, 1, n)
        return (high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7
    if c["use_exponential_sigmas"] or c["use_lu_lambdas"]:
        return np.exp(np.linspace(math.log(high), math.log(low), n))
    if c["use_beta_sigmas"]:
        return np.array([low + beta_law.ppf(p, 0.6, 0.6) * (high - low) for p in 1 - np.linspace(0, 1, n)])
    return None


def flow_levels(c, n, kind, mu):
    N = c["num_train_timesteps"]
    shift = c.get("flow_shift", 1.0)
    if kind != "unipc":
        if mu is not None:
            shift = math.exp(mu)
        sig = 1 - np.linspace(1, 1 / N, n + 1)
        sig = np.flip(shift * sig / (1 + (shift - 1) * sig))[:-1]
        # the smallest level of the beta schedule, although it is none of the flow's
        acp = alphas_cumprod(c)
        end = 0.0 if c["final_sigmas_type"] == "zero" else ((1 - acp[0]) / acp[0]) ** 0.5
        return (sig * N).astype(int), np.append(sig, sig[-1] if kind == "deis" else end)
    if c["use_karras_sigmas"]:
        acp = alphas_cumprod(c)
        sig = respaced(c, ((1 - acp[0]) / acp[0]) ** 0.5, ((1 - acp[-1]) / acp[-1]) ** 0.5, n)
        sig = sig / (1 + sig)
    else:
        sig = np.linspace(1, 1 / N, n + 1)[:-1]
        if c.get("use_dynamic_shifting"):
            m = math.exp(mu) if c.get("time_shift_type", "exponential") == "exponential" else mu
            sig = m / (m + (1 / sig - 1))
        else:
            sig = shift * sig / (1 + (shift - 1) * sig)
        if c.get("shift_terminal"):
            sig = 1 - (1 - sig) / ((1 - sig[-1]) / (1 - c["shift_terminal"]))
        if abs(sig[0] - 1) < 1e-6:
            sig[0] -= 1e-6
    return (sig * N).astype(int), np.append(sig, 0.0 if c["final_sigmas_type"] == "zero" else sig[-1])


def solver_levels(c, n, kind, mu=None):
    N = c["num_train_timesteps"]
    global FLOW
    FLOW = c.get("use_flow_sigmas", False)
    if FLOW:
        return flow_levels(c, n, kind, mu)
    acp = alphas_cumprod(c, 2**-24)
    all_sigmas = ((1 - acp) / acp) ** 0.5
    last = N
    if kind in ("multistep", "singlestep"):
        last = N - int(np.sum(-np.log(all_sigmas) < c["lambda_min_clipped"]))
    spacing = "linspace" if kind == "singlestep" else c["timestep_spacing"]
    if spacing == "linspace":
        ts = np.linspace(0, last - 1, n + 1).round()[::-1][:-1].astype(int)
    elif spacing == "leading":
        ts = (np.arange(n + 1) * (last // (n + 1))).round()[::-1][:-1].astype(int) + c["steps_offset"]
    else:
        ts = np.arange(last, 0, -N / n).round().astype(int) - 1
    sigmas = respaced(c, all_sigmas[0], all_sigmas[-1], n)
    spaced = sigmas is not None
    if spaced:
        ts = np.array([sigma_to_t(s, all_sigmas) for s in sigmas])
        rounds = c["use_karras_sigmas"] or c["use_lu_lambdas"]
        if rounds and not (kind == "multistep" and c["beta_schedule"] == "squaredcos_cap_v2"):
            ts = ts.round()
        ts = ts.astype(int)
    else:
        sigmas = all_sigmas[ts]
    end = 0.0 if c["final_sigmas_type"] == "zero" else all_sigmas[0]
    if kind == "deis":
        end = sigmas[-1] if spaced else all_sigmas[0]
    if kind == "unipc" and spaced and c["final_sigmas_type"] == "sigma_min":
        end = sigmas[-1]
    return ts, np.append(sigmas, end)


FLOW = False


def vp(sigma):
    if FLOW:
        return 1 - sigma, sigma
    alpha = 1 / (sigma**2 + 1) ** 0.5
    return alpha, sigma * alpha


def rho(sigma):
    alpha, s = vp(sigma)
    return s / alpha


def lam(sigma):
    alpha, s = vp(sigma)
    with np.errstate(divide="ignore"):
        return np.log(alpha) - np.log(s)


def converted(c, x, t, sigma, data):
    alpha, s = vp(sigma)
    if c["prediction_type"] == "flow_prediction":
        out = model(x, t)
        x0, eps = x - s * out, x + (1 - s) * out
    else:
        x0, eps = estimates(c, model(x, t), x, alpha, s)
    if c["thresholding"] and (data or not c["name"].startswith("UniPC")):
        x0 = limit(c, x0)
        eps = (x - alpha * x0) / s
    return x0 if data else eps


def first_order(kind, x, m, s, t, z):
    (at, st), (as_, ss) = vp(t), vp(s)
    h = lam(t) - lam(s)
    if kind == "dpmsolver++":
        return st / ss * x - at * (np.exp(-h) - 1) * m
    if kind == "dpmsolver":
        return at / as_ * x - st * (np.exp(h) - 1) * m
    if kind == "sde-dpmsolver++":
        return st / ss * np.exp(-h) * x + at * (1 - np.exp(-2 * h)) * m + st * np.sqrt(1 - np.exp(-2 * h)) * z
    return at / as_ * x - 2 * st * (np.exp(h) - 1) * m + st * np.sqrt(np.exp(2 * h) - 1) * z


def second_order(kind, form, x, d0, d1, s, t, h, z):
    (at, st), (as_, ss) = vp(t), vp(s)
    e, E, e2 = np.exp(-h), np.exp(h), np.exp(-2 * h)
    mid = form == "midpoint"
    if kind == "dpmsolver++":
        x = st / ss * x - at * (e - 1) * d0
        return x - 0.5 * at * (e - 1) * d1 if mid else x + at * ((e - 1) / h + 1) * d1
    if kind == "dpmsolver":
        x = at / as_ * x - st * (E - 1) * d0
        return x - 0.5 * st * (E - 1) * d1 if mid else x - st * ((E - 1) / h - 1) * d1
    if kind == "sde-dpmsolver++":
        x = st / ss * e * x + at * (1 - e2) * d0 + st * np.sqrt(1 - e2) * z
        return x + 0.5 * at * (1 - e2) * d1 if mid else x + at * ((1 - e2) / (-2 * h) + 1) * d1
    x = at / as_ * x - 2 * st * (E - 1) * d0 + st * np.sqrt(np.exp(2 * h) - 1) * z
    return x - st * (E - 1) * d1 if mid else x - 2 * st * ((E - 1) / h - 1) * d1


def multistep(c, n, x, noise, mu=None, **_):
    kind, form, order = c["algorithm_type"], c["solver_type"] or "midpoint", c["solver_order"]
    ts, sig = solver_levels(c, n, "multistep", mu)
    outs = []
    for i, t in enumerate(ts):
        outs.append(converted(c, x, t, sig[i], kind.endswith("++")))
        short = c["lower_order_final"] and n < 15
        final = i == n - 1 and (c["euler_at_final"] or short or c["final_sigmas_type"] == "zero")
        second = i == n - 2 and short
        z = noise() if kind.startswith("sde") else 0
        if order == 1 or len(outs) < 2 or final:
            x = first_order(kind, x, outs[-1], sig[i], sig[i + 1], z)
            continue
        h, h0 = lam(sig[i + 1]) - lam(sig[i]), lam(sig[i]) - lam(sig[i - 1])
        r0 = h0 / h
        m0, m1 = outs[-1], outs[-2]
        if order == 2 or len(outs) < 3 or second:
            x = second_order(kind, form, x, m0, (m0 - m1) / r0, sig[i], sig[i + 1], h, z)
            continue
        m2 = outs[-3]
        r1 = (lam(sig[i - 1]) - lam(sig[i - 2])) / h
        a, b = (m0 - m1) / r0, (m1 - m2) / r1
        d1, d2 = a + r0 / (r0 + r1) * (a - b), (a - b) / (r0 + r1)
        (at, st), (as_, ss) = vp(sig[i + 1]), vp(sig[i])
        if kind == "dpmsolver++":
            x = (st / ss * x - at * (np.exp(-h) - 1) * m0 + at * ((np.exp(-h) - 1) / h + 1) * d1
                 - at * ((np.exp(-h) - 1 + h) / h**2 - 0.5) * d2)
        elif kind == "dpmsolver":
            x = (at / as_ * x - st * (np.exp(h) - 1) * m0 - st * ((np.exp(h) - 1) / h - 1) * d1
                 - st * ((np.exp(h) - 1 - h) / h**2 - 0.5) * d2)
        else:
            e2 = np.exp(-2 * h)
            x = (st / ss * np.exp(-h) * x + at * (1 - e2) * m0 + at * ((1 - e2) / (-2 * h) + 1) * d1
                 + at * ((1 - e2 - 2 * h) / (2 * h) ** 2 - 0.5) * d2 + st * np.sqrt(1 - e2) * z)
    return x


def order_list(c, n):
    order, lower = c["solver_order"], c["lower_order_final"]
    if n % order or c["final_sigmas_type"] == "zero":
        lower = True
    if not lower or order == 1:
        orders = list(range(1, order + 1)) * (n // order)
    elif order == 3:
        orders = {0: [1, 2, 3] * (n // 3 - 1) + [1, 2, 1], 1: [1, 2, 3] * (n // 3) + [1], 2: [1, 2, 3] * (n // 3) + [1, 2]}[n % 3]
    else:
        orders = [1, 2] * (n // 2 - 1) + [1, 1] if n % 2 == 0 else [1, 2] * (n // 2) + [1]
    if c["final_sigmas_type"] == "zero":
        orders[-1] = 1
    return orders


def singlestep(c, n, x, noise, **_):
    kind, form = c["algorithm_type"], c["solver_type"] or "midpoint"
    ts, sig = solver_levels(c, n, "singlestep")
    orders, outs, base = order_list(c, n), [], None
    for i, t in enumerate(ts):
        outs.append(converted(c, x, t, sig[i], kind.endswith("++")))
        order = orders[i]
        z = noise() if kind.startswith("sde") else 0
        if order == 1:
            base = x
            x = first_order(kind, base, outs[-1], sig[i], sig[i + 1], z)
        elif order == 2:
            h, h0 = lam(sig[i + 1]) - lam(sig[i - 1]), lam(sig[i]) - lam(sig[i - 1])
            d1 = (outs[-1] - outs[-2]) / (h0 / h)
            x = second_order(kind, form, base, outs[-2], d1, sig[i - 1], sig[i + 1], h, z)
        else:
            t_, s2 = sig[i + 1], sig[i - 2]
            h, h0, h1 = lam(t_) - lam(s2), lam(sig[i]) - lam(s2), lam(sig[i - 1]) - lam(s2)
            r0, r1 = h0 / h, h1 / h
            m0, m1, m2 = outs[-1], outs[-2], outs[-3]
            a, b = (m1 - m2) / r1, (m0 - m2) / r0
            d1, d2 = (r0 * a - r1 * b) / (r0 - r1), 2 * (b - a) / (r0 - r1)
            (at, st), (as_, ss) = vp(t_), vp(s2)
            if kind == "dpmsolver++":
                x = st / ss * base - at * (np.exp(-h) - 1) * m2
                phi1, phi2 = at * ((np.exp(-h) - 1) / h + 1), -at * ((np.exp(-h) - 1 + h) / h**2 - 0.5)
            else:
                x = at / as_ * base - st * (np.exp(h) - 1) * m2
                phi1, phi2 = -st * ((np.exp(h) - 1) / h - 1), -st * ((np.exp(h) - 1 - h) / h**2 - 0.5)
            x = x + phi1 * b if form == "midpoint" else x + phi1 * d1 + phi2 * d2
    return x


def deis(c, n, x, noise, mu=None, **_):
    ts, sig = solver_levels(c, n, "deis", mu)
    outs = []
    for i, t in enumerate(ts):
        outs.append(converted(c, x, t, sig[i], False))
        short = c["lower_order_final"] and n < 15
        (at, st), (as_, ss) = vp(sig[i + 1]), vp(sig[i])
        order = min(c["solver_order"], len(outs))
        if i == n - 1 and short:
            order = 1
        elif i == n - 2 and short:
            order = min(order, 2)
        if order == 1:
            h = lam(sig[i + 1]) - lam(sig[i])
            x = at / as_ * x - st * (np.exp(h) - 1) * outs[-1]
            continue
        t_, s0, s1 = rho(sig[i + 1]), rho(sig[i]), rho(sig[i - 1])
        log = np.log
        if order == 2:
            f = lambda t, b, c: t * (-log(c) + log(t) - 1) / (log(b) - log(c))
            c1, c2 = f(t_, s0, s1) - f(s0, s0, s1), f(t_, s1, s0) - f(s0, s1, s0)
            x = at * (x / as_ + c1 * outs[-1] + c2 * outs[-2])
        else:
            s2 = rho(sig[i - 2])
            f = lambda t, b, c, d: (
                t * (log(c) * (log(d) - log(t) + 1) - log(d) * log(t) + log(d) + log(t) ** 2 - 2 * log(t) + 2)
                / ((log(b) - log(c)) * (log(b) - log(d))))
            c1 = f(t_, s0, s1, s2) - f(s0, s0, s1, s2)
            c2 = f(t_, s1, s2, s0) - f(s0, s1, s2, s0)
            c3 = f(t_, s2, s0, s1) - f(s0, s2, s0, s1)
            x = at * (x / as_ + c1 * outs[-1] + c2 * outs[-2] + c3 * outs[-3])
    return x


def unipc(c, n, x, noise, mu=None, **_):
    data, form = c["predict_x0"], c["solver_type"] if c["solver_type"] in ("bh1", "bh2") else "bh2"
    ts, sig = solver_levels(c, n, "unipc", mu)

    def update(x, s, t, olds, m0, arrival):
        """olds: (lambda, output) before m0; arrival: the output at the end, for the corrector."""
        (at, st), (as_, ss) = vp(t), vp(s)
        h = lam(t) - lam(s)
        hh = -h if data else h
        phi1 = np.expm1(hh)
        bh = hh if form == "bh1" else np.expm1(hh)
        base = st / ss * x - at * phi1 * m0 if data else at / as_ * x - st * phi1 * m0
        weight = at if data else st
        rks = [(l - lam(s)) / h for l, _ in olds]
        d1s = [(m - m0) / r for r, (_, m) in zip(rks, olds)]
        if arrival is None and not d1s:
            return base
        rks = np.array(rks + [1.0])
        R, b, phik, factorial = [], [], phi1 / hh - 1, 1
        for k in range(1, len(rks) + 1):
            R.append(rks ** (k - 1))
            b.append(phik * factorial / bh)
            factorial *= k + 1
            phik = phik / hh - 1 / factorial
        R, b = np.stack(R), np.array(b)
        if arrival is None:
            rhos = np.array([0.5]) if len(rks) == 2 else np.linalg.solve(R[:-1, :-1], b[:-1])
            return base - weight * bh * sum(r * d for r, d in zip(rhos, d1s))
        rhos = np.array([0.5]) if len(rks) == 1 else np.linalg.solve(R, b)
        residue = sum(r * d for r, d in zip(rhos[:-1], d1s)) + rhos[-1] * (arrival - m0)
        return base - weight * bh * residue

    outs, last_x, order, warm = [], None, 1, 0
    for i, t in enumerate(ts):
        m = converted(c, x, t, sig[i], data)
        history = lambda k, j: [(lam(sig[j - q]), outs[-1 - q]) for q in range(1, k)]
        if i > 0 and i - 1 not in c["disable_corrector"]:
            x = update(last_x, sig[i - 1], sig[i], history(order, i - 1), outs[-1], m)
        outs.append(m)
        order = min(c["solver_order"], n - i) if c["lower_order_final"] else c["solver_order"]
        order = min(order, warm + 1)
        last_x = x
        x = update(x, sig[i], sig[i + 1], history(order, i), m, None)
        warm = min(warm + 1, c["solver_order"])
    return x


# --- Euler and its kin, on x = x0 + sigma noise -------------------------------------------------------------------


def karras_levels(c, n, given=None):
    N = c["num_train_timesteps"]
    acp = alphas_cumprod(c, 2**-24)
    all_sigmas = ((1 - acp) / acp) ** 0.5
    ts = np.linspace(0, N - 1, n)[::-1] if c["timestep_spacing"] == "linspace" else grid(c, n).astype(float)
    sigmas = np.interp(ts, np.arange(N), all_sigmas)
    if c.get("interpolation_type") == "log_linear":
        sigmas = np.exp(np.linspace(math.log(all_sigmas[-1]), math.log(all_sigmas[0]), n + 1))
    # the range of the respaced levels is that of the spaced timesteps, not the schedule's
    spaced = respaced(c, c.get("sigma_min", sigmas[-1]), c.get("sigma_max", sigmas[0]), n)
    if spaced is not None:
        sigmas = spaced
        ts = np.array([sigma_to_t(s, all_sigmas) for s in sigmas])
        if c["name"].startswith("KDPM2") and c["use_karras_sigmas"]:
            ts = ts.round()
    if c.get("timestep_type") == "continuous" and c["prediction_type"] == "v_prediction":
        ts = np.log(sigmas) / 4
    end = all_sigmas[0] if c["name"] == "EulerDiscreteScheduler" and c["final_sigmas_type"] == "sigma_min" else 0.0
    sigmas = np.append(sigmas, end)
    if given is not None:
        sigmas = np.array(given)
        ts = np.array([sigma_to_t(s, all_sigmas) for s in sigmas[:-1]])
    start = sigmas.max() if c["timestep_spacing"] != "leading" else (sigmas.max() ** 2 + 1) ** 0.5
    return ts, sigmas, start, all_sigmas


def slope(c, x, t, sigma):
    out = model(x / (sigma**2 + 1) ** 0.5, t)
    kind = c["prediction_type"]
    if kind == "epsilon":
        x0 = x - sigma * out
    elif kind == "v_prediction":
        x0 = out * (-sigma / (sigma**2 + 1) ** 0.5) + x / (sigma**2 + 1)
    else:
        x0 = out
    if c["clip_sample"] and c["name"] == "HeunDiscreteScheduler":
        x0 = np.clip(x0, -c["clip_sample_range"], c["clip_sample_range"])
    return (x - x0) / sigma


def churned(churn, low, noise, x, i, sig, n):
    gamma = min(churn / n, 2**0.5 - 1) if sig[i] >= low else 0.0
    hat = sig[i] * (1 + gamma)
    return (x + noise() * (hat**2 - sig[i] ** 2) ** 0.5 if gamma > 0 else x), hat


def euler(c, n, x, noise, s_churn=0.0, s_tmin=0.0, sigmas=None, **_):
    ts, sig, start, _ = karras_levels(c, n, sigmas)
    x = x * start
    for i, t in enumerate(ts):
        s = sig[i]
        out = model(x / (s**2 + 1) ** 0.5, t)
        x, hat = churned(s_churn, s_tmin, noise, x, i, sig, n)
        kind = c["prediction_type"]
        if kind == "epsilon":
            x0 = x - hat * out
        else:
            x0 = out if kind == "sample" else out * (-s / (s**2 + 1) ** 0.5) + x / (s**2 + 1)
        x = x + (x - x0) / hat * (sig[i + 1] - hat)
    return x


def ancestral(c, n, x, noise, **_):
    ts, sig, start, _ = karras_levels(c, n)
    x = x * start
    for i, t in enumerate(ts):
        s, to = sig[i], sig[i + 1]
        up = (to**2 * (s**2 - to**2) / s**2) ** 0.5
        down = (to**2 - up**2) ** 0.5
        x = x + slope(c, x, t, s) * (down - s) + noise() * up
    return x


def heun(c, n, x, noise, **_):
    ts, sig, start, _ = karras_levels(c, n)
    x = x * start
    for i, t in enumerate(ts):
        d, dt = slope(c, x, t, sig[i]), sig[i + 1] - sig[i]
        if i < n - 1:
            d = (d + slope(c, x + d * dt, ts[i + 1], sig[i + 1])) / 2
        x = x + d * dt
    return x


def kdpm2(c, n, x, noise, **_):
    is_ancestral = "Ancestral" in c["name"]
    ts, sig, start, all_sigmas = karras_levels(c, n)
    x = x * start
    for i, t in enumerate(ts):
        s, to, up = sig[i], sig[i + 1], 0.0
        if is_ancestral:
            up = (to**2 * (s**2 - to**2) / s**2) ** 0.5
            to = (to**2 - up**2) ** 0.5
            noise()
        d = slope(c, x, t, s)
        if to == 0:
            x = x + d * (to - s)
            continue
        mid = math.exp((math.log(s) + math.log(to)) / 2)
        d = slope(c, x + d * (mid - s), sigma_to_t(mid, all_sigmas), mid)
        x = x + d * (to - s)
        if is_ancestral:
            x = x + up * noise()
    return x


def lms(c, n, x, noise, order=4, **_):
    ts, sig, start, _ = karras_levels(c, n)
    x = x * start
    slopes = []
    for i, t in enumerate(ts):
        slopes = (slopes + [slope(c, x, t, sig[i])])[-order:]
        for j in range(len(slopes)):
            p = np.poly1d([1.0])
            for k in range(len(slopes)):
                if k != j:
                    p *= np.poly1d([1.0, -sig[i - k]]) / (sig[i - j] - sig[i - k])
            integral = p.integ()
            x = x + (integral(sig[i + 1]) - integral(sig[i])) * slopes[-1 - j]
    return x


# --- consistency models, flow matching, EDM -----------------------------------------------------------------------


def distilled(c, n):
    original = c["original_inference_steps"] or c["num_train_timesteps"]
    ts = (np.arange(1, original + 1) * (c["num_train_timesteps"] // original) - 1)[::-1]
    return ts[np.floor(np.linspace(0, original, n, endpoint=False)).astype(int)]


def lcm(c, n, x, noise, original_inference_steps=None, **_):
    acp = alphas_cumprod(c)
    c = dict(c, original_inference_steps=original_inference_steps or c["original_inference_steps"])
    ts = distilled(c, n)
    for i, t in enumerate(ts):
        a = acp[t]
        x0, _ = estimates(c, model(x, t), x, a**0.5, (1 - a) ** 0.5)
        x0 = limit(c, x0)
        scaled = t * c["timestep_scaling"]
        x0 = scaled / (scaled**2 + 0.25) ** 0.5 * x0 + 0.25 / (scaled**2 + 0.25) * x
        if i < n - 1:
            ap = acp[ts[i + 1]]
            x = ap**0.5 * x0 + (1 - ap) ** 0.5 * noise()
        else:
            x = x0
    return x


def tcd(c, n, x, noise, eta=0.3, **_):
    acp = alphas_cumprod(c)
    ts = distilled(c, n)
    for i, t in enumerate(ts):
        prev = ts[i + 1] if i < n - 1 else 0
        s = int(math.floor((1 - eta) * prev))
        a, ap, as_ = acp[t], acp[prev], acp[s]
        x0, eps = estimates(c, model(x, t), x, a**0.5, (1 - a) ** 0.5)
        x = as_**0.5 * x0 + (1 - as_) ** 0.5 * eps
        if eta > 0 and i < n - 1:
            x = (ap / as_) ** 0.5 * x + (1 - ap / as_) ** 0.5 * noise()
    return x


def flow(c, n, x, noise, mu=None, timesteps=None, sigmas=None, **_):
    N, shift = c["num_train_timesteps"], c.get("shift", 1.0)
    shifted = lambda s: shift * s / (1 + (shift - 1) * s)
    dynamic = c.get("use_dynamic_shifting", False)
    ends = [1.0, 1 / N] if dynamic else [shifted(1.0), shifted(1 / N)]
    sig = np.linspace(ends[0] * N, ends[1] * N, n) / N if timesteps is None else np.array(timesteps) / N
    sig = sig if sigmas is None else np.array(sigmas)
    if dynamic:
        m = math.exp(mu) if c.get("time_shift_type", "exponential") == "exponential" else mu
        sig = m / (m + (1 / sig - 1))
    else:
        sig = shifted(sig)
    if c.get("shift_terminal"):
        sig = 1 - (1 - sig) / ((1 - sig[-1]) / (1 - c["shift_terminal"]))
    spaced = respaced(c, sig[-1], sig[0], n)
    sig = sig if spaced is None else spaced
    if c.get("invert_sigmas"):
        sig = 1 - sig
    ts = sig * N if timesteps is None else timesteps
    sig = np.append(sig, 1.0 if c.get("invert_sigmas") else 0.0)
    for i in range(n):
        out = model(x, ts[i])
        if c.get("stochastic_sampling"):
            x = (1 - sig[i + 1]) * (x - sig[i] * out) + sig[i + 1] * noise()
        else:
            x = x + (sig[i + 1] - sig[i]) * out
    return x


def flow_lcm(c, n, x, noise, **extra):
    return flow(dict(c, stochastic_sampling=True), n, x, noise, **extra)


def flow_heun(c, n, x, noise, s_churn=0.0, s_tmin=0.0, s_tmax=math.inf, s_noise=1.0, **_):
    N, shift = c["num_train_timesteps"], c.get("shift", 1.0)
    shifted = lambda s: shift * s / (1 + (shift - 1) * s)
    sig = shifted(np.linspace(shifted(1.0) * N, shifted(1 / N) * N, n) / N)
    sig = np.append(sig, 0.0)
    for i in range(n):
        s, to = sig[i], sig[i + 1]
        gamma = min(s_churn / (2 * n - 1), 2**0.5 - 1) if s_tmin <= s <= s_tmax else 0.0
        out, hat = model(x, s * N), s * (1 + gamma)
        if gamma > 0:
            x = x + noise() * s_noise * (hat**2 - s**2) ** 0.5
        slope_first = out * s / hat
        trial = x + slope_first * (to - hat)
        if to == 0:
            return trial
        if gamma > 0:
            noise()  # the second call draws too, and its sample is not used
        x = x + (slope_first + model(trial, to * N)) / 2 * (to - hat)
    return x


def edm_levels(c, n):
    low, high = c.get("sigma_min", 0.002), c.get("sigma_max", 80.0)
    ramp, inv = np.linspace(0, 1, n), 1 / c["rho"]
    sig = (high**inv + ramp * (low**inv - high**inv)) ** c["rho"]
    if c["sigma_schedule"] == "exponential":
        sig = np.exp(np.linspace(math.log(low), math.log(high), n))[::-1]
    return np.append(sig, 0.0 if c["final_sigmas_type"] == "zero" else sig[-1]), (high**2 + 1) ** 0.5


def edm_output(c, x, sigma):
    return model(x / (sigma**2 + c["sigma_data"] ** 2) ** 0.5, 0.25 * math.log(sigma))


def edm_denoised(c, x, sigma, out=None):
    data = c["sigma_data"]
    out = edm_output(c, x, sigma) if out is None else out
    c_out = sigma * data / (sigma**2 + data**2) ** 0.5 * (-1 if c["prediction_type"] == "v_prediction" else 1)
    return data**2 / (sigma**2 + data**2) * x + c_out * out


def edm_euler(c, n, x, noise, s_churn=0.0, s_tmin=0.0, **_):
    sig, start = edm_levels(c, n)
    x = x * start
    for i in range(n):
        out = edm_output(c, x, sig[i])
        x, hat = churned(s_churn, s_tmin, noise, x, i, sig, n)
        x = x + (x - edm_denoised(c, x, hat, out)) / hat * (sig[i + 1] - hat)
    return x


def edm_multistep(c, n, x, noise, **_):
    sig, start = edm_levels(c, n)
    x = x * start
    last = None
    for i in range(n):
        d = edm_denoised(c, x, sig[i])
        h = math.inf if sig[i + 1] == 0 else math.log(sig[i] / sig[i + 1])
        short = c["lower_order_final"] and n < 15
        if h == 0:
            continue  # the last level is listed twice
        if last is None or (i == n - 1 and (short or c["euler_at_final"] or sig[i + 1] == 0)):
            x = sig[i + 1] / sig[i] * x - math.expm1(-h) * d
        else:
            r0 = math.log(sig[i - 1] / sig[i]) / h
            x = sig[i + 1] / sig[i] * x - math.expm1(-h) * d - 0.5 * math.expm1(-h) * (d - last) / r0
        last = d
    return x


# --- cases --------------------------------------------------------------------------------------------------------

SCALED = {"scaled_linear": dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)}
SD = SCALED["scaled_linear"]
CLASSES = {
    "DDPMScheduler": (ddpm, "plain"), "DDIMScheduler": (ddim, "plain"), "DDIMInverseScheduler": (ddim_inverse, "plain"),
    "PNDMScheduler": (pndm, "plain"), "DPMSolverMultistepScheduler": (multistep, "plain"),
    "DPMSolverSinglestepScheduler": (singlestep, "plain"), "DEISMultistepScheduler": (deis, "plain"),
    "UniPCMultistepScheduler": (unipc, "plain"), "EulerDiscreteScheduler": (euler, "scaled-separate"),
    "EulerAncestralDiscreteScheduler": (ancestral, "scaled-separate"), "HeunDiscreteScheduler": (heun, "scaled-separate"),
    "KDPM2DiscreteScheduler": (kdpm2, "scaled-separate"), "KDPM2AncestralDiscreteScheduler": (kdpm2, "scaled-separate"),
    "LMSDiscreteScheduler": (lms, "scaled-separate"), "LCMScheduler": (lcm, "plain"), "TCDScheduler": (tcd, "plain"),
    "FlowMatchEulerDiscreteScheduler": (flow, "plain"), "FlowMatchHeunDiscreteScheduler": (flow_heun, "plain"),
    "FlowMatchLCMScheduler": (flow_lcm, "plain"), "DDIMParallelScheduler": (ddim, "plain"),
    "DDPMParallelScheduler": (ddpm, "plain"), "EDMEulerScheduler": (edm_euler, "scaled-separate"),
    "EDMDPMSolverMultistepScheduler": (edm_multistep, "scaled-separate"),
}
SPACINGS = ("linspace", "leading", "trailing")


def combinations():
    ddpm_config = dict(clip_sample=True, timestep_spacing="leading")
    for spacing in SPACINGS:
        yield "DDPMScheduler", dict(ddpm_config, timestep_spacing=spacing, steps_offset=1), 8, {}
        for n in (7, 12):
            yield "DDIMScheduler", dict(SD, clip_sample=False, timestep_spacing=spacing), n, {}
            yield "PNDMScheduler", dict(SD, timestep_spacing=spacing, set_alpha_to_one=False), n, {}
            yield "PNDMScheduler", dict(SD, timestep_spacing=spacing, skip_prk_steps=True, set_alpha_to_one=True), n, {}
    for variance in ("fixed_small_log", "fixed_large"):
        yield "DDPMScheduler", dict(ddpm_config, variance_type=variance, clip_sample_range=0.5), 20, {}
    for prediction in ("v_prediction", "sample"):
        yield "DDPMScheduler", dict(ddpm_config, prediction_type=prediction), 9, {}
        yield "DDIMScheduler", dict(ddpm_config, prediction_type=prediction), 9, {"eta": 0.6}
        yield "DDIMInverseScheduler", dict(ddpm_config, prediction_type=prediction, set_alpha_to_one=False), 9, {}
    yield "PNDMScheduler", dict(SD, timestep_spacing="leading", prediction_type="v_prediction", set_alpha_to_one=False), 11, {}
    yield "PNDMScheduler", dict(SD, timestep_spacing="leading", prediction_type="v_prediction", skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False), 11, {}
    for eta in (0.3, 1.0):
        yield "DDIMScheduler", dict(ddpm_config), 10, {"eta": eta}
    yield "DDIMScheduler", dict(ddpm_config, clip_sample_range=0.4), 10, {"eta": 0.0, "use_clipped_model_output": True}
    yield "DDIMScheduler", dict(ddpm_config, thresholding=True, sample_max_value=1.5, prediction_type="v_prediction"), 10, {"eta": 0.5}
    yield "DDIMScheduler", dict(SD, clip_sample=False, timestep_spacing="trailing", rescale_betas_zero_snr=True, prediction_type="v_prediction"), 10, {}
    yield "DDIMScheduler", dict(beta_schedule="squaredcos_cap_v2", clip_sample=True, timestep_spacing="leading"), 15, {}
    yield "DDIMInverseScheduler", dict(SD, clip_sample=False, timestep_spacing="leading", set_alpha_to_one=False), 13, {}

    for algorithm in ("dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver"):
        for form in ("midpoint", "heun"):
            for order in (1, 2, 3):
                config = dict(SD, algorithm_type=algorithm, solver_type=form, solver_order=order, final_sigmas_type="sigma_min")
                if not (algorithm == "sde-dpmsolver" and order == 3):
                    yield "DPMSolverMultistepScheduler", dict(config, timestep_spacing="linspace"), 9, {}
                    yield "DPMSolverMultistepScheduler", dict(config, timestep_spacing="leading", steps_offset=1), 18, {}
                if algorithm in ("dpmsolver++", "dpmsolver"):
                    yield "DPMSolverSinglestepScheduler", dict(config, lower_order_final=False), 12, {}
                    yield "DPMSolverSinglestepScheduler", dict(config, lower_order_final=True), 11, {}
    for spaced in ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas"):
        yield "DPMSolverMultistepScheduler", dict(SD, **{spaced: True}), 12, {}
        if spaced != "use_lu_lambdas":
            yield "DPMSolverSinglestepScheduler", dict(SD, lower_order_final=True, **{spaced: True}), 12, {}
            yield "DEISMultistepScheduler", dict(SD, **{spaced: True}), 12, {}
            yield "UniPCMultistepScheduler", dict(SD, **{spaced: True}), 12, {}
            yield "UniPCMultistepScheduler", dict(SD, final_sigmas_type="sigma_min", **{spaced: True}), 12, {}
            yield "EulerDiscreteScheduler", dict(SD, **{spaced: True}), 12, {}
            yield "HeunDiscreteScheduler", dict(SD, **{spaced: True}), 12, {}
            yield "LMSDiscreteScheduler", dict(SD, **{spaced: True}), 12, {}
            yield "KDPM2DiscreteScheduler", dict(SD, **{spaced: True}), 12, {}
            yield "FlowMatchEulerDiscreteScheduler", {"shift": 3.0, spaced: True}, 9, {}
    yield "DPMSolverMultistepScheduler", dict(SD, timestep_spacing="trailing", rescale_betas_zero_snr=True, prediction_type="v_prediction"), 10, {}
    yield "DPMSolverMultistepScheduler", dict(beta_schedule="squaredcos_cap_v2", lambda_min_clipped=-5.1), 16, {}
    yield "DPMSolverMultistepScheduler", dict(SD, euler_at_final=True, thresholding=True, sample_max_value=2.0, prediction_type="sample"), 20, {}
    yield "DPMSolverMultistepScheduler", dict(SD, algorithm_type="dpmsolver", final_sigmas_type="sigma_min", thresholding=True), 20, {}
    yield "DPMSolverSinglestepScheduler", dict(SD, prediction_type="sample"), 10, {}
    for order in (1, 2, 3):
        for n in (9, 20):
            yield "DEISMultistepScheduler", dict(SD, solver_order=order, timestep_spacing="leading", steps_offset=1), n, {}
            for form in ("bh1", "bh2"):
                for data in (True, False):
                    config = dict(SD, solver_order=order, solver_type=form, predict_x0=data)
                    yield "UniPCMultistepScheduler", dict(config, final_sigmas_type="sigma_min"), n, {}
    yield "DEISMultistepScheduler", dict(SD, solver_order=3, prediction_type="v_prediction", timestep_spacing="trailing"), 12, {}
    yield "UniPCMultistepScheduler", dict(SD, solver_order=3, disable_corrector=[0, 2], timestep_spacing="trailing"), 12, {}
    yield "UniPCMultistepScheduler", dict(SD, prediction_type="sample", thresholding=True, timestep_spacing="leading"), 12, {}
    yield "UniPCMultistepScheduler", dict(SD, rescale_betas_zero_snr=True, prediction_type="v_prediction", timestep_spacing="trailing"), 12, {}

    for name in ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "LMSDiscreteScheduler"):
        for spacing in SPACINGS:
            yield name, dict(SD, timestep_spacing=spacing, steps_offset=1 if spacing == "leading" else 0), 13, {}
        yield name, dict(SD, prediction_type="v_prediction", timestep_spacing="leading"), 8, {}
    yield "EulerDiscreteScheduler", dict(SD, prediction_type="sample"), 8, {}
    yield "EulerDiscreteScheduler", dict(SD, final_sigmas_type="sigma_min"), 8, {}
    yield "EulerDiscreteScheduler", dict(SD, rescale_betas_zero_snr=True, prediction_type="v_prediction", timestep_spacing="trailing"), 8, {}
    yield "HeunDiscreteScheduler", dict(SD, clip_sample=True, clip_sample_range=2.0), 8, {}
    for n in (1, 3, 8):
        yield "LCMScheduler", dict(SD, prediction_type="v_prediction"), n, {}
        yield "LCMScheduler", dict(SD, clip_sample=True, timestep_scaling=2.0, original_inference_steps=100), n, {}
        yield "TCDScheduler", dict(SD), n, {}
        yield "TCDScheduler", dict(SD, prediction_type="sample"), n, {"eta": 0.8}
        yield "TCDScheduler", dict(SD, prediction_type="v_prediction"), n, {"eta": 0.0}
    yield "FlowMatchEulerDiscreteScheduler", {"shift": 1.0, "stochastic_sampling": True}, 6, {}
    yield "FlowMatchEulerDiscreteScheduler", {"shift": 1.15, "use_dynamic_shifting": True}, 7, {"mu": 0.9}
    yield "FlowMatchEulerDiscreteScheduler", {"shift": 1.0, "use_dynamic_shifting": True, "time_shift_type": "linear"}, 7, {"mu": 1.4}
    yield "FlowMatchEulerDiscreteScheduler", {"shift": 2.0, "shift_terminal": 0.1}, 7, {}
    for schedule in ("karras", "exponential"):
        for prediction in ("epsilon", "v_prediction"):
            config = dict(sigma_min=0.01, sigma_max=50.0, sigma_data=0.7, rho=5.0, sigma_schedule=schedule, prediction_type=prediction)
            yield "EDMEulerScheduler", config, 9, {}
            yield "EDMDPMSolverMultistepScheduler", config, 9, {}
            yield "EDMDPMSolverMultistepScheduler", dict(config, final_sigmas_type="sigma_min"), 18, {}


    flows = dict(use_flow_sigmas=True, prediction_type="flow_prediction")
    yield "DPMSolverMultistepScheduler", dict(flows, flow_shift=3.0), 10, {}
    yield "DPMSolverMultistepScheduler", dict(flows, solver_order=3), 18, {}
    yield "DPMSolverMultistepScheduler", dict(flows, algorithm_type="sde-dpmsolver++", use_dynamic_shifting=True), 10, {"mu": 0.7}
    yield "DPMSolverSinglestepScheduler", dict(flows, flow_shift=3.0), 10, {}
    yield "DEISMultistepScheduler", dict(flows, flow_shift=2.0), 10, {}
    yield "UniPCMultistepScheduler", dict(flows, flow_shift=5.0), 10, {}
    yield "UniPCMultistepScheduler", dict(flows, solver_order=3, final_sigmas_type="sigma_min", shift_terminal=0.05), 16, {}
    yield "UniPCMultistepScheduler", dict(flows, use_dynamic_shifting=True, time_shift_type="linear"), 9, {"mu": 1.6}
    yield "UniPCMultistepScheduler", dict(flows, use_karras_sigmas=True), 9, {}

    # Where spacings do not reach the ends of the schedule, where a half is rounded, and where strides do not divide it
    for spacing in ("leading", "trailing"):
        for spaced in ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"):
            for name in ("EulerDiscreteScheduler", "HeunDiscreteScheduler", "LMSDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler"):
                yield name, dict(SD, timestep_spacing=spacing, steps_offset=1 if spacing == "leading" else 0, **{spaced: True}), 11, {}
    video = dict(SD, prediction_type="v_prediction", timestep_type="continuous", timestep_spacing="leading", steps_offset=1)
    yield "EulerDiscreteScheduler", dict(video, use_karras_sigmas=True, sigma_min=0.002, sigma_max=700.0), 9, {}
    yield "EulerDiscreteScheduler", dict(video, interpolation_type="log_linear"), 9, {}
    yield "EulerDiscreteScheduler", dict(SD, interpolation_type="log_linear"), 9, {}
    yield "EulerDiscreteScheduler", dict(SD, interpolation_type="log_linear", use_karras_sigmas=True, timestep_spacing="leading"), 9, {}
    yield "DDIMScheduler", dict(SD, clip_sample=False, timestep_spacing="linspace"), 15, {}
    yield "DPMSolverMultistepScheduler", dict(SD), 54, {}
    yield "DPMSolverMultistepScheduler", dict(SD, timestep_spacing="trailing"), 48, {}
    yield "UniPCMultistepScheduler", dict(flows), 54, {}
    yield "LCMScheduler", dict(SD), 22, {}
    for n in (7, 9):
        yield "DDIMInverseScheduler", dict(SD, clip_sample=False, timestep_spacing="trailing"), n, {}
    yield "DDIMInverseScheduler", dict(SD, clip_sample=True, timestep_spacing="leading", steps_offset=1, set_alpha_to_one=False), 9, {}
    for data in (True, False):
        yield "UniPCMultistepScheduler", dict(SD, predict_x0=data, thresholding=True, dynamic_thresholding_ratio=0.9, final_sigmas_type="sigma_min"), 9, {}
    yield "FlowMatchEulerDiscreteScheduler", {"shift": 3.0}, 4, {"timesteps": [1000, 700, 450, 100]}
    yield "FlowMatchEulerDiscreteScheduler", {"shift": 3.0, "invert_sigmas": True}, 9, {}
    for prediction in ("epsilon", "v_prediction", "sample"):
        yield "EulerDiscreteScheduler", dict(SD, prediction_type=prediction), 9, {"s_churn": 3.0, "s_tmin": 0.2}
    for prediction in ("epsilon", "v_prediction"):
        yield "EDMEulerScheduler", dict(prediction_type=prediction), 9, {"s_churn": 3.0, "s_tmin": 0.2}

    for order in (1, 2):
        for form in ("midpoint", "heun"):
            yield "DPMSolverSinglestepScheduler", dict(SD, algorithm_type="sde-dpmsolver++", solver_order=order, solver_type=form), 10, {}
    for name in ("EulerAncestralDiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "HeunDiscreteScheduler", "LMSDiscreteScheduler"):
        yield name, dict(SD, timestep_spacing="linspace", prediction_type="v_prediction"), 15, {}

    for n in (1, 2, 9):
        yield "FlowMatchHeunDiscreteScheduler", {}, n, {}
        yield "FlowMatchHeunDiscreteScheduler", {"shift": 3.0}, n, {}
    yield "FlowMatchHeunDiscreteScheduler", {"shift": 0.5, "num_train_timesteps": 500}, 12, {}
    yield "FlowMatchHeunDiscreteScheduler", {"shift": 2.0}, 7, {"s_churn": 4.0}
    yield "FlowMatchHeunDiscreteScheduler", {}, 7, {"s_churn": 30.0, "s_tmin": 0.3, "s_tmax": 0.9, "s_noise": 1.01}
    yield "FlowMatchLCMScheduler", {"shift": 3.0}, 4, {}
    yield "FlowMatchLCMScheduler", {"shift": 1.15, "use_dynamic_shifting": True}, 6, {"mu": 0.9}
    yield "FlowMatchLCMScheduler", {"shift": 2.0, "use_exponential_sigmas": True}, 6, {}
    yield "DDIMParallelScheduler", dict(ddpm_config), 9, {"eta": 0.6}
    yield "DDPMParallelScheduler", dict(ddpm_config), 9, {}

    # Runs that begin in the middle, levels that were asked for, and the shortest runs
    for n, start in ((12, 1), (12, 2), (9, 6)):
        for spacing in ("linspace", "leading"):
            pndm_config = dict(SD, skip_prk_steps=True, set_alpha_to_one=False, timestep_spacing=spacing)
            yield "PNDMScheduler", pndm_config, n, {"start": start}
            yield "PNDMScheduler", dict(pndm_config, prediction_type="v_prediction"), n, {"start": start}
    yield "FlowMatchEulerDiscreteScheduler", {"shift": 3.0}, 5, {"sigmas": [1.0, 0.8, 0.6, 0.4, 0.2]}
    yield "FlowMatchEulerDiscreteScheduler", {"use_dynamic_shifting": True}, 4, {"sigmas": [1.0, 0.75, 0.5, 0.25], "mu": 1.15}
    yield "FlowMatchEulerDiscreteScheduler", {}, 3, {"sigmas": [1.0, 0.7, 0.3], "timesteps": [1000, 700, 310]}
    yield "EulerDiscreteScheduler", dict(SD), 4, {"sigmas": [14.6, 5.0, 1.5, 0.4, 0.0]}
    for order in (1, 2, 3):
        yield "LMSDiscreteScheduler", dict(SD), 9, {"order": order}
    yield "LCMScheduler", dict(SD), 4, {"original_inference_steps": 20}
    yield "TCDScheduler", dict(SD, original_inference_steps=None), 7, {"eta": 0.5}
    for schedule in ("karras", "exponential"):
        for final in ("zero", "sigma_min"):
            yield "EDMEulerScheduler", dict(sigma_schedule=schedule, final_sigmas_type=final), 1, {}
            yield "EDMDPMSolverMultistepScheduler", dict(sigma_schedule=schedule, final_sigmas_type=final), 1, {}
    for name in ("DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler"):
        yield name, dict(flows, flow_shift=3.0, final_sigmas_type="sigma_min"), 9, {}
        for prediction in ("epsilon", "sample"):
            yield name, dict(flows, prediction_type=prediction, flow_shift=3.0), 9, {}
    for prediction in ("epsilon", "sample"):
        yield "UniPCMultistepScheduler", dict(flows, prediction_type=prediction), 9, {}


def main():
    cases = []
    for number, (name, config, n, extra) in enumerate(combinations()):
        run, loop = CLASSES[name]
        full = dict(DEFAULTS, **config, name=name)
        if name in ("LCMScheduler", "TCDScheduler"):
            full = dict(DEFAULTS, **SD, **{k: v for k, v in config.items() if k not in SD}, name=name)
        x = run(full, n, dummy(), Noise(), **extra)
        assert np.isfinite(x).all(), (name, config, n)
        case = {
            "id": f"{number:03d}-{name.removesuffix('Scheduler')}", "scheduler": name, "config": config,
            "numInferenceSteps": n, "loop": loop, "shape": list(SHAPE),
            "measured": {"float64": {"absSum": float(np.abs(x).sum())}},
        }
        if "lambda_min_clipped" in config:
            case["config"] = dict(config)
        if "start" in extra:
            case["loop"], case["startIndex"] = "plain-noise", extra.pop("start")
        asked = ("mu", "timesteps", "sigmas", "original_inference_steps")
        given = {key: extra.pop(key) for key in asked if key in extra}
        if given:
            case["setTimestepsKwargs"] = given
        if extra:
            case["stepKwargs"] = extra
        cases.append(case)
    text = json.dumps({"title": "Scheduler cases made by make.py", "cases": cases}, indent=1)
    Path(__file__).with_name("cases.json").write_text(text + "\n")
    print(len(cases), "cases")


main()
