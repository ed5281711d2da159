"""Features of image files, however many: on one machine or a cluster, begun and gone on with.

The public names are listed in ``__init__.pyi`` and loaded when they are first used, so that a run does not
wait for what only fits need.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
