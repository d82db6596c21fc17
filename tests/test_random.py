"""Counter-based random numbers: known values, independence of batch and order, distributions."""

import math

import pytest
import torch

from modeling_crossmost.data.keyed_random import (
    Stream,
    keyed_bits,
    keyed_integers,
    keyed_normal,
    keyed_order,
    keyed_uniform,
    object_keys,
    substream,
)


ALL_BITS = (1 << 64) - 1


def splitmix64(state: int) -> int:
    """The published finalizer in Python's unbounded integers: a second method without wrap-around tricks."""
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & ALL_BITS
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & ALL_BITS
    return state ^ (state >> 31)


@pytest.fixture
def keys() -> torch.Tensor:
    return object_keys(7, 3, torch.arange(1000))


def test_bits_are_splitmix64_of_key_stream_and_counter(keys):
    gamma = 0x9E3779B97F4A7C15
    bits = keyed_bits(keys[:5], 4, Stream.VIEW)
    for key, row in zip(keys[:5].tolist(), bits.tolist(), strict=True):
        state = splitmix64((key & ALL_BITS) ^ splitmix64(int(Stream.VIEW) * gamma & ALL_BITS))
        assert [value & ALL_BITS for value in row] == [splitmix64(state + i * gamma & ALL_BITS) for i in range(1, 5)]


def test_published_splitmix64_sequence():
    # First outputs of the reference implementation for the state 1234567.
    gamma = 0x9E3779B97F4A7C15
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [splitmix64(1234567 + i * gamma & ALL_BITS) for i in range(1, 4)] == expected


def test_draws_do_not_depend_on_the_batch():
    objects = torch.tensor([5, 900, 17, 4, 123456789012])
    whole = object_keys(1, 2, objects)
    for draw in (
        lambda k: keyed_uniform(k, (3, 2), Stream.WEAK_CLOUD),
        lambda k: keyed_normal(k, 101, Stream.STRONG_CLOUD),
        lambda k: keyed_integers(k, 1000, (4,), Stream.FPS_WEAK),
        lambda k: keyed_order(k, 9, Stream.IMAGE_MASK),
    ):
        for i in range(len(objects)):
            alone = draw(object_keys(1, 2, objects[i : i + 1]))
            assert torch.equal(alone[0], draw(whole)[i])
        shuffled = torch.tensor([3, 1, 4, 0, 2])
        assert torch.equal(draw(whole[shuffled]), draw(whole)[shuffled])


def test_first_draws_do_not_depend_on_the_count(keys):
    assert torch.equal(keyed_uniform(keys, 3, 1), keyed_uniform(keys, 50, 1)[:, :3])


def test_keys_differ_by_seed_epoch_object_and_stream():
    objects = torch.arange(2000)
    keys = torch.cat([object_keys(seed, epoch, objects) for seed in range(3) for epoch in range(3)])
    assert keys.unique().numel() == keys.numel()
    draws = torch.stack([keyed_bits(keys, (), int(s)) for s in Stream])
    assert draws.unique().numel() == draws.numel()
    assert not torch.equal(keyed_bits(keys, (), Stream.VIEW), keyed_bits(keys, (), substream(Stream.VIEW, 1)))
    assert substream(Stream.VIEW, 0) == Stream.VIEW


def test_global_generator_is_left_alone(keys):
    before = torch.get_rng_state()
    keyed_normal(keys, 5, Stream.STRONG_CLOUD)
    keyed_order(keys, 5, Stream.IMAGE_MASK)
    assert torch.equal(before, torch.get_rng_state())


def test_uniform_distribution(keys):
    values = keyed_uniform(keys, 200, Stream.VIEW)
    assert values.dtype == torch.float32 and values.shape == (1000, 200)
    assert values.min() >= 0 and values.max() < 1
    # 200,000 draws: five standard errors of the mean, the variance and the counts of 50 bins.
    assert abs(values.mean() - 0.5) < 5 * math.sqrt(1 / 12 / values.numel())
    assert abs(values.var() - 1 / 12) < 5 * math.sqrt(1 / 180 / values.numel())
    counts = torch.histc(values, 50, 0, 1)
    assert (counts - 4000).abs().max() < 5 * math.sqrt(4000)
    # Neighboring objects and neighboring counters are uncorrelated.
    centerd = values - 0.5
    assert (centerd[1:] * centerd[:-1]).mean().abs() < 5 / 12 / math.sqrt(values.numel())
    assert (centerd[:, 1:] * centerd[:, :-1]).mean().abs() < 5 / 12 / math.sqrt(values.numel())


def test_uniform_interval(keys):
    values = keyed_uniform(keys, 100, Stream.VIEW, 0.9, 1.1)
    assert values.min() >= 0.9 - 1e-6 and values.max() < 1.1 and abs(values.mean() - 1) < 1e-3


@pytest.mark.parametrize("count", [200, 201])
def test_normal_distribution(keys, count):
    values = keyed_normal(keys, count, Stream.STRONG_CLOUD)
    assert values.shape == (1000, count) and values.isfinite().all()
    assert abs(values.mean()) < 5 / math.sqrt(values.numel())
    assert abs(values.var() - 1) < 5 * math.sqrt(2 / values.numel())
    within = (values.abs() < 1.959964).float().mean()
    assert abs(within - 0.95) < 5 * math.sqrt(0.95 * 0.05 / values.numel())


def test_integers_reach_every_value_and_keep_below_their_ends(keys):
    values = keyed_integers(keys, 10, (50,), Stream.VIEW)
    assert values.dtype == torch.int64
    counts = values.flatten().bincount(minlength=10)
    assert counts.numel() == 10 and (counts - 5000).abs().max() < 5 * math.sqrt(5000)
    ends = torch.arange(1, 1001)
    single = keyed_integers(keys, ends, (), Stream.VIEW)
    assert single.shape == (1000,) and (single >= 0).all() and (single < ends).all()
    assert keyed_integers(keys, 1 << 31, (), Stream.VIEW).max() > 1 << 30


@pytest.mark.parametrize("high", [0, -3, (1 << 31) + 1])
def test_integers_refuse_an_impossible_end(keys, high):
    with pytest.raises(ValueError, match="from 1 to"):
        keyed_integers(keys, high, (), Stream.VIEW)


def test_orders_are_uniform_permutations(keys):
    order = keyed_order(keys, 6, Stream.IMAGE_MASK)
    assert torch.equal(order.sort(dim=1).values, torch.arange(6).expand(1000, -1))
    counts = torch.stack([order[:, place].bincount(minlength=6) for place in range(6)])
    assert (counts - 1000 / 6).abs().max() < 5 * math.sqrt(1000 / 6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_draws_the_same(keys):
    on_gpu = keys.cuda()
    assert torch.equal(object_keys(7, 3, torch.arange(1000, device="cuda")).cpu(), keys)
    assert torch.equal(keyed_uniform(on_gpu, 100, 1).cpu(), keyed_uniform(keys, 100, 1))
    assert torch.equal(keyed_integers(on_gpu, 77, (5,), 1).cpu(), keyed_integers(keys, 77, (5,), 1))
    torch.testing.assert_close(keyed_normal(on_gpu, 100, 1).cpu(), keyed_normal(keys, 100, 1), rtol=1e-5, atol=1e-5)
