"""Libraries whose arrays lie on a GPU: copies there and back, and memory full of NaN."""

import importlib

import numpy as np

import imfeat


class Library:
    """CuPy, PyTorch, or imfeat's own arrays.

    Attributes
    ----------
    name : str
        ``"cupy"``, ``"torch"`` or ``"imfeat"``.
    module : module
    """

    def __init__(self, name):
        self.name = name
        self.module = importlib.import_module(name)

    def up(self, array):
        """Copy a NumPy array to the GPU."""
        if self.name == "torch":
            return self.module.from_numpy(np.array(array)).cuda()
        return imfeat.to_device(array) if self.name == "imfeat" else self.module.asarray(array)

    def down(self, array):
        """Copy an array to the host; TypeError if it belongs to another library."""
        if type(array).__module__.partition(".")[0] not in (self.name, "imfeat_kernels"):
            raise TypeError(f"the result is a {type(array).__module__}.{type(array).__name__}")
        if self.name == "torch":
            return array.cpu().numpy()
        return array.copy_to_host() if self.name == "imfeat" else self.module.asnumpy(array)

    def poison(self):
        """Leave NaN in the memory that the library hands out next."""
        if self.name != "imfeat":
            kept = [self.up(np.full(1 << bits, 255, np.uint8)) for bits in range(9, 27)]
            del kept


def installed(names=("cupy", "torch", "imfeat")):
    """Return the libraries that can be imported and find a GPU, and say which can't."""
    found = []
    for name in names:
        try:
            library = Library(name)
            library.up(np.zeros(4, np.float32))
        except Exception as error:  # whatever keeps a library from working here
            print(f"no {name}: {type(error).__name__}: {error}"[:160], flush=True)
        else:
            found.append(library)
    return found
