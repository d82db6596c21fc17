"""Counter-based random numbers: every draw is a pure function of (seed, epoch, object, stream).

There is no generator state. A number is the splitmix64 hash of a key and a counter, computed in wrap-around `int64`
arithmetic that gives the same integers on CPU and GPU. What is drawn for an object therefore does not depend on the
batch, process, worker or time: two processes see exactly what one process sees, and a resumed run sees what an
uninterrupted one does.
"""

import math
from collections.abc import Sequence
from enum import IntEnum

import torch


# Constants of splitmix64 (Steele, Lea and Flood 2014): the odd integer nearest to 2**64 / golden ratio, and the
# multipliers of its finalizer (Stafford's variant 13).
_GOLDEN_GAMMA = 0x9E3779B97F4A7C15
_MIX_FIRST = 0xBF58476D1CE4E5B9
_MIX_SECOND = 0x94D049BB133111EB
_ALL_BITS = (1 << 64) - 1
_UNIFORM_BITS = 24  # the significand of float32: every draw is exact and below 1
_INTEGER_BITS = 31  # the product of two of them still fits into int64


class Stream(IntEnum):
    """What a number is drawn for.

    The streams of a key are independent: adding one does not change what the others draw. Changing a number does.
    """

    WEAK_CLOUD = 1
    STRONG_CLOUD = 2
    FPS_WEAK = 3
    FPS_STRONG = 4
    POINT_MASK = 5
    IMAGE_MASK = 6
    DROP_PATH = 7
    VIEW = 8
    WEAK_IMAGE = 9
    STRONG_IMAGE = 10
    PSEUDO_LABEL = 11
    CAPTION = 12
    PERMUTATION = 13
    PRETRAIN_CLOUD = 14
    PATCH_DROPOUT = 15
    DAMAGE = 16


def substream(stream: int, part: int) -> int:
    """Return the stream of one part of a purpose that draws several things; part 0 is the stream itself."""
    return int(stream) + (part << 16)


def _signed(value: int) -> int:
    """Return the signed 64-bit integer with the bits of `value` modulo 2**64 (torch lacks unsigned arithmetic)."""
    value &= _ALL_BITS
    return value - (1 << 64) if value >> 63 else value


def _shift_right(values: torch.Tensor, bits: int) -> torch.Tensor:
    """Shift right logically: `>>` replicates the sign bit, the mask clears the copies."""
    return (values >> bits).bitwise_and_((1 << (64 - bits)) - 1)


def _mix(values: torch.Tensor) -> torch.Tensor:
    """Apply the finalizer of splitmix64, a bijection of 64-bit integers, elementwise."""
    values = _shift_right(values, 30).bitwise_xor_(values).mul_(_signed(_MIX_FIRST))
    values = _shift_right(values, 27).bitwise_xor_(values).mul_(_signed(_MIX_SECOND))
    return _shift_right(values, 31).bitwise_xor_(values)


def _mix_number(value: int) -> int:
    """Apply `_mix` to one Python integer without a tensor, which would have to be copied to the device."""
    value &= _ALL_BITS
    value = ((value ^ (value >> 30)) * _MIX_FIRST) & _ALL_BITS
    value = ((value ^ (value >> 27)) * _MIX_SECOND) & _ALL_BITS
    return _signed(value ^ (value >> 31))


def _shape(count: int | Sequence[int]) -> tuple[int, ...]:
    return (count,) if isinstance(count, int) else tuple(count)


def object_keys(seed: int, epoch: int, objects: torch.Tensor) -> torch.Tensor:
    """Return the random keys of objects in an epoch.

    Args:
        seed: seed of the run.
        epoch: epoch, counted from 0; different epochs give unrelated keys.
        objects: `(B,)` int64 identifiers of the objects, such as row numbers, on any device.

    Returns:
        `(B,)` int64 keys on the device of `objects`.
    """
    objects = objects.to(torch.int64)
    # Seed and epoch pass through the finalizer one after the other, so (seed, epoch) = (0, 1) and (1, 0) differ.
    run = _mix_number(_mix_number(int(seed) + _GOLDEN_GAMMA) ^ ((int(epoch) + 1) * _GOLDEN_GAMMA & _ALL_BITS))
    return _mix(_mix(objects + _signed(_GOLDEN_GAMMA)) ^ run)


def keyed_bits(keys: torch.Tensor, count: int | Sequence[int], stream: int) -> torch.Tensor:
    """Draw random 64-bit integers.

    Args:
        keys: `(B,)` int64 keys of `object_keys`.
        count: number, or shape, of the draws per key.
        stream: purpose of the draw, one of `Stream`.

    Returns:
        `(B, *count)` int64, uniform over all 64-bit values. The first draws do not depend on `count`.
    """
    shape = _shape(count)
    state = _mix(keys.to(torch.int64) ^ _mix_number(int(stream) * _GOLDEN_GAMMA))
    counter = torch.arange(1, math.prod(shape) + 1, dtype=torch.int64, device=keys.device)
    bits = _mix(state[:, None] + counter * _signed(_GOLDEN_GAMMA))
    return bits.reshape(keys.shape[0], *shape)


def _keyed_small(keys: torch.Tensor, shape: tuple[int, ...], stream: int, size: int) -> torch.Tensor:
    """Draw `(B, *shape)` int64 with `size` (at most 32) random bits each, two from every 64-bit hash."""
    number = math.prod(shape)
    bits = keyed_bits(keys, (number + 1) // 2, stream)
    # Written in place: stacking along the last axis takes several times as long as the hashing.
    ends = bits.new_empty(*bits.shape, 2)
    ends[..., 0] = _shift_right(bits, 64 - size)
    ends[..., 1] = bits.bitwise_and_((1 << size) - 1)
    return ends.flatten(1)[:, :number].reshape(keys.shape[0], *shape)


def keyed_uniform(
    keys: torch.Tensor, count: int | Sequence[int], stream: int, low: float = 0.0, high: float = 1.0
) -> torch.Tensor:
    """Draw uniform numbers in `[low, high)` with 24 random bits each.

    Args:
        keys: `(B,)` int64 keys of `object_keys`.
        count: number, or shape, of the draws per key.
        stream: purpose of the draw, one of `Stream`.
        low, high: bounds of the interval.

    Returns:
        `(B, *count)` float32.
    """
    uniform = _keyed_small(keys, _shape(count), stream, _UNIFORM_BITS).to(torch.float32).mul_(2.0**-_UNIFORM_BITS)
    return uniform if (low, high) == (0.0, 1.0) else uniform.mul_(high - low).add_(low)


def keyed_normal(keys: torch.Tensor, count: int | Sequence[int], stream: int) -> torch.Tensor:
    """Draw standard normal numbers with the Box-Muller transform (absolute values up to 5.8).

    Args:
        keys: `(B,)` int64 keys of `object_keys`.
        count: number, or shape, of the draws per key.
        stream: purpose of the draw, one of `Stream`.

    Returns:
        `(B, *count)` float32. Devices agree up to the rounding of their logarithm, sine and cosine.
    """
    shape = _shape(count)
    number = math.prod(shape)
    uniform = keyed_uniform(keys, ((number + 1) // 2, 2), stream)
    # 1 - u lies in (0, 1]: the logarithm stays finite.
    radius = (1.0 - uniform[..., 0]).log_().mul_(-2.0).sqrt_()
    angle = uniform[..., 1] * (2.0 * math.pi)
    pairs = torch.empty_like(uniform)
    pairs[..., 0] = radius * angle.cos()
    pairs[..., 1] = radius * angle.sin()
    return pairs.flatten(1)[:, :number].reshape(keys.shape[0], *shape)


def keyed_integers(
    keys: torch.Tensor, high: int | torch.Tensor, count: int | Sequence[int] = (), stream: int = 0
) -> torch.Tensor:
    """Draw uniform integers in `[0, high)`.

    Args:
        keys: `(B,)` int64 keys of `object_keys`.
        high: exclusive upper bound, from 1 to 2**31: one number, or `(B,)` int64 with one bound per key.
        count: number, or shape, of the draws per key; `()` gives one number per key without a further axis.
        stream: purpose of the draw, one of `Stream`.

    Returns:
        `(B, *count)` int64.

    Raises:
        ValueError: if `high` is a number outside 1 .. 2**31.
    """
    shape = _shape(count)
    if isinstance(high, torch.Tensor):
        high = high.to(torch.int64).reshape(-1, *[1] * len(shape))
    elif not 1 <= high <= 1 << _INTEGER_BITS:
        raise ValueError(f"keyed_integers draws below `high`, which is {high}; give a number from 1 to 2**31.")
    bits = _keyed_small(keys, shape, stream, _INTEGER_BITS)
    # The integer product is exact on every device; scaling a float32 uniform could not reach every large integer.
    return (bits * high) >> _INTEGER_BITS


def keyed_order(keys: torch.Tensor, length: int, stream: int) -> torch.Tensor:
    """Draw random permutations of `0 .. length - 1`.

    Args:
        keys: `(B,)` int64 keys of `object_keys`.
        length: number of items to order.
        stream: purpose of the draw, one of `Stream`.

    Returns:
        `(B, length)` int64, each row a permutation. (Ties between the 64-bit sort keys practically never occur.)
    """
    return keyed_bits(keys, length, stream).argsort(dim=1, stable=True)
