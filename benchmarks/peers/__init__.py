"""The peers: a module for each library, with its best way to do each job that it can do.

A module has a table ``JOBS``, {job: function(images, n_threads)}; the function prepares what a user
would prepare once (buffers for results, an index) and returns a call that does the job for all
images.  What must be done for new images is part of the call.  ``APPROXIMATE`` names the jobs
where the result is only close; ``set_threads(n)`` is there if the library has threads of its own.
"""

import importlib

MODULES = {
    "OpenCV 4": "opencv",
    "Pillow": "pillow",
    "scikit-image": "scikit_image",
    "scikit-learn": "scikit_learn",
    "kornia": "kornia",
    "PyTorch": "pytorch",
    "faiss": "faiss",
    "mahotas": "mahotas",
    "VLFeat": "vlfeat",
    "faiss and VLFeat": "faiss_vlfeat",
    "SciPy": "scipy",
    "NumPy": "numpy",
    "sgemm": "sgemm",
    "step by step": "steps",
}


def load(modules=MODULES):
    """Return {library: module} of the libraries that are here, and {library: reason} of the others."""
    found, missing = {}, {}
    for library, name in modules.items():
        try:
            found[library] = importlib.import_module(f"benchmarks.peers.{name}")
        except ImportError as error:
            missing[library] = str(error)
    return found, missing


def set_threads(peers, n):
    for module in peers.values():
        getattr(module, "set_threads", lambda n: None)(n)
