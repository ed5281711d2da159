"""Fisher vectors, from the moments of descriptors under a mixture."""

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import launch

VALUES = 1 << 16  # values that are worth a thread


def likelihood_gradients(sums, counts, scales, shares, factor, out):
    """Turn moments of the descriptors of each image into gradients of their mean log-likelihood.

    Parameters
    ----------
    sums : (n_images, n_components, 1 + 2 d) float64
        Sums of posteriors q, q t and q t^2, as `mixture.moments` gives them.
    counts : (n_images,) int64
        Number of descriptors of each image.
    scales : (n_components,) float64
        1 / sqrt(weight), or 0 for a component that is left out.
    shares : (n_components,) float64
        sqrt(weight), or 0.
    factor : float
        sqrt(1 / 2) for the part of the variances, or its negative.
    out : (n_images, n_numbers) float32
        Means over descriptors of ``scale`` q t, then of ``factor scale`` q (t^2 - 1), component by component.
        If there is room for ``n_components`` numbers more, means of ``scale`` q less ``share`` come first.
        Zeros for an image without descriptors.
    """
    grain = max(1, VALUES // sums.shape[2])
    n_items = sums.shape[0] * sums.shape[1]
    launch(_likelihood_gradients, n_items, sums, counts, scales, shares, factor, out, grain=grain)


@njit(nogil=True, cache=True, error_model="numpy")
def _likelihood_gradients(start, stop, sums, counts, scales, shares, factor, out):
    n_components = len(scales)
    d = sums.shape[2] // 2
    n_masses = out.shape[1] - 2 * n_components * d
    for item in range(start, stop):  # an item is a component of an image
        i, k = item // n_components, item % n_components
        scale = scales[k] / max(counts[i], 1)
        mass = sums[i, k, 0] * scale
        first, second = sums[i, k, 1 : 1 + d], sums[i, k, 1 + d :]
        column = n_masses + k * d
        means = out[i, column : column + d]
        column += n_components * d
        variances = out[i, column : column + d]
        for j in range(d):
            means[j] = first[j] * scale
            variances[j] = (second[j] * scale - mass) * factor
        if n_masses:
            out[i, k] = mass - shares[k] if counts[i] > 0 else 0.0
