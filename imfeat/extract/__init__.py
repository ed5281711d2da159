"""Features of any number of image files, on one machine or a cluster, in runs that can be resumed.

The public names are listed in ``__init__.pyi`` and loaded when they are first used.
"""

import lazy_loader

from imfeat._modules import name_function

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

name_function(__name__, "run")
