"""OpenCV's HOGDescriptor, of which an object serves images of one size."""

import cv2

from benchmarks.timing import each


def hog(images, n_threads):
    height, width = (side // 8 * 8 for side in images.shape[1:3])
    descriptor = cv2.HOGDescriptor((width, height), (16, 16), (8, 8), (8, 8), 9)
    return each(lambda image: descriptor.compute(image, locations=[(0, 0)]), images, n_threads)


def hog_of(cell=(8, 8), block=(2, 2), stride=(8, 8), padding=0, **options):
    """Return a job with sizes in rows and columns, in pixels but for blocks."""

    def job(images, n_threads):
        block_pixels = [c * b for c, b in zip(cell, block, strict=True)]
        sides = [side + 2 * padding for side in images.shape[1:3]]
        window = [b + (side - b) // s * s for side, b, s in zip(sides, block_pixels, stride, strict=True)]
        sizes = (tuple(size[::-1]) for size in (window, block_pixels, stride, cell))
        descriptor = cv2.HOGDescriptor(*sizes, 9, 1, options.get("sigma", -1.0), 0, 0.2, False)
        borders = {"padding": (padding, padding)} if padding else {"locations": [(0, 0)]}
        return each(lambda image: descriptor.compute(image, **borders), images, n_threads)

    return job


def hog_windows(images, n_threads):
    descriptor = cv2.HOGDescriptor((64, 128), (16, 16), (8, 8), (8, 8), 9, 1, -1.0, 0, 0.2, False)
    return each(lambda image: descriptor.compute(image, winStride=(8, 8)), images, n_threads)


JOBS = {
    "hog": hog,
    "hog, trilinear": hog,
    "hog, cells of 8 x 16, l2": hog_of(cell=(8, 16), stride=(8, 16)),
    "hog, trilinear, blocks of 8 x 16, 4 pixels apart": hog_of(block=(1, 2), stride=(4, 4), sigma=5.0),
    "hog, trilinear, padding": hog_of(padding=8),
    "hog_windows, 128x64, 4 of 512x512": hog_windows,
}
