"""Warps keep pictures as sharp as they were, unless they are asked to blur."""

import pytest

torch = pytest.importorskip("torch")

import spoil  # noqa: E402


def fine_picture():
    """Noise blurred a little: as fine as a render's edges."""
    noise = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    return (1.2 * spoil.blur(noise, 0.7)).clamp(-1, 1)


def fineness(images):
    """Energy of second differences, which blur takes away first."""
    inner = images[..., 8:-8, 8:-8]
    return float((inner[..., 2:] - 2 * inner[..., 1:-1] + inner[..., :-2]).square().mean())


def warped(pixels, sharp):
    return spoil.warp(fine_picture(), pixels, torch.Generator().manual_seed(2), sharp=sharp)


@pytest.mark.parametrize("sharp", [True, False])
def test_no_displacement_changes_nothing(sharp):
    torch.testing.assert_close(warped(0.0, sharp), fine_picture(), rtol=0, atol=1e-4)


def test_only_the_bilinear_warp_blurs():
    before = fineness(fine_picture())
    assert fineness(warped(1.0, sharp=True)) > 0.9 * before
    assert fineness(warped(1.0, sharp=False)) < 0.75 * before


def test_pictures_move_by_their_own_deviation():
    moved = spoil.warp(fine_picture(), torch.tensor([0.0, 0.3, 0.6, 1.2]), torch.Generator().manual_seed(2))
    far = (moved - fine_picture()).square().mean((1, 2, 3))
    assert far[0] < 1e-9 and far[0] < far[1] < far[2] < far[3]


def test_spoiling_does_not_depend_on_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        inside = warped(1.0, sharp=True), spoil.blur(fine_picture(), 1.0)
    torch.testing.assert_close(inside[0], warped(1.0, sharp=True), rtol=0, atol=1e-6)
    torch.testing.assert_close(inside[1], spoil.blur(fine_picture(), 1.0), rtol=0, atol=1e-6)
