"""The peers: a module for each library, with its best way to do each job that it can do.

A module has a table ``JOBS``, {job: function(images, n_threads)}; the function prepares what a user
would prepare once (buffers for results, an index) and returns a call that does the job for all
images.  What must be done for new images is part of the call.  ``APPROXIMATE`` names the jobs
where the result is only close; ``set_threads(n)`` is there if the library has threads of its own, or
``THREADS_VARIABLE``, an environment variable that it reads as it starts.  ``instructions()`` returns
the names of the sets of instructions that it says it uses.
"""

import importlib

MODULES = {
    "OpenCV 4": "opencv",
    "Pillow": "pillow",
    "scikit-image": "scikit_image",
    "scikit-learn": "scikit_learn",
    "scikit-learn-intelex": "intelex",
    "superkmeans": "superkmeans",
    "kornia": "kornia",
    "kornia-rs": "kornia_rs",
    "PyTorch": "pytorch",
    "faiss": "faiss",
    "mahotas": "mahotas",
    "boost-histogram": "boost_histogram",
    "fast-histogram": "fast_histogram",
    "fasthog": "fasthog",
    "hogpp": "hogpp",
    "VLFeat": "vlfeat",
    "faiss and VLFeat": "faiss_vlfeat",
    "SciPy": "scipy",
    "NumPy": "numpy",
    "sgemm": "sgemm",
    "step by step": "steps",
}
# These have processes of their own: one may crash, the other takes its number of threads as it starts.
APART = {"fasthog", "kornia-rs"}


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
