"""Run with: python -m pytest training"""

import numpy as np
import pytest

from sampling import ancestral_step, flow_sigmas, moved, own_noise

MEAN, DEVIATION = 0.6, 0.3


def flow(x, t):
    """E[noise - x0 | x] where x0 is normal with MEAN and DEVIATION and x = (1 - t) x0 + t noise."""
    variance = ((1 - t) * DEVIATION) ** 2 + t**2
    residual = x - (1 - t) * MEAN
    return residual * (t - (1 - t) * DEVIATION**2) / variance - MEAN


@pytest.mark.parametrize("eta", [0.0, 0.7, 1.0])
def test_every_stochasticity_reaches_the_distribution_of_the_data(eta):
    start = np.random.default_rng(0).standard_normal((64, 1, 32, 32)).astype(np.float32)
    x, fresh = start, own_noise(start)
    levels = flow_sigmas(400)
    for t, t_next in zip(levels[:-1], levels[1:]):
        x = moved(x, flow(x, t), t, t_next, eta, fresh)
    assert x.mean() == pytest.approx(MEAN, abs=0.01)
    assert x.std() == pytest.approx(DEVIATION, abs=0.01)


@pytest.mark.parametrize("eta", [0.0, 0.4, 0.7, 1.0])
def test_a_step_keeps_the_variance_of_the_noise(eta):
    for t, t_next in ((1.0, 0.99), (0.9, 0.7), (0.2, 0.05)):
        down, up = ancestral_step(t, t_next, eta)
        assert down**2 + up**2 == pytest.approx((t_next / (1 - t_next)) ** 2)


def test_an_image_draws_its_own_noise_whatever_is_made_with_it():
    start = np.random.default_rng(1).standard_normal((3, 8, 4, 4)).astype(np.float32)
    together, alone = own_noise(start), own_noise(start[1:2])
    for _ in range(3):
        assert np.array_equal(together()[1:2], alone())
