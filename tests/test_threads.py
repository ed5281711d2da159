"""One pool of threads: any number of them, any number of callers, and after a fork."""

import multiprocessing
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from imfeat_kernels.cpu import launch

import imfeat

RGB = np.random.default_rng(0).integers(0, 256, (40, 64, 96, 3), dtype=np.uint8)


def features(images=RGB):
    return [
        imfeat.rgb_to_hsv(images),
        imfeat.color_histogram(images),
        imfeat.hog(images),
        imfeat.hog(images, interpolation="trilinear"),
        imfeat.hog_windows(images, (16, 16), 4),
        imfeat.hog_uoctti(images),
        imfeat.hog_uoctti(images, orientations=12, bilinear=True),
        imfeat.dense_sift(images)[1],
        imfeat.dense_sift(images, scales=(1, 1.5), fast=True)[1],
        imfeat.local_color(images)[1],
        imfeat.equalize(images),
        imfeat.quantize_colors(images, imfeat.uniform_palette(4)),
        imfeat.quantize_colors(images, imfeat.uniform_palette(4), dither="floyd-steinberg"),
        imfeat.rgb_to_lab(images),
        imfeat.match_histograms(images, images[0]),
        imfeat.compare_histograms(imfeat.color_histogram(images), imfeat.color_histogram(images)),
        imfeat.learn_codebook(images.reshape(-1, 12)[:5000], 8, rng=0, n_iterations=2),
    ]


@pytest.fixture
def threads():
    before = imfeat.get_num_threads()
    yield
    imfeat.set_num_threads(before)


def as_bytes(arrays):
    return [array.tobytes() for array in arrays]


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_changes_no_bit():
    results = []
    for n in (1, 2, 3, 8):
        imfeat.set_num_threads(n)
        assert imfeat.get_num_threads() == n
        results.append(as_bytes(features()))
    assert all(result == results[0] for result in results)


@pytest.mark.usefixtures("threads")
def test_eight_callers_at_once():
    imfeat.set_num_threads(2)
    expected = as_bytes(features())
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(lambda _: as_bytes(features()), range(16)):
            assert result == expected


@pytest.mark.usefixtures("threads")
def test_changing_the_number_of_threads_while_others_call():
    expected = imfeat.hog(RGB)
    stop = threading.Event()

    def flip():
        while not stop.is_set():
            for n in (1, 2, 4):
                imfeat.set_num_threads(n)

    flipper = threading.Thread(target=flip)
    flipper.start()
    try:
        for _ in range(50):
            np.testing.assert_array_equal(imfeat.hog(RGB), expected)
    finally:
        stop.set()
        flipper.join()


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setattr(launch, "n_threads", 2)
    monkeypatch.setattr(launch, "_pool", None)


@pytest.mark.usefixtures("two_threads")
def test_a_slow_thread_takes_fewer_items():
    caller = threading.get_ident()
    by_caller = []

    def body(start, stop, out):
        if threading.get_ident() != caller:
            time.sleep(0.2)
        else:
            time.sleep(0.001)  # lets the other thread begin
            by_caller.append(stop - start)
        out[start:stop] += 1

    out = np.zeros(120)
    launch.launch(body, 120, out)
    assert (out == 1).all()
    assert sum(by_caller) >= 100


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_any_thread_reaches_the_caller():
    both = threading.Barrier(2)

    def body(start, _stop, failing):
        if start < 20:  # the first range of each thread
            both.wait()
        if (threading.get_ident() == caller) == failing:
            raise ValueError("no such body")

    caller = threading.get_ident()
    for failing in (True, False):
        with pytest.raises(ValueError, match="no such body"):
            launch.launch(body, 120, failing)


@pytest.mark.usefixtures("two_threads")
def test_waiting_threads_hold_no_arrays():
    array = np.zeros(1000)
    launch.launch(lambda start, stop, out: out[start:stop].fill(1), 1000, array)
    gone = weakref.ref(array)
    del array
    end = time.monotonic() + 10
    while gone() is not None and time.monotonic() < end:
        time.sleep(0.01)
    assert gone() is None


def child(connection):
    connection.send(as_bytes(features()))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.usefixtures("threads")
def test_a_forked_child_after_use_in_the_parent():
    imfeat.set_num_threads(2)
    expected = as_bytes(features())
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=child, args=(sender,))
    process.start()
    try:
        assert receiver.poll(60), "the child hangs"
        assert receiver.recv() == expected
    finally:
        process.kill()
        process.join()


def test_no_threads_are_refused():
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        imfeat.set_num_threads(0)
