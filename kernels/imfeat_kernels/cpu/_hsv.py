"""Compiled bodies of conversions from and to HSV; ``color.py`` describes them.

A strip of pixels takes these steps, each a loop that the compiler vectorizes:

1. Separate the channels.
2. Compute; minima, maxima and differences of bytes in integers, of which a register holds twice as many.
3. Interleave the results, past the caches if all of them would not fit.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import bits_of, fused
from imfeat_kernels.cpu.interleave import PIXELS, interleave, separate, stream

STRIP = 256  # pixels that stay in the nearest cache
F32, I16 = np.float32, np.int16

# Constants are made of `unit`, a 1 of the type to compute in; with literals it would be float64.


@njit(nogil=True, cache=True, error_model="numpy")
def bytes_to_hsv(start, stop, pixels, white, streams, out):
    unit = white / white
    inverse = unit / white
    gaps, deltas, highs = np.empty(STRIP, I16), np.empty(STRIP, I16), np.empty(STRIP, I16)
    hsv = np.empty((3, STRIP), F32)
    for item in range(start, stop):  # an item is a strip of pixels
        first = np.uint64(item * STRIP)
        n = np.uint64(min(STRIP, len(pixels) // 3 - item * STRIP))
        _byte_sixths(pixels, np.uint64(3) * first, n, gaps, deltas, highs)
        for i in range(n):
            delta, high = F32(deltas[i]), F32(highs[i])
            turn = delta * F32(6)
            hsv[0, i] = F32(gaps[i]) / larger(turn, unit)
            hsv[1, i] = delta / larger(high, unit)
            hsv[2, i] = divided(high, white, inverse)
        _write(hsv, n, streams, out, np.uint64(3) * first)


@inner
def _byte_sixths(pixels, first, n, sixths, deltas, highs):
    """Compute the hue, in sixths of a turn times max - min, max - min, and max of bytes, all integers."""
    for i in range(n):
        at = first + np.uint64(3) * i
        r, g, b = I16(pixels[at]), I16(pixels[at + np.uint64(1)]), I16(pixels[at + np.uint64(2)])
        high, low = larger(larger(r, g), b), smaller(smaller(r, g), b)
        delta = I16(high - low)
        twice = I16(delta + delta)
        sixth = I16(I16(b - r) + twice) if g == high else I16(I16(r - g) + I16(twice + twice))
        sixth = I16(g - b) if r == high else sixth
        sixths[i] = I16(sixth + I16(twice + I16(twice + twice))) if sixth < I16(0) else sixth
        deltas[i] = delta
        highs[i] = high


@njit(nogil=True, cache=True, error_model="numpy")
def bytes_to_hsv_bytes(start, stop, pixels, out):
    gaps, corners = np.empty(STRIP, I16), np.empty(STRIP, I16)
    deltas, highs = np.empty(STRIP, I16), np.empty(STRIP, I16)
    hues, saturations = np.empty(STRIP, I16), np.empty(STRIP, I16)
    one, six, sixth, largest = F32(1), F32(6), F32(1 / 6), F32(255)
    for item in range(start, stop):  # an item is a strip of pixels
        first = np.uint64(3 * item * STRIP)
        n = np.uint64(min(STRIP, len(pixels) // 3 - item * STRIP))
        _gaps(pixels, first, n, gaps, corners, deltas, highs)
        for i in range(n):
            delta, high = F32(deltas[i]), F32(highs[i])
            sixths = F32(corners[i]) + F32(gaps[i]) / larger(delta, one)
            hue = divided(sixths, six, sixth)
            hue = hue if sixths >= 0 else fused(sixths, sixth, one)
            level = F32(np.int32(hue * largest))
            level = level - one if fused(hue, largest, -level) < 0 else level
            hues[i] = I16(np.int32(level))
            saturations[i] = I16(np.int32(delta / larger(high, one) * largest))
        for i in range(n):
            at = first + np.uint64(3) * i
            out[at] = np.uint8(hues[i])
            out[at + np.uint64(1)] = np.uint8(saturations[i])
            out[at + np.uint64(2)] = np.uint8(highs[i])


@njit
def _gaps(pixels, first, n, gaps, corners, deltas, highs):
    """Compute what Pillow adds to get the hue in sixths of a turn: a corner of the hexcone, and a gap.

    Pillow computes in float64 and rounds to float32 three times.  float32 is twice as fast and gives the same
    results if the turn of negative hues and the cut to an integer are rounded once, by `fused`.
    """
    one, three, five = I16(1), I16(3), I16(5)
    for i in range(n):
        at = first + np.uint64(3) * i
        r, g, b = I16(pixels[at]), I16(pixels[at + np.uint64(1)]), I16(pixels[at + np.uint64(2)])
        high, low = larger(larger(r, g), b), smaller(smaller(r, g), b)
        gap = I16(I16(high + high) - I16(I16(r + g) + I16(b - low)))  # of the middle channel from the highest
        after_green, green = (gap, one) if low == b else (I16(-gap), three)
        after_blue, blue = (gap, three) if low == r else (I16(-gap), five)
        change, corner = (after_green, green) if g == high else (after_blue, blue)
        red = one if low == b else I16(-one)
        gaps[i] = I16(-after_green) if r == high else change
        corner = red if r == high else corner
        corners[i] = corner if high > low else I16(0)
        deltas[i] = I16(high - low)
        highs[i] = high


@njit(nogil=True, cache=True, error_model="numpy")
def floats_to_hsv(start, stop, pixels, white, streams, outside, out):
    unit = white / white
    inverse = unit / white
    rgb, hsv = np.empty((3, STRIP), pixels.dtype), np.empty((3, STRIP), F32)
    for item in range(start, stop):  # an item is a strip of pixels
        first = np.uint64(item * STRIP)
        n = np.uint64(min(STRIP, len(pixels) // 3 - item * STRIP))
        _read(pixels, np.uint64(3) * first, n, rgb)
        worst = bits_of(white)
        for i in range(n):
            r, g, b = rgb[0, i], rgb[1, i], rgb[2, i]
            worst = larger(worst, larger(bits_of(r), larger(bits_of(g), bits_of(b))))
            high, low = larger(larger(r, g), b), smaller(smaller(r, g), b)
            hsv[0, i] = hexcone_hue(r, g, b, high, high - low, unit)
            hsv[1, i] = (high - low) / (high if high > 0 else unit)
            hsv[2, i] = divided(high, white, inverse)
        outside[item] = _count_outside(rgb, n, white) if worst > bits_of(white) else 0
        _write(hsv, n, streams, out, np.uint64(3) * first)


@njit(nogil=True, cache=True, error_model="numpy")
def hsv_to_rgb(start, stop, pixels, white, streams, outside, out):
    inverse = white / white / white
    cube = inverse * inverse * inverse
    hsv, rgb = np.full((3, STRIP), white), np.empty((3, STRIP), F32)
    for item in range(start, stop):  # an item is a strip of pixels
        first = np.uint64(item * STRIP)
        n = np.uint64(min(STRIP, len(pixels) // 3 - item * STRIP))
        _read(pixels, np.uint64(3) * first, n, hsv)
        worst = bits_of(white)
        for i in range(n):
            hue, saturation, value = hsv[0, i], hsv[1, i], hsv[2, i]
            worst = larger(worst, larger(bits_of(hue), larger(bits_of(saturation), bits_of(value))))
            sixths = six_times(hue)
            chroma = value * saturation * cube  # and of a share in units
            value = value * inverse
            rgb[0, i] = value - chroma * missing_red(sixths, white)
            rgb[1, i] = value - chroma * missing_other(sixths, white + white, white)
            rgb[2, i] = value - chroma * missing_other(sixths, white + white + white + white, white)
        outside[item] = _count_outside(hsv, n, white) if worst > bits_of(white) else 0
        _write(rgb, n, streams, out, np.uint64(3) * first)


@njit(nogil=True, cache=True, error_model="numpy")
def hsv_to_rgb_bytes(start, stop, pixels, out):
    white, inverse = F32(255), F32(1 / 255)
    hsv, rgb = np.empty((3, STRIP), F32), np.empty((3, STRIP), F32)
    for item in range(start, stop):  # an item is a strip of pixels
        first = np.uint64(item * STRIP)
        n = np.uint64(min(STRIP, len(pixels) // 3 - item * STRIP))
        _read(pixels, np.uint64(3) * first, n, hsv)
        for i in range(n):
            sixths, value = six_times(hsv[0, i]), hsv[2, i]
            chroma = value * hsv[1, i] * inverse
            rgb[0, i] = value - chroma * (missing_red(sixths, white) * inverse)
            rgb[1, i] = value - chroma * (missing_other(sixths, F32(510), white) * inverse)
            rgb[2, i] = value - chroma * (missing_other(sixths, F32(1020), white) * inverse)
        for i in range(n):
            at = np.uint64(3) * (first + i)
            out[at] = np.uint8(np.int32(np.rint(rgb[0, i])))
            out[at + np.uint64(1)] = np.uint8(np.int32(np.rint(rgb[1, i])))
            out[at + np.uint64(2)] = np.uint8(np.int32(np.rint(rgb[2, i])))


@njit
def _read(values, start, n, planes):
    """Separate the channels of n pixels."""
    whole = n // np.uint64(PIXELS) * np.uint64(PIXELS)
    for i in range(np.uint64(0), whole, np.uint64(PIXELS)):
        separate(values, start + np.uint64(3) * i, planes, i)
    for i in range(whole, n):
        for c in range(np.uint64(3)):
            planes[c, i] = values[start + np.uint64(3) * i + c]


@inner
def _count_outside(planes, n, white):
    """Count the values of n pixels outside [0, white], where bits were larger: NaN is outside, -0 is not."""
    count = 0
    for c in range(3):
        for i in range(n):
            count += not (white - white <= planes[c, i] <= white)
    return count


@inner
def _write(planes, n, streams, out, start):
    """Interleave the channels of n pixels."""
    whole = n // np.uint64(PIXELS) * np.uint64(PIXELS)
    if streams:
        for i in range(np.uint64(0), whole, np.uint64(PIXELS)):
            stream(planes, i, out, start + np.uint64(3) * i)
    else:
        for i in range(np.uint64(0), whole, np.uint64(PIXELS)):
            interleave(planes, i, out, start + np.uint64(3) * i)
    for i in range(whole, n):
        for c in range(np.uint64(3)):
            out[start + np.uint64(3) * i + c] = planes[c, i]


# Copies of the next two functions: color.py; of `smaller` also _hog.py.
@njit
def larger(a, b):
    return a if a > b else b  # one instruction; max() also handles NaN


@njit
def smaller(a, b):
    return a if a < b else b


@njit
def divided(value, white, inverse):
    """Return value / white, rounded as a division rounds it, for an integer, or if white is 1."""
    quotient = value * inverse
    return fused(fused(-quotient, white, value), inverse, quotient)


@njit
def hexcone_hue(r, g, b, high, delta, unit):
    """Return the hue in [0, 1); of several highest channels, the first counts."""
    twice = delta + delta
    sixth = (b - r) + twice if g == high else (r - g) + (twice + twice)
    sixth = g - b if r == high else sixth
    turn = twice + twice + twice
    turn = turn if turn > 0 else turn + unit
    hue = np.float32((sixth if sixth >= 0 else sixth + turn) / turn)
    return hue if hue < 1 else np.float32(0)


@njit
def six_times(hue):
    twice = hue + hue
    return twice + twice + twice


@njit
def missing_red(sixths, unit):
    """Return the share of the chroma that red lacks, ``unit`` for all of it; ``sixths`` are in units, too."""
    three = unit + unit + unit
    return clipped(unit + unit - abs(sixths - three), unit)


@njit
def missing_other(sixths, center, unit):
    """Return the share of the chroma that a channel lacks whose hue is ``center``."""
    return clipped(abs(sixths - center) - unit, unit)


@njit
def clipped(share, unit):
    return larger(smaller(share, unit), unit - unit)
